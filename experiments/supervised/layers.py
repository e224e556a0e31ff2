"""Layers of the supervised rivals."""

import keras
from keras import ops


class WordEmbedding(keras.layers.Layer):
    """Looks up word vectors; padding, id 0, is the zero vector and stays it.

    Args:
        vectors: Float array of shape `[vocabulary_size, dimension]`, what the table starts from.

    Call arguments:
        word_ids: Integer tensor of any shape; word `w` owns row `w - 1`.

    Returns:
        Float tensor of that shape and `dimension`.
    """

    def __init__(self, vectors, **kwargs):
        super().__init__(**kwargs)
        self.table = self.add_weight(shape=vectors.shape, name="table")
        self.table.assign(vectors)

    def call(self, word_ids):
        """Returns the vectors; the class says of which shape."""
        known = ops.cast(ops.expand_dims(word_ids > 0, -1), self.compute_dtype)
        return known * ops.take(self.table, ops.maximum(word_ids - 1, 0), axis=0)


class MaskedMaximum(keras.layers.Layer):
    """The maximum over windows that are centred on a word; of none it is zero.

    Call arguments:
        windows: Float tensor of shape `[batch, n, filters]`, not negative.
        word_ids: Integer tensor of shape `[batch, n]`, 0 is padding.

    Returns:
        Float tensor of shape `[batch, filters]`.
    """

    def call(self, windows, word_ids):
        """Returns the maxima; the class says of which shape."""
        known = ops.cast(ops.expand_dims(word_ids > 0, -1), self.compute_dtype)
        return ops.max(windows * known, axis=1, initial=0)


class AttentionPooling(keras.layers.Layer):
    """Sums vectors by attention, as the hierarchical attention network does.

        u_t = tanh(W h_t + b)        a = softmax_t(u_t . c)        v = sum_t a_t h_t

    Call arguments:
        vectors: Float tensor of shape `[batch, n, dimension]`.
        mask: Boolean tensor of shape `[batch, n]`, `False` for padding.

    Returns:
        Float tensor of shape `[batch, dimension]`; zeros where the mask leaves nothing.
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def compute_mask(self, vectors, mask=None):
        """Returns None: every row has a vector."""
        return None

    def build(self, vectors_shape, mask_shape=None):
        """See base class."""
        self.hidden = keras.layers.Dense(vectors_shape[-1], activation="tanh")
        self.hidden.build(vectors_shape)
        self.context = self.add_weight(shape=(vectors_shape[-1],), name="context")

    def call(self, vectors, mask):
        """Returns the sums; the class says of which shape."""
        logits = ops.einsum("bnd,d->bn", self.hidden(vectors), self.context)
        logits = ops.where(mask, logits, -1e9)
        weights = ops.exp(logits - ops.max(logits, axis=1, keepdims=True, initial=-1e9))
        weights = weights * ops.cast(mask, weights.dtype)
        weights = weights / ops.maximum(ops.sum(weights, axis=1, keepdims=True), 1e-9)
        return ops.einsum("bn,bnd->bd", weights, vectors)
