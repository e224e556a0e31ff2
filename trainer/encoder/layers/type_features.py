"""Of what kinds a user's behaviours are, in numbers."""

import keras
from keras import ops

from trainer.text.event_ranges import KNOWN_TYPES

TYPE_FEATURES = KNOWN_TYPES + 2
"""Numbers that describe the types of a user's behaviours."""


@keras.saving.register_keras_serializable(package="sumn")
class TypeFeatures(keras.layers.Layer):
    """Describes the types of a user's behaviours by 52 numbers.

    | numbers | what |
    |---|---|
    | 0 to 49 | log(1 + behaviours of this type), of each of the 50 most frequent types of the training users; with the next, divided by their Euclidean length |
    | 50 | the same of all other types together |
    | 51 | log(1 + behaviours with a type) |

    The types may stand in any order, and zeros (unknown types, padding) anywhere. Of a user without
    one known type every number is 0.

    Example:
        >>> numbers = TypeFeatures()(np.array([[1, 1, 2, 51, 0]]))[0]
        >>> [round(float(numbers[place]), 3) for place in (0, 1, 50, 51)]
        [0.746, 0.471, 0.471, 1.609]

    Call arguments:
        types: Integer tensor of shape `[batch, n]`, numbers as of `trainer.text.event_numbers`.

    Returns:
        Float32 tensor of shape `[batch, 52]`.
    """  # noqa: E501 - a table

    def __init__(self, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32", "trainable": False})

    def call(self, types):
        """Returns the numbers; the class says of which shape."""
        # One-hot of -1 is all zeros.
        counts = ops.sum(ops.one_hot(types - 1, KNOWN_TYPES + 1, dtype="float32"), axis=1)
        logs = ops.log1p(counts)
        length = ops.sqrt(ops.sum(ops.square(logs), axis=1, keepdims=True))
        total = ops.sum(counts, axis=1, keepdims=True)
        # A single behaviour makes a length of 0.69: only of nobody is it less than this.
        return ops.concatenate([logs / ops.maximum(length, 0.5), ops.log1p(total)], axis=1)

    def compute_output_shape(self, input_shape):
        """Returns `[batch, 52]`."""
        return (input_shape[0], TYPE_FEATURES)
