"""Encoder and heads as one served model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from contract.event_channels import EVENT_CHANNELS, TIME
from contract.signatures import ENCODE_WITH_CHANNELS, USER_VECTOR
from trainer.encoder.served import COMPONENTS
from trainer.export.signatures import ServedModel
from trainer.heads.inference import HeadsInference

HEADS = "heads"
"""Part of a loaded model: its heads alone."""


class ServedHeads(ServedModel):
    """The exported encoder with one head per task on top.

    Args:
        encoder: An exported `ServedModel` that gives user vectors, as `tf.saved_model.load` returns
            it; its tables and assets become part of this model.
        heads: Task to its head, float32 [batch, d] to float32 [batch, classes].
        rotation: Float32 [d, d], orthogonal, by which the vectors are turned; None: not at all.
    """

    def __init__(self, encoder, heads: dict[str, keras.Model], rotation: np.ndarray | None = None):
        super().__init__(_channels(encoder))
        self.encoder = encoder
        self.heads = HeadsInference(heads)
        self._rotation = None
        components = getattr(encoder, COMPONENTS, None)
        if rotation is not None and components is not None:
            # Two linear maps are one.
            components.assign(components.numpy().astype("float64") @ rotation)
        elif rotation is not None:
            self._rotation = tf.Variable(rotation, trainable=False, name="rotation")
        self._dimension = next(iter(heads.values())).input_shape[1]

    def parts(self) -> dict[str, Any]:
        """See base class.

        Returns:
            `heads`: function of vectors, float32 [users, d], to every task's probabilities.
        """
        vectors = tf.TensorSpec([None, self._dimension], tf.float32, name=USER_VECTOR)
        return {HEADS: tf.function(self.heads, input_signature=[vectors])}

    def outputs(
        self, behaviors: tf.Tensor, events: Mapping[str, tf.Tensor]
    ) -> dict[str, tf.Tensor]:
        """See base class."""
        vectors = self.vectors(behaviors, events)
        return {**vectors, **self.heads(vectors[USER_VECTOR])}

    def vectors(
        self, behaviors: tf.Tensor, events: Mapping[str, tf.Tensor]
    ) -> dict[str, tf.Tensor]:
        """See base class."""
        if self.further_channels:
            vectors = dict(self.encoder.encode_with_channels(behaviors, **events))
        else:
            vectors = dict(self.encoder.encode_with_timestamps(behaviors, events[TIME.feature]))
        if self._rotation is not None:
            vectors[USER_VECTOR] = tf.matmul(vectors[USER_VECTOR], self._rotation)
        return vectors


def _channels(encoder) -> list[str]:
    """The channels that a loaded encoder takes, by the inputs of its signature."""
    signature = getattr(encoder, "signatures", {}).get(ENCODE_WITH_CHANNELS)
    if signature is None:
        return []
    _, inputs = signature.structured_input_signature
    return [channel.name for channel in EVENT_CHANNELS if channel.feature in inputs]
