"""Compressed text files: which there are, how they are told and how they are read."""

from __future__ import annotations

import bz2
import gzip
import zlib
from collections.abc import Callable
from typing import Any, BinaryIO, NamedTuple

import pyarrow as pa

from ingestion.errors import DataError


class _Codec(NamedTuple):
    """A compression.

    Attributes:
        name: As messages call it.
        open: Makes a stream of what was compressed, of a stream.
        damage: What its streams raise that end early or are damaged.
        factor: By which text shrinks, about.
    """

    name: str
    open: Callable[[BinaryIO], Any]
    damage: tuple[type[Exception], ...]
    factor: int


_CODECS = {
    ".gz": _Codec(
        "gzip",
        lambda stored: gzip.GzipFile(fileobj=stored),
        (EOFError, gzip.BadGzipFile, zlib.error),
        6,
    ),
    ".bz2": _Codec("bzip2", bz2.BZ2File, (EOFError, OSError), 9),
    ".zst": _Codec(
        "zstd",
        lambda stored: pa.CompressedInputStream(pa.PythonFile(stored), "zstd"),
        (pa.ArrowException, OSError),
        7,
    ),
}
EXTENSIONS = tuple(_CODECS)
"""Of compressed files, after the extension of the format."""

_UNNAMED = "which its name does not say. Name it"
_UNREADABLE = "which cannot be read."
_COMPRESS = f"{_UNREADABLE} Compress it with gzip, zstd or bzip2, or not at all."
# What a file may be whose name says nothing of it. Text cannot begin so.
_FOREIGN = {
    b"\x1f\x8b\x08": f"gzip, {_UNNAMED} .gz.",
    b"\x28\xb5\x2f\xfd": f"zstd, {_UNNAMED} .zst.",
    **{b"BZh%d1AY&SY" % level: f"bzip2, {_UNNAMED} .bz2." for level in range(1, 10)},
    b"\xfd7zXZ\x00": f"xz, {_COMPRESS}",
    b"\x04\x22\x4d\x18": f"lz4, {_COMPRESS}",
    b"PK\x03\x04": f"a zip archive, {_UNREADABLE} Unpack it.",
    b"PAR1": f"Parquet, {_UNNAMED} .parquet.",
}
_LONGEST_MAGIC = max(map(len, _FOREIGN))


def compression_of(path: str) -> str:
    """Returns the extension that says how a file is compressed, or nothing."""
    return next((each for each in EXTENSIONS if path.lower().endswith(each)), "")


def expansion(path: str) -> int:
    """Returns how many times as large a file is when it is read, about."""
    extension = compression_of(path)
    return _CODECS[extension].factor if extension else 1


def name_of(path: str) -> str:
    """Returns what a file's compression is called; it must have one."""
    return _CODECS[compression_of(path)].name


def damage_of(path: str) -> tuple[type[Exception], ...]:
    """Returns what the stream of a file raises if it ends early or is damaged."""
    extension = compression_of(path)
    return _CODECS[extension].damage if extension else ()


def decompressed(stored: BinaryIO, path: str) -> Any:
    """Returns a stream of what was compressed; of another file the file's own, at its beginning.

    Args:
        stored: The file as it is stored, at its beginning.
        path: Of the file, whose extension says how it is compressed.

    Raises:
        DataError: It is compressed, and its name does not say so.
    """
    if extension := compression_of(path):
        return _CODECS[extension].open(stored)
    beginning = stored.read(_LONGEST_MAGIC)
    for magic, what in _FOREIGN.items():
        if beginning.startswith(magic):
            raise DataError(f"{path}: is {what}")
    stored.seek(0)
    return stored
