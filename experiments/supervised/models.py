"""TextCNN, the hierarchical attention network, and an MLP on TF-IDF."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from experiments.supervised.layers import AttentionPooling, MaskedMaximum, WordEmbedding
from trainer.encoder.embedding_bag import embedding_bag

_WIDTHS = (3, 4, 5)
_FILTERS = 100
_DROPOUT = 0.5
_GRU_UNITS = 50
_HIDDEN_UNITS = 128


class TextConvolutions(keras.layers.Layer):
    """Convolutions of widths 3, 4 and 5, each with 100 filters and ReLU, and their maxima.

    Args:
        vectors: Float array of shape `[vocabulary_size, d]`, the word vectors that it starts from.

    Call arguments:
        word_ids: Integer tensor of shape `[batch, words]`, 0 is padding.

    Returns:
        Float tensor of shape `[batch, 300]`.
    """

    def __init__(self, vectors: np.ndarray, **kwargs):
        super().__init__(**kwargs)
        self.embedding = WordEmbedding(vectors)
        self.convolutions = [
            keras.layers.Conv1D(_FILTERS, width, padding="same", activation="relu")
            for width in _WIDTHS
        ]
        self.maximum = MaskedMaximum()

    def call(self, word_ids):
        """Returns the maxima; the class says of which shape."""
        embedded = self.embedding(word_ids)
        return ops.concatenate(
            [self.maximum(layer(embedded), word_ids) for layer in self.convolutions], axis=1
        )

    def compute_output_shape(self, word_ids_shape):
        """See base class."""
        return (word_ids_shape[0], _FILTERS * len(_WIDTHS))


def text_cnn(vectors: np.ndarray, classes: int) -> keras.Model:
    """Convolutions over all of a user's words in the order of time (Kim, 2014).

    Args:
        vectors: Float [vocabulary_size, d], the word vectors that it starts from.
        classes: Number of classes.

    Returns:
        Model from int [batch, words] to float32 [batch, classes].
    """
    word_ids = keras.Input((None,), dtype="int32")
    hidden = keras.layers.Dropout(_DROPOUT)(TextConvolutions(vectors)(word_ids))
    return keras.Model(word_ids, keras.layers.Dense(classes, activation="softmax")(hidden))


class HierarchicalAttention(keras.layers.Layer):
    """Words to behaviours to a user: each time a GRU in both directions, and attention.

    Args:
        vectors: Float array of shape `[vocabulary_size, d]`, the word vectors that it starts from.

    Call arguments:
        word_ids: Integer tensor of shape `[batch, behaviors, words]`, 0 is padding.

    Returns:
        Float tensor of shape `[batch, 100]`.
    """

    def __init__(self, vectors: np.ndarray, **kwargs):
        super().__init__(**kwargs)
        self.embedding = WordEmbedding(vectors)
        self.of_words, self.of_behaviors = (
            keras.layers.Bidirectional(keras.layers.GRU(_GRU_UNITS, return_sequences=True))
            for _ in range(2)
        )
        self.word_attention, self.behavior_attention = AttentionPooling(), AttentionPooling()

    def call(self, word_ids):
        """Returns the vectors; the class says of which shape."""
        users, behaviors, words = ops.shape(word_ids)
        rows = ops.reshape(word_ids, (users * behaviors, words))
        known = rows > 0
        encoded = self.of_words(self.embedding(rows), mask=known)
        vectors = self.word_attention(encoded, known)
        vectors = ops.reshape(vectors, (users, behaviors, 2 * _GRU_UNITS))
        known = ops.any(word_ids > 0, axis=2)
        return self.behavior_attention(self.of_behaviors(vectors, mask=known), known)

    def compute_output_shape(self, word_ids_shape):
        """See base class."""
        return (word_ids_shape[0], 2 * _GRU_UNITS)


def hierarchical_attention(vectors: np.ndarray, classes: int) -> keras.Model:
    """The hierarchical attention network (Yang et al., 2016); behaviours are its sentences.

    Args:
        vectors: As of `text_cnn`.
        classes: Number of classes.

    Returns:
        Model from int [batch, behaviors, words] to float32 [batch, classes].
    """
    word_ids = keras.Input((None, None), dtype="int32")
    hidden = HierarchicalAttention(vectors)(word_ids)
    return keras.Model(word_ids, keras.layers.Dense(classes, activation="softmax")(hidden))


class BagOfWords(keras.layers.Layer):
    """A dense layer with ReLU on sparse rows.

    Args:
        features: Integer, the size of a row.
        units: Integer, the width of the layer.

    Call arguments:
        word_ids: Integer tensor of shape `[batch, words]`, the columns that are not zero, from 1;
            0 is padding.
        weights: Float tensor of the same shape, what stands in them.

    Returns:
        Float tensor of shape `[batch, units]`.
    """

    def __init__(self, features: int, units: int, **kwargs):
        super().__init__(**kwargs)
        self.kernel = self.add_weight(shape=(features, units), name="kernel")
        self.bias = self.add_weight(shape=(units,), initializer="zeros", name="bias")
        self.units = units

    def call(self, word_ids, weights):
        """Returns the layer's output; the class says of which shape."""
        return ops.relu(embedding_bag(self.kernel, word_ids, weights) + self.bias)

    def compute_output_shape(self, word_ids_shape, weights_shape):
        """See base class."""
        return (word_ids_shape[0], self.units)


def tfidf_mlp(vocabulary_size: int, classes: int) -> keras.Model:
    """An MLP with one hidden layer of 128 on TF-IDF.

    Args:
        vocabulary_size: Number of words.
        classes: Number of classes.

    Returns:
        Model from int [batch, words] and float [batch, words] to float32 [batch, classes].
    """
    word_ids = keras.Input((None,), dtype="int32")
    weights = keras.Input((None,), dtype="float32")
    hidden = BagOfWords(vocabulary_size, _HIDDEN_UNITS)(word_ids, weights)
    return keras.Model(
        [word_ids, weights], keras.layers.Dense(classes, activation="softmax")(hidden)
    )
