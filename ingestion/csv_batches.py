"""Blocks of CSV lines as columns.

Only lines that surely are one record each, of the right number of fields, go to Arrow, whose reader
lets pass what the csv module refuses. The csv module reads the others, and with them the lines that
a record of theirs goes on in.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv

from ingestion.batches import Batch, Record
from ingestion.csv_records import FIELD_CHARACTERS, CsvColumns, CsvRows
from ingestion.lines import Lines
from ingestion.text_blocks import LineTable, is_utf8

_QUOTE, _RETURN = ord('"'), ord("\r")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class CsvBatches:
    """Reads what is left of a CSV file below its header.

    Args:
        lines: The lines.
        rows: Reads rows of the same lines.
        columns: Finds the wanted columns in a row.
        most: Bytes that a line may have, with its end.
    """

    def __init__(self, lines: Lines, rows: CsvRows, columns: CsvColumns, most: int):
        self._lines = lines
        self._rows = rows
        self._columns = columns
        # No field can be longer than its line.
        self._most = min(most, FIELD_CHARACTERS)
        self._delimiter = rows.header.delimiter.encode()
        # Arrow takes no other, and a quote or a line's end as delimiter is beyond telling.
        self._fits = len(self._delimiter) == 1 and rows.header.delimiter not in '"\r\n'

    def __iter__(self) -> Iterator[Batch | Record]:
        while self._fits:
            before = self._lines.line
            block = self._lines.block()
            if not block:
                return
            table = LineTable(block, before + 1)
            plain = self._plain(table)
            yield from self._others(table, plain)
            yield from self._read(table, np.flatnonzero(plain & ~table.empty))
        while (records := self._rows.read()) is not None:
            yield from map(self._columns, records)

    def _plain(self, table: LineTable) -> npt.NDArray[np.bool_]:
        """Tells which lines are a record each if one begins with them, or are empty."""
        block, bytes_ = table.block, table.bytes
        plain: npt.NDArray[np.bool_] = table.sizes <= self._most
        if b"\0" in block:
            plain &= ~table.having(np.flatnonzero(bytes_ == 0))
        returns = np.flatnonzero(bytes_ == _RETURN)
        if len(returns):
            plain &= ~table.having(returns[returns < table.stops[table.of(returns)]])
        if not is_utf8(block):
            plain &= table.utf8()
        if _BYTE_ORDER_MARK in block:
            plain &= bytes_[table.starts] != _BYTE_ORDER_MARK[0]
        delimiters = np.flatnonzero(bytes_ == self._delimiter[0])
        quotes = np.flatnonzero(bytes_ == _QUOTE)
        if len(quotes):
            plain &= self._quoted_well(table, quotes)
            # Within a line whose quotes are well an odd number of them opens a field.
            before = np.searchsorted(quotes, delimiters)
            before -= np.searchsorted(quotes, table.starts)[table.of(delimiters)]
            delimiters = delimiters[before % 2 == 0]
        fields = table.count(delimiters) + 1
        plain &= table.empty | (fields == len(self._rows.header.names))
        return plain

    def _quoted_well(
        self, table: LineTable, quotes: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.bool_]:
        """Tells which lines have quotes only around whole fields, and in them only doubled."""
        bytes_, of = table.bytes, table.of(quotes)
        number = np.arange(len(quotes)) - np.searchsorted(quotes, table.starts)[of]
        opens = number % 2 == 0
        before, after = bytes_[quotes - 1], bytes_[np.minimum(quotes + 1, len(bytes_) - 1)]
        delimiter = self._delimiter[0]
        begins = (quotes == table.starts[of]) | (before == delimiter) | (before == _QUOTE)
        ends = (quotes + 1 == table.stops[of]) | (after == delimiter) | (after == _QUOTE)
        # A quote that follows another one is the second of a pair if that one closed a field.
        wrong = np.where(opens, ~begins, ~ends)
        well: npt.NDArray[np.bool_] = table.count(quotes) % 2 == 0
        well[of[wrong]] = False
        return well

    def _others(self, table: LineTable, plain: npt.NDArray[np.bool_]) -> Iterator[Record]:
        """Reads the other lines; those that their records go on in are plain no more."""
        others = np.flatnonzero(~plain)
        last, end = len(plain), len(table.block)
        done = 0
        for place in map(int, others):
            if place < done:
                continue
            start = int(table.starts[place])
            self._lines.move(start - end, place - last)
            records = self._rows.read()
            yield from map(self._columns, records or [])
            done = self._lines.line - table.first + 1
            plain[place:done] = False
            if done > last or (done == last and place < last):
                return
            self._lines.move(end - int(table.starts[done]), last - done)

    def _read(self, table: LineTable, places: npt.NDArray[np.int64]) -> Iterator[Batch | Record]:
        if not len(places):
            return
        header = [str(place) for place in range(len(self._rows.header.names))]
        wanted = [str(place) for place in self._columns.places if place >= 0]
        content = table.join(places)
        read = pyarrow.csv.read_csv(
            pa.BufferReader(content),
            read_options=pyarrow.csv.ReadOptions(
                use_threads=False, block_size=len(content) + 1, column_names=header
            ),
            parse_options=pyarrow.csv.ParseOptions(delimiter=self._rows.header.delimiter),
            convert_options=pyarrow.csv.ConvertOptions(
                include_columns=wanted,
                column_types=dict.fromkeys(wanted, pa.string()),
                null_values=[],
            ),
        )
        columns = tuple(
            read.column(str(place)).combine_chunks()
            if place >= 0
            else pa.array([constant] * len(places), pa.string())
            for place, constant in zip(self._columns.places, self._columns.constants, strict=True)
        )
        yield Batch(
            table.first + places,
            columns,
            lambda row: tuple(column[row].as_py() for column in columns),
        )
