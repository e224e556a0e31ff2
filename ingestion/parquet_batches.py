"""Parquet as columns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ingestion.batches import Batch
from ingestion.errors import DataError
from ingestion.timestamps import UnixSeconds

_ROWS = 65_536
_BATCH_BYTES = 16 * 2**20
_BUFFER_BYTES = 2**20


def open_parquet(stored: BinaryIO) -> pq.ParquetFile:
    """Opens a file; without a buffer size a whole row group would be read at once."""
    return pq.ParquetFile(stored, buffer_size=_BUFFER_BYTES)


class ParquetBatches:
    """Reads a Parquet file.

    Args:
        table: The file.
        places: Of each wanted column its name, or the names on the way to a field of a nested
            one; () where it is a constant.
        constants: Of each wanted column its value if it is a constant.
        groups: The row groups to read.
        row: Number of the row before them.

    Attributes:
        row: Number of the last row that was given out, from 1.
    """

    def __init__(
        self,
        table: pq.ParquetFile,
        places: list[tuple[str, ...]],
        constants: list[str | None],
        groups: range,
        row: int,
    ):
        self.row = row
        self._groups = groups
        self._table = table
        self._places = places
        self._constants = constants

    def __iter__(self) -> Iterator[Batch]:
        names = [".".join(place) for place in self._places if place]
        for batch in self._table.iter_batches(self._size(), self._groups, columns=names):
            columns = tuple(
                column_at(batch, place)
                if place
                else pa.array([constant] * batch.num_rows, pa.string())
                for place, constant in zip(self._places, self._constants, strict=True)
            )
            lines = np.arange(self.row + 1, self.row + 1 + batch.num_rows)
            self.row += batch.num_rows
            yield Batch(lines, columns, _values_of(columns))

    def _size(self) -> int:
        """Returns in how many rows to read, so that long texts do not fill the memory."""
        metadata = self._table.metadata
        groups = [metadata.row_group(group) for group in self._groups]
        widest = max(
            (group.total_byte_size / group.num_rows for group in groups if group.num_rows),
            default=1.0,
        )
        return int(min(max(_BATCH_BYTES / max(widest, 1.0), 1), _ROWS))


def _values_of(columns: tuple[pa.Array, ...]) -> Any:
    return lambda row: tuple(to_python(column.slice(row, 1))[0] for column in columns)


def to_python(column: pa.Array) -> list[Any]:
    """Returns a column's values, points in time as Unix seconds."""
    if is_moment(column.type):
        return [
            None if value is None else UnixSeconds(value) for value in moments(column).to_pylist()
        ]
    try:
        values: list[Any] = column.to_pylist()
    except UnicodeDecodeError:
        # Parquet's writers need not look at what they call text.
        values = column.cast(pa.large_binary()).to_pylist()
    return values


def is_moment(kind: pa.DataType) -> bool:
    """Whether a column holds points in time."""
    return bool(pa.types.is_timestamp(kind) or pa.types.is_date(kind))


def moments(column: pa.Array) -> pa.Array:
    """Returns the Unix seconds of points in time, float64."""
    zone = getattr(column.type, "tz", None)
    microseconds = column.cast(pa.timestamp("us", zone), safe=False).cast(pa.int64())
    return pc.divide(microseconds.cast(pa.float64(), safe=False), 1e6)


def place_of(schema: pa.Schema, column: str) -> tuple[str, ...]:
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


def column_at(batch: pa.RecordBatch, place: tuple[str, ...]) -> pa.Array:
    """Returns a column of a batch."""
    column = batch.column(batch.schema.names.index(place[0]))
    for name in place[1:]:
        # Flattened, so that of a struct that is null its fields are.
        names = [field.name for field in column.type]
        column = column.flatten()[names.index(name)]
    return column


def no_parquet(path: str, row: int, error: Exception) -> DataError:
    """Returns what to raise of a file that Arrow cannot read on after a row."""
    return DataError(
        f"{path}: not a Parquet file, or damaged after row {row} ({error}). Write it again."
    )
