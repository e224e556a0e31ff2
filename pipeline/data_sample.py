"""A look at the input files, before anything is run: columns, first rows, counts."""

from __future__ import annotations

import hashlib
import itertools
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from ingestion import values
from ingestion.errors import BadValue
from ingestion.files import InputFile, match_files
from ingestion.readers import read_records
from ingestion.stores import S3, is_stored
from ingestion.timestamp_units import AUTO, TimestampColumn
from ingestion.timestamps import UnixSeconds, parse_timestamp
from trainer.evenly import evenly

SAMPLED_ROWS = 1000
_SAMPLED_FILES = 5
_FIRST_MOMENT = 1e8
_PROGRESS_SECONDS = 1.0
_ROWS_PER_CLOCK_READING = 10_000


class Counts(NamedTuple):
    """How much data there is.

    Attributes:
        users: Different users.
        behaviors: Events.
        complete: Whether all events were counted; otherwise there are more.
    """

    users: int
    behaviors: int
    complete: bool

    def __str__(self) -> str:
        most = "" if self.complete else "at least "
        return f"{most}{self.users:,} users with {most}{self.behaviors:,} events"


def files_to_look_at(events: str, labels: str) -> list[InputFile]:
    """Finds the input files on this machine and in S3; another store is not asked.

    Raises:
        DataError: Nothing matches, or what matches cannot be read.
    """
    patterns = {"events": events, "labels": labels}
    return match_files({kind: path for kind, path in patterns.items() if _can_be_read(path)})


def _can_be_read(path: str) -> bool:
    return not is_stored(path) or path.startswith(S3)


def first_rows(
    file: InputFile, columns: tuple[str, ...], remedy: str, rows: int | None = SAMPLED_ROWS
) -> Iterator[tuple[int, tuple[Any, ...] | BadValue]]:
    """Reads the first rows of a file; None: all of them.

    Raises:
        DataError: The file lacks a column or is damaged.
    """
    return itertools.islice(read_records(file, columns, remedy), rows)


def first_texts(files: list[InputFile], column: str) -> Iterator[str]:
    """Reads the texts of the first rows of some files, which lie as far apart as they can.

    Args:
        files: Of the events.
        column: Of the texts.

    Raises:
        DataError: A file lacks the column or is damaged.
    """
    for file in evenly(files, _SAMPLED_FILES):
        for _, row in first_rows(file, (column,), "Map the names in `data.columns`."):
            if not isinstance(row, BadValue) and isinstance(row[0], str):
                yield row[0]


def has_moments(file: InputFile, column: str) -> bool:
    """Tells whether a column of timestamps holds points in time, and not a running number.

    Numbers below 100,000,000, as seconds before 1973, are taken for running numbers.

    Args:
        file: Of the events.
        column: Of the timestamps.

    Raises:
        DataError: The file lacks the column or is damaged.
    """
    numbers = TimestampColumn(AUTO)
    for line, row in first_rows(file, (column,), "Map the names in `data.columns`."):
        try:
            if isinstance(row, BadValue):
                raise row
            timestamp = parse_timestamp(row[0])
        except BadValue:
            continue
        if isinstance(timestamp, UnixSeconds):
            return True
        numbers.add(timestamp, line)
    span = numbers.span()
    return span is not None and span[1] >= _FIRST_MOMENT


def count_users(
    files: list[InputFile],
    user_id: str,
    *,
    enough_users: int,
    most_behaviors: int,
    progress: Callable[[str], None],
) -> Counts:
    """Counts users and behaviours, in memory that does not grow with the logs.

    Args:
        files: Of the events.
        user_id: Column of the users' ids.
        enough_users: Counting ends when so many are found: more make no difference.
        most_behaviors: Counting ends after so many.
        progress: Is told, about once a second, how far it is.

    Returns:
        The counts.

    Raises:
        DataError: A file lacks the column or is damaged.
    """
    users: set[bytes] = set()
    behaviors = 0
    shown = time.monotonic()
    for file in files:
        for _, row in read_records(file, (user_id,), "Name the user's column."):
            if not isinstance(row, BadValue):
                try:
                    text = values.parse_user_id(row[0])
                except BadValue:
                    continue
                behaviors += 1
                users.add(hashlib.blake2b(text.encode(), digest_size=8).digest())
            if len(users) >= enough_users or behaviors >= most_behaviors:
                return Counts(len(users), behaviors, complete=False)
            if behaviors % _ROWS_PER_CLOCK_READING == 0:
                now = time.monotonic()
                if now - shown > _PROGRESS_SECONDS:
                    shown = now
                    progress(f"{behaviors:,} events of {len(users):,} users counted")
    return Counts(len(users), behaviors, complete=True)
