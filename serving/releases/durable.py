"""What was written is on the disk before the next step says that it is there.

A power cut may otherwise keep a rename and lose the content of what was renamed.
"""

from __future__ import annotations

import errno
import os

_NO_SYNC = (errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP)
"""Of file systems that cannot sync a folder; some of FUSE and SMB."""


def sync_tree(folder: str) -> None:
    """Waits until everything below a folder, and the folder itself, is on the disk."""
    for path, _, names in os.walk(folder):
        for name in names:
            _sync(os.path.join(path, name))
        sync_folder(path)


def sync_folder(folder: str) -> None:
    """Waits until the names in a folder are on the disk, so that a rename there stays."""
    try:
        _sync(folder)
    except OSError as error:
        if error.errno not in _NO_SYNC:
            raise


def _sync(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
