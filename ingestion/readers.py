"""Reads JSONL, CSV and Parquet a record at a time.

A record is its line (in Parquet its row), counted from 1, and the values of the wanted columns or,
if the line cannot be read, the `BadValue` that says why.
"""

import csv
import functools
import gzip
import itertools
import json
import re
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ingestion.columns import has_column, path_columns, value_of
from ingestion.encodings import as_utf8
from ingestion.errors import BadValue, DataError
from ingestion.files import InputFile
from ingestion.timestamps import UnixSeconds

Record = tuple[int, tuple[Any, ...] | BadValue]

LINE_BYTES = 16 * 2**20
"""A line, or a CSV record of several lines, may be so long, with its end; the rest is skipped."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# One stray quote makes the csv module collect all that follows into one field, up to this length.
_CSV_FIELD_CHARACTERS = 2**20
# JSON objects may leave keys out; a key that none of so many has is taken for a wrong name.
_PROBED_OBJECTS = 1000
_DELIMITERS = (",", ";", "\t", "|")
_NAMED_DELIMITER = re.compile(r"sep=(.)\r?\n?")
_PARQUET_ROWS = 4096
_READ_BUFFER_BYTES = 2**20
_TOO_LONG = f"more than {LINE_BYTES / 2**20:.0f} MiB"


def read_records(file: InputFile, columns: tuple[str, ...], remedy: str) -> Iterator[Record]:
    """Reads a file from its beginning.

    Args:
        file: What to read.
        columns: Names of the wanted columns; `user.id` is a field of a nested one, and what the
            file lacks may stand in its path, as `date=2024-01-31`.
        remedy: What to do about a column that the file does not have, a sentence.

    Yields:
        The records, each with the values in the order of `columns`. Parquet timestamps are
        `UnixSeconds`, other values as the file holds them, or None.

    Raises:
        DataError: The file lacks a column, is damaged, or is not Parquet.
    """
    if file.size:
        read = {"jsonl": _read_jsonl, "csv": _read_csv, "parquet": _read_parquet}[file.format]
        yield from read(file, columns, remedy)


def column_names(file: InputFile, objects: int) -> list[str]:
    """Returns the names of a file's columns.

    Args:
        file: What to look at.
        objects: Of how many JSON objects, the first ones, the keys are taken.

    Raises:
        DataError: They cannot be read.
    """
    if file.format == "csv":
        _, header = _csv_rows(file, _DecodedLines(file), ())
        return header
    if file.format == "parquet":
        with _open(file.path) as stored:
            try:
                return list(pq.ParquetFile(stored).schema_arrow.names)
            except (pa.ArrowException, OSError) as error:
                raise _no_parquet(file, 0, error) from error
    keys: dict[str, None] = {}
    for _, raw in itertools.islice(_lines(file), objects):
        try:
            record = json.loads(raw or b"")
        except (ValueError, RecursionError):
            continue
        if isinstance(record, dict):
            keys |= dict.fromkeys(record)
    return list(keys)


def _read_jsonl(file: InputFile, columns: tuple[str, ...], remedy: str) -> Iterator[Record]:
    in_path = path_columns(file.path)
    unseen, objects = set(columns) - set(in_path), 0
    plain = not in_path and not any("." in column for column in columns)
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
            unseen = {column for column in unseen if not has_column(record, column)}
            if unseen and objects == _PROBED_OBJECTS:
                break
        if plain:
            yield line, tuple(record.get(column) for column in columns)
        else:
            yield line, tuple(value_of({**in_path, **record}, column) for column in columns)
    if unseen and objects:
        _check_columns(file, columns, sorted(keys), remedy)


def _read_csv(file: InputFile, columns: tuple[str, ...], remedy: str) -> Iterator[Record]:
    decoded = _DecodedLines(file)
    rows, header = _csv_rows(file, decoded, columns)
    if not header:
        return
    in_path = path_columns(file.path)
    _check_columns(file, columns, [*header, *in_path], remedy)
    for column in columns:
        if header.count(column) > 1:
            raise DataError(f"{file.path}:1: {column} is the name of several columns. Rename them.")
    places = [header.index(column) if column in header else -1 for column in columns]
    constants = [in_path.get(column) for column in columns]
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
            yield (
                first,
                tuple(
                    row[place] if place >= 0 else constant
                    for place, constant in zip(places, constants, strict=True)
                )
                if in_path
                else tuple(row[place] for place in places),
            )
        elif row:
            yield first, BadValue("malformed_csv", detail=f"{len(row)} fields, not {len(header)}")


def _csv_rows(
    file: InputFile, decoded: "_DecodedLines", columns: tuple[str, ...]
) -> tuple[Iterator[list[str]], list[str]]:
    """Returns the rows below the header, and the header; of a file without a line an empty one."""
    csv.field_size_limit(_CSV_FIELD_CHARACTERS)
    try:
        first_lines = list(itertools.islice(decoded, 1))
        # Excel's own way to name the delimiter.
        if first_lines and (named := _NAMED_DELIMITER.fullmatch(first_lines[0])):
            delimiter, first_lines = named[1], []
        else:
            delimiter = _delimiter(first_lines, columns)
        lines = itertools.chain(first_lines, decoded)
        rows = csv.reader(lines, strict=True, delimiter=delimiter)
        header = [name.strip() for name in next(rows, [])]
    except csv.Error as error:
        raise DataError(
            f"{file.path}:1: the header is malformed: {error}. Write the column names there."
        ) from error
    if header and decoded.problem:
        raise DataError(f"{file.path}:1: in the header, {decoded.problem}")
    return rows, header


def _delimiter(first_lines: list[str], columns: tuple[str, ...]) -> str:
    """Returns the delimiter by which the header has most of the wanted columns, then most names."""

    def fitness(delimiter: str) -> tuple[int, int]:
        try:
            names = next(csv.reader(first_lines, strict=True, delimiter=delimiter), [])
        except csv.Error:
            return 0, 0
        names = [name.strip() for name in names]
        return sum(column in names for column in columns), len(names)

    # Of those as good the first, which is the comma.
    return max(_DELIMITERS, key=fitness)


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
        DataError: The gzip stream ends early or is damaged, which Beam's own reader passes over,
            or what begins as UTF-16 does not go on so.
    """
    line = 0
    with _open(file.path) as stored:
        try:
            stream = as_utf8(gzip.GzipFile(fileobj=stored) if file.gzipped else stored)
            # A byte more than allowed tells a line that is too long from one that is just as long.
            beginnings = iter(functools.partial(stream.readline, LINE_BYTES + 1), b"")
            for line, raw in enumerate(beginnings, 1):
                if len(raw) > LINE_BYTES:
                    # Of what may be gigabytes only a buffer is held.
                    while raw and not raw.endswith(b"\n"):
                        raw = stream.readline(_READ_BUFFER_BYTES)
                    yield line, None
                else:
                    yield line, raw.removeprefix(_BYTE_ORDER_MARK) if line == 1 else raw
        except UnicodeDecodeError as error:
            raise DataError(
                f"{file.path}: begins as {error.encoding.upper()} and is not after line {line} "
                f"({error.reason}). Write it again, as UTF-8."
            ) from error
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise DataError(
                f"{file.path}: the gzip stream is truncated or damaged after line {line} "
                f"({error}). Copy or compress the file again."
            ) from error


def _read_parquet(file: InputFile, columns: tuple[str, ...], remedy: str) -> Iterator[Record]:
    row = 0
    with _open(file.path) as stored:
        try:
            # Without a buffer size a whole row group would be read at once.
            table = pq.ParquetFile(stored, buffer_size=_READ_BUFFER_BYTES)
            if not table.metadata.num_rows:
                return
            schema, in_path = table.schema_arrow, path_columns(file.path)
            places = {column: _place(schema, column) for column in columns}
            known = [column for column in columns if places[column] or column in in_path]
            _check_columns(file, columns, [*dict.fromkeys([*known, *schema.names])], remedy)
            wanted = [column for column in columns if places[column]]
            for batch in table.iter_batches(_PARQUET_ROWS, columns=wanted):
                values = [
                    _to_python(_column(batch, places[column]))
                    if places[column]
                    else [in_path[column]] * batch.num_rows
                    for column in columns
                ]
                for record in zip(*values, strict=True):
                    row += 1
                    yield row, record
        except (pa.ArrowException, OSError) as error:
            raise _no_parquet(file, row, error) from error


def _no_parquet(file: InputFile, row: int, error: Exception) -> DataError:
    return DataError(
        f"{file.path}: not a Parquet file, or damaged after row {row} ({error}). Write it again."
    )


def _to_python(column: pa.Array) -> list[Any]:
    """Returns a column's values, points in time as Unix seconds."""
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        zone = getattr(column.type, "tz", None)
        microseconds = column.cast(pa.timestamp("us", zone), safe=False).cast(pa.int64())
        column = pc.divide(microseconds.cast(pa.float64(), safe=False), 1e6)
        return [None if value is None else UnixSeconds(value) for value in column.to_pylist()]
    values: list[Any] = column.to_pylist()
    return values


def _place(schema: pa.Schema, column: str) -> tuple[str, ...]:
    """Returns a column's name, or the names on the way to a field of a nested one; () if none."""
    if column in schema.names:
        return (column,)
    path: list[str] = []
    fields: Any = schema
    for name in column.split("."):
        names = [field.name for field in fields]
        if name not in names:
            return ()
        path.append(name)
        kind = fields.field(names.index(name)).type if fields is schema else fields[name].type
        fields = kind if pa.types.is_struct(kind) else ()
    return tuple(path)


def _column(batch: pa.RecordBatch, place: tuple[str, ...]) -> pa.Array:
    column = batch.column(batch.schema.names.index(place[0]))
    for name in place[1:]:
        # Flattened, so that of a struct that is null its fields are.
        names = [field.name for field in column.type]
        column = column.flatten()[names.index(name)]
    return column


def _check_columns(
    file: InputFile, columns: tuple[str, ...], present: list[str], remedy: str
) -> None:
    missing = [column for column in columns if column not in present]
    if missing:
        raise DataError(
            f"{file.path} has no column {', '.join(missing)}; it has: {', '.join(present)}. "
            f"{remedy}"
        )


def _open(path: str) -> BinaryIO:
    """Opens a file as it is stored; only a file of a store takes Beam, which is slow to import."""
    if "://" not in path:
        return open(path, "rb")
    from apache_beam.io.filesystem import CompressionTypes
    from apache_beam.io.filesystems import FileSystems

    stored: BinaryIO = FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED)
    return stored
