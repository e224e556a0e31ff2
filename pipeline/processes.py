"""Processes that a command starts: none of them outlives the command."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

GRACE_SECONDS = 10.0
"""What is asked to end has so long; then it is killed."""

_PR_SET_PDEATHSIG = 1
"""Of Linux's `prctl`: the signal that a process gets when its parent dies."""


class Terminated(KeyboardInterrupt):
    """SIGTERM came. Whatever ends well after Ctrl-C ends well after it."""


@contextlib.contextmanager
def sigterm_raises() -> Iterator[None]:
    """Makes SIGTERM raise `Terminated` in the main thread, from which it must be called."""

    def raise_it(*_: Any) -> None:
        # One is enough: another must not interrupt the ending.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise Terminated

    before = signal.signal(signal.SIGTERM, raise_it)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class Processes:
    """The running processes of one command; several threads may start some and wait for them.

    When the context ends, they end: each is asked to with SIGTERM, together with what it started
    itself, and killed after `GRACE_SECONDS`. If this process is killed, Linux kills them.

    Args:
        inherited: File descriptors that all of them get, such as that of a lock.
    """

    def __init__(self, inherited: Sequence[int] = ()):
        self._inherited = tuple(inherited)
        self._running: set[subprocess.Popen] = set()
        self._lock = threading.Lock()
        self._ended = False

    def __enter__(self) -> Processes:
        return self

    def __exit__(self, *_: Any) -> None:
        self.end()

    def start(
        self, command: Sequence[str], *, inherited: Sequence[int] = (), **options: Any
    ) -> subprocess.Popen:
        """Starts a process. The thread must live until the process ends, or it ends as well.

        Args:
            command: The program and its arguments.
            inherited: File descriptors that this one gets, apart from those that all get.
            **options: Of `subprocess.Popen`.

        Raises:
            OSError: If it cannot be started, or the others have been ended.
        """
        with self._lock:
            if self._ended:
                raise InterruptedError(errno.EINTR, "is not started, the run is being ended")
            process = subprocess.Popen(
                command,
                pass_fds=(*self._inherited, *inherited),
                # A group of its own, so that it ends together with what it starts.
                start_new_session=True,
                preexec_fn=_dies_with(os.getpid()),
                **options,
            )
            self._running.add(process)
            return process

    def wait(self, process: subprocess.Popen) -> int:
        """Waits for a process and returns its exit code, negative after a signal."""
        code = process.wait()
        with self._lock:
            self._running.discard(process)
        return code

    def end(self) -> None:
        """Ends all of them and waits until they have ended; none can be started any more."""
        with self._lock:
            self._ended = True
            processes = list(self._running)
        for process in processes:
            _send(process, signal.SIGTERM)
        deadline = time.monotonic() + GRACE_SECONDS
        try:
            for process in processes:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(max(0.0, deadline - time.monotonic()))
        finally:
            for process in processes:
                _send(process, signal.SIGKILL)
                self.wait(process)


def _send(process: subprocess.Popen, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _dies_with(parent: int) -> Callable[[], None] | None:
    """What a new process calls before its program starts; None where there is no such thing."""
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None).prctl

    def tie() -> None:
        # Between fork and exec other threads' locks may be held for good: no lock is needed here.
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    return tie
