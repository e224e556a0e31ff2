"""Makes the project's virtual environment, with nothing but Python 3.9 or newer to begin with.

python3 tools/install.py              prints which Python suits this machine
python3 tools/install.py 3.13 FOLDER  makes FOLDER, with that Python and the pinned packages

uv, pinned with the rest, finds that Python or downloads it, and installs the packages.
"""

from __future__ import annotations

import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys

_ROOT = pathlib.Path(__file__).resolve().parents[1]
_LOCKS = ("requirements.txt", "requirements-exports.txt", "requirements-experiments.txt")
_UV = _ROOT / ".uv"
_OLD_STACK = ("3.10",)
_NEW_STACK = ("3.13", "3.12", "3.11")
# Of the new stack's wheels, from their symbols: TFDV's and ML Metadata's.
_GLIBC = (2, 39)
_ZIG = "ziglang==0.17.1"
"""A C++ compiler as a wheel."""


def glibc() -> tuple[int, ...]:
    """The version of the GNU C library; () where there is none."""
    try:
        name, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").split()
    except (ValueError, OSError):
        return ()
    return tuple(int(part) for part in version.split(".")) if name == "glibc" else ()


def choose() -> str:
    """The newest Python whose packages run on this machine."""
    return _NEW_STACK[0] if glibc() >= _GLIBC else _OLD_STACK[0]


def install(python: str, folder: pathlib.Path) -> None:
    """Makes a virtual environment, anew if there is one.

    Args:
        python: Version of Python, such as `3.13`.
        folder: Where it goes; in the project's folder, `.venv` becomes a link to it.

    Raises:
        SystemExit: It cannot be made; the message says why and what to do.
    """
    if python not in _OLD_STACK + _NEW_STACK:
        known = ", ".join(sorted(_OLD_STACK + _NEW_STACK))
        raise SystemExit(f"PY={python}: TFX runs on one of {known}.")
    if python in _NEW_STACK and glibc() < _GLIBC:
        found = ".".join(map(str, glibc())) or "none"
        raise SystemExit(
            f"PY={python}: TFX 1.21 needs glibc {_GLIBC[0]}.{_GLIBC[1]}, here is {found}. "
            "Leave PY out, or PY=3.10."
        )
    print(f"Installing Python {python}'s packages into {folder.name}: some minutes.", flush=True)
    uv = _uv()
    # pyenv's python3.13 refuses to run unless it is told that this version is meant.
    environment = {**os.environ, "PYENV_VERSION": python}
    environment.pop("VIRTUAL_ENV", None)
    if mirror := os.environ.get("PIP_INDEX_URL"):
        environment.setdefault("UV_DEFAULT_INDEX", mirror)
    made = subprocess.run(
        [uv, "venv", "--quiet", "--clear", "--no-project", "--python", python, folder],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    if made.returncode:
        reason = made.stderr.strip().splitlines()[-1:] or ["uv gave no reason"]
        others = [version for version in _usable() if version != python and _has(uv, version)]
        raise SystemExit(
            f"Python {python} is not on this machine and could not be downloaded: install it"
            + (f", or take one that is here: PY={others[0]}" if others else "")
            + f". ({reason[0].strip()})"
        )
    if python in _OLD_STACK and not shutil.which(os.environ.get("CXX", "c++")):
        environment |= _compiler(uv, folder)
    sync = [uv, "pip", "sync", "--quiet", "--compile-bytecode", "--python", folder]
    if subprocess.run([*sync, *(_ROOT / name for name in _LOCKS)], env=environment).returncode:
        raise SystemExit(
            f"The packages of {' and '.join(_LOCKS)} could not be installed: see above."
        )
    if folder.parent == _ROOT:
        link = _ROOT / ".venv"
        if link.is_symlink():
            link.unlink()
        elif link.exists():
            shutil.rmtree(link)
        link.symlink_to(folder.name)


def _usable() -> tuple[str, ...]:
    return _NEW_STACK + _OLD_STACK if glibc() >= _GLIBC else _OLD_STACK


def _has(uv: str, python: str) -> bool:
    found = subprocess.run(
        [uv, "python", "find", "--quiet", "--no-python-downloads", "--no-project", python],
        env={**os.environ, "PYENV_VERSION": python},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return not found.returncode


def _uv() -> str:
    """Path of uv in the pinned version, which is fetched if need be."""
    (pinned,) = re.findall(r"(?m)^uv==(\S+)", (_ROOT / "requirements.txt").read_text())
    program = _UV / "bin" / "uv"
    if program.exists():
        said = subprocess.run([program, "--version"], stdout=subprocess.PIPE, text=True).stdout
        if said.split()[1:2] == [pinned]:
            return str(program)
    shutil.rmtree(_UV, ignore_errors=True)
    # Not into Python's own folders, which Debian forbids.
    target = ["--quiet", "--disable-pip-version-check", "--target", _UV, f"uv=={pinned}"]
    quiet = {**os.environ, "PIP_ROOT_USER_ACTION": "ignore"}
    if subprocess.run([*_pip(), "install", *target], env=quiet).returncode:
        raise SystemExit("uv, which installs the rest, could not be installed: see above.")
    return str(program)


def _pip() -> list[str]:
    """The command that runs pip, which Debian's python3 lacks and its archive has as a wheel."""
    pip = [sys.executable, "-m", "pip"]
    if not subprocess.run([*pip, "--version"], capture_output=True).returncode:
        return pip
    folder = _UV / "pip"
    folder.mkdir(parents=True)
    # As it is, and with fresh lists, which root may fetch.
    for prepare in ("true", "apt-get --quiet=2 update"):
        script = f"{prepare} && apt-get --quiet=2 download python3-pip-whl && dpkg-deb -x *.deb ."
        subprocess.run(["/bin/sh", "-c", script], cwd=folder, capture_output=True)
        for wheel in folder.rglob("pip-*.whl"):
            return [sys.executable, str(wheel / "pip")]
    raise SystemExit(
        "python3 has no pip, and apt-get could not download it: install it (Debian: "
        "apt-get install python3-pip)."
    )


def _compiler(uv: str, folder: pathlib.Path) -> dict[str, str]:
    """Brings a C++ compiler, for the one package that has no wheel for Python 3.10: pyfarmhash.

    Returns:
        The environment variables with which packages are compiled by it.
    """
    print("There is no C++ compiler: one is fetched (100 MB), to compile pyfarmhash.", flush=True)
    zig = _UV / "zig"
    fetch = [uv, "pip", "install", "--quiet", "--python", folder, "--target", zig, _ZIG]
    if subprocess.run(fetch).returncode:
        raise SystemExit("It could not be fetched; install one (Debian: apt-get install g++).")
    for name in ("cc", "c++"):
        program = zig / f"zig-{name}"
        program.write_text(f'#!/bin/sh\nexec "{zig}/ziglang/zig" {name} "$@"\n')
        program.chmod(0o755)
    cxx = f"{zig}/zig-c++"
    return {"CC": f"{zig}/zig-cc", "CXX": cxx, "LDSHARED": f"{cxx} -shared"}


if __name__ == "__main__":
    if sys.version_info < (3, 9):  # noqa: UP036
        raise SystemExit(f"python3 is {platform.python_version()}; 3.9 or newer is needed.")
    if len(sys.argv) == 1:
        print(choose())
    else:
        install(sys.argv[1], pathlib.Path(sys.argv[2]).absolute())
