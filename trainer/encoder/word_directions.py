"""Fits what reads all of a user's words as one bag."""

import logging

import numpy as np

from trainer.encoder.layers import LatentSemantics
from trainer.encoder.paragraph_vectors import paragraph_vector_directions
from trainer.encoder.word_vectors import latent_semantic_directions, word_counts

# Enough to tell how much users differ.
_USERS_THAT_SCALE = 50_000


def fit_latent_semantics(
    sentences,
    vocabulary_size: int,
    dimension: int,
    seed: int = 0,
    paragraph_vectors: int = 0,
    phrases=None,
) -> LatentSemantics:
    """Makes the channel of latent semantics: by decomposition, by prediction, or by both.

    Users differ as much in the directions of the one as in those of the other.

    Example:
        >>> users = [[1, 2, 3], [2, 3], [4]]
        >>> layer = fit_latent_semantics(users, vocabulary_size=4, dimension=2)
        >>> tuple(layer.directions.shape)
        (4, 2)

    Args:
        sentences: List of lists of integers, one a user: word ids of `1..vocabulary_size`.
        vocabulary_size: Integer, the number of words, without padding.
        dimension: Integer, the number of directions of latent semantic analysis.
        seed: Integer, the seed of the randomised decomposition and of paragraph vectors.
        paragraph_vectors: Integer, the number of directions of paragraph vectors beside them.
        phrases: Integer array of shape `[vocabulary_size, 2]`, as `parts_of_phrases` makes it;
            `None` says that there are none.

    Returns:
        The layer, with its directions.

    Raises:
        ValueError: If both numbers are 0, or the sentences hold no word.
    """
    log = logging.getLogger("progress")
    counts = word_counts(sentences, vocabulary_size)
    parts = []
    if dimension:
        log.info("latent semantic analysis of %d users", len(sentences))
        parts.append(latent_semantic_directions(counts, dimension, seed))
    if paragraph_vectors:
        log.info("paragraph vectors of %d users", len(sentences))
        parts.append(
            paragraph_vector_directions(
                sentences, vocabulary_size, paragraph_vectors, seed, phrases
            )
        )
    layer = LatentSemantics(vocabulary_size, dimension + paragraph_vectors)
    layer.build((None, None, None))
    layer.directions.assign(np.hstack([_of_unit_variance(part, counts) for part in parts]))
    return layer


def _of_unit_variance(directions: np.ndarray, counts) -> np.ndarray:
    """Directions [words, size] in which users of these counts have a total variance of 1."""
    users = counts[:: -(-counts.shape[0] // _USERS_THAT_SCALE)].copy()
    users.data = 1 + np.log(users.data)
    variance = float((users @ directions).var(axis=0).sum())
    # Users who all say the same have none; then any scale will do.
    return directions / np.sqrt(variance or 1.0)
