"""The trained encoder as a served model: raw texts to user vectors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from contract.event_channels import TIME
from contract.features import HISTORY
from contract.signatures import USER_VECTOR
from trainer.encoder.inference import UserEncoderInference
from trainer.encoder.user_encoder import UserEncoder
from trainer.export.signatures import ServedModel

COMPONENTS = "components"
"""Part of a loaded encoder: what its vectors are turned by at no cost."""


class ServedEncoder(ServedModel):
    """Preprocessing and encoder in one graph.

    Args:
        transform_layer: `tft.TFTransformOutput.transform_features_layer()`: raw to word ids.
        encoder: The trained user encoder.
        full_vector: Whether the full vector is an output as well.
    """

    def __init__(
        self, transform_layer: keras.Layer, encoder: UserEncoder, full_vector: bool = False
    ):
        super().__init__(encoder.events)
        self.transform_layer = transform_layer
        self.encoder = UserEncoderInference(encoder)
        self._full_vector = full_vector

    def parts(self) -> dict[str, Any]:
        """See base class.

        Returns:
            `components`: the last linear map to the user vector, float32 [k, d], a variable, if
            there is one.
        """
        fusion = self.encoder.fusion
        return {} if fusion is None else {COMPONENTS: fusion.components.value}

    def outputs(
        self, behaviors: tf.Tensor, events: Mapping[str, tf.Tensor]
    ) -> dict[str, tf.Tensor]:
        """See base class."""
        # Of an empty text nothing is left anyway, wherever it stands.
        raw = {HISTORY: tf.sparse.from_dense(behaviors)}
        raw |= {each.history: _sparse(events[each.feature]) for each in self.further_channels}
        transformed = self.transform_layer(raw)
        numbers = {
            each.name: transformed[each.history].to_tensor() for each in self.further_channels
        }
        # Moments are numbers already.
        numbers[TIME.name] = events[TIME.feature]
        vectors = self.encoder(transformed[HISTORY], numbers)
        return vectors if self._full_vector else {USER_VECTOR: vectors[USER_VECTOR]}


def _sparse(values: tf.Tensor) -> tf.SparseTensor:
    """All values, [batch, n], of which none may be left out: 0 is one of them."""
    places = tf.where(tf.ones_like(values, tf.bool))
    return tf.SparseTensor(places, tf.reshape(values, [-1]), tf.shape(values, tf.int64))
