"""What training adds: its parts by hand, and the whole on the small data."""

import json

import numpy as np
import pytest
import tensorflow as tf

from experiments import training_gain
from experiments.training_gain import Gain, fit, main, words_of_all
from trainer.encoder.config import EncoderConfig
from trainer.heads.config import HeadsConfig


def _batches(ids, weights):
    history = np.arange(1, 1 + len(ids))[:, None, None]
    return tf.data.Dataset.from_tensors(
        {
            "history": history,
            "target_ids": np.array(ids),
            "target_weights": np.array(weights, "float32"),
        }
    )


def test_the_words_of_all_users():
    # Two users and one occurrence spread over four words: (1/2 + 1 + 1/4, 1/2 + 1/4, 1/4, 1/4) / 3.
    train = _batches([[1, 2], [1, 0]], [[1, 1], [2, 5]])
    validation = _batches([[1, 0], [3, 2]], [[1, 0], [1, 1]])
    expected = [np.log(12 / 7), 0.5 * np.log(0.5 * 12) + 0.5 * np.log(0.5 * 4)]
    assert words_of_all(train, validation, 4) == pytest.approx(np.mean(expected))


def test_the_share_of_training():
    assert Gain(alike=5.0, start=4.5, trained=4.4, start_auc=0, trained_auc=0).share == (
        pytest.approx(1 / 6)
    )


@pytest.mark.parametrize("frozen", [True, False])
def test_a_frozen_encoder_stays_as_it_starts(frozen):
    batches = _batches([[1, 2], [3, 4]], [[1, 1], [1, 1]])
    config = EncoderConfig(dimension=4, max_epochs=30, hops=1, learning_rate=0.05)
    vectors = np.random.default_rng(0).normal(size=(4, 4)).astype("float32")
    encoder, loss = fit(config, vectors, batches, batches, frozen)
    embeddings = encoder.get_layer("behavior_embedding").embeddings.numpy()
    assert np.array_equal(embeddings, vectors) == frozen
    # Two words of four, each of which half of the users have, would be given to all with log 2.
    assert loss < 0.9 * np.log(2)


@pytest.mark.slow
def test_the_command(small_config, small_data, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(training_gain, "configuration", lambda folder, text: small_config)
    monkeypatch.setattr(training_gain, "prepare", lambda config, folder: small_data)
    monkeypatch.setattr(training_gain, "HeadsConfig", lambda: HeadsConfig(members=1, max_epochs=2))
    (tmp_path / "work" / "small").mkdir(parents=True)
    assert main([str(tmp_path / "small")]) == 2
    assert "random embeddings, which know nothing" in capsys.readouterr().err
    encoder = "{max_epochs: 2, initial_embeddings: word2vec}"
    arguments = ["--encoder", encoder, "--work-dir", str(tmp_path / "work")]
    arguments += ["--output", str(tmp_path / "gain.json")]
    assert main([str(tmp_path / "small"), *arguments]) == 0
    (gain,) = json.loads((tmp_path / "gain.json").read_text()).values()
    assert 0 < gain["trained"] < gain["start"]
    # Two epochs are too few to have it the other way round.
    assert gain["alike"] < gain["trained"]
    assert gain["share"] == pytest.approx(
        (gain["start"] - gain["trained"]) / (gain["alike"] - gain["trained"])
    )
    assert 0.5 < gain["start_auc"] < 1
    assert "words of all users" in capsys.readouterr().out
