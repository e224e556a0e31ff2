"""Text files as numbered lines, one at a time or in blocks of whole lines."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, BinaryIO

from ingestion.compression import damage_of, decompressed, name_of
from ingestion.encodings import as_utf8
from ingestion.errors import DataError
from ingestion.opening import open_stored

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_BLOCK_BYTES = 2**23


class Lines:
    """What is left of a text file, as lines with their ends.

    Args:
        stored: The file as it is stored, at its beginning.
        path: Of the file, which says how it is compressed.
        most: Bytes that a line may have, with its end.
        start: The byte that the first line begins at; not of a compressed file.
        stop: The byte that the last line ends before; None at the end of the file.
        line: Number of the line before the first.

    Attributes:
        line: Number of the last line that was given out, from 1.
    """

    def __init__(
        self,
        stored: BinaryIO,
        path: str,
        most: int,
        start: int = 0,
        stop: int | None = None,
        line: int = 0,
    ):
        self.line = line
        self._start = start
        self._left = None if stop is None else stop - start
        self._stored = stored
        self._stream: Any = None
        self._path = path
        self._most = most
        # Whole lines that are not given out yet, from `_at` on; and the beginning of one more.
        self._data = b""
        self._at = 0
        self._rest = b""
        self._begun = start > 0
        self._ended = False
        self._damage: tuple[type[Exception], ...] = (UnicodeDecodeError, *damage_of(path))
        self._failure: Exception | None = None

    def __iter__(self) -> Iterator[tuple[int, bytes | None]]:
        return self

    def __next__(self) -> tuple[int, bytes | None]:
        """Returns the next line and its number; None for one that is too long.

        Raises:
            DataError: The compressed stream ends early or is damaged, which Beam's own reader
                passes over; what begins as UTF-16 does not go on so; or the file is compressed,
                and its name does not say so.
        """
        if self._at >= len(self._data) and not self._fill():
            raise StopIteration
        end = self._data.find(b"\n", self._at) + 1 or len(self._data)
        raw = self._data[self._at : end]
        self._at = end
        self.line += 1
        return self.line, raw if len(raw) <= self._most else None

    def block(self) -> bytes:
        """Returns whole lines, as many as are at hand, and nothing at the end.

        Of a line that is too long enough is there to see that. The lines count as given out.

        Raises:
            DataError: As above.
        """
        if self._at >= len(self._data) and not self._fill():
            return b""
        block = self._data[self._at :]
        self._at = len(self._data)
        self.line += block.count(b"\n") + (not block.endswith(b"\n"))
        return block

    def move(self, size: int, lines: int) -> None:
        """Goes on within the block that was given out last, or back if the numbers are negative.

        Args:
            size: Bytes, of whole lines.
            lines: How many lines they are.
        """
        self._at += size
        self.line += lines

    def _fill(self) -> bool:
        """Reads whole lines, a block of them or one; False if there are none."""
        parts, size, whole = [self._rest], len(self._rest), False
        while not self._ended and not (whole and size >= _BLOCK_BYTES):
            chunk = self._read()
            if not whole:
                end = chunk.find(b"\n")
                whole = end >= 0
                # Of what may be gigabytes a line's beginning is held, and its end.
                if size > self._most:
                    chunk = chunk[end:] if whole else b""
            parts.append(chunk)
            size += len(chunk)
        data = b"".join(parts)
        if not self._begun:
            self._begun, data = True, data.removeprefix(_BYTE_ORDER_MARK)
        # What a stream that breaks off has begun is no line.
        end = len(data) if self._ended and not self._failure else data.rfind(b"\n") + 1
        self._data, self._rest, self._at = data[:end], data[end:], 0
        if self._failure and not self._data:
            raise self._described(self._failure) from self._failure
        return bool(self._data)

    def _read(self) -> bytes:
        # As much as there is at once: what comes before damage is read.
        try:
            if self._stream is None:
                self._stream = self._opened()
            size = _BLOCK_BYTES if self._left is None else min(_BLOCK_BYTES, self._left)
            chunk: bytes = self._stream.read1(size) if size else b""
        except self._damage as error:
            chunk, self._failure = b"", error
        self._ended = not chunk
        if self._left is not None:
            self._left -= len(chunk)
        return chunk

    def _opened(self) -> Any:
        if not self._start:
            return as_utf8(decompressed(self._stored, self._path))
        self._stored.seek(self._start)
        return self._stored

    def _described(self, error: Exception) -> DataError:
        if isinstance(error, UnicodeDecodeError):
            return DataError(
                f"{self._path}: begins as {error.encoding.upper()} and is not after line "
                f"{self.line} ({error.reason}). Write it again, as UTF-8."
            )
        return DataError(
            f"{self._path}: the {name_of(self._path)} stream is truncated or damaged after line "
            f"{self.line} ({error}). Copy or compress the file again."
        )


@contextlib.contextmanager
def open_lines(
    path: str, most: int, start: int = 0, stop: int | None = None, line: int = 0
) -> Iterator[Lines]:
    """Opens a text file, whatever its compression and its Unicode encoding.

    Args:
        path: Of the file.
        most: Bytes that a line may have, with its end; of a longer one only that is told.
        start: As of `Lines`.
        stop: As there.
        line: As there.

    Yields:
        Its lines.
    """
    with open_stored(path) as stored:
        yield Lines(stored, path, most, start, stop, line)


def too_long(most: int) -> str:
    """Returns how long a line is that has more bytes than it may have."""
    return f"more than {most / 2**20:.0f} MiB"
