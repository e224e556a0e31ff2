"""What of an event, besides its text, an encoder may know: the channels of `data.channels`.

Ingestion, Transform, the training, the signatures and the clients go through these lines. A new
channel is one more, with a field of its column in `ingestion.config.Columns`, an argument of the
clients, and a layer in `trainer.encoder.layers.event_layers`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Literal, NamedTuple


class EventChannel(NamedTuple):
    """A channel.

    Attributes:
        name: In `data.channels`.
        column: The key in `data.columns` of the column that it is read from.
        feature: The feature of examples, and the input of the served model, beside
            `contract.features.BEHAVIORS`: a value for every text.
        dtype: Of the feature.
        neutral: The value that says nothing: of an event without one, and of padding.
    """

    name: str
    column: str
    feature: str
    dtype: Literal["int64", "float32", "string"]
    neutral: int | float | str

    @property
    def history(self) -> str:
        """The feature beside `contract.features.HISTORY`."""
        return f"history_{self.feature}"

    @property
    def target(self) -> str:
        """The feature beside `contract.features.TARGET`."""
        return f"target_{self.feature}"


TIME = EventChannel("time", "timestamp", "timestamps", "int64", 0)
"""When it happened, in Unix seconds."""

TYPE = EventChannel("type", "type", "types", "string", "")
"""Of what kind it was, such as view, cart or buy."""

VALUE = EventChannel("value", "value", "values", "float32", math.nan)
"""A number, such as a price or a rating."""

EVENT_CHANNELS = (TIME, TYPE, VALUE)
"""All, in the order in which they stand in everything that is made of them."""


def channels_of(names: Iterable[str]) -> tuple[EventChannel, ...]:
    """Returns the channels of these names.

    >>> [channel.feature for channel in channels_of(["value", "time"])]
    ['timestamps', 'values']
    """
    wanted = set(names)
    return tuple(channel for channel in EVENT_CHANNELS if channel.name in wanted)


def further_channels_of(names: Iterable[str]) -> tuple[EventChannel, ...]:
    """Returns the channels of these names, without that of time, whose column every event has.

    >>> [channel.column for channel in further_channels_of(["value", "time"])]
    ['value']
    """
    return tuple(channel for channel in channels_of(names) if channel.name != TIME.name)
