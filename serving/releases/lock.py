"""The lock under which `models.config` and the folders of versions change."""

from __future__ import annotations

import contextlib
import datetime
import errno
import functools
import logging
import os
import socket
from collections.abc import Iterator

import filelock

from serving.releases.errors import ReleaseError

TIMEOUT_SECONDS = 120.0
"""How long a change waits for another one; longer than NFSv4's usual lease of 90 seconds."""

_NO_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK)

_log = logging.getLogger(__name__)


@contextlib.contextmanager
def config_lock(config_file: str) -> Iterator[None]:
    """Keeps all others from changing a configuration, while it is read, changed and replaced.

    It is `flock` on a hidden file beside the configuration. What that means:

    - On one host it holds between all processes, threads and containers that see the folder. Only
      those who take it are kept out: readers are not, nor is an editor.
    - It ends with the process, however that ends. The lock file stays; it means nothing by itself.
      Deleting it while somebody holds the lock lets the next one in.
    - On NFS, Linux makes it a lock of the server, so it holds across hosts; but not if the volume
      is mounted with `nolock`, or with `local_lock=flock` or `all`, and no longer than the host
      reaches the server: the lock of a host that is cut off ends with its lease.
    - Many FUSE mounts, those of object stores among them, and other network file systems lock on
      each host alone, without an error that would tell. There, one host at a time must push.
    - Where the file system refuses to lock at all, a warning is logged and the change goes on
      without. The replacement is still atomic, but of two changes at once one may be lost.

    A thread that has the lock may take it again.

    Args:
        config_file: Absolute path. If its folder does not exist, there is nothing to lock.

    Yields:
        Nothing.

    Raises:
        ReleaseError: If another process has the lock for `TIMEOUT_SECONDS`.
    """
    folder, name = os.path.split(config_file)
    if not os.path.isdir(folder):
        yield
        return
    path = os.path.join(folder, f".{name}.lock")
    lock = filelock.FileLock(
        path,
        timeout=TIMEOUT_SECONDS,
        # Whoever may replace the configuration, which the folder decides, may lock it: not only
        # the user whose process was the first.
        mode=0o666,
        # One for a path in a process, so that it can be taken again.
        is_singleton=True,
        # A lock by mere existence would stay behind when its process dies.
        fallback_to_soft=False,
        on_acquired=_write_holder,
    )
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(lock)
        except filelock.Timeout as error:
            raise ReleaseError(
                f"{config_file} is locked by another push, label or rollback "
                f"({_read_holder(path)}) and was not free within {TIMEOUT_SECONDS:g} seconds; "
                "nothing was changed. Wait for that process or end it, its lock ends with it; then "
                "run this again. Leave the lock file where it is."
            ) from error
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
            _warn(folder, error.strerror)
        yield


def _write_holder(descriptor: int) -> None:
    """Leaves a note in the lock file for those who wait."""
    now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    os.write(
        descriptor, f"host {socket.gethostname()}, process {os.getpid()}, since {now}\n".encode()
    )


def _read_holder(path: str) -> str:
    with contextlib.suppress(OSError), open(path, encoding="utf-8", errors="replace") as file:
        if holder := file.read(1000).strip():
            return holder
    return "it left no note who it is"


@functools.cache
def _warn(folder: str, reason: str) -> None:
    """Says it once; a push takes the lock several times."""
    _log.warning(
        "%s is on a file system without locks (%s): of two pushes, labels or rollbacks at once, "
        "one may be lost. Run only one at a time.",
        folder,
        reason,
    )
