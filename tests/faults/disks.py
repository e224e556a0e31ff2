"""Small disks that are full, without inodes or read-only, in a mount namespace of a child."""

from __future__ import annotations

import ctypes
import json
import os
import pathlib
import shutil
import subprocess
import sys

import small_runs

_CLONE_NEWNS, _MS_RDONLY, _MS_REMOUNT, _MS_REC, _MS_PRIVATE = 0x20000, 1, 32, 0x4000, 1 << 18
_ROOT = pathlib.Path(__file__).parents[2]


def _call(name, *arguments):
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments):
        raise OSError(ctypes.get_errno(), f"{name}: {os.strerror(ctypes.get_errno())}")


def _mount(path: str, options: str, flags: int = 0) -> None:
    _call("mount", b"none", path.encode(), b"tmpfs", flags, options.encode())


def small_disk(path: str, options: str) -> None:
    """Gives this process, and those that it starts, a disk that ends with them.

    Args:
        path: Where; a folder is made.
        options: Of tmpfs, such as `size=64m`.
    """
    os.makedirs(path, exist_ok=True)
    _call("unshare", _CLONE_NEWNS)
    _call("mount", b"none", b"/", None, _MS_REC | _MS_PRIVATE, None)
    _mount(path, options)


def is_permitted(folder: str) -> None:
    """Ends with an error if there cannot be such a disk here."""
    small_disk(folder, "size=1m")


def command(folder: str, options: str, read_only: bool) -> None:
    """Runs the command with its output on a small disk; writes how it ended to `folder/said`."""
    output = os.path.join(folder, "output")
    small_disk(output, options)
    if read_only:
        _mount(output, options, _MS_REMOUNT | _MS_RDONLY)
    process = subprocess.run(
        [sys.executable, "-m", "pipeline", "run", f"{folder}/config.yaml", "--output", output],
        cwd=_ROOT,
        capture_output=True,
        text=True,
    )
    said = {"code": process.returncode, "text": process.stderr, "left": os.listdir(output)}
    pathlib.Path(folder, "said").write_text(json.dumps(said))


def full_at_each_component(folder: str) -> None:
    """Runs every component on a full disk, without inodes, then on one that has room again.

    What happened is in `folder/full`: component, what there is no room for, exit code, what the
    user reads.
    """
    output = os.path.join(folder, "output")
    small_disk(output, "size=256m,nr_inodes=2000")
    told = []
    for component in small_runs.COMPONENTS:
        for full in ("bytes", "files", "most bytes", ""):
            filler = os.path.join(output, "filler")
            _fill(output, filler, full)
            code = _forked(small_runs.run, folder, component)
            shutil.rmtree(filler)
            told.append([component, full, code, small_runs.failure(folder) if code else ""])
            small_runs.check_served(folder)
            if code == 0:
                break
    told.append(["served", "", 0, str(len(small_runs.check_served(folder)))])
    pathlib.Path(folder, "full").write_text(json.dumps(told))


def _fill(disk: str, filler: str, full: str) -> None:
    os.mkdir(filler)
    room = os.statvfs(disk)
    if full == "files":
        for number in range(room.f_ffree):
            pathlib.Path(filler, str(number)).touch()
    elif full:
        size = room.f_bavail * room.f_frsize - (0 if full == "bytes" else 40_000)
        with open(os.path.join(filler, "0"), "wb") as file:
            if size > 0:
                os.posix_fallocate(file.fileno(), 0, size)


def _forked(function, *arguments) -> int:
    pid = os.fork()
    if not pid:
        try:
            function(*arguments)
            os._exit(0)
        except BaseException:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
