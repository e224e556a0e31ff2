"""Weighted sums of embeddings that are never all held at once."""

import keras
from keras import ops


def embedding_bag(embeddings, word_ids, weights):
    """Sums the embeddings of each bag of words, `bag = sum_i weight_i * E[word_i]`.

    With the TensorFlow backend this is the product of a sparse matrix `[bags, vocabulary]` with
    the table: no embedding is copied, padding costs nothing, and the gradient reaches the table
    by the transposed product. Other backends gather and sum, which XLA fuses.

    Example:
        >>> bags = embedding_bag(np.eye(3), np.array([[1, 3, 0]]), np.array([[2.0, 1.0, 9.0]]))
        >>> np.asarray(bags).tolist()
        [[2.0, 0.0, 1.0]]

    Args:
        embeddings: Float tensor of shape `[vocabulary_size, dimension]`; word `w` owns row
            `w - 1`.
        word_ids: Integer tensor of shape `[bags, words]`; 0 is padding.
        weights: Float tensor of shape `[bags, words]`. Weights of padding do not count, and no
            gradient reaches any weight.

    Returns:
        Tensor of shape `[bags, dimension]` and the dtype of `embeddings`.
    """
    weights = ops.stop_gradient(ops.cast(weights, embeddings.dtype))
    if keras.backend.backend() == "tensorflow":
        return _sparse_matmul(embeddings, word_ids, weights)
    weights = ops.where(ops.equal(word_ids, 0), 0, weights)
    words = ops.take(embeddings, ops.maximum(word_ids - 1, 0), axis=0)
    return ops.sum(words * ops.expand_dims(weights, axis=-1), axis=1)


def _sparse_matmul(embeddings, word_ids, weights):
    import tensorflow as tf

    word_ids = tf.convert_to_tensor(word_ids)
    positions = tf.where(tf.not_equal(word_ids, 0))
    rows = tf.cast(tf.gather_nd(word_ids, positions), tf.int64) - 1
    bags = tf.SparseTensor(
        indices=tf.stack([positions[:, 0], rows], axis=1),
        values=tf.gather_nd(weights, positions),
        dense_shape=[tf.shape(word_ids, tf.int64)[0], tf.shape(embeddings, tf.int64)[0]],
    )
    return tf.sparse.sparse_dense_matmul(bags, embeddings)
