"""Which columns hold the user, the time and the text, when nobody says it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection
from typing import Any, NamedTuple

from contract.event_channels import TYPE, VALUE
from contract.features import USER_ID
from contract.splits import SPLITS
from ingestion import values
from ingestion.channel_columns import ChannelColumn, channel_columns
from ingestion.errors import BadValue
from ingestion.files import InputFile
from ingestion.readers import column_names
from ingestion.timestamps import parse_timestamp
from pipeline.config import ConfigError
from pipeline.data_sample import SAMPLED_ROWS, first_rows

_USER_IDS = (
    *("userid", "user", "uid", "userkey", "useruuid", "customerid", "customer", "clientid"),
    *("client", "memberid", "member", "reviewerid", "authorid", "author", "accountid", "account"),
    *("visitorid", "personid", "profileid", "username", "login", "anonid", "id", "uuid"),
)
_TIMESTAMPS = (
    *("timestamp", "ts", "time", "datetime", "eventtime", "eventtimestamp", "createdat"),
    *("created", "querytime", "reviewtime", "unixreviewtime", "occurredat", "date", "eventdate"),
    *("createdutc", "postedat", "publishedat", "day"),
)
_TEXTS = (
    *("text", "query", "searchquery", "searchterm", "q", "keywords", "reviewtext", "review"),
    *("content", "message", "body", "title", "producttitle", "summary", "comment", "description"),
    *("post", "subject"),
)
_FURTHER = {
    TYPE.name: (
        *("type", "eventtype", "behaviortype", "actiontype", "action", "event", "eventname"),
        *("kind", "category"),
    ),
    VALUE.name: ("value", "price", "amount", "rating", "stars", "score", "revenue"),
}
# Where the first rows have more, they are ids rather than types.
_MOST_TYPES = 200
_SPLIT = "split"
_ROWS = 100


class Names(NamedTuple):
    """Columns, as in the section `data.columns`; None: not known.

    Attributes:
        user_id: The user's id in the events.
        timestamp: When it happened.
        text: What the user did.
        label_user_id: The user's id in the labels.
        split: The user's split in the labels; None also where there is no such column.
        type: Of what kind the event was; None also where no column surely says it.
        value: A number of the event; None also where no column surely is it.
    """

    user_id: Any = None
    timestamp: Any = None
    text: Any = None
    label_user_id: Any = None
    split: Any = None
    type: Any = None
    value: Any = None


def choose_columns(events: InputFile, labels: InputFile, given: Names) -> Names:
    """Chooses by the names that people give such columns, and by what is in them.

    Args:
        events: A file of events.
        labels: A file of labels.
        given: What the user named.

    Returns:
        All names; that of the split where the labels have a column `split` of nothing but train,
        validation, eval and empty cells.

    Raises:
        ConfigError: A column is not there or cannot be told; the message says which there are.
        DataError: A file cannot be read.
    """
    of_events, of_labels = (column_names(file, SAMPLED_ROWS) for file in (events, labels))
    taken: dict[str, str] = {}
    for option, known, parse in (
        (USER_ID, _USER_IDS, values.parse_user_id),
        ("timestamp", _TIMESTAMPS, parse_timestamp),
        ("text", _TEXTS, values.parse_text),
    ):
        free = [column for column in of_events if column not in taken.values()]
        taken[option] = _choose(option, events, free, getattr(given, option), known, parse)
    taken["label_user_id"] = _choose(
        "label_user_id",
        labels,
        of_labels,
        given.label_user_id,
        (_plain(taken[USER_ID]), *_USER_IDS),
        values.parse_user_id,
    )
    further = {
        key: found[0] if len(found) == 1 else None
        for key, found in further_columns(events, given, list(taken.values())).items()
    }
    return Names(**taken, split=_split_column(labels, of_labels), **further)


def further_columns(
    events: InputFile, given: Names, others: Collection[str]
) -> dict[str, list[str]]:
    """Finds the columns that may be read for channels.

    Args:
        events: A file of events.
        given: What the user named.
        others: Columns that hold something else.

    Returns:
        By the key in `data.columns`, the one that the user named, or all that are called so and
        hold it.

    Raises:
        ConfigError: A named column is not there.
        DataError: The file cannot be read.
    """
    columns = column_names(events, SAMPLED_ROWS)
    found = {}
    for channel in channel_columns(_FURTHER):
        key = channel.channel.column
        if (named := getattr(given, key)) is not None:
            found[key] = [_choose(key, events, columns, named, (), channel.parse)]
            continue
        found[key] = [
            column
            for column in columns
            if column not in others
            and _plain(column) in _FURTHER[channel.channel.name]
            and _tells_events_apart(events, column, channel)
        ]
    return found


def _tells_events_apart(file: InputFile, column: str, channel: ChannelColumn) -> bool:
    """Whether the first values are what they should be, and not all the same."""
    different = set()
    for _, row in itertools.islice(first_rows(file, (column,), ""), SAMPLED_ROWS):
        try:
            if not isinstance(row, BadValue):
                different.add(channel.parse(row[0]))
        except BadValue:
            return False
    names = {value for value in different if value == value and value != channel.channel.neutral}
    most = _MOST_TYPES if channel.channel.name == TYPE.name else SAMPLED_ROWS
    return 1 < len(names) <= most


def _split_column(labels: InputFile, columns: list[str]) -> str | None:
    """The column that says who is of which split, by its name and by what is in it."""
    if _SPLIT not in columns:
        return None
    known = {*SPLITS, ""}
    for _, row in itertools.islice(first_rows(labels, (_SPLIT,), ""), _ROWS):
        if isinstance(row, BadValue) or str(row[0] or "").strip() not in known:
            return None
    return _SPLIT


def _choose(
    option: str,
    file: InputFile,
    columns: list[str],
    given: str | None,
    known: tuple[str, ...],
    parse: Any,
) -> str:
    flag = f"--{option.replace('_', '-')}"
    there = ", ".join(columns) or "none"
    if given is not None:
        if given not in columns:
            raise ConfigError(f"{flag}: {file.path} has no column {given}; it has: {there}.")
        return given
    if option in columns:
        return option
    by_name = {_plain(column): column for column in reversed(columns)}
    for name in known:
        if name in by_name and _is_readable(file, by_name[name], parse):
            return by_name[name]
    raise ConfigError(
        f"{file.path}: no column looks like {_MEANINGS[option]}; it has: {there}. Name it: {flag} "
        "COLUMN."
    )


_MEANINGS = {
    USER_ID: "the user's id",
    "label_user_id": "the user's id",
    "timestamp": "the time",
    "text": "the text",
}


def _plain(column: str) -> str:
    return re.sub(r"[^a-z0-9]", "", column.lower())


def _is_readable(file: InputFile, column: str, parse: Any) -> bool:
    """Whether most of the first values are what they should be."""
    good = bad = 0
    for _, row in itertools.islice(first_rows(file, (column,), ""), _ROWS):
        try:
            if isinstance(row, BadValue):
                raise row
            parse(row[0])
            good += 1
        except BadValue:
            bad += 1
    return good > bad
