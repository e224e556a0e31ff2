"""The note of a push that is not served yet, so that a push that died is completed by the next.

A version is renamed into its place first and named in `models.config` afterwards. Whoever dies in
between leaves the note. The same push, tried again, finds its model in place and completes the
step, unless somebody has moved a label or rolled back since: that decision stands, and ends the
note before it takes effect.
"""

from __future__ import annotations

import contextlib
import os

from serving.releases.durable import sync_folder

_NOTE = ".to-serve"


def note_unserved(model_dir: str, number: int) -> None:
    """Notes, for good, that a version is about to appear which is then to be served."""
    path = os.path.join(model_dir, _NOTE)
    with open(f"{path}.new", "w", encoding="utf-8") as file:
        file.write(str(number))
        file.flush()
        os.fsync(file.fileno())
    os.replace(f"{path}.new", path)
    sync_folder(model_dir)


def unserved(model_dir: str) -> int | None:
    """Returns the version that the note names; None if there is no note."""
    try:
        with open(os.path.join(model_dir, _NOTE), encoding="utf-8") as file:
            return int(file.read())
    except FileNotFoundError:
        return None


def forget_unserved(model_dir: str) -> None:
    """Removes the note, for good, if there is one."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(os.path.join(model_dir, _NOTE))
        sync_folder(model_dir)
