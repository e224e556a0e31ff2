"""Reads JSONL, CSV and Parquet a record at a time.

A record is its line (in Parquet its row), counted from 1, and the values of the wanted columns or,
if the line cannot be read, the `BadValue` that says why.
"""

import csv
import functools
import gzip
import json
import zlib
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems

from ingestion.errors import BadValue, DataError
from ingestion.files import InputFile

Record = tuple[int, tuple[Any, ...] | BadValue]

LINE_BYTES = 16 * 2**20
"""A line, or a CSV record of several lines, may be so long, with its end; the rest is skipped."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# One stray quote makes the csv module collect all that follows into one field, up to this length.
_CSV_FIELD_CHARACTERS = 2**20
# JSON objects may leave keys out; a key that none of so many has is taken for a wrong name.
_PROBED_OBJECTS = 1000
_PARQUET_ROWS = 4096
_READ_BUFFER_BYTES = 2**20
_TOO_LONG = f"more than {LINE_BYTES / 2**20:.0f} MiB"


def read_records(file: InputFile, columns: tuple[str, ...], remedy: str) -> Iterator[Record]:
    """Reads a file from its beginning.

    Args:
        file: What to read.
        columns: Names of the wanted columns.
        remedy: What to do about a column that the file does not have, a sentence.

    Yields:
        The records, each with the values in the order of `columns`. Parquet timestamps are Unix
        seconds, other values as the file holds them, or None.

    Raises:
        DataError: The file lacks a column, is damaged, holds no record, or is not Parquet.
    """
    read = {"jsonl": _read_jsonl, "csv": _read_csv, "parquet": _read_parquet}[file.format]
    line = 0
    for line, values in read(file, columns, remedy):
        yield line, values
    if not line:
        raise DataError(f"{file.path} holds no record. Write it again, or remove it.")


def _read_jsonl(file: InputFile, columns: tuple[str, ...], remedy: str) -> Iterator[Record]:
    unseen, objects = set(columns), 0
    keys: set[str] = set()
    for line, raw in _lines(file):
        if raw is None:
            yield line, BadValue("line_too_long", detail=_TOO_LONG)
            continue
        if raw.isspace():
            continue
        try:
            record = json.loads(raw.decode())
        except UnicodeDecodeError:
            yield line, BadValue("invalid_utf8", raw)
            continue
        except (ValueError, RecursionError):
            yield line, BadValue("invalid_json", raw.decode().strip())
            continue
        if not isinstance(record, dict):
            yield line, BadValue("not_an_object", record)
            continue
        if unseen:
            objects += 1
            keys.update(record)
            unseen.difference_update(record)
            if unseen and objects == _PROBED_OBJECTS:
                break
        yield line, tuple(record.get(column) for column in columns)
    if unseen and objects:
        _check_columns(file, columns, sorted(keys), remedy)


def _read_csv(file: InputFile, columns: tuple[str, ...], remedy: str) -> Iterator[Record]:
    csv.field_size_limit(_CSV_FIELD_CHARACTERS)
    decoded = _DecodedLines(file)
    rows = csv.reader(decoded, strict=True)
    try:
        header = [name.strip() for name in next(rows, [])]
    except csv.Error as error:
        raise DataError(
            f"{file.path}:1: the header is malformed: {error}. Write the column names there."
        ) from error
    _check_columns(file, columns, header, remedy)
    places = [header.index(column) for column in columns]
    while True:
        first = decoded.line + 1
        decoded.begin_record()
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            reason = "line_too_long" if isinstance(error, _LineTooLong) else "malformed_csv"
            # All lines that the record swallowed are lost, so all of them count.
            for line in range(first, max(first, decoded.line) + 1):
                yield line, BadValue(reason, detail=str(error))
            continue
        if decoded.problem:
            yield first, decoded.problem
        elif len(row) == len(header):
            yield first, tuple(row[place] for place in places)
        elif row:
            yield first, BadValue("malformed_csv", detail=f"{len(row)} fields, not {len(header)}")


class _LineTooLong(csv.Error):
    """Makes the csv module give up the record and begin another with the next line."""


class _DecodedLines:
    """Lines as text for the csv module, which would stop for good where decoding raises.

    Attributes:
        line: Number of the last line.
        problem: What is wrong with the text of the record, if anything.
    """

    def __init__(self, file: InputFile):
        self._lines = _lines(file)
        self.line = 0
        self.problem: BadValue | None = None
        self._record_bytes = 0

    def begin_record(self) -> None:
        """Forgets the record before."""
        self.problem = None
        self._record_bytes = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        self.line, raw = next(self._lines)
        if raw is None:
            raise _LineTooLong(_TOO_LONG)
        # Many quoted fields with line breaks make a record endless, though each of them is short.
        self._record_bytes += len(raw)
        if self._record_bytes > LINE_BYTES:
            raise csv.Error(f"a record of {_TOO_LONG}")
        # The csv module of Python 3.10 refuses NUL, later ones let it pass.
        if b"\0" in raw:
            self.problem = BadValue("malformed_csv", detail="a NUL character")
            raw = raw.replace(b"\0", b"")
        try:
            return raw.decode()
        except UnicodeDecodeError:
            self.problem = BadValue("invalid_utf8", raw)
            return raw.decode(errors="replace")


def _lines(file: InputFile) -> Iterator[tuple[int, bytes | None]]:
    """Yields numbered lines with their ends; None for one of more than `LINE_BYTES`.

    Raises:
        DataError: The gzip stream ends early or is damaged, which Beam's own reader passes over.
    """
    line = 0
    with FileSystems.open(file.path, compression_type=CompressionTypes.UNCOMPRESSED) as stored:
        stream = gzip.GzipFile(fileobj=stored) if file.gzipped else stored
        # A byte more than allowed tells a line that is too long from one that is just as long.
        beginnings = iter(functools.partial(stream.readline, LINE_BYTES + 1), b"")
        try:
            for line, raw in enumerate(beginnings, 1):
                if len(raw) > LINE_BYTES:
                    # Of what may be gigabytes only a buffer is held.
                    while raw and not raw.endswith(b"\n"):
                        raw = stream.readline(_READ_BUFFER_BYTES)
                    yield line, None
                else:
                    yield line, raw.removeprefix(_BYTE_ORDER_MARK) if line == 1 else raw
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise DataError(
                f"{file.path}: the gzip stream is truncated or damaged after line {line} "
                f"({error}). Copy or compress the file again."
            ) from error


def _read_parquet(file: InputFile, columns: tuple[str, ...], remedy: str) -> Iterator[Record]:
    row = 0
    with FileSystems.open(file.path, compression_type=CompressionTypes.UNCOMPRESSED) as stored:
        try:
            # Without a buffer size a whole row group would be read at once.
            table = pq.ParquetFile(stored, buffer_size=_READ_BUFFER_BYTES)
            _check_columns(file, columns, table.schema_arrow.names, remedy)
            for batch in table.iter_batches(_PARQUET_ROWS, columns=list(columns)):
                values = [_to_python(batch.column(batch.schema.names.index(c))) for c in columns]
                for record in zip(*values, strict=True):
                    row += 1
                    yield row, record
        except (pa.ArrowException, OSError) as error:
            raise DataError(
                f"{file.path}: not a Parquet file, or damaged after row {row} ({error}). Write "
                "it again."
            ) from error


def _to_python(column: pa.Array) -> list[Any]:
    """Returns a column's values, points in time as Unix seconds."""
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        zone = getattr(column.type, "tz", None)
        microseconds = column.cast(pa.timestamp("us", zone), safe=False).cast(pa.int64())
        column = pc.divide(microseconds.cast(pa.float64(), safe=False), 1e6)
    values: list[Any] = column.to_pylist()
    return values


def _check_columns(
    file: InputFile, columns: tuple[str, ...], present: list[str], remedy: str
) -> None:
    missing = [column for column in columns if column not in present]
    if missing:
        raise DataError(
            f"{file.path} has no column {', '.join(missing)}; it has: {', '.join(present)}. "
            f"{remedy}"
        )
