"""The bytes of text files as UTF-8, whatever Unicode encoding they are in."""

from __future__ import annotations

import codecs
import io
from typing import Any, BinaryIO

_SAMPLE_BYTES = 4
_BLOCK_BYTES = 2**18
# The longer mark first: that of UTF-32 begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def as_utf8(stream: Any) -> BinaryIO:
    """Returns a stream of the same text in UTF-8.

    UTF-16 and UTF-32 are told by their byte order mark, and UTF-16 without one by the zero bytes
    of the first two characters, which are ASCII in JSON and in headers. All else passes as it is.

    Args:
        stream: Binary, at its beginning.
    """
    buffered: Any = stream if hasattr(stream, "peek") else io.BufferedReader(stream)
    encoding = _encoding(buffered.peek(_SAMPLE_BYTES)[:_SAMPLE_BYTES])
    if encoding is None:
        plain: BinaryIO = buffered
        return plain
    return io.BufferedReader(_Recoded(buffered, encoding), _BLOCK_BYTES)


def is_utf8_stream(stream: BinaryIO) -> bool:
    """Whether a stream passes `as_utf8` as it is; the stream is at its beginning, before and after.

    Args:
        stream: Can go back.
    """
    encoding = _encoding(stream.read(_SAMPLE_BYTES))
    stream.seek(0)
    return encoding is None


def _encoding(sample: bytes) -> str | None:
    for mark, name in _MARKS:
        if sample.startswith(mark):
            return name
    if len(sample) == _SAMPLE_BYTES:
        zeros = [byte == 0 for byte in sample]
        if zeros == [False, True, False, True]:
            return "utf-16-le"
        if zeros == [True, False, True, False]:
            return "utf-16-be"
    return None


class _Recoded(io.RawIOBase):
    def __init__(self, stream: BinaryIO, encoding: str):
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder(encoding)()
        self._pending = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:  # type: ignore[no-untyped-def]
        while not self._pending:
            block = self._stream.read(_BLOCK_BYTES)
            self._pending = self._decoder.decode(block, final=not block).encode()
            if not block:
                break
        count = min(len(buffer), len(self._pending))
        buffer[:count] = self._pending[:count]
        self._pending = self._pending[count:]
        return count
