"""Events as columns: from what a file holds to users, moments and texts, many at once.

What is not plainly so is left to `EventRows`, which names what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ingestion.batches import Batch
from ingestion.channel_columns import ChannelColumn
from ingestion.parquet_batches import is_moment, moments
from ingestion.string_columns import as_text, begin_visibly, bytes_of, end_visibly, valid
from ingestion.text_values import decode_entities
from ingestion.timestamp_texts import Times, read_times
from ingestion.values import LAST_EXACT_FLOAT

_Flags = npt.NDArray[np.bool_]
_AMPERSAND = ord("&")
_FIRST_OTHER = 3


class Events(NamedTuple):
    """Events of one file.

    Attributes:
        users: large_string[n], the users' ids.
        timestamps: float64[n], Unix seconds, or numbers of the file's unit.
        numbers: bool[n], which of them are numbers of the file's unit.
        lines: int64[n], where they stand.
        texts: large_string[n], what the users did.
        others: Of n values each, those of the channels that have columns of their own.
    """

    users: pa.LargeStringArray
    timestamps: npt.NDArray[np.float64]
    numbers: _Flags
    lines: npt.NDArray[np.int64]
    texts: pa.LargeStringArray
    others: tuple[pa.Array, ...] = ()


def read_events(
    batch: Batch, html_entities: bool, channels: Sequence[ChannelColumn] = ()
) -> tuple[Events, npt.NDArray[np.int64]]:
    """Reads the events of a batch.

    Args:
        batch: With the columns of the user, the timestamp and the text, and those of the channels.
        html_entities: Whether HTML entities in texts become characters.
        channels: How their columns are read.

    Returns:
        The events that are plainly so, and the places in the batch of the other records.
    """
    users, named = _users(batch.columns[0])
    times = _times(batch.columns[1])
    texts, said = _texts(batch.columns[2], html_entities)
    others = [
        channel.read(column)
        for channel, column in zip(channels, batch.columns[_FIRST_OTHER:], strict=True)
    ]
    plain = np.logical_and.reduce([named, said, times.read, *(read for _, read in others)])
    places = np.flatnonzero(plain)
    timestamps, numbers, lines = times.values, times.numbers, batch.lines
    values = tuple(value for value, _ in others)
    if len(places) < len(plain):
        kept = pa.array(plain)
        users, texts = users.filter(kept), texts.filter(kept)
        timestamps, numbers, lines = timestamps[places], numbers[places], lines[places]
        values = tuple(value.filter(kept) for value in values)
    events = Events(
        users.cast(pa.large_string()),
        timestamps,
        numbers,
        lines,
        texts.cast(pa.large_string()),
        values,
    )
    return events, np.flatnonzero(~plain)


def _nothing(count: int) -> tuple[pa.Array, _Flags]:
    return pa.nulls(count, pa.string()), np.zeros(count, bool)


def _users(column: pa.Array) -> tuple[pa.Array, _Flags]:
    """Returns ids, and which of them are ids."""
    if pa.types.is_integer(column.type):
        return column.cast(pa.string()), valid(column)
    if pa.types.is_floating(column.type):
        numbers = column.to_numpy(zero_copy_only=False).astype(np.float64)
        with np.errstate(invalid="ignore"):
            whole = (np.abs(numbers) <= LAST_EXACT_FLOAT) & (numbers == np.floor(numbers))
        return pa.array(np.where(whole, numbers, 0).astype(np.int64)).cast(pa.string()), whole
    texts = as_text(column)
    if texts is None:
        return _nothing(len(column))
    there = valid(texts)
    visible = begin_visibly(texts)
    for place in np.flatnonzero(there & ~visible):
        there[place] = bool(texts[int(place)].as_py().strip())
    return texts, there


def _times(column: pa.Array) -> Times:
    kind, count = column.type, len(column)
    if is_moment(kind):
        values, numbers = moments(column), np.zeros(count, bool)
    elif pa.types.is_integer(kind) or pa.types.is_floating(kind):
        values, numbers = column, np.ones(count, bool)
    elif (texts := as_text(column)) is not None:
        return read_times(texts)
    else:
        return Times(np.zeros(count), np.zeros(count, bool), np.zeros(count, bool))
    there = valid(values)
    found = values.fill_null(0) if values.null_count else values
    floats = found.to_numpy(zero_copy_only=False).astype(np.float64)
    # Zero has no sign, as of the integer that it may have been.
    return Times(np.abs(floats), numbers, there & (floats >= 0) & np.isfinite(floats))


def _texts(column: pa.Array, html_entities: bool) -> tuple[pa.Array, _Flags]:
    """Returns texts without white space at their ends, and which of them are texts."""
    texts = as_text(column)
    if texts is None:
        return _nothing(len(column))
    if not (begin_visibly(texts) & end_visibly(texts)).all():
        texts = pc.utf8_trim_whitespace(texts)
    if html_entities and (bytes_of(texts)[0] == _AMPERSAND).any():
        escaped = pc.match_substring(texts, "&").fill_null(False)
        found = texts.filter(escaped).to_pylist()
        read = pa.array([decode_entities(text).strip() for text in found], texts.type)
        texts = pc.replace_with_mask(texts, escaped, read)
    _, starts, stops = bytes_of(texts)
    return texts, valid(texts) & (stops > starts)
