"""Tests of the channels beside the multi-hop vector, and of their fusion."""

import re

import keras
import numpy as np
import pytest
from keras import ops

from contract.signatures import USER_VECTOR, USER_VECTOR_FULL
from trainer.encoder.config import EncoderConfig
from trainer.encoder.layers import BagOfWords, ChannelFusion
from trainer.encoder.model import build_encoder
from trainer.encoder.user_encoder import UserEncoder, fit_user_encoder, padded
from trainer.encoder.word_vectors import latent_semantic_directions, word_counts

MONDAY = 1_700_438_400  # 2023-11-20 00:00 UTC


@pytest.fixture
def axes():
    """Two of four words point along one axis each, the others nowhere."""
    layer = BagOfWords(vocabulary_size=4, dimension=2)
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
    layer = BagOfWords(6, 6)
    layer.build((None, None, None))
    layer.directions.assign(latent_semantic_directions(counts, 6))
    mine = ops.convert_to_numpy(layer(np.array(users)[:, np.newaxis]))
    theirs = TfidfTransformer(sublinear_tf=True).fit_transform(counts).toarray()
    np.testing.assert_allclose(mine @ mine.T, theirs @ theirs.T, atol=1e-5)


def test_fusion_scales_channels_to_one_and_keeps_the_largest_direction():
    # Total variances 4 and 1; both say the same, so one direction has all there is.
    channels, counts = [np.array([[-2.0], [2.0]]), np.array([[11.0], [9.0]])], [np.ones(2)] * 2
    fusion = ChannelFusion(1)
    fusion.adapt(channels, counts)
    vectors, full = fusion(channels, counts)
    np.testing.assert_allclose(ops.convert_to_numpy(full), [[-1, 1], [1, -1]], atol=1e-6)
    np.testing.assert_allclose(np.abs(ops.convert_to_numpy(vectors)), 2**0.5, atol=1e-6)


def test_fusion_gives_the_mean_where_a_channel_knows_nothing():
    channels = [np.array([[1.0], [3.0], [9.0]]), np.array([[1.0], [2.0], [3.0]])]
    counts = [np.array([2, 1, 0]), np.ones(3)]
    fusion = ChannelFusion(2)
    fusion.adapt(channels, counts)
    full = ops.convert_to_numpy(fusion(channels, counts)[1])
    np.testing.assert_allclose(full[:, 0], [-1, 1, 0], atol=1e-6)


def test_a_channel_that_says_the_same_of_all_is_silent():
    channels, counts = [np.array([[1.0], [3.0]]), np.array([[5.0], [5.0]])], [np.ones(2)] * 2
    fusion = ChannelFusion(1)
    fusion.adapt(channels, counts)
    full = ops.convert_to_numpy(fusion([channels[0], np.array([[6.0], [7.0]])], counts)[1])
    assert not full[:, 1].any()


@pytest.fixture
def noisy():
    """Two channels of 4,000 users of 10 behaviours; of the second, halves say nothing of halves."""
    rng = np.random.default_rng(0)
    user, *noise = rng.normal(size=(5, 4000, 1))
    five, ten = [np.full(4000, 5.0)] * 2, [np.full(4000, 10.0)] * 2
    # A behaviour's noise has 5 times the variance of what users are, a half's as much as that.
    channels = [user + (noise[0] + noise[1]) / 2, (noise[2] + noise[3]) / 2]
    halves = [
        ([user + noise[0], noise[2]], five),
        ([user + noise[1], noise[3]], five),
    ]
    return channels, ten, halves


def test_fusion_leaves_out_what_halves_of_users_do_not_share(noisy):
    channels, counts, halves = noisy
    fusion = ChannelFusion(1, shrinks=True)
    shares = fusion.adapt(channels, counts, halves)
    # The halves correlate by 0.5, so that ten behaviours keep 2 / 3 of themselves.
    np.testing.assert_allclose(shares, [4 / 9, 0], atol=0.03)
    assert abs(ops.convert_to_numpy(fusion.components)[1, 0]) < 0.05


def test_who_has_shown_little_is_believed_little(noisy):
    channels, counts, halves = noisy
    fusion = ChannelFusion(1, shrinks=True)
    fusion.adapt(channels, counts, halves)
    # It takes five behaviours until half of what they say is the user's own.
    assert ops.convert_to_numpy(fusion.half_points)[0] == pytest.approx(5, abs=0.3)
    users, shown = [np.ones((3, 1)), np.zeros((3, 1))], np.array([5.0, 20.0, 0.0])
    vectors, full = (ops.convert_to_numpy(out) for out in fusion(users, [shown, shown]))
    own = fusion.directions[0, 0] * fusion.components[0, 0] * full[0, 0]
    np.testing.assert_allclose(vectors[:, 0] / own, [1 / 2, 4 / 5, 0], atol=0.02)


def test_without_halves_users_are_believed(noisy):
    channels, counts, _ = noisy
    plain, shrinking = ChannelFusion(2), ChannelFusion(2, shrinks=True)
    for fusion in (plain, shrinking):
        assert fusion.adapt(channels, counts) == []
    for one, other in zip(plain(channels, counts), shrinking(channels, counts), strict=True):
        np.testing.assert_allclose(
            ops.convert_to_numpy(one), ops.convert_to_numpy(other), atol=1e-5
        )


@pytest.mark.parametrize("users", [0, 49])
def test_of_too_few_users_nothing_is_concluded(users):
    rng = np.random.default_rng(0)
    channels, counts = [rng.normal(size=(60, 2)), rng.normal(size=(60, 3))], [np.ones(60)] * 2
    fusion = ChannelFusion(5, shrinks=True)
    half = [channel[:users] for channel in channels], [np.ones(users)] * 2
    assert fusion.adapt(channels, counts, halves=[half, half]) == [1.0, 1.0]
    assert not ops.convert_to_numpy(fusion.half_points).any()


def test_a_user_without_moments_tells_nothing_of_time():
    """Of 80 users 40 have moments: too few, though all are consistent in what is 0 of the rest."""
    rng = np.random.default_rng(0)
    channels, counts = [rng.normal(size=(80, 2)), rng.normal(size=(80, 2))], [np.ones(80)] * 2
    for known, measured in ((40, False), (60, True)):
        fusion = ChannelFusion(2, shrinks=True)
        of_time = np.where(np.arange(80) < known, 1.0, 0.0)
        noise = rng.normal(size=(80, 2))
        halves = [
            (channels, [np.ones(80), of_time]),
            ([channels[0], noise], [np.ones(80), of_time]),
        ]
        fusion.adapt(channels, counts, halves)
        assert ops.convert_to_numpy(fusion.half_points)[2:].any() == measured


def test_halves_that_contradict_each_other_everywhere_count_as_not_measured():
    channels, counts = list(np.random.default_rng(0).normal(size=(2, 80, 2))), [np.ones(80)] * 2
    fusion = ChannelFusion(2, shrinks=True)
    opposite = [-channel for channel in channels]
    assert fusion.adapt(channels, counts, halves=[(channels, counts), (opposite, counts)]) == []
    assert ops.convert_to_numpy(fusion(channels, counts)[0]).any()


def test_fusion_refuses_fewer_numbers_than_it_gives():
    with pytest.raises(ValueError, match="at least `dimension`"):
        ChannelFusion(3).adapt([np.ones((2, 2))], [np.ones(2)])


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
