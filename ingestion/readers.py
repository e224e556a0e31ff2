"""Reads JSONL, CSV and Parquet, a record at a time or many at once.

A record is its line (in Parquet its row), counted from 1, and the values of the wanted columns or,
if the line cannot be read, the `BadValue` that says why.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator

import pyarrow as pa

from ingestion.batches import Batch, Record
from ingestion.columns import path_columns
from ingestion.csv_batches import CsvBatches
from ingestion.csv_records import CsvColumns, CsvRows, Header, read_header
from ingestion.errors import BadValue, DataError
from ingestion.files import InputFile
from ingestion.json_batches import JsonBatches
from ingestion.json_records import JsonRecords
from ingestion.lines import Lines, open_lines
from ingestion.opening import open_stored
from ingestion.parquet_batches import (
    ParquetBatches,
    no_parquet,
    open_parquet,
    place_of,
    to_python,
)
from ingestion.pieces import Piece

LINE_BYTES = 16 * 2**20
"""A line, or a CSV record of several lines, may be so long, with its end; the rest is skipped."""


def read_records(file: InputFile, columns: tuple[str, ...], remedy: str) -> Iterator[Record]:
    """Reads a file from its beginning, a record at a time.

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
    if not file.size:
        return
    if file.format == "parquet":
        for batch in _read_parquet(Piece(file), columns, remedy):
            values = zip(*map(to_python, batch.columns), strict=True)
            yield from zip(batch.lines.tolist(), values, strict=True)
        return
    with open_lines(file.path, LINE_BYTES) as lines:
        if file.format == "csv":
            if found := _csv(file, lines, columns, remedy):
                header, wanted = found
                rows = CsvRows(lines, header, LINE_BYTES)
                while (records := rows.read()) is not None:
                    yield from map(wanted, records)
        else:
            objects = JsonRecords(lines, columns, path_columns(file.path), LINE_BYTES)
            yield from objects
            _check_seen(file, objects, columns, remedy)


def read_batches(piece: Piece, columns: tuple[str, ...], remedy: str) -> Iterator[Batch | Record]:
    """Reads a file, or a piece of it, many records at once.

    Args:
        piece: What to read.
        columns: As of `read_records`.
        remedy: As there.

    Yields:
        What `read_records` yields, as batches, and one by one what is not to be had so.

    Raises:
        DataError: As there.
    """
    file = piece.file
    if not file.size:
        return
    if file.format == "parquet":
        yield from _read_parquet(piece, columns, remedy)
        return
    place = (piece.start, piece.stop, piece.lines)
    with open_lines(file.path, LINE_BYTES, *place) as lines:
        if file.format == "csv":
            if piece.start:
                with open_lines(file.path, LINE_BYTES) as first_lines:
                    found = _csv(file, first_lines, columns, remedy)
            else:
                found = _csv(file, lines, columns, remedy)
            if found:
                header, wanted = found
                rows = CsvRows(lines, header, LINE_BYTES)
                yield from CsvBatches(lines, rows, wanted, LINE_BYTES)
            return
        objects = JsonRecords(lines, columns, path_columns(file.path), LINE_BYTES)
        if piece.start:
            # The first piece sees to it that the file has the keys.
            objects.unseen.clear()
        plain = objects.plain and len(set(columns)) == len(columns)
        for record in objects:
            yield record
            _, values = record
            if plain and not objects.unseen and not isinstance(values, BadValue):
                yield from JsonBatches(lines, columns, LINE_BYTES, values)
        _check_seen(file, objects, columns, remedy)


def column_names(file: InputFile, objects: int) -> list[str]:
    """Returns the names of a file's columns.

    Args:
        file: What to look at.
        objects: Of how many JSON objects, the first ones, the keys are taken.

    Raises:
        DataError: They cannot be read.
    """
    if file.format == "parquet":
        with open_stored(file.path) as stored:
            try:
                return list(open_parquet(stored).schema_arrow.names)
            except (pa.ArrowException, OSError) as error:
                raise no_parquet(file.path, 0, error) from error
    with open_lines(file.path, LINE_BYTES) as lines:
        if file.format == "csv":
            return read_header(lines, file.path, (), LINE_BYTES).names
        keys: dict[str, None] = {}
        for _, raw in itertools.islice(lines, objects):
            try:
                record = json.loads(raw or b"")
            except (ValueError, RecursionError):
                continue
            if isinstance(record, dict):
                keys |= dict.fromkeys(record)
        return list(keys)


def _csv(
    file: InputFile, lines: Lines, columns: tuple[str, ...], remedy: str
) -> tuple[Header, CsvColumns] | None:
    """Reads the header; None if there is none."""
    header = read_header(lines, file.path, columns, LINE_BYTES)
    if not header.names:
        return None
    in_path = path_columns(file.path)
    _check_columns(file, columns, [*header.names, *in_path], remedy)
    return header, CsvColumns(file.path, header.names, columns, in_path)


def _read_parquet(piece: Piece, columns: tuple[str, ...], remedy: str) -> Iterator[Batch]:
    file, row = piece.file, piece.lines
    with open_stored(file.path) as stored:
        try:
            table = open_parquet(stored)
            if not table.metadata.num_rows:
                return
            schema, in_path = table.schema_arrow, path_columns(file.path)
            places = [place_of(schema, column) for column in columns]
            known = [
                column
                for column, place in zip(columns, places, strict=True)
                if place or column in in_path
            ]
            _check_columns(file, columns, [*dict.fromkeys([*known, *schema.names])], remedy)
            stop = table.metadata.num_row_groups if piece.stop is None else piece.stop
            constants = [in_path.get(column) for column in columns]
            groups = range(piece.start, stop)
            for batch in ParquetBatches(table, places, constants, groups, row):
                yield batch
                row = int(batch.lines[-1])
        except (pa.ArrowException, OSError) as error:
            raise no_parquet(file.path, row, error) from error


def _check_seen(
    file: InputFile, objects: JsonRecords, columns: tuple[str, ...], remedy: str
) -> None:
    if objects.unseen and objects.objects:
        _check_columns(file, columns, sorted(objects.keys), remedy)


def _check_columns(
    file: InputFile, columns: tuple[str, ...], present: list[str], remedy: str
) -> None:
    missing = [column for column in columns if column not in present]
    if missing:
        raise DataError(
            f"{file.path} has no column {', '.join(missing)}; it has: {', '.join(present)}. "
            f"{remedy}"
        )
