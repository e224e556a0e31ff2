"""Tests of paragraph vectors' directions, and of the channel that has them."""

import numpy as np
import pytest
from keras import ops

from trainer.encoder.paragraph_vectors import paragraph_vector_directions
from trainer.encoder.word_directions import fit_paragraph_vectors
from trainer.encoder.word_vectors import inverse_document_frequency, word_counts

WORDS = 20
"""The first ten are said by some users, the second ten by the others; number 21 by nobody."""


@pytest.fixture(scope="module")
def users():
    rng = np.random.default_rng(0)
    return [(rng.integers(1, 11, 30) + 10 * (user % 2)).tolist() for user in range(200)]


@pytest.fixture(scope="module")
def directions(users):
    return paragraph_vector_directions(users, WORDS + 1, dimension=8)


def test_words_of_the_same_users_point_to_one_side(directions):
    rows = directions[:WORDS] / np.linalg.norm(directions[:WORDS], axis=1, keepdims=True)
    cosines = rows @ rows.T
    assert cosines[:10, :10].min() > 0.5
    assert cosines[10:, 10:].min() > 0.5
    assert cosines[:10, 10:].max() < -0.5


def test_what_all_users_have_in_common_is_taken_off(directions, users):
    counts = word_counts(users, WORDS + 1)
    idf = inverse_document_frequency(counts)[:, np.newaxis]
    total = np.asarray(counts.sum(axis=0)) @ (directions / idf)
    assert np.abs(total / counts.sum()).max() < 1e-5


def test_words_that_nobody_said_and_phrases_point_nowhere(directions, users):
    assert not directions[WORDS].any()
    phrases = np.zeros((WORDS + 1, 2), "int64")
    phrases[4] = 1, 2
    fitted = paragraph_vector_directions(users, WORDS + 1, dimension=8, phrases=phrases)
    assert not fitted[4].any()
    assert fitted[3].any()


def test_nobody_said_anything():
    with pytest.raises(ValueError, match="no word"):
        paragraph_vector_directions([[], []], 3, dimension=2)


def test_the_channel_tells_the_two_kinds_of_users_apart(users):
    layer = fit_paragraph_vectors(users, WORDS + 1, 8)
    one, alike, other = ops.convert_to_numpy(layer(np.array([[[1, 2]], [[3, 4]], [[11, 12]]])))
    assert one @ alike > 0.5
    assert one @ other < -0.5
