"""The trained encoder as a served model: raw texts to user vectors."""

from __future__ import annotations

import keras
import tensorflow as tf

from contract.features import HISTORY
from contract.signatures import USER_VECTOR
from trainer.export.signatures import ServedModel


class ServedEncoder(ServedModel):
    """Preprocessing and encoder in one graph.

    Args:
        transform_layer: `tft.TFTransformOutput.transform_features_layer()`: raw to word ids.
        encoder: Word ids, int64 [batch, behaviours, words] padded with 0, to the user vectors after
            every hop, float [batch, hops, d].
    """

    def __init__(self, transform_layer: keras.Layer, encoder: keras.Model):
        super().__init__()
        self.transform_layer = transform_layer
        self.encoder = encoder

    def outputs(self, behaviors: tf.Tensor, timestamps: tf.Tensor) -> dict[str, tf.Tensor]:
        """See base class; the moments are ignored."""
        texts = tf.RaggedTensor.from_tensor(behaviors, padding="").to_sparse()
        word_ids = self.transform_layer({HISTORY: texts})[HISTORY]
        hops = self.encoder(word_ids.to_tensor(), training=False)
        return {USER_VECTOR: tf.cast(hops[:, -1], tf.float32)}
