"""What describes the types and values of a user's behaviours, by numbers computed by hand."""

import keras
import numpy as np
import pytest
from keras import ops

from contract.event_channels import EVENT_CHANNELS
from trainer.encoder.layers.event_layers import EVENT_LAYERS, known_behaviors
from trainer.encoder.layers.type_features import TYPE_FEATURES, TypeFeatures
from trainer.encoder.layers.value_features import VALUE_FEATURES, ValueFeatures

_UNKNOWN_TYPE = 51


def _of(layer, *users):
    width = max(map(len, users), default=0)
    rows = np.array([[*user, *[0] * (width - len(user))] for user in users], "int64")
    return ops.convert_to_numpy(layer(rows.reshape(len(users), width)))


def test_every_channel_has_a_layer():
    assert list(EVENT_LAYERS) == [channel.name for channel in EVENT_CHANNELS]


def test_types():
    (row,) = _of(TypeFeatures(), [3, 1, 3, 0, _UNKNOWN_TYPE, 3])
    logs = np.zeros(TYPE_FEATURES - 1)
    # Three of type 3, one of type 1, one that nobody knows.
    logs[2], logs[0], logs[50] = np.log(4), np.log(2), np.log(2)
    length = np.sqrt(np.log(4) ** 2 + 2 * np.log(2) ** 2)
    np.testing.assert_allclose(row, [*(logs / length), np.log(6)], atol=1e-6)


def test_of_one_behaviour_its_type_is_all():
    first, last = _of(TypeFeatures(), [1], [_UNKNOWN_TYPE])
    assert first.nonzero()[0].tolist() == [0, 51]
    assert last.nonzero()[0].tolist() == [50, 51]
    np.testing.assert_allclose([first[0], last[50], first[51]], [1, 1, np.log(2)], atol=1e-6)


def test_values():
    """Percentiles 1, 10, 11 and 100: two in the first tenth, one in the second and in the last."""
    (row,) = _of(ValueFeatures(), [11, 0, 1, 100, 10])
    shares = np.zeros(10)
    shares[[0, 1, 9]] = 0.5, 0.25, 0.25
    places = np.array([10, 0, 99, 9]) / 99
    expected = [*np.sqrt(shares), places.mean(), places.std(), np.log(5)]
    np.testing.assert_allclose(row, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("layer", "size"), [(TypeFeatures(), TYPE_FEATURES), (ValueFeatures(), VALUE_FEATURES)]
)
def test_neither_order_nor_padding_matters(layer, size):
    some, same, others = _of(layer, [5, 47, 47], [0, 47, 0, 5, 47], [5, 5, 47])
    assert some.shape == (size,)
    np.testing.assert_allclose(some, same, atol=1e-6)
    assert np.abs(some - others).max() > 0.01


@pytest.mark.parametrize("layer", [each() for each in EVENT_LAYERS.values()])
def test_of_nothing_everything_is_zero(layer):
    rows = _of(layer, [0, 0], [0, 5])
    assert not rows[0].any()
    assert rows[1].any()
    assert not _of(layer, [], []).any()
    assert layer(np.zeros((0, 3), "int64")).shape == (0, rows.shape[1])


@pytest.mark.parametrize("layer", EVENT_LAYERS.values())
def test_in_a_model_of_unknown_lengths(layer):
    inputs = keras.Input([None], dtype="int64")
    model = keras.Model(inputs, layer(dtype="mixed_bfloat16")(inputs))
    users = np.array([[3, 0], [0, 0]])
    outputs = ops.convert_to_numpy(model(users))
    assert model.output_shape == (None, outputs.shape[1])
    assert outputs.dtype == np.float32
    again = keras.Model.from_config(model.get_config())
    np.testing.assert_array_equal(ops.convert_to_numpy(again(users)), outputs)


def test_of_how_many_behaviors_something_is_known():
    numbers = np.array([[0, 0], [0, 5], [7, 8]])
    np.testing.assert_array_equal(ops.convert_to_numpy(known_behaviors(numbers)), [0, 1, 2])
