"""Encoder and heads as one served model."""

from __future__ import annotations

import keras
import tensorflow as tf

from contract.signatures import USER_VECTOR
from trainer.export.signatures import ServedModel
from trainer.heads.inference import HeadsInference


class ServedHeads(ServedModel):
    """The exported encoder with one head per task on top.

    Args:
        encoder: An exported `ServedModel` that gives user vectors, as `tf.saved_model.load` returns
            it; its tables and assets become part of this model.
        heads: Task to its head, float32 [batch, d] to float32 [batch, classes].
    """

    def __init__(self, encoder, heads: dict[str, keras.Model]):
        super().__init__()
        self.encoder = encoder
        self.heads = HeadsInference(heads)

    def outputs(self, behaviors: tf.Tensor, timestamps: tf.Tensor) -> dict[str, tf.Tensor]:
        """See base class."""
        vectors = self.vectors(behaviors, timestamps)
        return {**vectors, **self.heads(vectors[USER_VECTOR])}

    def vectors(self, behaviors: tf.Tensor, timestamps: tf.Tensor) -> dict[str, tf.Tensor]:
        """See base class."""
        return self.encoder.encode_with_timestamps(behaviors, timestamps)
