"""What events say besides their texts, checked and written into tf.Examples."""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from contract.event_channels import EVENT_CHANNELS, TIME, TYPE, VALUE
from serving.client.wire import Message

# Unix seconds pass it in the year 5138; Unix milliseconds passed it in 1973.
_FIRST_MILLISECONDS = 10**11
_LARGEST = float(np.finfo(np.float32).max)

Moments = Sequence[float]
Types = Sequence[str | bytes | None]
Values = Sequence[float | None]

Events = Mapping[str, Sequence[Sequence[Any]]]
"""By feature, for every user a value for each text; of `contract.event_channels`."""


def events_of(
    timestamps: Sequence[Moments] | None,
    types: Sequence[Types] | None,
    values: Sequence[Values] | None,
) -> Events:
    """The events, by feature; what is None is left out."""
    given = {TIME.feature: timestamps, TYPE.feature: types, VALUE.feature: values}
    return {feature: of_users for feature, of_users in given.items() if of_users is not None}


def check_events(users: int, events: Events) -> None:
    """Finds lists that are not of all users.

    Args:
        users: How many there are.
        events: Of them.

    Raises:
        ValueError: If events are of another number of users.
    """
    for feature, of_users in events.items():
        if len(of_users) != users:
            raise ValueError(
                f"{feature} are of {len(of_users)} users, histories of {users}; write a list for "
                f"every user, with a {_KINDS[feature].one} for every text."
            )


def write_events(example: Message, events: Events, index: int, texts: int) -> None:
    """Writes one user's events.

    Args:
        example: An Example.
        events: Of all users.
        index: Of the user.
        texts: How many texts the user has.

    Raises:
        TypeError: If they are not sequences of what they should be.
        ValueError: If there is not one for every text, or one cannot be what it should.
    """
    for channel in EVENT_CHANNELS:
        if channel.feature not in events:
            continue
        kind, name = _KINDS[channel.feature], f"{channel.feature}[{index}]"
        of_user = events[channel.feature][index]
        if not isinstance(of_user, (Sequence, np.ndarray)) or isinstance(of_user, (str, bytes)):
            raise TypeError(f"{name} must be a list of {kind.many}, not {type(of_user).__name__}.")
        if len(of_user) != texts:
            raise ValueError(
                f"{name} has {len(of_user)} {kind.one}s for {texts} texts; write one for every "
                f"text, {kind.unknown} where it is unknown."
            )
        feature = example.features.feature[channel.feature]
        written = [kind.read(each, name) for each in of_user]
        if channel.dtype == "int64":
            feature.int64_list.value.extend(written)
        elif channel.dtype == "float32":
            feature.float_list.value.extend(written)
        else:
            feature.bytes_list.value.extend(written)


def _second(moment: Any, name: str) -> int:
    if not _is_number(moment):
        raise TypeError(
            f"{name}: {moment!r} is not a number; write Unix seconds, such as "
            "datetime.timestamp() returns, or 0 where the moment is unknown."
        )
    # Not a number fails this as well.
    if not 0 <= moment < _FIRST_MILLISECONDS:
        raise ValueError(
            f"{name}: {moment} cannot be Unix seconds (milliseconds are 1,000 "
            "times as many); write 0 where the moment is unknown."
        )
    return int(moment)


def _type(value: Any, name: str) -> bytes:
    if value is None:
        return b""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")
    raise TypeError(f"{name}: {value!r} is not str or bytes; write None where it is unknown.")


def _value(value: Any, name: str) -> float:
    if value is None:
        return math.nan
    if not _is_number(value):
        raise TypeError(f"{name}: {value!r} is not a number; write None where it is unknown.")
    if abs(value) > _LARGEST:
        raise ValueError(f"{name}: {value} is more than float32 holds.")
    return float(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, numbers.Real)


class _Kind(NamedTuple):
    """What a channel's values are: how one is read, and what they are called."""

    read: Callable[[Any, str], Any]
    many: str
    one: str
    unknown: str


_KINDS = {
    TIME.feature: _Kind(_second, "Unix seconds", "number", "0"),
    TYPE.feature: _Kind(_type, "str or bytes", "name", "None"),
    VALUE.feature: _Kind(_value, "numbers", "number", "None"),
}
