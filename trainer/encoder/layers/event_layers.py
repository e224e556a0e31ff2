"""The registry of the layers that describe the channels of events."""

import keras
from keras import ops

from contract.event_channels import TIME, TYPE, VALUE
from trainer.encoder.layers.time_features import TimeFeatures
from trainer.encoder.layers.type_features import TypeFeatures
from trainer.encoder.layers.value_features import ValueFeatures

EVENT_LAYERS: dict[str, type[keras.layers.Layer]] = {
    TIME.name: TimeFeatures,
    TYPE.name: TypeFeatures,
    VALUE.name: ValueFeatures,
}
"""By channel, in their order, a layer without arguments: from a number for every behaviour, int64
[batch, n] as of `trainer.text.event_numbers`, 0 is unknown, to float32 [batch, size]. What zeros
stand where must not matter, and of a user of zeros alone everything must be 0."""


def known_behaviors(numbers):
    """Counts of how many behaviours of each user a channel knows something.

    Args:
        numbers: Integer tensor of shape `[batch, n]`; 0 is unknown.

    Returns:
        Float32 tensor of shape `[batch]`.
    """
    return ops.sum(ops.cast(numbers > 0, "float32"), axis=1)
