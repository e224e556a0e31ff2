"""Makes the project's virtual environment, with nothing but Python 3.9 or newer to begin with.

python3 tools/install.py              prints which Python suits this machine
python3 tools/install.py 3.13 FOLDER  makes FOLDER, with that Python and the pinned packages

uv, pinned with the rest, finds that Python or downloads it, and installs the packages.
"""

from __future__ import annotations

import hashlib
import os
import pathlib
import platform
import re
import shutil
import stat
import subprocess
import sys
import urllib.parse
import urllib.request
import zipfile

_ROOT = pathlib.Path(__file__).resolve().parents[1]
_UV = _ROOT / ".uv"
_OLD_STACK = ("3.10",)
_NEW_STACK = ("3.13", "3.12", "3.11")
# Of the new stack's wheels, from their symbols: TFDV's and ML Metadata's.
_GLIBC = (2, 39)


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
    if python in _OLD_STACK and not shutil.which(os.environ.get("CXX", "g++")):
        raise SystemExit(
            f"PY={python}: pyfarmhash has no wheel for it, and g++ is missing: install that "
            "(Debian: apt-get install g++)."
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
    sync = [uv, "pip", "sync", "--quiet", "--compile-bytecode", "--python", folder]
    if subprocess.run([*sync, _ROOT / "requirements.txt"], env=environment).returncode:
        raise SystemExit("The packages of requirements.txt could not be installed: see above.")
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
    pip = [sys.executable, "-m", "pip"]
    if not subprocess.run([*pip, "--version"], capture_output=True).returncode:
        # Not into Python's own folders, which Debian forbids.
        target = ["--quiet", "--disable-pip-version-check", "--target", _UV, f"uv=={pinned}"]
        quiet = {**os.environ, "PIP_ROOT_USER_ACTION": "ignore"}
        if subprocess.run([*pip, "install", *target], env=quiet).returncode:
            raise SystemExit("uv, which installs the rest, could not be installed: see above.")
    else:
        try:
            _fetch_uv(pinned, program)
        except OSError as error:
            raise SystemExit(
                f"uv, which installs the rest, could not be downloaded: {error}. Behind a mirror, "
                "set PIP_INDEX_URL; or install pip (Debian: python3-pip)."
            ) from error
    return str(program)


def _fetch_uv(version: str, program: pathlib.Path) -> None:
    """Without pip, which Debian's python3 lacks: the program out of its wheel."""
    index = os.environ.get("PIP_INDEX_URL", "https://pypi.org/simple").rstrip("/") + "/uv/"
    # Whatever the user's own index is.
    with urllib.request.urlopen(index, timeout=60) as answer:  # noqa: S310
        page = answer.read().decode()
    name = rf"uv-{re.escape(version)}-[^\"#]*manylinux[^\"#]*_{platform.machine()}\.whl"
    found = re.search(rf'href="([^"#]*{name})#sha256=([0-9a-f]{{64}})"', page)
    if not found:
        raise OSError(f"{index} has no uv {version} for Linux on {platform.machine()}")
    wheel_url = urllib.parse.urljoin(index, found[1])
    with urllib.request.urlopen(wheel_url, timeout=60) as answer:  # noqa: S310
        wheel = answer.read()
    if hashlib.sha256(wheel).hexdigest() != found[2]:
        raise OSError(f"{found[1]} is not what the index says it is")
    program.parent.mkdir(parents=True)
    archive = program.with_suffix(".whl")
    archive.write_bytes(wheel)
    with zipfile.ZipFile(archive) as files:
        (inside,) = [file for file in files.namelist() if file.endswith("/scripts/uv")]
        program.write_bytes(files.read(inside))
    archive.unlink()
    program.chmod(program.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)


if __name__ == "__main__":
    if sys.version_info < (3, 9):  # noqa: UP036
        raise SystemExit(f"python3 is {platform.python_version()}; 3.9 or newer is needed.")
    if len(sys.argv) == 1:
        print(choose())
    else:
        install(sys.argv[1], pathlib.Path(sys.argv[2]).absolute())
