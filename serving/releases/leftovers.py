"""Removal of what a process that died left unfinished in a shared folder."""

from __future__ import annotations

import contextlib
import os
import shutil
import time

_AGE_SECONDS = 24 * 3600
"""Longer than anything is worked on, and than the clocks of two hosts differ."""


def remove_leftovers(folder: str, prefix: str) -> None:
    """Removes unfinished files and folders that nobody has written to for a day.

    A younger one may be another process's live work and stays. What cannot be removed stays too:
    it is in nobody's way.

    Args:
        folder: Where to look, on a local disk; need not exist.
        prefix: How the names begin of what is unfinished.
    """
    if not os.path.isdir(folder):
        return
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        # Another process may be removing the same leftovers.
        with contextlib.suppress(FileNotFoundError):
            if not name.startswith(prefix) or time.time() - _last_change(path) < _AGE_SECONDS:
                continue
            if os.path.isdir(path):
                shutil.rmtree(path, ignore_errors=True)
            else:
                with contextlib.suppress(PermissionError):
                    os.unlink(path)


def _last_change(path: str) -> float:
    """Time of the newest file below a folder; of the path itself if there is none."""
    times = (
        os.lstat(os.path.join(folder, name)).st_mtime
        for folder, _, names in os.walk(path)
        for name in names
    )
    return max(times, default=os.lstat(path).st_mtime)
