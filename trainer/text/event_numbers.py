"""What Transform makes of the channels of events: whole numbers, of which 0 says nothing.

Moments are that already. A type becomes its rank by frequency among those of the training users,
and a value the percentile that it lies in among theirs: so the encoder need not know in which unit
a value is, how its tail looks, or how types are written.
"""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf
import tensorflow_transform as tft

from contract.event_channels import TIME, TYPE, VALUE, EventChannel
from trainer.text.event_ranges import KNOWN_TYPES, PERCENTILES
from trainer.text.vocabulary import WordIds

# Of a percentile: how far the boundaries may be off.
_EPSILON = 0.1 / PERCENTILES

TYPES_ASSET = "types"


def _moments(values: tf.Tensor) -> Callable[[tf.Tensor], tf.Tensor]:
    return tf.identity


def _types(values: tf.Tensor) -> Callable[[tf.Tensor], tf.Tensor]:
    def normal(types):
        # A line of the asset is a type; and the logs' have no white space at their ends.
        return tf.strings.strip(tf.strings.regex_replace(types, r"\s+", " "))

    known = tf.boolean_mask(values, tf.not_equal(values, TYPE.neutral))
    ids = WordIds(normal(known), KNOWN_TYPES, TYPES_ASSET)

    def to_numbers(types):
        types = normal(types)
        numbers = ids(types)
        numbers = tf.where(numbers > 0, numbers, KNOWN_TYPES + 1)
        return tf.where(tf.equal(types, TYPE.neutral), tf.zeros_like(numbers), numbers)

    return to_numbers


def _percentiles(values: tf.Tensor) -> Callable[[tf.Tensor], tf.Tensor]:
    known = tf.boolean_mask(values, tf.math.is_finite(values))
    boundaries = tf.reshape(tft.quantiles(known, PERCENTILES, _EPSILON), [-1])

    def to_numbers(numbers):
        # Not a number would be looked for in vain.
        found = tf.where(tf.math.is_finite(numbers), numbers, tf.zeros_like(numbers))
        percentiles = 1 + tf.searchsorted(boundaries, found, side="right", out_type=tf.int64)
        return tf.where(tf.math.is_finite(numbers), percentiles, tf.zeros_like(percentiles))

    return to_numbers


_ANALYSED: dict[str, Callable[[tf.Tensor], Callable[[tf.Tensor], tf.Tensor]]] = {
    TIME.name: _moments,
    TYPE.name: _types,
    VALUE.name: _percentiles,
}
"""By channel: from the values of the training users to a function of any values to int64."""


def numbers_of(channel: EventChannel, values: tf.Tensor) -> Callable[[tf.Tensor], tf.Tensor]:
    """Analyses a channel; to be called in a `preprocessing_fn`.

    Args:
        channel: The channel.
        values: [n], all values of the training users.

    Returns:
        A function of values, [m], to their numbers, int64 [m].
    """
    return _ANALYSED[channel.name](values)
