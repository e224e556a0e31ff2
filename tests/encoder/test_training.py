"""Tests of the training of the encoder."""

import logging

import keras
import numpy as np
import pytest

from trainer.encoder import callbacks
from trainer.encoder.config import EncoderConfig
from trainer.encoder.dataset import sentences, training_batches
from trainer.encoder.training import build_training_model, fit_encoder

CONFIG = EncoderConfig(dimension=8, hops=2, batch_size=16, learning_rate=0.02, max_epochs=6)


@pytest.fixture
def fit(write_users, tmp_path):
    rng = np.random.default_rng(0)
    users = [
        ((rng.integers(1, 6, (3, 2)) + 5 * (i % 2)).tolist(), [[1 + 5 * (i % 2)]])
        for i in range(64)
    ]
    path, spec = write_users(users)

    def run(config=CONFIG, backup="backup", **kwargs):
        keras.utils.set_random_seed(config.seed)
        return fit_encoder(
            config,
            10,
            training_batches(path, spec, config, training=True),
            training_batches(path, spec, config, training=False),
            log_dir=str(tmp_path / "logs"),
            backup_dir=str(tmp_path / backup),
            **kwargs,
        )

    run.sentences = lambda: sentences(path, spec)
    return run


def epochs(caplog):
    """The lines of finished epochs; on a slow machine there are others within an epoch."""
    return [r.getMessage() for r in caplog.records if "val_loss" in r.getMessage()]


def losses(caplog):
    return [float(message.split()[-1]) for message in epochs(caplog)]


def test_loss_falls_and_is_logged(fit, tmp_path, caplog):
    caplog.set_level(logging.INFO, "progress")
    encoder = fit()
    assert encoder.output_shape == (None, 2, 8)
    messages = epochs(caplog)
    assert messages[0].startswith("epoch 1/6 loss ")
    assert len(messages) == 6
    assert losses(caplog)[-1] < 0.5 * losses(caplog)[0]
    assert list(tmp_path.glob("logs/train/events*"))
    assert not (tmp_path / "backup").exists()


@pytest.mark.slow
def test_the_same_seed_gives_the_same_encoder(fit):
    for first, second in zip(fit().get_weights(), fit().get_weights(), strict=True):
        np.testing.assert_allclose(first, second, atol=1e-5)


def test_stops_early(fit, caplog):
    caplog.set_level(logging.INFO, "progress")
    # So fast that the loss soon rises.
    fit(CONFIG.model_copy(update={"learning_rate": 5.0, "max_epochs": 40, "patience": 2}))
    assert len(losses(caplog)) < 40
    assert min(losses(caplog)[-2:]) >= min(losses(caplog)[:-2])


class KilledError(Exception):
    pass


@pytest.mark.slow
def test_killed_training_resumes_with_its_best_weights(fit, monkeypatch, caplog, tmp_path):
    caplog.set_level(logging.INFO, "progress")
    on_epoch_end = keras.callbacks.TensorBoard.on_epoch_end

    def kill(self, epoch, logs=None):
        on_epoch_end(self, epoch, logs)
        if epoch == 3:
            raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(keras.callbacks.TensorBoard, "on_epoch_end", kill)
        with pytest.raises(KilledError):
            fit()
    # What is known to be the best cannot be beaten: its weights must survive the restart.
    path = tmp_path / "backup" / "early_stopping.npz"
    with np.load(path) as file:
        state = dict(file)
    state["numbers"] = np.array(str(state["numbers"]).replace('"best": ', '"best": -'))
    np.savez(path, **state)
    encoder = fit()
    assert [message.split()[1] for message in epochs(caplog)] == [
        "1/6",
        "2/6",
        "3/6",
        "4/6",
        "4/6",
        "5/6",
        "6/6",
    ]
    model = build_training_model(CONFIG, 10)
    model.set_weights([state[f"weight_{i}"] for i in range(len(model.weights))])
    for ours, theirs in zip(encoder.get_weights(), model.encoder.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.slow
def test_a_training_killed_while_its_state_is_written_resumes(fit, monkeypatch, caplog):
    caplog.set_level(logging.INFO, "progress")
    save_weights = keras.Model.save_weights
    saved = []

    def kill(self, filepath, **kwargs):
        saved.append(filepath)
        if len(saved) == 3:
            with open(filepath, "wb") as file:
                file.write(b"half of")
            raise KilledError
        save_weights(self, filepath, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(keras.Model, "save_weights", kill)
        with pytest.raises(KilledError):
            fit()
    fit()
    numbers = [message.split()[1] for message in epochs(caplog)]
    assert numbers == ["1/6", "2/6", "3/6", "3/6", "4/6", "5/6", "6/6"]


@pytest.mark.parametrize("start", ["word2vec", "lsa", "word2vec+lsa"])
def test_start_from_word_vectors(fit, start):
    config = CONFIG.model_copy(update={"initial_embeddings": start, "max_epochs": 0})
    with pytest.raises(ValueError, match="sentences"):
        fit(config)
    encoder = fit(config, sentences=fit.sentences())
    table = np.array(encoder.get_layer("behavior_embedding").embeddings)
    np.testing.assert_allclose(np.sqrt(np.mean(table**2)), 1, rtol=1e-5)


def test_progress_within_an_epoch(fit, monkeypatch, caplog):
    caplog.set_level(logging.INFO, "progress")
    monkeypatch.setattr(callbacks, "_SECONDS_BETWEEN_LINES", 0)
    fit(CONFIG.model_copy(update={"max_epochs": 1}))
    assert caplog.messages[0].startswith("epoch 1/1 batch 1 loss ")
