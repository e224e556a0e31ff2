"""CSV records one at a time, by Python's csv module."""

from __future__ import annotations

import csv
import itertools
import re
from collections.abc import Iterator
from typing import NamedTuple

from ingestion.batches import Record
from ingestion.errors import BadValue, DataError
from ingestion.lines import Lines, too_long

# One stray quote makes the csv module collect all that follows into one field, up to this length.
FIELD_CHARACTERS = 2**20
_DELIMITERS = (",", ";", "\t", "|")
_NAMED_DELIMITER = re.compile(r"sep=(.)\r?\n?")


class Header(NamedTuple):
    """The first record of a CSV file.

    Attributes:
        names: Of the columns; none if the file has no line.
        delimiter: What stands between the fields.
    """

    names: list[str]
    delimiter: str


def read_header(lines: Lines, path: str, columns: tuple[str, ...], most: int) -> Header:
    """Reads the header.

    Args:
        lines: The lines of the file, from the first one.
        path: Of the file, for messages.
        columns: Names of columns that the header should have; they tell the delimiter.
        most: Bytes that a record may have.

    Raises:
        DataError: It cannot be read.
    """
    csv.field_size_limit(FIELD_CHARACTERS)
    decoded = _DecodedLines(lines, most)
    try:
        first_lines = list(itertools.islice(decoded, 1))
        # Excel's own way to name the delimiter.
        if first_lines and (named := _NAMED_DELIMITER.fullmatch(first_lines[0])):
            delimiter, first_lines = named[1], []
        else:
            delimiter = _delimiter(first_lines, columns)
        text = itertools.chain(first_lines, decoded)
        row = next(csv.reader(text, strict=True, delimiter=delimiter), [])
    except csv.Error as error:
        raise DataError(
            f"{path}:1: the header is malformed: {error}. Write the column names there."
        ) from error
    if row and decoded.problem:
        raise DataError(f"{path}:1: in the header, {decoded.problem}")
    return Header([name.strip() for name in row], delimiter)


class CsvRows:
    """What is left of a CSV file below its header, as rows.

    Args:
        lines: The lines.
        header: The file's header.
        most: Bytes that a record may have.

    Attributes:
        header: As given.
    """

    def __init__(self, lines: Lines, header: Header, most: int):
        csv.field_size_limit(FIELD_CHARACTERS)
        self.header = header
        self._decoded = _DecodedLines(lines, most)
        self._rows = csv.reader(self._decoded, strict=True, delimiter=header.delimiter)

    def read(self) -> list[Record] | None:
        """Reads one row, which may be of several lines.

        Returns:
            The row with all its fields; what is wrong with it, for each line of it; nothing of an
            empty line; None at the end.
        """
        first = self._decoded.line + 1
        self._decoded.begin_record()
        try:
            row = next(self._rows)
        except StopIteration:
            return None
        except csv.Error as error:
            reason = "line_too_long" if isinstance(error, _LineTooLong) else "malformed_csv"
            # All lines that the record swallowed are lost, so all of them count.
            return [
                (line, BadValue(reason, detail=str(error)))
                for line in range(first, max(first, self._decoded.line) + 1)
            ]
        if self._decoded.problem:
            return [(first, self._decoded.problem)]
        if len(row) == len(self.header.names):
            return [(first, tuple(row))]
        if row:
            detail = f"{len(row)} fields, not {len(self.header.names)}"
            return [(first, BadValue("malformed_csv", detail=detail))]
        return []


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
        problem: What is wrong with the text of the record, if anything.
    """

    def __init__(self, lines: Lines, most: int):
        self._lines = lines
        self._most = most
        self.problem: BadValue | None = None
        self._record_bytes = 0

    @property
    def line(self) -> int:
        """Number of the last line."""
        return self._lines.line

    def begin_record(self) -> None:
        """Forgets the record before."""
        self.problem = None
        self._record_bytes = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        _, raw = next(self._lines)
        if raw is None:
            raise _LineTooLong(too_long(self._most))
        # Many quoted fields with line breaks make a record endless, though each of them is short.
        self._record_bytes += len(raw)
        if self._record_bytes > self._most:
            raise csv.Error(f"a record of {too_long(self._most)}")
        # The csv module of Python 3.10 refuses NUL, later ones let it pass.
        if b"\0" in raw:
            self.problem = BadValue("malformed_csv", detail="a NUL character")
            raw = raw.replace(b"\0", b"")
        try:
            return raw.decode()
        except UnicodeDecodeError:
            self.problem = BadValue("invalid_utf8", raw)
            return raw.decode(errors="replace")


class CsvColumns:
    """Finds the wanted columns in the fields of a row.

    Args:
        path: Of the file, for messages.
        header: Names of the file's columns.
        columns: Those that are wanted.
        constants: Column -> its value, where it stands in the file's path.

    Attributes:
        places: Of each wanted column, its place in the row; -1 where it is a constant.
        constants: Of each wanted column, its value if it is a constant.

    Raises:
        DataError: A wanted column stands there twice.
    """

    def __init__(
        self,
        path: str,
        header: list[str],
        columns: tuple[str, ...],
        constants: dict[str, str | None],
    ):
        for column in columns:
            if header.count(column) > 1:
                raise DataError(f"{path}:1: {column} is the name of several columns. Rename them.")
        self.places = [header.index(column) if column in header else -1 for column in columns]
        self.constants = [constants.get(column) for column in columns]

    def __call__(self, record: Record) -> Record:
        """Returns a record with the wanted values alone."""
        line, row = record
        if isinstance(row, BadValue):
            return record
        return line, tuple(
            row[place] if place >= 0 else constant
            for place, constant in zip(self.places, self.constants, strict=True)
        )
