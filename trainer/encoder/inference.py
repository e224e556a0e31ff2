"""The user encoder as it is served: the same numbers in fewer and smaller operations.

One user's vector is little arithmetic and was hundreds of operations, and a batch's was half in two
products that can be made once. What training needs, gradients and padded batches, is left out:
users come as they are, without padding, and what is constant by now is multiplied beforehand.
`trainer.encoder.user_encoder` says what is computed; tests hold this to it.
"""

from __future__ import annotations

import math

import keras
import numpy as np
import tensorflow as tf

from contract.signatures import USER_VECTOR, USER_VECTOR_FULL
from trainer.encoder.layers import (
    BagOfWords,
    BehaviorEmbedding,
    ChannelFusion,
    MultiHopAggregation,
)
from trainer.encoder.layers.event_layers import known_behaviors
from trainer.encoder.user_encoder import UserEncoder
from trainer.text.ragged import row_ids

_FAR = -1e9
"""The reason for this number stands in `MultiHopAggregation`."""


class UserEncoderInference(tf.Module):
    """A trained `UserEncoder`, ready to be served.

    Args:
        user_encoder: The trained one; its weights are those of this moment.
    """

    def __init__(self, user_encoder: UserEncoder):
        super().__init__()
        self._user_encoder = user_encoder
        self._multi_hop = None
        layers = user_encoder.encoder.layers
        # Whatever is not just these two layers is served as it was trained.
        if [type(layer) for layer in layers[1:]] == [BehaviorEmbedding, MultiHopAggregation]:
            self._multi_hop = MultiHopInference(*layers[1:])

    @property
    def fusion(self) -> ChannelFusion | None:
        """What makes one vector of the channels; None if there is but one."""
        return self._user_encoder.fusion

    @property
    def events(self) -> tuple[str, ...]:
        """The channels of events that it has."""
        return tuple(self._user_encoder.events)

    def __call__(
        self, word_ids: tf.RaggedTensor, events: dict[str, tf.Tensor]
    ) -> dict[str, tf.Tensor]:
        """Users to vectors.

        Args:
            word_ids: Int64 [batch, (behaviours), (words)]; no behaviour is without words.
            events: By channel int64 [batch, n], as of `trainer.text.event_numbers`; 0 is unknown.

        Returns:
            `user_vector`, float32 [batch, d], and `user_vector_full`, float32 [batch, k].
        """
        parts = self._user_encoder
        if self._multi_hop is None:
            hops = parts.encoder(word_ids.to_tensor(), training=False)
            channels = [tf.cast(hops[:, -1], tf.float32)]
        else:
            channels = [self._multi_hop(word_ids)]
        channels += bags_of_words(list(parts.bags.values()), word_ids)
        counts = [tf.cast(word_ids.row_lengths(), tf.float32)] * len(channels)
        for name, layer in parts.events.items():
            channels.append(layer(events[name]))
            counts.append(known_behaviors(events[name]))
        vector = full = channels[0]
        if parts.fusion is not None:
            vector, full = parts.fusion(channels, counts)
        return {USER_VECTOR: vector, USER_VECTOR_FULL: full}


class MultiHopInference(tf.Module):
    """Multi-hop attention over means of embeddings, to the last hop.

    Both projections are linear, and so is the mean of a behaviour's words: instead of every
    behaviour every word is projected, once, here. The means that layer normalisation takes off are
    taken off the projections, so that only the variances are left to compute. What the keys'
    normalisation adds is the same for every behaviour, and attention does not see it.

    Args:
        embedding: Of the words.
        aggregation: Of the behaviours.
    """

    def __init__(self, embedding: BehaviorEmbedding, aggregation: MultiHopAggregation):
        super().__init__()
        self._hops = aggregation.hops
        self._dimension = embedding.dimension
        words = np.asarray(embedding.embeddings, "float64")
        projections = [
            np.asarray(layer.kernel, "float64")
            for layer in (aggregation.key_projection, aggregation.value_projection)
        ]
        centred = [kernel - kernel.mean(axis=1, keepdims=True) for kernel in projections]
        # A variable, for a model's constants are copied with every graph that is made of it.
        self._words = tf.Variable(
            np.concatenate([words @ kernel for kernel in centred], axis=1).astype("float32"),
            trainable=False,
            name="projected_words",
        )

        def of(layer):
            return np.asarray(layer.gamma, "float32"), np.asarray(layer.beta, "float32")

        scale = 1 / math.sqrt(self._dimension) if aggregation.scale else 1.0
        key_gain, _ = of(aggregation.key_normalization)
        self._value_gain, self._value_offset = of(aggregation.value_normalization)
        self._user_gain, self._user_offset = of(aggregation.user_normalization)
        self._query_gain = key_gain * np.float32(scale)
        self._start = np.asarray(aggregation.initial_memory, "float32")
        self._epsilon = aggregation.key_normalization.epsilon

    def __call__(self, word_ids: tf.RaggedTensor) -> tf.Tensor:
        """Int64 [batch, (behaviours), (words)] to float32 [batch, d]."""
        behaviors = word_ids.values
        # TensorFlow's optimiser does not know the rank, and complains of it whenever it loads.
        splits = tf.ensure_shape(word_ids.row_splits, [None])
        projected = tf.raw_ops.SparseSegmentMean(
            data=self._words.read_value(),
            indices=behaviors.values - 1,
            segment_ids=row_ids(behaviors.row_lengths()),
        )
        both = tf.reshape(projected, [-1, 2, self._dimension])
        variance = tf.reduce_mean(tf.square(both), axis=2, keepdims=True)
        both *= tf.math.rsqrt(variance + self._epsilon)

        def padded(values):
            return tf.raw_ops.RaggedTensorToTensor(
                shape=tf.constant([-1, -1, self._dimension], tf.int64),
                values=values,
                default_value=tf.constant(0, values.dtype),
                row_partition_tensors=[splits],
                row_partition_types=["ROW_SPLITS"],
            )

        keys, values = (padded(both[:, part]) for part in (0, 1))
        there = tf.sequence_mask(splits[1:] - splits[:-1], tf.shape(keys)[1], tf.float32)
        far = (1 - there) * _FAR
        # Attention adds up to 1, or for a user without behaviours to nothing.
        added = tf.reduce_max(tf.pad(there, [[0, 0], [0, 1]]), axis=1, keepdims=True)
        added *= self._value_offset

        memory = self._start + tf.zeros_like(added)
        query = memory * self._query_gain
        for _ in range(self._hops):
            # Not `matvec`: oneDNN takes 60 microseconds to begin, longer than one user needs.
            logits = tf.reduce_sum(keys * query[:, None], axis=2)
            attention = tf.nn.softmax(logits + far) * there
            gathered = tf.reduce_sum(values * attention[:, :, None], axis=1)
            memory += gathered * self._value_gain + added
            user = self._normalized(memory)
            query = user * self._query_gain
        return user

    def _normalized(self, memory: tf.Tensor) -> tf.Tensor:
        centred = memory - tf.reduce_mean(memory, axis=1, keepdims=True)
        variance = tf.reduce_mean(tf.square(centred), axis=1, keepdims=True)
        scaled = centred * tf.math.rsqrt(variance + self._epsilon)
        return scaled * self._user_gain + self._user_offset


def bags_of_words(layers: list[BagOfWords], word_ids: tf.RaggedTensor) -> list[tf.Tensor]:
    """What `BagOfWords` gives, of users without padding.

    Args:
        layers: With their directions, of one vocabulary.
        word_ids: Int64 [batch, (behaviours), (words)].

    Returns:
        By layer float32 [batch, dimension].
    """
    if not layers:
        return []
    of_users = tf.gather(word_ids.values.row_splits, word_ids.row_splits)
    user = row_ids(of_users[1:] - of_users[:-1])
    words = layers[0].vocabulary_size + 1
    distinct, _, counts = tf.unique_with_counts(user * words + word_ids.flat_values)
    weights = 1.0 + tf.math.log(tf.cast(counts, tf.float32))
    users = []
    for layer in layers:
        directions = tf.gather(keras.ops.convert_to_tensor(layer.directions), distinct % words - 1)
        # The users of distinct words ascend, as the words came.
        total = tf.math.unsorted_segment_sum(
            directions * weights[:, None], distinct // words, word_ids.nrows()
        )
        users.append(tf.math.l2_normalize(total, axis=1, epsilon=1e-18))
    return users
