"""How large the values of a user's behaviours are, in numbers."""

import keras
from keras import ops

from trainer.text.event_ranges import PERCENTILES

_BUCKETS = 10
VALUE_FEATURES = _BUCKETS + 3
"""Numbers that describe the values of a user's behaviours."""


@keras.saving.register_keras_serializable(package="sumn")
class ValueFeatures(keras.layers.Layer):
    """Describes the values of a user's behaviours, as percentiles, by 13 numbers.

    | numbers | what |
    |---|---|
    | 0 to 9 | square root of the share of the values in each tenth of those of the training users |
    | 10 | mean of the percentiles, from 0 to 1 |
    | 11 | their standard deviation |
    | 12 | log(1 + behaviours with a value) |

    Percentiles do not depend on the unit, or on how long the tail is: the logarithm of a value has
    the same. The values may stand in any order, and zeros (unknown values, padding) anywhere. Of a
    user without one known value every number is 0.

    Example:
        >>> numbers = ValueFeatures()(np.array([[1, 11, 100, 0]]))[0]
        >>> [round(float(numbers[place]), 3) for place in (0, 1, 9, 10, 11, 12)]
        [0.577, 0.577, 0.577, 0.367, 0.449, 1.386]

    Call arguments:
        percentiles: Integer tensor of shape `[batch, n]`, numbers as of
            `trainer.text.event_numbers`.

    Returns:
        Float32 tensor of shape `[batch, 13]`.
    """

    def __init__(self, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32", "trainable": False})

    def call(self, percentiles):
        """Returns the numbers; the class says of which shape."""
        known = percentiles > 0
        weights = ops.cast(known, "float32")
        total = ops.sum(weights, axis=1, keepdims=True)
        weights /= ops.maximum(total, 1.0)
        tenths = ops.where(known, (percentiles - 1) // (PERCENTILES // _BUCKETS), -1)
        # One-hot of -1 is all zeros.
        hits = ops.one_hot(tenths, _BUCKETS, dtype="float32")
        shares = ops.sum(hits * ops.expand_dims(weights, 2), axis=1)
        places = ops.cast(percentiles - 1, "float32") / (PERCENTILES - 1)
        mean = ops.sum(places * weights, axis=1, keepdims=True)
        variance = ops.sum(ops.square(places - mean) * weights, axis=1, keepdims=True)
        return ops.concatenate(
            [ops.sqrt(shares), mean, ops.sqrt(variance), ops.log1p(total)], axis=1
        )

    def compute_output_shape(self, input_shape):
        """Returns `[batch, 13]`."""
        return (input_shape[0], VALUE_FEATURES)
