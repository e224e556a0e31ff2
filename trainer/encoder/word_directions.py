"""Fits what reads all of a user's words as one bag."""

import logging

import numpy as np

from trainer.encoder.layers import BagOfWords
from trainer.encoder.paragraph_vectors import paragraph_vector_directions
from trainer.encoder.word_vectors import latent_semantic_directions, word_counts

_progress = logging.getLogger("progress")


def fit_latent_semantics(
    sentences, vocabulary_size: int, dimension: int, seed: int = 0
) -> BagOfWords:
    """Makes the channel of latent semantic analysis.

    Example:
        >>> users = [[1, 2, 3], [2, 3], [4]]
        >>> layer = fit_latent_semantics(users, vocabulary_size=4, dimension=2)
        >>> tuple(layer.directions.shape)
        (4, 2)

    Args:
        sentences: List of lists of integers, one a user: word ids of `1..vocabulary_size`.
        vocabulary_size: Integer, the number of words, without padding.
        dimension: Integer, the number of directions.
        seed: Integer, the seed of the randomised decomposition.

    Returns:
        The layer, with its directions.

    Raises:
        ValueError: If the sentences hold no word.
    """
    _progress.info("latent semantic analysis of %d users", len(sentences))
    counts = word_counts(sentences, vocabulary_size)
    return _of_directions(latent_semantic_directions(counts, dimension, seed))


def fit_paragraph_vectors(
    sentences, vocabulary_size: int, dimension: int, seed: int = 0, phrases=None
) -> BagOfWords:
    """Makes the channel of paragraph vectors.

    Args:
        sentences: List of lists of integers, one a user: word ids of `1..vocabulary_size`.
        vocabulary_size: Integer, the number of words, without padding.
        dimension: Integer, the number of directions.
        seed: Integer, the seed of paragraph vectors.
        phrases: Integer array of shape `[vocabulary_size, 2]`, as `parts_of_phrases` makes it;
            `None` says that there are none.

    Returns:
        The layer, with its directions.

    Raises:
        ValueError: If the sentences hold no word.
    """
    _progress.info("paragraph vectors of %d users", len(sentences))
    return _of_directions(
        paragraph_vector_directions(sentences, vocabulary_size, dimension, seed, phrases)
    )


def _of_directions(directions: np.ndarray) -> BagOfWords:
    layer = BagOfWords(*directions.shape)
    layer.build((None, None, None))
    layer.directions.assign(directions)
    return layer
