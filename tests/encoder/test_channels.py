"""Tests of the channels beside the multi-hop vector, and of their fusion."""

import re

import keras
import numpy as np
import pytest
from keras import ops

from contract.signatures import USER_VECTOR, USER_VECTOR_FULL
from trainer.encoder.config import EncoderConfig
from trainer.encoder.layers import ChannelFusion, LatentSemantics
from trainer.encoder.model import build_encoder
from trainer.encoder.user_encoder import UserEncoder, fit_user_encoder, padded
from trainer.encoder.word_vectors import latent_semantic_directions, word_counts

MONDAY = 1_700_438_400  # 2023-11-20 00:00 UTC


@pytest.fixture
def axes():
    """Two of four words point along one axis each, the others nowhere."""
    layer = LatentSemantics(vocabulary_size=4, dimension=2)
    layer.build((None, None, None))
    layer.directions.assign(np.array([[1, 0], [0, 1], [0, 0], [0, 0]]))
    return layer


def test_words_count_by_one_plus_log_over_all_behaviours(axes):
    users = np.array([[[1, 2, 0], [1, 3, 1]]])
    first, second = 1 + np.log(3), 1
    expected = np.array([[first, second]]) / np.hypot(first, second)
    np.testing.assert_allclose(ops.convert_to_numpy(axes(users)), expected, rtol=1e-6)


def test_users_of_a_batch_do_not_mix(axes):
    users = np.array([[[1, 0]], [[1, 2]], [[0, 0]], [[2, 2]]])
    expected = [[1, 0], [0.5**0.5, 0.5**0.5], [0, 0], [0, 1]]
    np.testing.assert_allclose(ops.convert_to_numpy(axes(users)), expected, atol=1e-6)


@pytest.mark.parametrize("shape", [(2, 0, 0), (2, 3, 0), (0, 3, 2)])
def test_nothing_said_is_zeros(axes, shape):
    assert axes(np.zeros(shape, "int64")).shape == (shape[0], 2)
    assert not ops.convert_to_numpy(axes(np.zeros(shape, "int64"))).any()


def test_directions_give_the_rows_of_the_decomposed_matrix():
    """With all directions kept, users are as far apart as their TF-IDF vectors."""
    from sklearn.feature_extraction.text import TfidfTransformer

    rng = np.random.default_rng(0)
    users = [rng.integers(1, 7, 9).tolist() for _ in range(30)]
    counts = word_counts(users, 6)
    layer = LatentSemantics(6, 6)
    layer.build((None, None, None))
    layer.directions.assign(latent_semantic_directions(counts, 6))
    mine = ops.convert_to_numpy(layer(np.array(users)[:, np.newaxis]))
    theirs = TfidfTransformer(sublinear_tf=True).fit_transform(counts).toarray()
    np.testing.assert_allclose(mine @ mine.T, theirs @ theirs.T, atol=1e-5)


def test_fusion_scales_channels_to_one_and_keeps_the_largest_direction():
    # Total variances 4 and 1; both say the same, so one direction has all there is.
    channels = [np.array([[-2.0], [2.0]]), np.array([[11.0], [9.0]])]
    fusion = ChannelFusion(1)
    fusion.adapt(channels)
    vectors, full = fusion(channels)
    np.testing.assert_allclose(ops.convert_to_numpy(full), [[-1, 1], [1, -1]], atol=1e-6)
    np.testing.assert_allclose(np.abs(ops.convert_to_numpy(vectors)), 2**0.5, atol=1e-6)


def test_fusion_gives_the_mean_where_a_channel_knows_nothing():
    channels = [np.array([[1.0], [3.0], [9.0]]), np.array([[1.0], [2.0], [3.0]])]
    known = [np.array([True, True, False]), None]
    fusion = ChannelFusion(2)
    fusion.adapt(channels, known)
    full = ops.convert_to_numpy(fusion(channels, known)[1])
    np.testing.assert_allclose(full[:, 0], [-1, 1, 0], atol=1e-6)


def test_a_channel_that_says_the_same_of_all_is_silent():
    channels = [np.array([[1.0], [3.0]]), np.array([[5.0], [5.0]])]
    fusion = ChannelFusion(1)
    fusion.adapt(channels)
    full = ops.convert_to_numpy(fusion([channels[0], np.array([[6.0], [7.0]])])[1])
    assert not full[:, 1].any()


def test_fusion_leaves_out_what_halves_of_users_do_not_share():
    """Two channels of equal variance; of the second, one half says nothing of the other."""
    rng = np.random.default_rng(0)
    said, noise, more_noise = rng.normal(size=(3, 4000, 1))
    fusion = ChannelFusion(1)
    shares = fusion.adapt(
        [said, noise],
        halves=[([said + more_noise, noise], [None] * 2), ([said, more_noise], [None] * 2)],
    )
    # The halves correlate by 0.71; both together tell 2 r / (1 + r) of what users are.
    assert shares[0] == pytest.approx(0.83, abs=0.02)
    assert shares[1] == pytest.approx(0, abs=0.05)
    assert abs(ops.convert_to_numpy(fusion.components)[1, 0]) < 0.05


@pytest.mark.parametrize("users", [0, 49])
def test_of_too_few_users_nothing_is_concluded(users):
    rng = np.random.default_rng(0)
    channels = [rng.normal(size=(60, 2)), rng.normal(size=(60, 3))]
    equal, weighted = ChannelFusion(5), ChannelFusion(5)
    equal.adapt(channels)
    half = [channel[:users] for channel in channels], [None, None]
    assert weighted.adapt(channels, halves=[half, half]) == [1.0, 1.0]
    for one, other in zip(equal.get_weights(), weighted.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_user_without_moments_tells_nothing_of_time():
    """Of 80 users 40 have moments: too few, though all are consistent in what is 0 of the rest."""
    rng = np.random.default_rng(0)
    channels = [rng.normal(size=(80, 2)), rng.normal(size=(80, 2))]
    half = channels, [None, np.arange(80) < 40]
    assert ChannelFusion(2).adapt(channels, halves=[half, half])[1] == 1.0
    half = channels, [None, np.arange(80) < 60]
    assert ChannelFusion(2).adapt(channels, halves=[half, half]) == pytest.approx([1, 1])


def test_halves_that_contradict_each_other_everywhere_count_as_not_measured():
    channels = list(np.random.default_rng(0).normal(size=(2, 80, 2)))
    fusion = ChannelFusion(2)
    opposite = [-channel for channel in channels]
    assert fusion.adapt(channels, halves=[(channels, [None] * 2), (opposite, [None] * 2)]) == []
    assert ops.convert_to_numpy(fusion(channels)[0]).any()


def test_fusion_refuses_fewer_numbers_than_it_gives():
    with pytest.raises(ValueError, match="at least `dimension`"):
        ChannelFusion(3).adapt([np.ones((2, 2))])


@pytest.fixture
def fitted():
    rng = np.random.default_rng(0)
    users = [rng.integers(1, 9, (int(rng.integers(1, 5)), 3)).tolist() for _ in range(40)]
    times = [MONDAY + rng.integers(0, 10**6, len(user)) for user in users]
    config = EncoderConfig(dimension=8, hops=2, latent_semantics=4)
    return fit_user_encoder(config, build_encoder(config, 8), users, {"time": times}), users, times


def test_every_other_behaviour_of_other_users_weighs_the_channels(fitted, caplog):
    user_encoder, users, times = fitted
    config = EncoderConfig(dimension=8, hops=2, latent_semantics=4, channel_weights="consistency")
    two_of_each = [[*user, *user] for user in users * 3]
    moments = [np.concatenate([t, t]) for t in times * 3]

    def fit(config):
        with caplog.at_level("INFO", logger="progress"):
            fit_user_encoder(
                config,
                user_encoder.encoder,
                users,
                {"time": times},
                lambda: (two_of_each, {"time": moments}),
            )
        return caplog.records[-1].getMessage()

    said = fit(config)
    assert re.search(r"hops \d+%, latent semantics \d+%, time features \d+%$", said)
    assert fit(config.model_copy(update={"channel_weights": "equal"})).endswith("not measured")


def test_the_vector_is_of_the_dimension_and_the_full_one_of_all_channels(fitted):
    user_encoder, users, times = fitted
    vectors = user_encoder(*padded(users, {"time": times}))
    assert vectors[USER_VECTOR].shape == (40, 8)
    full = ops.convert_to_numpy(vectors[USER_VECTOR_FULL])
    assert full.shape == (40, 8 + 4 + 57)
    for channel in np.split(full, [8, 12], axis=1):
        assert channel.var(axis=0).sum() == pytest.approx(1, abs=1e-4)


def test_without_times_a_user_is_where_the_channel_of_time_has_its_mean(fitted):
    user_encoder, users, times = fitted
    word_ids, events = padded(users, {"time": times})
    without = user_encoder(word_ids)
    zeros = user_encoder(word_ids, {"time": np.zeros_like(events["time"])})
    full = ops.convert_to_numpy(without[USER_VECTOR_FULL])
    assert not full[:, 12:].any()
    np.testing.assert_array_equal(full, ops.convert_to_numpy(zeros[USER_VECTOR_FULL]))
    with_times = ops.convert_to_numpy(user_encoder(word_ids, events)[USER_VECTOR_FULL])
    np.testing.assert_array_equal(with_times[:, :12], full[:, :12])
    assert with_times[:, 12:].any()


def test_alone_the_last_hop_is_the_vector():
    encoder = build_encoder(EncoderConfig(dimension=8, hops=2), 4)
    word_ids = np.array([[[1, 2], [3, 0]]])
    vectors = UserEncoder(encoder)(word_ids, {"time": np.array([[MONDAY, MONDAY]])})
    last = ops.convert_to_numpy(encoder(word_ids))[:, -1]
    for vector in vectors.values():
        np.testing.assert_array_equal(ops.convert_to_numpy(vector), last)


def test_comes_back_from_its_configuration_with_its_weights(fitted, tmp_path):
    user_encoder, users, times = fitted
    inputs = padded(users, {"time": times})
    again = UserEncoder.from_config(user_encoder.get_config())
    again(*inputs)
    again.set_weights(user_encoder.get_weights())
    np.testing.assert_allclose(
        ops.convert_to_numpy(again(*inputs)[USER_VECTOR]),
        ops.convert_to_numpy(user_encoder(*inputs)[USER_VECTOR]),
        atol=1e-6,
    )


def test_nothing_of_the_channels_is_trained(fitted):
    user_encoder, _, _ = fitted
    trained = {variable.path for variable in user_encoder.trainable_variables}
    assert trained == {variable.path for variable in user_encoder.encoder.trainable_variables}


def test_empty_users_are_padded():
    ids, events = padded([[], [[1]]], {"time": [[], [5]]})
    assert ids.tolist() == [[[0]], [[1]]]
    assert events["time"].tolist() == [[0], [5]]
    assert keras.ops.shape(padded([[], []])[0]) == (2, 0, 0)
