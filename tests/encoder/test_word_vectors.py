"""Tests of the word vectors that embeddings start from."""

import numpy as np
import pytest

from trainer.encoder.word_vectors import (
    initial_word_vectors,
    latent_semantic_vectors,
    train_word_vectors,
    word_counts,
)

KINDS = ["word2vec", "lsa", "word2vec+lsa"]


def two_topics():
    rng = np.random.default_rng(0)
    return [(rng.integers(1, 6, 20) + 5 * (i % 2)).tolist() for i in range(400)]


def similarity(vectors):
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit @ unit.T


def test_word2vec_knows_what_stands_together():
    vectors = train_word_vectors(two_topics(), vocabulary_size=12, dimension=16)
    assert (vectors.shape, vectors.dtype) == ((12, 16), "float32")
    np.testing.assert_allclose(np.sqrt(np.mean(vectors[:10] ** 2)), 1, rtol=1e-5)
    assert np.abs(vectors[10:]).max() < 0.6
    alike = similarity(vectors)
    assert alike[:5, :5].mean() > alike[:5, 5:10].mean() + 0.2


def test_lsa_knows_which_words_one_user_has():
    vectors = latent_semantic_vectors(word_counts(two_topics(), vocabulary_size=12), dimension=2)
    assert (vectors.shape, vectors.dtype) == ((12, 2), "float32")
    alike = similarity(vectors[:10])
    assert alike[:5, :5].min() > 0.9
    assert np.abs(alike[:5, 5:]).max() < 0.1
    # Words that nobody has.
    np.testing.assert_allclose(vectors[10:], 0, atol=1e-6)


def test_lsa_of_few_users_leaves_directions_empty():
    vectors = latent_semantic_vectors(word_counts([[1], [2, 2]], vocabulary_size=3), dimension=5)
    # Two users without a common word: each word is a direction of its own.
    np.testing.assert_allclose(np.abs(vectors[:2, :2]), [[1, 0], [0, 1]], atol=1e-5)
    np.testing.assert_array_equal(vectors[:, 2:], 0)


def test_both_parts_are_of_one_scale():
    vectors = initial_word_vectors("word2vec+lsa", two_topics(), vocabulary_size=12, dimension=8)
    assert (vectors.shape, vectors.dtype) == ((12, 8), "float32")
    for part in (vectors[:, :6], vectors[:, 6:]):
        np.testing.assert_allclose(np.sqrt(np.mean(part**2)), 1, rtol=1e-5)


def test_words_of_few_users_count_for_more():
    # Word 1 is everybody's, words 2 and 3 are one user's each.
    users = [[1, 2], [1, 3]]
    vectors = initial_word_vectors("lsa", users, vocabulary_size=3, dimension=3)
    bare = latent_semantic_vectors(word_counts(users, vocabulary_size=3), dimension=3)
    weights = np.linalg.norm(vectors, axis=1) / np.linalg.norm(bare, axis=1)
    # Scikit-learn's smooth inverse document frequencies, 1 + log((1 + n) / (1 + df)).
    np.testing.assert_allclose(weights[1:] / weights[0], 1 + np.log(3 / 2), rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_word_there_are_no_vectors(kind):
    with pytest.raises(ValueError, match="no word"):
        initial_word_vectors(kind, [[], []], vocabulary_size=3, dimension=4)


def test_counts():
    counts = word_counts([[3, 1, 3], [], [2]], vocabulary_size=4)
    np.testing.assert_array_equal(counts.toarray(), [[1, 0, 2, 0], [0, 0, 0, 0], [0, 1, 0, 0]])
