"""JSON lines one at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ingestion.batches import Record
from ingestion.columns import has_column, value_of
from ingestion.errors import BadValue
from ingestion.lines import Lines, too_long

PROBED_OBJECTS = 1000
"""JSON objects may leave keys out; a key that none of so many has is taken for a wrong name."""


class JsonRecords:
    """Reads what is left of a JSONL file.

    Args:
        lines: The lines.
        columns: Names of the wanted keys; `user.id` is a key of a nested object.
        constants: Key -> its value in objects that lack it.
        most: Bytes that a line may have.

    Attributes:
        unseen: The keys that no object had so far. Reading ends if some are after many objects.
        objects: How many objects were read while some were.
        keys: What keys those had.
    """

    def __init__(
        self,
        lines: Lines,
        columns: tuple[str, ...],
        constants: dict[str, str | None],
        most: int,
    ):
        self._lines = lines
        self._columns = columns
        self._constants = constants
        self._most = most
        self.plain = not any("." in column or column in constants for column in columns)
        self.unseen = set(columns) - set(constants)
        self.objects = 0
        self.keys: set[str] = set()

    def __iter__(self) -> Iterator[Record]:
        columns = self._columns
        for line, raw in self._lines:
            if raw is None:
                yield line, BadValue("line_too_long", detail=too_long(self._most))
                continue
            if raw.isspace():
                continue
            record = json_object(raw)
            if isinstance(record, BadValue):
                yield line, record
                continue
            if self.unseen:
                self.objects += 1
                self.keys.update(record)
                self.unseen = {each for each in self.unseen if not has_column(record, each)}
                if self.unseen and self.objects == PROBED_OBJECTS:
                    return
            if self.plain:
                yield line, tuple(record.get(column) for column in columns)
            else:
                both = {**self._constants, **record}
                yield line, tuple(value_of(both, column) for column in columns)


def json_object(raw: bytes) -> dict[str, Any] | BadValue:
    """Returns the object that a line is, or why it is none."""
    try:
        record = json.loads(raw.decode())
    except UnicodeDecodeError:
        return BadValue("invalid_utf8", raw)
    except (ValueError, RecursionError):
        return BadValue("invalid_json", raw.decode().strip())
    return record if isinstance(record, dict) else BadValue("not_an_object", record)


def json_values(raw: bytes, columns: tuple[str, ...]) -> tuple[Any, ...] | BadValue:
    """Returns the values of a line's keys, None for those that it lacks, or why there are none."""
    record = json_object(raw)
    if isinstance(record, BadValue):
        return record
    return tuple(record.get(column) for column in columns)
