"""What is known of a user's moments, on whichever backend Keras runs."""

import datetime

import keras
import numpy as np
import pytest
from keras import ops

from trainer.encoder.layers import TimeFeatures
from trainer.encoder.layers.time_features import _GAP_BOUNDARIES, TIME_FEATURES

_HOURS, _WEEKDAYS, _GAPS = slice(0, 24), slice(24, 31), slice(31, 51)
_DAILY, _WEEKLY, _COUNT, _SPAN = slice(51, 53), slice(53, 55), 55, 56


def _features(*users):
    width = max(map(len, users))
    rows = [[*user, *[0] * (width - len(user))] for user in users]
    return ops.convert_to_numpy(TimeFeatures()(np.array(rows, "int64").reshape(len(users), width)))


def _moment(*date):
    return int(datetime.datetime(*date, tzinfo=datetime.timezone.utc).timestamp())


def _one_hot(size, **shares):
    """Square roots of shares, `_3=0.25` for a quarter in the bin 3."""
    expected = np.zeros(size)
    for index, share in shares.items():
        expected[int(index[1:])] = np.sqrt(share)
    return expected


def test_a_user_with_one_moment():
    # Wednesday, 6:30 in the morning: 0.27 of the day; 2.27 of 7 days are over.
    (row,) = _features([_moment(2024, 3, 6, 6, 30)])
    np.testing.assert_allclose(row[_HOURS], _one_hot(24, _6=1))
    np.testing.assert_allclose(row[_WEEKDAYS], _one_hot(7, _2=1))
    np.testing.assert_allclose(row[_GAPS], np.zeros(20))
    day, week = 2 * np.pi * 6.5 / 24, 2 * np.pi * (2 + 6.5 / 24) / 7
    np.testing.assert_allclose(row[_DAILY], [np.sin(day), np.cos(day)], atol=1e-6)
    np.testing.assert_allclose(row[_WEEKLY], [np.sin(week), np.cos(week)], atol=1e-6)
    np.testing.assert_allclose([row[_COUNT], row[_SPAN]], [np.log(2), 0], rtol=1e-6)


def test_a_user_with_several_moments():
    # Sunday 23:59:59, Monday 0:00:00 and 0:00:10, and Tuesday 0:00:10.
    sunday = _moment(2024, 3, 10, 23, 59, 59)
    (row,) = _features([sunday, sunday + 1, sunday + 11, sunday + 86_411])
    np.testing.assert_allclose(row[_HOURS], _one_hot(24, _23=0.25, _0=0.75))
    np.testing.assert_allclose(row[_WEEKDAYS], _one_hot(7, _6=0.25, _0=0.5, _1=0.25))
    # A bucket is wide ln(31557600) / 20 = 0.8634: gaps of 1 s, of 10 s (2.303 / 0.8634 = 2.67) and
    # of 86400 s (11.367 / 0.8634 = 13.17).
    np.testing.assert_allclose(row[_GAPS], _one_hot(20, _0=1 / 3, _2=1 / 3, _13=1 / 3), atol=1e-6)
    np.testing.assert_allclose(row[_DAILY], [(7.27e-4 * 2 - 7.27e-5) / 4, 1], atol=1e-5)
    np.testing.assert_allclose([row[_COUNT], row[_SPAN]], np.log([5, 2 + 11 / 86_400]), rtol=1e-6)


def test_opposite_hours_cancel():
    noon, midnight = _moment(2024, 1, 1, 12), _moment(2024, 1, 2)
    (row,) = _features([noon, midnight])
    np.testing.assert_allclose(row[_DAILY], [0, 0], atol=1e-6)


@pytest.mark.parametrize("bucket", range(20))
def test_every_bucket_of_gaps_ends_where_the_next_begins(bucket):
    edges = [0, *_GAP_BOUNDARIES.tolist(), 400 * 86_400]
    first, last = edges[bucket], edges[bucket + 1] - 1
    rows = _features([1_000_000, 1_000_000 + first], [1_000_000, 1_000_000 + last])
    np.testing.assert_allclose(rows[:, _GAPS], [_one_hot(20, **{f"_{bucket}": 1})] * 2)


def test_boundaries_are_even_on_a_logarithmic_scale():
    np.testing.assert_allclose(_GAP_BOUNDARIES[[0, 9, 18]], [2, 5618, 13_308_216], rtol=1e-3)


def test_neighbouring_seconds_are_told_apart():
    # float32 would round both to the same number.
    rows = _features([_moment(2024, 3, 6, 6, 59, 59)], [_moment(2024, 3, 6, 7)])
    np.testing.assert_allclose(rows[0][_HOURS], _one_hot(24, _6=1))
    np.testing.assert_allclose(rows[1][_HOURS], _one_hot(24, _7=1))


def test_neither_order_nor_unknown_moments_matter():
    moments = [_moment(2024, 3, day, day) for day in (3, 9, 14)]
    first, second, third = moments
    rows = _features(moments, [third, 0, first, second, 0])
    np.testing.assert_allclose(rows[0], rows[1], rtol=1e-6)
    assert rows.shape == (2, TIME_FEATURES)


def test_of_nothing_everything_is_zero():
    rows = _features([0, 0], [0, 5])
    np.testing.assert_array_equal(rows[0], np.zeros(TIME_FEATURES))
    assert rows[1].any()
    np.testing.assert_array_equal(_features([], []), np.zeros((2, TIME_FEATURES)))
    assert TimeFeatures()(np.zeros((0, 3), "int64")).shape == (0, TIME_FEATURES)


def test_in_a_model_of_unknown_lengths():
    inputs = keras.Input([None], dtype="int64")
    model = keras.Model(inputs, TimeFeatures(dtype="mixed_bfloat16")(inputs))
    assert model.output_shape == (None, TIME_FEATURES)
    users = np.array([[_moment(2024, 3, 6, 6, 30), 0], [0, 0]])
    outputs = model.predict(users, verbose=0)
    assert outputs.dtype == np.float32
    np.testing.assert_allclose(outputs, _features(*users.tolist()), rtol=1e-6)
    assert not model.weights
