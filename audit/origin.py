"""Where a model comes from: code, packages and hardware, as the auditing step finds them."""

from __future__ import annotations

import glob
import hashlib
import importlib.metadata
import os
import pathlib
import platform
import shutil
import subprocess
from typing import Any

_ROOT = pathlib.Path(__file__).resolve().parent.parent
_LOCK = "requirements.txt"
_PACKAGES = (
    *("apache-beam", "keras", "numpy", "scikit-learn", "scipy", "tensorflow"),
    *("tensorflow-model-analysis", "tensorflow-transform", "tfx"),
)
_COMMIT_VARIABLE, _DIRTY = "SOURCE_COMMIT", "-dirty"
_GIT_SECONDS = 30


def code_section() -> dict[str, Any]:
    """The commit of the project's folder, and whether files differ from it.

    Where the folder is no checkout, as in an image, the environment variable `SOURCE_COMMIT` says
    it, with `-dirty` at its end where files had been changed.

    Returns:
        `commit` and `dirty`, null where neither says it; `changed_files`, at most 50;
        `lock_sha256` of the packages.
    """
    commit, status = _git("rev-parse", "HEAD"), _git("status", "--porcelain")
    changed = [line[3:] for line in (status or "").splitlines()]
    dirty = None if status is None else bool(changed)
    if commit is None and (said := os.environ.get(_COMMIT_VARIABLE)):
        commit, dirty = said.removesuffix(_DIRTY), said.endswith(_DIRTY)
    lock = _ROOT / _LOCK
    return {
        "commit": commit,
        "dirty": dirty,
        "changed_files": sorted(changed)[:50],
        "lock_sha256": hashlib.sha256(lock.read_bytes()).hexdigest() if lock.is_file() else None,
    }


def software_section() -> dict[str, str]:
    """Versions of Python and of the packages that results depend on."""
    versions = {"python": platform.python_version()}
    for package in _PACKAGES:
        versions[package] = importlib.metadata.version(package)
    return versions


def hardware_section() -> dict[str, Any]:
    """The machine of this process: `system`, `processor`, `cores`, `memory_bytes`, `gpus`."""
    return {
        "system": platform.platform(),
        "processor": _first_value("/proc/cpuinfo", "model name") or platform.processor(),
        "cores": os.cpu_count() or 0,
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "gpus": [
            name
            for path in sorted(glob.glob("/proc/driver/nvidia/gpus/*/information"))
            if (name := _first_value(path, "Model"))
        ],
    }


def _git(*arguments: str) -> str | None:
    """What git says of the project's folder; None if that is no checkout of its own."""
    program = shutil.which("git")
    if program is None or not (_ROOT / ".git").exists():
        return None
    done = subprocess.run(
        [program, "-C", str(_ROOT), *arguments],
        capture_output=True,
        text=True,
        timeout=_GIT_SECONDS,
        check=False,
    )
    return done.stdout.rstrip("\n") if done.returncode == 0 else None


def _first_value(path: str, key: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            for line in file:
                name, _, value = line.partition(":")
                if name.strip() == key:
                    return value.strip()
    except OSError:
        pass
    return ""
