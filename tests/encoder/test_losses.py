"""Tests of the behavioural consistency loss, on whichever backend Keras runs."""

import keras
import numpy as np
import pytest
from keras import ops

from trainer.encoder.losses import behavioral_consistency_loss

IDS = np.array([[2, 5, 7, 0], [1, 0, 0, 0], [0, 0, 0, 0]])
COUNTS = np.array([[1, 3, 2, 0], [4, 0, 0, 0], [0, 0, 0, 0]], "float32")


def inputs(scale=1.0):
    rng = np.random.default_rng(0)
    hidden = np.maximum(rng.normal(size=(3, 5, 8)), 0).astype("float32")
    return hidden, (scale * rng.normal(size=(7, 8))).astype("float32")


def naive_loss(hidden, output_embeddings, ids, counts):
    """The Kullback-Leibler divergence of dense distributions, word by word."""
    losses = []
    for user in range(len(hidden)):
        p = np.zeros(len(output_embeddings))
        for word, count in zip(ids[user], counts[user], strict=True):
            if word:
                p[word - 1] = np.log(1 + count)
        loss = 0.0
        if p.sum():
            p /= p.sum()
            for hop in hidden[user].astype("float64"):
                exponentials = np.exp(output_embeddings.astype("float64") @ hop)
                predicted = exponentials / exponentials.sum()
                loss += sum(p[w] * np.log(p[w] / predicted[w]) for w in np.flatnonzero(p))
        losses.append(loss)
    return losses


def test_by_hand():
    # Hops that know nothing give each of 4 words 1/4; the target gives 2 words 1/2 each.
    loss = behavioral_consistency_loss(
        np.zeros((1, 5, 8), "float32"),
        np.zeros((4, 8), "float32"),
        np.array([[2, 3, 0]]),
        np.log1p([[1.0, 1.0, 0.0]]),
    )
    np.testing.assert_allclose(loss, 5 * np.log(2), atol=1e-6)


def test_target_is_as_its_weights():
    # Shares of 1/3 and 2/3.
    loss = behavioral_consistency_loss(
        np.zeros((1, 1, 8), "float32"),
        np.zeros((4, 8), "float32"),
        np.array([[1, 4]]),
        np.array([[7.0, 14.0]]),
    )
    expected = 1 / 3 * np.log(4 / 3) + 2 / 3 * np.log(8 / 3)
    np.testing.assert_allclose(loss, expected, atol=1e-6)


@pytest.mark.parametrize("scale", [0.1, 1.0, 10.0])
def test_agrees_with_dense_distributions(scale):
    hidden, embeddings = inputs(scale)
    np.testing.assert_allclose(
        behavioral_consistency_loss(hidden, embeddings, IDS, np.log1p(COUNTS)),
        sum(naive_loss(hidden, embeddings, IDS, COUNTS)),
        rtol=1e-5,
        atol=1e-5,
    )


def test_perfect_prediction_costs_nothing():
    embeddings = np.log(np.array([[1.0], [2.0], [1.0]], "float32"))
    loss = behavioral_consistency_loss(
        np.ones((1, 2, 1), "float32"), embeddings, np.array([[1, 2, 3]]), np.array([[1, 2, 1]])
    )
    np.testing.assert_allclose(loss, 0, atol=1e-6)


def test_empty_target_costs_nothing():
    hidden, embeddings = inputs()
    for ids in (np.zeros((3, 2), int), np.zeros((3, 0), int)):
        loss = behavioral_consistency_loss(hidden, embeddings, ids, np.zeros(ids.shape))
        np.testing.assert_allclose(loss, 0, atol=1e-6)


def test_padding_changes_nothing():
    hidden, embeddings = inputs()
    expected = behavioral_consistency_loss(hidden, embeddings, IDS, COUNTS)
    wide = np.concatenate([np.zeros((3, 2), int), IDS], axis=1)
    counts = np.concatenate([np.full((3, 2), 9, "float32"), COUNTS], axis=1)
    np.testing.assert_allclose(
        behavioral_consistency_loss(hidden, embeddings, wide, counts), expected, rtol=1e-5
    )


def test_loss_of_users_is_the_sum_of_theirs():
    hidden, embeddings = inputs()
    each = [
        behavioral_consistency_loss(
            hidden[i : i + 1], embeddings, IDS[i : i + 1], COUNTS[i : i + 1]
        )
        for i in range(3)
    ]
    together = behavioral_consistency_loss(hidden, embeddings, IDS, COUNTS)
    np.testing.assert_allclose(together, sum(map(float, each)), rtol=1e-5)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_stays_near_single(dtype):
    hidden, embeddings = inputs()
    loss = behavioral_consistency_loss(
        ops.cast(hidden, dtype), ops.cast(embeddings, dtype), IDS, COUNTS
    )
    assert keras.backend.standardize_dtype(loss.dtype) == "float32"
    expected = behavioral_consistency_loss(hidden, embeddings, IDS, COUNTS)
    np.testing.assert_allclose(loss, expected, rtol=0.02)


@pytest.mark.parametrize("which", [0, 1])
def test_gradient_agrees_with_finite_differences(gradients, finite_differences, which):
    gradient = gradients(
        lambda *arrays: behavioral_consistency_loss(*arrays, IDS, np.log1p(COUNTS)), inputs()
    )[which]
    arrays = [array.astype("float64") for array in inputs()]
    for index, expected in finite_differences(
        lambda *moved: sum(naive_loss(*moved, IDS, COUNTS)), arrays, which, step=1e-5
    ):
        np.testing.assert_allclose(gradient[index], expected, rtol=1e-3, atol=1e-4)


def test_gradient_is_scaled_by_what_follows(gradients):
    def loss(*arrays):
        return behavioral_consistency_loss(*arrays, IDS, COUNTS)

    for plain, tripled in zip(
        gradients(loss, inputs()),
        gradients(lambda *arrays: 3 * loss(*arrays), inputs()),
        strict=True,
    ):
        np.testing.assert_allclose(tripled, 3 * plain, rtol=1e-5, atol=1e-6)
