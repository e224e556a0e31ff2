"""Tests of the optimizer, on whichever backend Keras runs."""

import inspect
import runpy

import keras
import numpy as np
import pytest

from trainer.encoder.optimizer import FusedAdam


def trained(optimizer):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4), keras.layers.Dense(1)])
    model.compile(optimizer, "mse")
    rng = np.random.default_rng(0)
    model.fit(rng.normal(size=(64, 3)), rng.normal(size=(64, 1)), epochs=3, verbose=0)
    return model.get_weights()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"beta_1": 0.5, "beta_2": 0.8, "epsilon": 0.1},
        {"weight_decay": 0.1, "clipnorm": 0.01},
        {"learning_rate": keras.optimizers.schedules.CosineDecay(0.1, 6)},
    ],
)
def test_is_keras_adam(options):
    options = {"learning_rate": 0.01, **options}
    ours = trained(FusedAdam(**options))
    for a, b in zip(ours, trained(keras.optimizers.Adam(**options)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_first_step_by_hand():
    # The first step of Adam is as long as the learning rate, whatever the gradient.
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    model.set_weights([np.array([[3.0]])])
    model.compile(FusedAdam(0.25), "mse")
    model.train_on_batch(np.array([[2.0]]), np.array([[0.0]]))
    np.testing.assert_allclose(model.get_weights()[0], [[2.75]], rtol=1e-5)


def test_config_round_trip():
    optimizer = FusedAdam(0.5, beta_1=0.1)
    restored = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(optimizer))
    assert isinstance(restored, FusedAdam)
    assert restored.get_config() == optimizer.get_config()


def test_rejects_amsgrad():
    with pytest.raises(ValueError, match="amsgrad"):
        FusedAdam(amsgrad=True)


class AdamOfAnotherKeras:
    """Keeps its state elsewhere."""

    def update_step(self, gradient, variable, learning_rate):
        index = self._get_variable_index(variable)
        power = self.iterations, self.beta_1, self.beta_2, self.epsilon
        return self._momentums[index], self._second_moments[index], power


class AdamWithAnotherSignature(keras.optimizers.Adam):
    """Takes more than is given."""

    def update_step(self, gradient, variable, learning_rate, scale):
        index = self._get_variable_index(variable)
        power = self.iterations, self.beta_1, self.beta_2, self.epsilon
        return self._momentums[index], self._velocities[index], power


@pytest.mark.parametrize(
    ("adam", "message"),
    [
        (AdamOfAnotherKeras, "its update_step is without _velocities"),
        (AdamWithAnotherSignature, "of self, gradient, variable, learning_rate, scale"),
    ],
)
def test_an_unknown_keras_is_refused_at_import(monkeypatch, adam, message):
    monkeypatch.setattr(keras.optimizers, "Adam", adam)
    monkeypatch.setattr(keras, "__version__", "4.0.0")
    with pytest.raises(
        ImportError, match=r"FusedAdam does not know the Adam of Keras 4\.0\.0"
    ) as e:
        runpy.run_path(inspect.getfile(FusedAdam))
    assert message in str(e.value)
    assert "Install Keras 3" in str(e.value)
