"""Records on disk by key, so that a join holds one bucket in memory."""

from __future__ import annotations

import json
import pathlib
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from types import TracebackType
from typing import Any

_encode = json.JSONEncoder(ensure_ascii=False).encode


class Buckets:
    """Spreads records over files by their keys; equal keys are in one file.

    Args:
        folder: In which a temporary folder is made, and deleted in the end.
        count: Number of files.
    """

    def __init__(self, folder: pathlib.Path, count: int = 64):
        self._folder = pathlib.Path(tempfile.mkdtemp(prefix=".buckets-", dir=folder))
        self._files = [
            open(self._folder / str(number), "w", encoding="utf-8")  # noqa: SIM115
            for number in range(count)
        ]

    def __enter__(self) -> Buckets:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for file in self._files:
            file.close()
        shutil.rmtree(self._folder)

    def __len__(self) -> int:
        return len(self._files)

    def add(self, key: str, *values: Any) -> None:
        """Writes a record, its key first."""
        file = self._files[zlib.crc32(key.encode()) % len(self._files)]
        file.write(_encode([key, *values]) + "\n")

    def read(self, number: int) -> Iterator[list[Any]]:
        """Yields the records of a bucket as they were written."""
        self._files[number].flush()
        with open(self._files[number].name, encoding="utf-8") as file:
            for line in file:
                yield json.loads(line)
