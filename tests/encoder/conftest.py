"""What several tests of the encoder use."""

import keras
import numpy as np
import pytest
from keras import ops


@pytest.fixture
def write_users(tmp_path):
    """Returns a function that writes users as Transform would, and the feature spec of them."""
    from benchmarks import transformed_users

    def write(users):
        path = str(tmp_path / "users-00000-of-00001.gz")
        return path, transformed_users.write_users(path, users)

    return write


@pytest.fixture
def gradients():
    """Returns a function that differentiates a scalar function of arrays, on every backend."""

    def differentiate(function, arrays):
        if keras.backend.backend() == "jax":
            import jax

            results = jax.grad(function, argnums=tuple(range(len(arrays))))(*arrays)
        else:
            import tensorflow as tf

            arrays = [tf.constant(array) for array in arrays]
            with tf.GradientTape() as tape:
                tape.watch(arrays)
                result = function(*arrays)
            results = tape.gradient(result, arrays)
        return [ops.convert_to_numpy(result) for result in results]

    return differentiate


@pytest.fixture
def finite_differences():
    """Returns a function that estimates some of a function's partial derivatives."""

    def estimate(function, arrays, which, step, samples=20):
        """Yields pairs of an index into `arrays[which]` and the derivative there."""
        rng = np.random.default_rng(0)
        shape = arrays[which].shape
        for index in zip(*(rng.integers(0, n, samples) for n in shape), strict=True):
            results = []
            for sign in (1, -1):
                moved = [array.copy() for array in arrays]
                moved[which][index] += sign * step
                results.append(float(function(*moved)))
            yield index, (results[0] - results[1]) / (2 * step)

    return estimate
