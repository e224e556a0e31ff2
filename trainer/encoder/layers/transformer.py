"""Aggregation of a user's behaviours by a transformer."""

import keras
from keras import ops

from trainer.encoder.layers.rowwise_dense import RowwiseDense


@keras.saving.register_keras_serializable(package="sumn")
class TransformerAggregation(keras.layers.Layer):
    """Aggregates behaviours into a user vector by self-attention and a mean.

    What the paper's discussion sets against multi-hop aggregation, whose cost grows with the
    number of behaviours and not with its square. The blocks are those of Vaswani et al.,
    "Attention Is All You Need", 2017, normalised before attention and feed-forward network.
    Behaviours are a set, as for every aggregator here: there are no positions. A user without
    behaviours is the layer normalisation's bias.

    Example:
        >>> layer = TransformerAggregation(blocks=2, heads=4)
        >>> users = layer(np.random.normal(size=(2, 3, 8)), mask=np.ones((2, 3), bool))
        >>> tuple(users.shape)
        (2, 1, 8)

    Args:
        blocks: Integer, the number of blocks.
        heads: Integer, the number of heads of self-attention; divides the dimension.

    Call arguments:
        behaviors: Float tensor of shape `[batch, behaviors, dimension]`.
        mask: Boolean tensor of shape `[batch, behaviors]`, `False` for padding.

    Returns:
        Float tensor of shape `[batch, 1, dimension]`.

    Raises:
        ValueError: If `blocks` or `heads` is not positive, or if the heads do not divide the
            dimension.
    """

    def __init__(self, blocks: int = 2, heads: int = 4, **kwargs):
        super().__init__(**kwargs)
        if blocks < 1 or heads < 1:
            raise ValueError(
                f"`blocks` and `heads` must be positive. Received: blocks={blocks}, heads={heads}"
            )
        self.blocks = blocks
        self.heads = heads
        self.supports_masking = True

    def build(self, behaviors_shape):
        """See base class."""
        dimension = behaviors_shape[-1]
        if dimension % self.heads:
            raise ValueError(
                f"`heads` must divide the dimension. Received: heads={self.heads}, "
                f"dimension={dimension}"
            )
        self.block_layers = []
        for _ in range(self.blocks):
            attention = keras.layers.MultiHeadAttention(
                self.heads, dimension // self.heads, dtype=self.dtype_policy
            )
            attention.build(behaviors_shape, behaviors_shape)
            widening = RowwiseDense(4 * dimension, "relu", dtype=self.dtype_policy)
            widening.build(behaviors_shape)
            narrowing = RowwiseDense(dimension, dtype=self.dtype_policy)
            narrowing.build((*behaviors_shape[:-1], 4 * dimension))
            normalizations = [self._normalization(behaviors_shape) for _ in range(2)]
            self.block_layers.append((*normalizations, attention, widening, narrowing))
        self.user_normalization = self._normalization((behaviors_shape[0], dimension))

    def _normalization(self, shape):
        # The reason for this epsilon stands in `MultiHopAggregation`.
        layer = keras.layers.LayerNormalization(epsilon=1e-6, dtype=self.dtype_policy)
        layer.build(shape)
        return layer

    def call(self, behaviors, mask):
        """Returns the user vectors, as one hop; the class says of which shape."""
        x = behaviors
        for before_attention, before_network, attention, widening, narrowing in self.block_layers:
            y = before_attention(x)
            x = x + attention(y, y, attention_mask=ops.expand_dims(mask, axis=1))
            x = x + narrowing(widening(before_network(x)))
        weights = ops.cast(mask, self.compute_dtype)
        total = ops.einsum("bn,bnd->bd", weights, x)
        count = ops.maximum(ops.sum(weights, axis=1, keepdims=True), 1)
        return ops.expand_dims(self.user_normalization(total / count), axis=1)

    def compute_mask(self, behaviors, mask=None):
        """Returns None: every user has the one hop."""
        return None

    def compute_output_shape(self, behaviors_shape, mask_shape=None):
        """See base class."""
        return (behaviors_shape[0], 1, behaviors_shape[-1])

    def get_config(self):
        """See base class."""
        return {**super().get_config(), "blocks": self.blocks, "heads": self.heads}
