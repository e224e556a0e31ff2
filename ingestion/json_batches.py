"""Blocks of JSON lines as columns.

Arrow reads a block as a row of objects, wherever they begin and end, and is laxer than Python here
and there. So only lines that surely mean the same to both go to Arrow; the others, and what Arrow
refuses, are read one by one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.json

from ingestion.batches import Batch, Record
from ingestion.errors import BadValue
from ingestion.json_records import json_values
from ingestion.lines import Lines, too_long
from ingestion.text_blocks import LineTable, is_utf8

# Where Arrow refuses so many lines or fewer, they are read one by one.
_SMALL = 64
_PIECES = 8
# Python gives up on objects within objects somewhere below a thousand.
_DEEP = 100
# Arrow takes `Inf` for a number.
_INF = re.compile(rb"[:\[,]\s*-?Inf")
_TYPES = {str: pa.string(), int: pa.int64(), float: pa.float64()}


class JsonBatches:
    """Reads what is left of a JSONL file.

    Args:
        lines: The lines.
        columns: Names of the wanted keys, all different, none of a nested object.
        most: Bytes that a line may have, with its end.
        example: Values of these keys, of which types others are expected to be.
    """

    def __init__(self, lines: Lines, columns: tuple[str, ...], most: int, example: tuple[Any, ...]):
        self._lines = lines
        self._columns = columns
        self._most = most
        self._types = {
            column: _TYPES.get(type(value), pa.string())
            for column, value in zip(columns, example, strict=True)
        }

    def __iter__(self) -> Iterator[Batch | Record]:
        while True:
            before = self._lines.line
            block = self._lines.block()
            if not block:
                return
            table = LineTable(block, before + 1)
            whole = self._understood(table)
            for place in np.flatnonzero(~whole & ~table.empty):
                yield from self._one(table, int(place))
            yield from self._read(table, np.flatnonzero(whole))

    def _understood(self, table: LineTable) -> npt.NDArray[np.bool_]:
        """Tells which lines are one JSON object each, if they are JSON at all."""
        block, bytes_ = table.block, table.bytes
        # Within JSON a `}` is never followed by a `{`, so that each line that begins and ends so
        # begins and ends an object; that it is only one is seen by their number.
        whole: npt.NDArray[np.bool_] = ~table.empty & (table.sizes <= self._most)
        whole &= bytes_[table.starts] == ord("{")
        whole &= bytes_[table.stops - 1] == ord("}")
        if b"\0" in block:
            whole &= ~table.having(np.flatnonzero(bytes_ == 0))
        if b"Inf" in block:
            places = np.array([match.start() for match in _INF.finditer(block)], np.int64)
            whole &= ~table.having(places)
        if block.count(b"[") + block.count(b"{") - len(whole) >= _DEEP:
            opening = np.flatnonzero((bytes_ == ord("[")) | (bytes_ == ord("{")))
            whole &= table.count(opening) < _DEEP
        if not is_utf8(block):
            whole &= table.utf8()
        return whole

    def _read(self, table: LineTable, places: npt.NDArray[np.int64]) -> Iterator[Batch | Record]:
        """Reads some lines at once, or those of them at once that can be."""
        if not len(places):
            return
        columns = self._columns_of(table.join(places), len(places))
        if columns is not None:
            yield Batch(
                table.first + places,
                columns,
                lambda row: json_values(table.line(int(places[row])), self._columns),
            )
        elif len(places) > _SMALL:
            for piece in np.array_split(places, _PIECES):
                yield from self._read(table, piece)
        else:
            found: dict[str, Counter[type]] = {column: Counter() for column in self._columns}
            for place in places:
                for line, values in self._one(table, int(place)):
                    if not isinstance(values, BadValue):
                        for column, value in zip(self._columns, values, strict=True):
                            found[column][type(value)] += 1
                    yield line, values
            for column, kinds in found.items():
                # Null is of every type, and every integer a float too.
                kinds.pop(type(None), None)
                kind = max(kinds, key=lambda each: kinds[each], default=type(None))
                kind = float if kind is int and float in kinds else kind
                self._types[column] = _TYPES.get(kind, self._types[column])

    def _one(self, table: LineTable, place: int) -> Iterator[Record]:
        line = int(table.first + place)
        if table.sizes[place] > self._most:
            yield line, BadValue("line_too_long", detail=too_long(self._most))
        elif not (raw := table.line(place)).isspace():
            yield line, json_values(raw, self._columns)

    def _columns_of(self, content: Any, rows: int) -> tuple[pa.Array, ...] | None:
        """Reads JSON objects by Arrow; None if it cannot, or reads something else."""
        try:
            table = pyarrow.json.read_json(
                pa.BufferReader(content),
                read_options=pyarrow.json.ReadOptions(
                    use_threads=False, block_size=len(content) + 1
                ),
                parse_options=pyarrow.json.ParseOptions(
                    explicit_schema=pa.schema(self._types),
                    unexpected_field_behavior="ignore",
                ),
            )
            if table.num_rows != rows:
                return None
            columns = tuple(_one_chunk(table.column(column)) for column in self._columns)
            for column in columns:
                column.validate(full=True)
        # Arrow's message may quote bytes that are no text.
        except (pa.ArrowException, UnicodeDecodeError):
            return None
        return columns


def _one_chunk(column: pa.ChunkedArray) -> pa.Array:
    if column.num_chunks == 1:
        return column.chunk(0)
    return pa.concat_arrays(column.chunks)
