"""Multi-hop aggregation of a user's behaviours by attention."""

import math

import keras
from keras import ops

from trainer.encoder.layers.rowwise_dense import RowwiseDense

# Far below every logit of layer-normalised vectors, yet finite: minus infinity would turn into
# NaN where a user has no behaviours at all.
_MASKED = -1e9


@keras.saving.register_keras_serializable(package="sumn")
class MultiHopAggregation(keras.layers.Layer):
    """Aggregates behaviours into a user vector by repeated attention.

    Keys and values are made once and shared by all hops; each hop asks with what the hops before
    it have gathered:

        k_t = LN(W_K e_t)                        v_t = LN(W_V e_t)
        a_t = softmax_t(k_t . u(h-1))            m(h) = m(h-1) + sum_t a_t v_t
        u(h) = LN(m(h))                          u(0) = m(0), a trained vector

    To a user without behaviours attention adds nothing: every hop is `LN(m(0))`.

    Example:
        >>> layer = MultiHopAggregation(hops=5)
        >>> hops = layer(np.random.normal(size=(2, 3, 8)), mask=np.ones((2, 3), bool))
        >>> tuple(hops.shape)
        (2, 5, 8)
        >>> user_vectors = hops[:, -1]

    Args:
        hops: Integer, the number of hops `N`.
        scale: Boolean, whether to divide the logits by `sqrt(dimension)`. Layer normalisation
            makes keys and queries as long as `sqrt(dimension)`; unscaled logits then differ by
            dozens at the start of training, and attention picks one behaviour instead of mixing.
        start_as_mean: Boolean, whether a user vector starts as the normalised mean of the user's
            behaviours: `W_V` starts from the identity, and the gain of the keys' normalisation
            from 0, so that attention gives all the same share until it has learnt better.

    Call arguments:
        behaviors: Float tensor of shape `[batch, behaviors, dimension]`.
        mask: Boolean tensor of shape `[batch, behaviors]`, `False` for padding.

    Returns:
        Float tensor of shape `[batch, hops, dimension]` with `u(1) .. u(N)`.

    Raises:
        ValueError: If `hops` is not positive.
    """

    def __init__(self, hops: int = 5, scale: bool = False, start_as_mean: bool = False, **kwargs):
        super().__init__(**kwargs)
        if hops < 1:
            raise ValueError(f"`hops` must be positive. Received: hops={hops}")
        self.hops = hops
        self.scale = scale
        self.start_as_mean = start_as_mean
        self.supports_masking = True

    def build(self, behaviors_shape):
        """See base class."""
        dimension = behaviors_shape[-1]
        # Keras's default epsilon of 1e-3 outweighs the variance that projections of means of
        # small word embeddings start with, and would shrink keys and values to nearly nothing.
        options = {"epsilon": 1e-6, "dtype": self.dtype_policy}
        self.key_normalization = keras.layers.LayerNormalization(
            gamma_initializer="zeros" if self.start_as_mean else "ones", **options
        )
        self.value_normalization = keras.layers.LayerNormalization(**options)
        self.user_normalization = keras.layers.LayerNormalization(**options)
        options = {"use_bias": False, "dtype": self.dtype_policy}
        self.key_projection = RowwiseDense(dimension, **options)
        self.value_projection = RowwiseDense(
            dimension,
            kernel_initializer="identity" if self.start_as_mean else "glorot_uniform",
            **options,
        )
        self.key_projection.build(behaviors_shape)
        self.value_projection.build(behaviors_shape)
        self.key_normalization.build(behaviors_shape)
        self.value_normalization.build(behaviors_shape)
        self.user_normalization.build((behaviors_shape[0], dimension))
        self.initial_memory = self.add_weight(
            name="initial_memory", shape=(dimension,), initializer="random_normal"
        )

    def call(self, behaviors, mask):
        """Returns the hops; the class says of which shape."""
        keys = self.key_normalization(self.key_projection(behaviors))
        values = self.value_normalization(self.value_projection(behaviors))
        users = ops.shape(behaviors)[0]
        memory = ops.broadcast_to(self.initial_memory, (users, self.initial_memory.shape[0]))
        query = memory
        outputs = []
        for _ in range(self.hops):
            attention = self._attend(query, keys, mask)
            memory = memory + ops.einsum("bn,bnd->bd", attention, values)
            query = self.user_normalization(memory)
            outputs.append(query)
        return ops.stack(outputs, axis=1)

    def _attend(self, query, keys, mask):
        logits = ops.cast(ops.einsum("bnd,bd->bn", keys, query), "float32")
        if self.scale:
            logits = logits / math.sqrt(keys.shape[-1])
        # `ops.softmax` would share the attention out among padding if a user had nothing else,
        # and has no answer at all where there are no behaviours to take a maximum over.
        logits = ops.where(mask, logits, _MASKED)
        largest = ops.max(logits, axis=1, keepdims=True, initial=_MASKED)
        weights = ops.exp(logits - ops.stop_gradient(largest)) * ops.cast(mask, "float32")
        attention = weights / ops.maximum(ops.sum(weights, axis=1, keepdims=True), 1e-9)
        return ops.cast(attention, self.compute_dtype)

    def compute_mask(self, behaviors, mask=None):
        """Returns None: every user has every hop."""
        return None

    def compute_output_shape(self, behaviors_shape, mask_shape=None):
        """See base class."""
        return (behaviors_shape[0], self.hops, behaviors_shape[-1])

    def get_config(self):
        """See base class."""
        return {
            **super().get_config(),
            "hops": self.hops,
            "scale": self.scale,
            "start_as_mean": self.start_as_mean,
        }
