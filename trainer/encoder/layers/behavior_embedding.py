"""The embedding of a behaviour: the mean of the embeddings of its words."""

import keras
from keras import ops

from trainer.encoder.embedding_bag import embedding_bag


@keras.saving.register_keras_serializable(package="sumn")
class BehaviorEmbedding(keras.layers.Layer):
    """Embeds every behaviour of a user as the mean of its words' embeddings.

    A behaviour is a short text, a row of word ids; id 0 is padding and ids `1..vocabulary_size`
    are words. For a behaviour of the words `w_1 .. w_x`

        e = 1/x * sum_i E[w_i]

    Padding has no row in the table (word `w` owns row `w - 1`), so nothing that is padded can
    reach a result or receive a gradient. A behaviour without words is the zero vector, and the
    mask says so.

    Example:
        >>> layer = BehaviorEmbedding(vocabulary_size=4, dimension=8)
        >>> embeddings, mask = layer(np.array([[[1, 2, 0], [0, 0, 0]]]))
        >>> tuple(embeddings.shape)
        (1, 2, 8)
        >>> np.asarray(mask).tolist()
        [[True, False]]

    Args:
        vocabulary_size: Integer, the number of words, without padding.
        dimension: Integer, the size of an embedding.
        embeddings_initializer: Initializer of the table of shape `[vocabulary_size, dimension]`.

    Call arguments:
        word_ids: Integer tensor of shape `[batch, behaviors, words]`. `behaviors` and `words` may
            be 0.

    Returns:
        A tuple `(embeddings, mask)`: a float tensor of shape `[batch, behaviors, dimension]` and a
        boolean tensor of shape `[batch, behaviors]` that tells which behaviours have a word.

    Raises:
        ValueError: If `vocabulary_size` or `dimension` is not positive.
    """

    def __init__(
        self,
        vocabulary_size: int,
        dimension: int,
        embeddings_initializer="random_normal",
        **kwargs,
    ):
        super().__init__(**kwargs)
        if vocabulary_size < 1 or dimension < 1:
            raise ValueError(
                "`vocabulary_size` and `dimension` must be positive. "
                f"Received: vocabulary_size={vocabulary_size}, dimension={dimension}"
            )
        self.vocabulary_size = vocabulary_size
        self.dimension = dimension
        self.embeddings_initializer = keras.initializers.get(embeddings_initializer)

    def build(self, input_shape):
        """See base class."""
        self.embeddings = self.add_weight(
            name="embeddings",
            shape=(self.vocabulary_size, self.dimension),
            initializer=self.embeddings_initializer,
            # Sums of few embeddings gain nothing from a copy of the table in half precision.
            autocast=False,
        )

    def call(self, word_ids):
        """Returns embeddings and mask; the class says of which shapes."""
        users, behaviors, words = ops.shape(word_ids)
        is_word = ops.not_equal(word_ids, 0)
        counts = ops.sum(ops.cast(is_word, "float32"), axis=2, keepdims=True)
        shares = ops.cast(is_word, "float32") / ops.maximum(counts, 1)
        means = embedding_bag(
            self.embeddings,
            ops.reshape(word_ids, (users * behaviors, words)),
            ops.reshape(shares, (users * behaviors, words)),
        )
        means = ops.reshape(means, (users, behaviors, self.dimension))
        return ops.cast(means, self.compute_dtype), ops.any(is_word, axis=2)

    def compute_output_spec(self, word_ids):
        """See base class."""
        # The two outputs differ in dtype, which `compute_output_shape` cannot express.
        behaviors = tuple(word_ids.shape[:2])
        return (
            keras.KerasTensor((*behaviors, self.dimension), dtype=self.compute_dtype),
            keras.KerasTensor(behaviors, dtype="bool"),
        )

    def get_config(self):
        """See base class."""
        return {
            **super().get_config(),
            "vocabulary_size": self.vocabulary_size,
            "dimension": self.dimension,
            "embeddings_initializer": keras.initializers.serialize(self.embeddings_initializer),
        }
