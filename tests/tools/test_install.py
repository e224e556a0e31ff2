"""The choice of the Python, and what is said where none can be had. Nothing is installed here."""

import os
import pathlib
import re
import subprocess
import sys

import pytest

from tools import install

_ROOT = pathlib.Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("glibc", "python"),
    [((2, 41), "3.13"), ((2, 39), "3.13"), ((2, 36), "3.10"), ((3, 0), "3.13"), ((), "3.10")],
)
def test_the_newest_stack_that_runs_here(monkeypatch, glibc, python):
    monkeypatch.setattr(install, "glibc", lambda: glibc)
    assert install.choose() == python


def test_glibc_is_that_of_getconf():
    said = subprocess.run(["getconf", "GNU_LIBC_VERSION"], capture_output=True, text=True).stdout
    assert said.split() == ["glibc", ".".join(map(str, install.glibc()))]


@pytest.mark.parametrize(
    ("glibc", "python", "message"),
    [
        ((2, 41), "3.14", "PY=3.14: TFX runs on one of 3.10, 3.11, 3.12, 3.13."),
        ((2, 36), "3.13", "TFX 1.21 needs glibc 2.39, here is 2.36. Leave PY out, or PY=3.10."),
    ],
)
def test_what_cannot_run_is_refused(monkeypatch, tmp_path, glibc, python, message):
    monkeypatch.setattr(install, "glibc", lambda: glibc)
    with pytest.raises(SystemExit, match=re.escape(message)):
        install.install(python, tmp_path / "venv")
    assert not (tmp_path / "venv").exists()


def test_a_missing_python_is_named(monkeypatch, tmp_path):
    """uv finds no Python and, without network, downloads none; another one is here."""
    uv = tmp_path / "uv"
    uv.write_text(
        "#!/bin/sh\n"
        'test "$1" = venv && { echo "error: no download" >&2; exit 2; }\n'
        'for version; do :; done; test "$version" = 3.12\n'
    )
    uv.chmod(0o755)
    monkeypatch.setattr(install, "glibc", lambda: (2, 41))
    monkeypatch.setattr(install, "_uv", lambda: str(uv))
    with pytest.raises(SystemExit) as stopped:
        install.install("3.13", tmp_path / "venv")
    assert str(stopped.value) == (
        "Python 3.13 is not on this machine and could not be downloaded: install it, or take one "
        "that is here: PY=3.12. (error: no download)"
    )


@pytest.fixture
def without_pip(monkeypatch, tmp_path):
    """A python3 without pip, and a folder for programs that stand in for Debian's."""
    python = tmp_path / "python3"
    python.write_text("#!/bin/sh\nexit 1\n")
    python.chmod(0o755)
    monkeypatch.setattr(install.sys, "executable", str(python))
    monkeypatch.setattr(install, "_UV", tmp_path / "uv")
    programs = tmp_path / "programs"
    programs.mkdir()
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")

    def write(name, script):
        (programs / name).write_text(f"#!/bin/sh\n{script}\n")
        (programs / name).chmod(0o755)

    return write


def test_pip_comes_from_debians_archive_where_python_lacks_it(without_pip, tmp_path):
    without_pip("apt-get", 'test "$2" = download && touch "$3.deb"')
    without_pip("dpkg-deb", "mkdir -p usr/share && touch usr/share/pip-23.0.1-py3-none-any.whl")
    python, pip = install._pip()
    assert python == str(tmp_path / "python3")
    assert pip == str(tmp_path / "uv/pip/usr/share/pip-23.0.1-py3-none-any.whl/pip")


def test_lists_of_packages_are_fetched_where_there_are_none(without_pip):
    without_pip("apt-get", "case $2 in update) touch fresh;; *) test -e fresh && touch a.deb; esac")
    without_pip("dpkg-deb", "touch pip-23.0.1-py3-none-any.whl")
    assert install._pip()[1].endswith("/pip-23.0.1-py3-none-any.whl/pip")


def test_what_to_do_is_said_where_pip_cannot_be_had(without_pip):
    without_pip("apt-get", "exit 100")
    with pytest.raises(SystemExit, match=r"install it \(Debian: apt-get install python3-pip\)"):
        install._pip()


@pytest.mark.slow
@pytest.mark.one_stack
@pytest.mark.skipif(sys.version_info >= (3, 11), reason="newer Pythons have a wheel")
def test_a_package_is_compiled_where_there_is_no_compiler(monkeypatch, tmp_path):
    """The one that has no wheel for Python 3.10, by the compiler that is fetched for it."""
    uv = _ROOT / ".venv" / "bin" / "uv"
    python = tmp_path / "venv" / "bin" / "python"
    made = subprocess.run(
        [uv, "venv", "--quiet", "--no-project", "--python", sys.executable, python.parents[1]]
    )
    assert made.returncode == 0
    monkeypatch.setattr(install, "_UV", tmp_path / "uv")
    try:
        environment = install._compiler(str(uv), python.parents[1])
    except SystemExit as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no package index: {error}")
    subprocess.run(
        [
            *(uv, "pip", "install", "--quiet", "--no-cache", "--no-binary", "pyfarmhash"),
            *("--python", python, "pyfarmhash==0.3.2"),
        ],
        env={**os.environ, **environment},
        check=True,
    )
    script = "import farmhash; print(farmhash.fingerprint64('user-1'))"
    said = subprocess.run([python, "-c", script], capture_output=True, text=True).stdout
    assert said == "4922675799889375116\n"


def test_every_python_is_in_the_lock():
    """A package with wheels for none of them would show here: TFX has one version for each."""
    lock = (_ROOT / "requirements.txt").read_text()
    assert re.search(r"(?m)^tfx==1\.16\.\d+ ; python_full_version < '3\.11'$", lock)
    assert re.search(r"(?m)^tfx==1\.21\.\d+ ; python_full_version >= '3\.11'$", lock)
    assert f"{sys.version_info[0]}.{sys.version_info[1]}" in install._OLD_STACK + install._NEW_STACK


def _make(*arguments, **variables):
    """Runs make as from a shell: the make that runs these tests hands its own VENV= on."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(
        ["make", *arguments],
        cwd=_ROOT,
        env={**environment, **variables},
        capture_output=True,
        text=True,
    )


def _variables(folder, *arguments):
    """Values of make's variables, where `folder` comes first in the PATH."""
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    run = _make("--print-data-base", "--dry-run", *arguments, "help", PATH=path)
    return dict(re.findall(r"(?m)^(\w+) :?= (.*)$", run.stdout))


def _program(path, script):
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def test_make_passes_over_a_python3_that_does_not_do(tmp_path):
    _program(tmp_path / "python3", "exit 1")
    _program(tmp_path / "python3.13", f'exec "{sys.executable}" "$@"')
    variables = _variables(tmp_path)
    assert variables["PYTHON3"] == "python3.13"
    assert variables["PY"] == install.choose()


def test_make_can_be_told_which_python3_to_begin_with(tmp_path):
    other = _program(tmp_path / "other", f'exec "{sys.executable}" "$@"')
    variables = _variables(tmp_path, f"PYTHON3={other}")
    assert variables["PYTHON3"] == str(other)
    assert _variables(tmp_path, "PY=3.12")["VENV"] == ".venv-3.12"


def test_make_says_so_where_there_is_no_python_to_begin_with():
    run = _make("install", "PYTHON3=")
    assert run.returncode
    assert "No Python 3.9 or newer was found to begin with" in run.stdout
