"""Tests of the encoder and the model that trains it, on whichever backend Keras runs."""

import keras
import numpy as np
import pytest
from keras import ops

from trainer.encoder.config import EncoderConfig
from trainer.encoder.losses import behavioral_consistency_loss
from trainer.encoder.model import BehavioralConsistencyModel, build_encoder

CONFIG = EncoderConfig(dimension=8, hops=3)
WORDS = 9


def batch(users=6, seed=0):
    rng = np.random.default_rng(seed)
    return {
        "history": rng.integers(0, WORDS + 1, (users, 5, 4)),
        "target_ids": np.tile([1, 4, 0], (users, 1)),
        "target_weights": np.tile(np.array([1, 2, 0], "float32"), (users, 1)),
    }


@pytest.mark.parametrize(
    ("aggregator", "hops"), [("multi_hop", 3), ("mean", 1), ("max", 1), ("transformer", 1)]
)
def test_encoder_gives_a_vector_per_hop(aggregator, hops):
    encoder = build_encoder(EncoderConfig(dimension=8, hops=3, aggregator=aggregator), WORDS)
    assert encoder.output_shape == (None, hops, 8)
    assert encoder(batch()["history"]).shape == (6, hops, 8)


def test_padding_changes_no_user_vector():
    encoder = build_encoder(CONFIG, WORDS)
    ids = batch()["history"]
    padded = np.zeros((6, 8, 7), int)
    padded[:, :5, 2:6] = ids
    np.testing.assert_allclose(encoder(padded), encoder(ids), atol=1e-5)
    np.testing.assert_allclose(encoder(ids[2:3]), encoder(ids)[2:3], atol=1e-5)


@pytest.mark.parametrize("shape", [(2, 0, 3), (2, 3, 0), (2, 3, 4)])
def test_users_without_behaviors_are_finite(shape):
    vectors = ops.convert_to_numpy(build_encoder(CONFIG, WORDS)(np.zeros(shape, int)))
    assert vectors.shape == (2, 3, 8)
    assert np.all(np.isfinite(vectors))


@pytest.mark.parametrize("supervised_hops", ["all", "last"])
def test_loss_is_the_mean_over_users_with_a_target(supervised_hops):
    encoder = build_encoder(CONFIG, WORDS)
    model = BehavioralConsistencyModel(encoder, WORDS, supervised_hops=supervised_hops)
    x = batch()
    x["target_ids"][4:] = 0
    hidden = model(x)
    assert hidden.shape == (6, 3 if supervised_hops == "all" else 1, 8)
    total = behavioral_consistency_loss(
        hidden,
        ops.convert_to_tensor(model.output_embeddings),
        x["target_ids"],
        x["target_weights"],
    )
    np.testing.assert_allclose(model.compute_loss(x, y_pred=hidden), total / 4, rtol=1e-5)


def test_candidates_of_the_batch_are_the_only_ones():
    encoder = build_encoder(CONFIG, WORDS)
    model = BehavioralConsistencyModel(encoder, targets=50, candidates="batch")
    users = np.array([[7], [50], [0], [3], [1], [20]])
    x = {**batch(), "target_ids": users, "target_weights": np.ones((6, 1), "float32")}
    hidden = ops.convert_to_numpy(model(x)).astype("float64")
    rows = ops.convert_to_numpy(model.output_embeddings)[np.maximum(users[:, 0] - 1, 0)]
    logits = np.einsum("bhd,cd->bhc", hidden, rows)
    shares = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    of_the_user = np.stack([shares[i, :, i] for i in (0, 1, 3, 4, 5)])
    expected = -np.log(of_the_user).sum() / 5
    np.testing.assert_allclose(
        model.compute_loss(x, y_pred=ops.cast(hidden, "float32")), expected, rtol=1e-5
    )


def test_batch_without_any_target_has_no_loss_and_moves_nothing():
    model = BehavioralConsistencyModel(build_encoder(CONFIG, WORDS), WORDS)
    model.compile(keras.optimizers.SGD(1.0))
    before = model.get_weights()
    assert model.train_on_batch({**batch(), "target_ids": np.zeros((6, 3), int)}) == 0
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_only_words_that_occur_receive_a_gradient():
    model = BehavioralConsistencyModel(build_encoder(CONFIG, WORDS), WORDS)
    model.compile(keras.optimizers.SGD(1.0))
    table = model.encoder.get_layer("behavior_embedding").embeddings
    before = ops.convert_to_numpy(table).copy()
    model.train_on_batch({**batch(), "history": np.tile([[[2, 5, 0], [0, 0, 0]]], (6, 1, 1))})
    moved = np.any(ops.convert_to_numpy(table) != before, axis=1)
    assert set(np.flatnonzero(moved) + 1) == {2, 5}


def test_saved_model_is_the_same_model(tmp_path):
    model = BehavioralConsistencyModel(
        build_encoder(CONFIG, WORDS), WORDS, supervised_hops="last", dropout=0.5
    )
    path = str(tmp_path / "model.keras")
    model.save(path)
    restored = keras.saving.load_model(path)
    assert (restored.dropout.rate, restored.supervised_hops) == (0.5, "last")
    np.testing.assert_allclose(restored(batch()), model(batch()))
    np.testing.assert_allclose(restored.output_embeddings, model.output_embeddings)


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_trains_in_mixed_precision(policy):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        model = BehavioralConsistencyModel(build_encoder(CONFIG, WORDS), WORDS)
        model.compile(keras.optimizers.Adam(0.01))
        losses = [model.train_on_batch(batch()) for _ in range(5)]
    finally:
        keras.config.set_dtype_policy(before)
    assert np.all(np.isfinite(losses))
    assert losses[-1] < losses[0]
    assert all(np.all(np.isfinite(weight)) for weight in model.get_weights())


@pytest.mark.parametrize("aggregator", ["multi_hop", "mean", "max", "transformer"])
def test_learns_to_tell_two_groups_of_users(aggregator):
    # Of 30 words either group uses its own 15; a user's words are otherwise drawn at random.
    rng = np.random.default_rng(0)
    group = np.arange(64) % 2
    history = rng.integers(1, 16, (64, 4, 3)) + 15 * group[:, None, None]
    x = {
        "history": history,
        "target_ids": np.arange(1, 16)[None] + 15 * group[:, None],
        "target_weights": np.ones((64, 15), "float32"),
    }
    keras.utils.set_random_seed(0)
    config = EncoderConfig(dimension=16, hops=2, aggregator=aggregator, scale_attention=True)
    model = BehavioralConsistencyModel(build_encoder(config, 30), 30)
    model.compile(keras.optimizers.Adam(0.02))
    losses = []
    for _ in range(40):
        # Keras otherwise returns the mean since the first step.
        model.reset_metrics()
        losses.append(model.train_on_batch(x))
    assert losses[-1] < 0.2 * losses[0]

    # New users, none of whose behaviours was seen.
    unseen = rng.integers(1, 16, (64, 4, 3)) + 15 * group[:, None, None]
    vectors = ops.convert_to_numpy(model.encoder(unseen))[:, -1]
    axis = vectors[group == 1].mean(axis=0) - vectors[group == 0].mean(axis=0)
    scores = vectors @ axis
    assert scores[group == 1].min() > scores[group == 0].max()


def test_the_official_codes_model_by_hand():
    """Dropout apart: ReLU before the mean, f of another width, biases, losses averaged."""
    config = EncoderConfig.model_validate(
        {"preset": "official", "dimension": 2, "aggregator": "mean"}
    )
    encoder = build_encoder(config, vocabulary_size=2)
    encoder.set_weights([np.array([[1, -1], [3, 1]]), np.eye(2), np.array([0, 0.5])])
    x = {
        "history": np.array([[[1, 0], [1, 2]]]),
        "target_ids": np.array([[2]]),
        "target_weights": np.ones((1, 1), "float32"),
    }
    model = BehavioralConsistencyModel(
        encoder, targets=2, projection_units=3, hop_loss="mean", user_dropout=0.1
    )
    # Behaviours (1, -1) and (2, 0), each plus (0, 0.5) and without what is negative.
    np.testing.assert_allclose(encoder(x["history"]), [[[1.5, 0.25]]])
    model.projection.set_weights([np.array([[1, 0, 2], [0, 4, 0]]), np.array([1, 0, -4])])
    model.output_embeddings.assign([[1, 0, 0], [0, 1, 0]])
    model.output_biases.assign([[0.5], [0]])
    hidden = model(x)
    np.testing.assert_allclose(hidden, [[[2.5, 1, 0, 1]]])
    # The logits are 2.5 + 0.5 and 1.
    expected = np.log(np.exp(3) + np.exp(1)) - 1
    np.testing.assert_allclose(model.compute_loss(x, y_pred=hidden), expected, rtol=1e-6)
    hops = ops.concatenate([hidden, hidden], axis=1)
    np.testing.assert_allclose(model.compute_loss(x, y_pred=hops), expected, rtol=1e-6)


def test_the_official_codes_model_survives_saving():
    model = BehavioralConsistencyModel(build_encoder(CONFIG, 4), 4, projection_units=3)
    again = BehavioralConsistencyModel.from_config(model.get_config())
    assert again.output_biases.shape == (4, 1)
    assert again.hop_loss == "sum"
