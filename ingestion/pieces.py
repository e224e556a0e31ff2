"""Parts of large files that are read by themselves, by as many workers as there are.

Parquet is divided by row groups; JSONL and CSV that are not compressed by bytes, at line ends. CSV
only if no quote is in it: whether a line end is within quotes is known only by what comes before.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

import pyarrow as pa

from ingestion.compression import compression_of
from ingestion.encodings import is_utf8_stream
from ingestion.files import InputFile
from ingestion.json_records import PROBED_OBJECTS
from ingestion.opening import open_stored
from ingestion.parquet_batches import open_parquet

PIECE_BYTES = 64 * 2**20
"""A file that is smaller is one piece."""

_BLOCK_BYTES = 2**20


class Piece(NamedTuple):
    """What is read of a file at once.

    Attributes:
        file: The file.
        start: Where it begins: a byte, or in Parquet a row group.
        stop: Where it ends; None at the end of the file.
        lines: Lines before it, or in Parquet rows.
        content: Hash of the whole file, where it is known already.
    """

    file: InputFile
    start: int = 0
    stop: int | None = None
    lines: int = 0
    content: str | None = None


def pieces_of(file: InputFile) -> list[Piece]:
    """Divides a file, if it is large and can be divided.

    Args:
        file: Of events; labels are of one piece, for the first row of a user counts.
    """
    whole = [Piece(file)]
    if file.size <= PIECE_BYTES or file.kind != "events" or compression_of(file.path):
        return whole
    with open_stored(file.path) as stored:
        if file.format == "parquet":
            return _row_groups(file, stored) or whole
        return _lines(file, stored) or whole


def _row_groups(file: InputFile, stored: BinaryIO) -> list[Piece]:
    try:
        metadata = open_parquet(stored).metadata
    except (pa.ArrowException, OSError):
        return []  # Whoever reads it says so.
    pieces, start, rows, before, size = [], 0, 0, 0, 0
    for group in range(metadata.num_row_groups):
        row_group = metadata.row_group(group)
        rows += row_group.num_rows
        size += sum(
            row_group.column(column).total_compressed_size
            for column in range(row_group.num_columns)
        )
        if size >= PIECE_BYTES or group + 1 == metadata.num_row_groups:
            pieces.append(Piece(file, start, group + 1, before))
            start, before, size = group + 1, rows, 0
    return pieces


def _lines(file: InputFile, stored: BinaryIO) -> list[Piece]:
    if not is_utf8_stream(stored):
        return []
    digest = hashlib.blake2b(digest_size=16)
    starts, read, lines = [(0, 0)], 0, 0
    for block in _blocks(stored):
        if file.format == "csv" and b'"' in block:
            return []
        digest.update(block)
        due = max(len(starts) * PIECE_BYTES, starts[-1][0] + 1)
        # The first line that begins where the piece is due, or after that.
        end = block.find(b"\n", max(due - read - 1, 0)) if due <= read + len(block) else -1
        if end >= 0 and read + end + 1 < file.size:
            starts.append((read + end + 1, lines + block.count(b"\n", 0, end + 1)))
        lines += block.count(b"\n")
        read += len(block)
    # That it has the keys is seen by the first objects, which must be in one piece.
    if file.format == "jsonl" and len(starts) > 1 and starts[1][1] < PROBED_OBJECTS:
        return []
    stops = [start for start, _ in starts[1:]]
    content = None if "://" in file.path else f"blake2b:{digest.hexdigest()}"
    return [
        Piece(file, start, stop, before, content)
        for (start, before), stop in zip(starts, [*stops, None], strict=True)
    ]


def _blocks(stored: BinaryIO) -> Iterator[bytes]:
    while block := stored.read(_BLOCK_BYTES):
        yield block
