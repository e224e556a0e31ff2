"""Tests of sums of embeddings, on whichever backend Keras runs."""

import numpy as np
from keras import ops

from trainer.encoder.embedding_bag import embedding_bag

IDS = np.array([[1, 3, 0], [2, 2, 2], [0, 0, 0], [0, 4, 1]])
WEIGHTS = np.array([[2.0, 1.0, 9.0], [0.5, 1.0, 0.0], [1.0, 1.0, 1.0], [7.0, -1.0, 3.0]], "float32")
TABLE = np.random.default_rng(0).normal(size=(4, 5)).astype("float32")


def test_sums_by_hand():
    expected = [2 * TABLE[0] + TABLE[2], 1.5 * TABLE[1], 0 * TABLE[0], 3 * TABLE[0] - TABLE[3]]
    np.testing.assert_allclose(embedding_bag(TABLE, IDS, WEIGHTS), expected, rtol=1e-6, atol=1e-6)


def test_bags_without_words():
    for shape in ((0, 3), (2, 0)):
        bags = embedding_bag(TABLE, np.zeros(shape, int), np.zeros(shape, "float32"))
        np.testing.assert_array_equal(bags, np.zeros((shape[0], 5)))


def test_gradient_by_hand(gradients):
    upstream = np.random.default_rng(1).normal(size=(4, 5)).astype("float32")
    (gradient,) = gradients(
        lambda table: ops.sum(embedding_bag(table, IDS, WEIGHTS) * upstream), [TABLE]
    )
    expected = [
        2 * upstream[0] + 3 * upstream[3],
        1.5 * upstream[1],
        upstream[0],
        -upstream[3],
    ]
    np.testing.assert_allclose(gradient, expected, rtol=1e-5, atol=1e-6)
