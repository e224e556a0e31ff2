"""All words of a user as one bag, in fixed directions."""

import keras
from keras import ops

from trainer.encoder.embedding_bag import embedding_bag


@keras.saving.register_keras_serializable(package="sumn")
class BagOfWords(keras.layers.Layer):
    """Projects a user's words, weighted as TF-IDF weighs them, onto fixed directions.

    What a mean of behaviours cannot tell is how often a user said something at all: there a word
    counts by its share. Here the words of all behaviours are one document in which a word that
    occurs `n` times counts `1 + log(n)` (sublinear term frequency; Salton and Buckley, 1988):

        r = sum over distinct words w of (1 + log n_w) P[w]             user = r / |r|

    The rows of `P` are directions of latent semantic analysis (`latent_semantic_directions`) or of
    paragraph vectors (`paragraph_vector_directions`), times inverse document frequency. They are
    learnt without labels and are not trained further.

    Example:
        >>> layer = BagOfWords(vocabulary_size=4, dimension=2)
        >>> layer.build((None, None, None))
        >>> _ = layer.directions.assign(np.array([[1, 0], [0, 1], [0, 0], [0, 0]]))
        >>> users = layer(np.array([[[1, 2, 0], [3, 0, 0]], [[0, 0, 0], [0, 0, 0]]]))
        >>> np.asarray(users, float).round(4).tolist()
        [[0.7071, 0.7071], [0.0, 0.0]]

    Args:
        vocabulary_size: Integer, the number of words, without padding.
        dimension: Integer, the number of directions.

    Call arguments:
        word_ids: Integer tensor of shape `[batch, behaviors, words]`, 0 is padding.

    Returns:
        Float32 tensor of shape `[batch, dimension]`, each row of length 1; zeros for a user
        without words.

    Raises:
        ValueError: If `vocabulary_size` or `dimension` is not positive.
    """

    def __init__(self, vocabulary_size: int, dimension: int, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32", "trainable": False})
        if vocabulary_size < 1 or dimension < 1:
            raise ValueError(
                "`vocabulary_size` and `dimension` must be positive. "
                f"Received: vocabulary_size={vocabulary_size}, dimension={dimension}"
            )
        self.vocabulary_size = vocabulary_size
        self.dimension = dimension

    def build(self, input_shape):
        """See base class."""
        self.directions = self.add_weight(
            name="directions",
            shape=(self.vocabulary_size, self.dimension),
            initializer="zeros",
            trainable=False,
        )

    def call(self, word_ids):
        """Returns the projections; the class says of which shape."""
        users, behaviors, words = ops.shape(word_ids)
        ids = ops.sort(ops.reshape(word_ids, (users, behaviors * words)), axis=1)
        counts = self._counts_at_first(ids)
        weights = ops.where(counts > 0, 1.0 + ops.log(ops.maximum(counts, 1.0)), 0.0)
        distinct = ops.where(counts > 0, ids, 0)
        total = embedding_bag(ops.convert_to_tensor(self.directions), distinct, weights)
        length = ops.sqrt(ops.sum(ops.square(total), axis=1, keepdims=True))
        return total / ops.maximum(length, 1e-9)

    def _counts_at_first(self, ids):
        """How often each id occurs, float [batch, n], where it stands first in sorted ids; else 0.

        With the number of the user before it every id is one of a single ascending row.
        """
        users = ops.expand_dims(ops.arange(ops.shape(ids)[0], dtype=ids.dtype), axis=1)
        row = ops.reshape(ids + users * (self.vocabulary_size + 1), (-1,))
        first = ops.searchsorted(row, row, side="left")
        counts = ops.searchsorted(row, row, side="right") - first
        is_first = ops.equal(first, ops.arange(ops.shape(row)[0], dtype=first.dtype))
        counts = ops.reshape(ops.where(is_first, counts, 0), ops.shape(ids))
        return ops.cast(ops.where(ids > 0, counts, 0), "float32")

    def compute_output_shape(self, input_shape):
        """Returns `[batch, dimension]`."""
        return (input_shape[0], self.dimension)

    def get_config(self):
        """See base class."""
        return {
            **super().get_config(),
            "vocabulary_size": self.vocabulary_size,
            "dimension": self.dimension,
        }
