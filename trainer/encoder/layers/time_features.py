"""When a user is active, in numbers."""

import math

import keras
import numpy as np
from keras import ops

TIME_FEATURES = 57
"""Numbers that describe the moments of a user's behaviours."""

_HOUR, _DAY, _YEAR = 3600, 86_400, 31_557_600
_HOURS, _WEEKDAYS, _GAPS = 24, 7, 20

# 1970 began on a Thursday, three days after a Monday.
_FIRST_WEEKDAY = 3

# From 1 s to a year; the first bucket has shorter gaps as well, the last one longer ones.
_GAP_BOUNDARIES = np.round(_YEAR ** (np.arange(1, _GAPS) / _GAPS)).astype("int32")


@keras.saving.register_keras_serializable(package="sumn")
class TimeFeatures(keras.layers.Layer):
    """Describes the moments of a user's behaviours by 57 numbers, all in UTC.

    | numbers | what |
    |---|---|
    | 0 to 23 | square root of the share of the behaviours in each hour of the day |
    | 24 to 30 | the same of each weekday, Monday first |
    | 31 to 50 | the same of the gaps between one behaviour and the next, by length (below) |
    | 51, 52 | mean sine and cosine of the time of day as an angle, midnight at 0 |
    | 53, 54 | the same of the time of the week, Monday's midnight at 0 |
    | 55 | log(1 + number of behaviours) |
    | 56 | log(1 + days from the first to the last) |

    Gaps fall into 20 buckets, even on a logarithmic scale: bucket k goes from `Y ** (k / 20)` to
    `Y ** ((k + 1) / 20)` seconds, where Y are the seconds of a year.

    The moments may stand in any order, and zeros (unknown moments, padding) anywhere. What cannot
    be said is 0: of a user without one known moment every number, of a user with one moment the
    gaps and the span.

    Hours and weekdays are computed in integers, for float32 cannot tell two neighbouring minutes
    of this century apart. JAX, unless `jax_enable_x64` is set, has integers of 32 bits: there
    moments must lie before 2038.

    Example:
        >>> tuple(TimeFeatures()(np.array([[1_700_000_000, 0]])).shape)
        (1, 57)

    Call arguments:
        timestamps: Integer tensor of shape `[batch, n]`, Unix seconds; 0 is no moment.

    Returns:
        Float32 tensor of shape `[batch, 57]`.
    """

    def __init__(self, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32", "trainable": False})

    def call(self, timestamps):
        """Returns the numbers; the class says of which shape."""
        # The zeros come first; one more makes sure that there is a first.
        moments = ops.sort(ops.pad(timestamps, [[0, 0], [1, 0]]), axis=1)
        known = moments > 0
        gaps = moments[:, 1:] - moments[:, :-1]
        gap_known = known[:, :-1]
        span = ops.sum(ops.where(gap_known, gaps, 0), axis=1, keepdims=True)
        since_monday = moments + _FIRST_WEEKDAY * _DAY
        count = ops.sum(ops.cast(known, "float32"), axis=1, keepdims=True)
        return ops.concatenate(
            [
                _histogram(moments // _HOUR % _HOURS, known, _HOURS),
                _histogram(since_monday // _DAY % _WEEKDAYS, known, _WEEKDAYS),
                _histogram(ops.digitize(gaps, _GAP_BOUNDARIES), gap_known, _GAPS),
                _harmonic(moments % _DAY, known, _DAY),
                _harmonic(since_monday % (_WEEKDAYS * _DAY), known, _WEEKDAYS * _DAY),
                ops.log1p(count),
                ops.log1p(ops.cast(span, "float32") / _DAY),
            ],
            axis=1,
        )

    def compute_output_shape(self, input_shape):
        """Returns `[batch, 57]`."""
        return (input_shape[0], TIME_FEATURES)


def _histogram(bins, mask, size):
    """Square roots of the shares, [batch, size], of integers [batch, n] where the mask is true."""
    # One-hot of -1 is all zeros.
    counts = ops.sum(ops.one_hot(ops.where(mask, bins, -1), size, dtype="float32"), axis=1)
    return ops.sqrt(counts / ops.maximum(ops.sum(counts, axis=1, keepdims=True), 1.0))


def _harmonic(phases, mask, period):
    """Mean sine and cosine, [batch, 2], of integers [batch, n] as parts of a period."""
    angles = ops.cast(phases, "float32") * (2 * math.pi / period)
    weights = ops.cast(mask, "float32")
    weights /= ops.maximum(ops.sum(weights, axis=1, keepdims=True), 1.0)
    means = [ops.sum(wave(angles) * weights, axis=1) for wave in (ops.sin, ops.cos)]
    return ops.stack(means, axis=1)
