"""Rows of the event and label files: which columns are read of them, and what they must hold."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from contract.splits import SPLITS
from ingestion import values
from ingestion.batches import Batch
from ingestion.channel_columns import channel_columns
from ingestion.classes import ClassIndex
from ingestion.config import Columns, Task
from ingestion.errors import BadValue
from ingestion.event_columns import Events, read_events
from ingestion.timestamps import parse_timestamp

Row = tuple[Any, ...] | BadValue
"""Values in the order of the wanted columns, or why there are none; of `read_records`."""


class Event(NamedTuple):
    """What a row of events holds.

    Attributes:
        user_id: The user.
        timestamp: As of `parse_timestamp`: `UnixSeconds`, or a number of the column's unit.
        text: What the user did.
        others: The values of the channels that have columns of their own, in their order.
    """

    user_id: str
    timestamp: float
    text: str
    others: tuple[Any, ...] = ()


class EventRows:
    """Reads rows of events.

    Args:
        columns: Names of the columns.
        html_entities: Whether HTML entities in texts become characters.
        channels: What is read besides the texts, as in `data.channels`.

    Attributes:
        columns: Those that are read.
        others: How those of channels are read, which come last.
        remedy: What to do about one that is not there, a sentence.
    """

    def __init__(self, columns: Columns, html_entities: bool, channels: Iterable[str] = ()):
        self.others = channel_columns(channels)
        self.columns = (
            *(columns.user_id, columns.timestamp, columns.text),
            *(getattr(columns, each.channel.column) for each in self.others),
        )
        self.remedy = "Map the names in `data.columns`" + (
            ", or take the channels that the events do not have out of `data.channels`."
            if self.others
            else "."
        )
        self._html_entities = html_entities

    def __call__(self, row: Row) -> Event:
        """Returns what a row holds.

        Raises:
            BadValue: It cannot be used.
        """
        if isinstance(row, BadValue):
            raise row
        user_id, timestamp, text, *others = row
        return Event(
            values.parse_user_id(user_id),
            parse_timestamp(timestamp),
            values.parse_text(text, self._html_entities),
            tuple(each.parse(value) for each, value in zip(self.others, others, strict=True)),
        )

    def batch(self, batch: Batch) -> tuple[Events, npt.NDArray[np.int64]]:
        """Returns the events of many rows, and the places of those that are to be read one by one.

        Args:
            batch: With the values of `columns`.
        """
        return read_events(batch, self._html_entities, self.others)


class Label(NamedTuple):
    """What a row of labels holds.

    Attributes:
        user_id: The user.
        classes: Per task the index of the class, None if the label is missing.
        split: The user's split, None where the row does not say it.
    """

    user_id: str
    classes: list[int | None]
    split: str | None


class LabelRows:
    """Reads rows of labels.

    Args:
        columns: Names of the columns.
        tasks: Name -> task; empty where only the users' splits are wanted.

    Attributes:
        columns: Those that are read.
        remedy: What to do about one that is not there, a sentence.
    """

    remedy = (
        "Name the user's column in `data.columns.label_user_id`, and a task's, where it is not "
        "the task's name, in `tasks.TASK.column`, and that of the splits in "
        "`data.columns.split`."
    )

    def __init__(self, columns: Columns, tasks: Mapping[str, Task]):
        names = (task.column_of(name) for name, task in tasks.items())
        of_split = () if columns.split is None else (columns.split,)
        self.columns = (columns.label_user_id, *names, *of_split)
        self._has_split = columns.split is not None
        self._index_of = {name: ClassIndex(task.classes) for name, task in tasks.items()}

    def __call__(self, row: Row) -> Label:
        """Returns what a row holds.

        Raises:
            BadValue: It cannot be used.
        """
        if isinstance(row, BadValue):
            raise row
        last = len(row) - self._has_split
        labels = zip(self._index_of.items(), row[1:last], strict=True)
        return Label(
            values.parse_user_id(row[0]),
            [_class_index(name, index_of, label) for (name, index_of), label in labels],
            _split(row[last]) if self._has_split else None,
        )


def _split(value: object) -> str | None:
    name = values.normalize_label(value)
    if not name:
        return None
    if name not in SPLITS:
        raise BadValue("unknown_split", detail=name)
    return name


def _class_index(name: str, index_of: ClassIndex, label: object) -> int | None:
    try:
        return index_of(label)
    except BadValue as bad:
        if bad.reason != "unknown_class":
            raise
        raise BadValue(bad.reason, detail=f"{name}={bad.detail}") from bad
