"""The supervised rivals: their layers by hand, and that they learn what only words tell."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from experiments.supervised import training
from experiments.supervised.layers import AttentionPooling, MaskedMaximum, WordEmbedding
from experiments.supervised.models import hierarchical_attention, text_cnn, tfidf_mlp
from experiments.supervised.training import fit_and_predict
from trainer.heads.config import HeadsConfig

_VECTORS = np.random.default_rng(0).normal(size=(6, 4)).astype("float32")


def test_padding_is_the_zero_vector():
    layer = WordEmbedding(np.array([[1.0, 2], [3, 4]]))
    np.testing.assert_array_equal(layer(np.array([[2, 0, 1]])), [[[3, 4], [0, 0], [1, 2]]])


def test_windows_on_padding_have_no_part_in_the_maximum():
    windows = np.array([[[1.0, 5], [2, 0], [9, 9]], [[7, 7], [7, 7], [7, 7]]])
    word_ids = np.array([[3, 1, 0], [0, 0, 0]])
    np.testing.assert_array_equal(MaskedMaximum()(windows, word_ids), [[2, 5], [0, 0]])


def test_attention_by_hand():
    layer = AttentionPooling()
    vectors = np.array([[[0.0, 1], [2, 0], [9, 9]], [[1, 1], [1, 1], [1, 1]]])
    mask = np.array([[True, True, False], [False, False, False]])
    layer(vectors, mask)
    layer.hidden.set_weights([np.eye(2), np.zeros(2)])
    layer.context.assign([0, np.log(3) / np.tanh(1)])
    # The logits are log 3 and 0.
    np.testing.assert_allclose(layer(vectors, mask), [[0.5, 0.75], [0, 0]], rtol=1e-5)


@pytest.mark.parametrize(
    ("build", "users", "padded"),
    [
        (text_cnn, [[1, 2, 3]], [[1, 2, 3, 0, 0]]),
        (hierarchical_attention, [[[1, 2], [3, 0]]], [[[1, 2, 0], [3, 0, 0], [0, 0, 0]]]),
    ],
)
def test_padding_changes_nothing(build, users, padded):
    keras.utils.set_random_seed(0)
    model = build(_VECTORS, 3)
    np.testing.assert_allclose(model(np.array(users)), model(np.array(padded)), atol=1e-6)
    assert np.isfinite(model(np.zeros(np.shape(padded), int))).all()


def _nested(users):
    return tf.RaggedTensor.from_nested_row_lengths(
        [word for user in users for behavior in user for word in behavior],
        [[len(user) for user in users], [len(behavior) for user in users for behavior in user]],
    )


@pytest.mark.parametrize("kind", ["textcnn", "han", "tfidf"])
def test_learns_which_word_was_said(kind, monkeypatch):
    monkeypatch.setattr(training, "LEARNING_RATES", (0.01,))
    draws = np.random.default_rng(0)
    users = [
        [draws.integers(1, 6, size=draws.integers(1, 4)).tolist() for _ in range(3)]
        for _ in range(240)
    ]
    classes = np.array([any(2 in behavior for behavior in user) for user in users]).astype(int)
    flat = [[word for behavior in user for word in behavior] for user in users]

    def inputs(part):
        if kind == "han":
            return [_nested(users[part])]
        words = tf.ragged.constant(flat[part], dtype=tf.int32)
        return [words] if kind == "textcnn" else [words, tf.ones_like(words, tf.float32)]

    build = {
        "textcnn": lambda n: text_cnn(_VECTORS, n),
        "han": lambda n: hierarchical_attention(_VECTORS, n),
        "tfidf": lambda n: tfidf_mlp(6, n),
    }[kind]
    parts = slice(0, 160), slice(160, 200), slice(200, 240)
    train, validation = ((inputs(part), classes[part]) for part in parts[:2])
    config = HeadsConfig(max_epochs=20, patience=20)
    probabilities = fit_and_predict(build, 2, train, validation, inputs(parts[2]), config)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert np.mean(probabilities.argmax(axis=1) == classes[parts[2]]) > 0.85
