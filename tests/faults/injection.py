"""Kills this process in the middle of a chosen write: the crash that no clean-up sees.

Counted, below one folder, are: files opened for writing (the process then dies with the file there
and empty), renames, removals, new folders, syncs; the same through TensorFlow's file system; and
every write to ML Metadata. What TensorFlow's operations write by themselves (the variables of a
SavedModel) is not seen; it lies between two writes that are.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable

KILLED = -signal.SIGKILL
"""Exit code of a child that died of it."""

_AUDITED = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.symlink")
_TENSORFLOW = ("RenameFile", "CopyFile", "CreateDir", "RecursivelyCreateDir", "DeleteFile")
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class Writes:
    """Counts the writes below a folder.

    Args:
        folder: Others are not counted.
        before: Is called with the number of the write, what it is, and the path to be opened, if
            it is the opening of a file, before it happens.
    """

    def __init__(self, folder: str, before: Callable[[int, str, str | None], None]):
        self._folder = os.path.realpath(folder)
        self._before = before
        self.number = 0

    def install(self) -> None:
        """Begins to count, for as long as this process lives."""
        sys.addaudithook(self._audit)
        sync = os.fsync

        def fsync(descriptor):
            path = os.readlink(f"/proc/self/fd/{descriptor}")
            if self._is_inside(path):
                self._write(f"fsync {path}")
            sync(descriptor)

        os.fsync = fsync
        if "tensorflow" in sys.modules:
            self._install_tensorflow()
        if "ml_metadata" in sys.modules:
            self._install_ml_metadata()

    def _audit(self, event, arguments):
        if event == "open":
            path, _, flags = arguments
            if flags & _WRITING and self._is_inside(path):
                self._write(f"open {path}", os.fspath(path))
        elif event in _AUDITED:
            # Relative to an open folder, as in rmtree.
            is_relative = isinstance(arguments[-1], int) and arguments[-1] >= 0
            if is_relative or self._is_inside(arguments[0]):
                self._write(f"{event} {arguments[0]}")

    def _install_tensorflow(self):
        from tensorflow.python.lib.io import _pywrap_file_io

        for name in (*_TENSORFLOW, "WritableFile"):
            setattr(_pywrap_file_io, name, self._counted(name, getattr(_pywrap_file_io, name)))

    def _counted(self, name, function):
        def call(path, *arguments):
            if self._is_inside(path):
                self._write(f"{name} {path}", path if name == "WritableFile" else None)
            return function(path, *arguments)

        return call

    def _install_ml_metadata(self):
        from ml_metadata import MetadataStore

        call = MetadataStore._call_method

        def call_method(store, name, request, response):
            if name.startswith("Put"):
                self._write(f"ML Metadata {name}")
            return call(store, name, request, response)

        MetadataStore._call_method = call_method

    def _is_inside(self, path) -> bool:
        if not isinstance(path, (str, bytes, os.PathLike)):
            return False
        path = os.path.abspath(os.fsdecode(path))
        return path == self._folder or path.startswith(self._folder + os.sep)

    def _write(self, what, opened=None):
        self.number += 1
        self._before(self.number, what, opened)


def die_at(number: int) -> Callable[[int, str, str | None], None]:
    """Returns what kills the process in a write of that number."""

    def before(current, what, opened):
        del what
        if current == number:
            if opened and os.path.isdir(os.path.dirname(opened)):
                # `os.open` would be counted: the shell is not.
                os.system(f": > '{opened}'")  # noqa: S605
            os.kill(os.getpid(), signal.SIGKILL)

    return before
