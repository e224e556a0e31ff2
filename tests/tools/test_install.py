"""The choice of the Python, and what is said where none can be had. Nothing is installed here."""

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


def test_uv_comes_out_of_its_wheel_where_pip_is_missing(monkeypatch, tmp_path):
    """An index of one wheel, read by Python alone; a wheel that was changed is refused."""
    import hashlib
    import platform
    import zipfile

    name = f"uv-9.9.9-py3-none-manylinux_2_17_{platform.machine()}.whl"
    page = tmp_path / "uv" / "index.html"
    page.parent.mkdir()
    with zipfile.ZipFile(page.parent / name, "w") as wheel:
        wheel.writestr("uv-9.9.9.data/scripts/uv", "#!/bin/sh\necho uv 9.9.9\n")
    digest = hashlib.sha256((page.parent / name).read_bytes()).hexdigest()
    page.write_text(f'<a href="{name}#sha256={digest}">{name}</a>')
    opened = install.urllib.request.urlopen

    def open_file(url, timeout):
        return opened(url + "index.html" if url.endswith("/") else url, timeout=timeout)

    monkeypatch.setattr(install.urllib.request, "urlopen", open_file)
    monkeypatch.setenv("PIP_INDEX_URL", tmp_path.as_uri())
    program = tmp_path / "bin" / "uv"
    install._fetch_uv("9.9.9", program)
    assert subprocess.run([program], capture_output=True, text=True).stdout == "uv 9.9.9\n"

    page.write_text(page.read_text().replace(digest, "0" * 64))
    with pytest.raises(OSError, match="is not what the index says"):
        install._fetch_uv("9.9.9", tmp_path / "other" / "uv")


def test_every_python_is_in_the_lock():
    """A package with wheels for none of them would show here: TFX has one version for each."""
    lock = (_ROOT / "requirements.txt").read_text()
    assert re.search(r"(?m)^tfx==1\.16\.\d+ ; python_full_version < '3\.11'$", lock)
    assert re.search(r"(?m)^tfx==1\.21\.\d+ ; python_full_version >= '3\.11'$", lock)
    assert f"{sys.version_info[0]}.{sys.version_info[1]}" in install._OLD_STACK + install._NEW_STACK
