"""Tests of the normaliser of the softmax, on whichever backend Keras runs."""

import keras
import numpy as np
import pytest
from keras import ops

from trainer.encoder.normalizer import summed_log_normalizer

USERS, HOPS, DIMENSION, WORDS = 7, 3, 8, 11
WEIGHTS = np.array([1, 0, 2, 1, 1, 0.5, 1], "float32")


def inputs():
    rng = np.random.default_rng(0)
    return [
        rng.normal(size=(USERS, HOPS, DIMENSION)).astype("float32"),
        rng.normal(size=(WORDS, DIMENSION)).astype("float32"),
    ]


def naive(hidden, embeddings):
    normalizers = np.log(np.exp(hidden @ embeddings.T).sum(axis=-1)).sum(axis=-1)
    return (WEIGHTS * normalizers).sum()


def test_by_hand():
    value = summed_log_normalizer(
        np.zeros((2, 5, 8), "float32"), np.zeros((4, 8), "float32"), np.array([1.0, 0.0])
    )
    np.testing.assert_allclose(value, 5 * np.log(4), rtol=1e-6)


# Three chunks of rows, the last of them empty; two, the last not full; all in one.
@pytest.mark.parametrize("bytes_at_a_time", [1, 8 * HOPS * WORDS, 2**24])
def test_agrees_with_numpy_however_it_is_cut(gradients, finite_differences, bytes_at_a_time):
    def normalizer(*arrays):
        return summed_log_normalizer(*arrays, WEIGHTS, bytes_at_a_time)

    exact = [array.astype("float64") for array in inputs()]
    np.testing.assert_allclose(normalizer(*inputs()), naive(*exact), rtol=1e-5)
    for which, gradient in enumerate(gradients(normalizer, inputs())):
        for index, expected in finite_differences(naive, exact, which, step=1e-5):
            np.testing.assert_allclose(gradient[index], expected, rtol=1e-4, atol=1e-5)


def test_logits_far_apart_stay_finite(gradients):
    hidden, embeddings = inputs()
    value = summed_log_normalizer(hidden, 1e3 * embeddings, WEIGHTS)
    largest = (1e3 * hidden @ embeddings.T).max(axis=-1).sum(axis=-1)
    np.testing.assert_allclose(value, (WEIGHTS * largest).sum(), rtol=1e-4)
    for gradient in gradients(lambda h, o: summed_log_normalizer(h, 1e3 * o, WEIGHTS), inputs()):
        assert np.all(np.isfinite(gradient))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_sums_in_single_precision(dtype):
    # 4096 words of equal weight: bfloat16 cannot even count them one by one.
    hidden = ops.zeros((1, 1, 8), dtype)
    value = summed_log_normalizer(hidden, ops.zeros((4096, 8), dtype), np.ones(1))
    assert keras.backend.standardize_dtype(value.dtype) == "float32"
    np.testing.assert_allclose(value, np.log(4096), rtol=1e-6)


def test_no_users():
    _, embeddings = inputs()
    nobody = np.zeros((0, HOPS, DIMENSION), "float32")
    assert summed_log_normalizer(nobody, embeddings, np.zeros(0)) == 0


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="other shapes are static")
def test_batches_of_any_size_in_one_graph():
    import tensorflow as tf

    hidden, embeddings = inputs()

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, HOPS, DIMENSION]),
            tf.TensorSpec([None, DIMENSION]),
            tf.TensorSpec([None]),
        ]
    )
    def normalizer(hidden, embeddings, weights):
        return summed_log_normalizer(hidden, embeddings, weights, 8 * HOPS * WORDS)

    for users in (USERS, 2, 0):
        weights = np.where(np.arange(USERS) < users, WEIGHTS, 0)
        expected = summed_log_normalizer(hidden, embeddings, weights)
        value = normalizer(hidden[:users], embeddings, WEIGHTS[:users])
        np.testing.assert_allclose(value, expected, rtol=1e-5)
