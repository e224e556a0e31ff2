"""The supervised rivals: their layers by hand, and that they learn what only words tell."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from experiments.supervised import bert
from experiments.supervised.layers import AttentionPooling, MaskedMaximum, WordEmbedding
from experiments.supervised.models import hierarchical_attention, text_cnn, tfidf_mlp
from experiments.supervised.training import fit_and_predict
from experiments.supervised.words import words_of
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
def test_learns_which_word_was_said(kind):
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
    probabilities = fit_and_predict(build, 2, train, validation, inputs(parts[2]), config, [0.01])
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert np.mean(probabilities.argmax(axis=1) == classes[parts[2]]) > 0.85


def test_phrases_have_no_number():
    words = words_of([[0, 0], [1, 3], [0, 0]])
    assert words.size == 2
    assert words.of([0, 1, 2, 3]) == [1, 2]
    assert words.of([]) == []


def test_bert_reads_the_most_recent_tokens():
    rows = bert.tokens([[[1] * 100, [2, 3] * 20], [[]]], words=3)
    assert rows.row_lengths().numpy().tolist() == [bert.TOKENS, 1]
    # [CLS], the end of the first behaviour, [SEP], the second, [SEP].
    assert rows[0].numpy().tolist() == [6, *[1] * 85, 5, *[2, 3] * 20, 5]


def test_a_share_of_the_words_is_hidden():
    words = 1000
    users = bert.tokens([[[7] * 100], [[7] * 20], []], words).to_tensor()
    shown, hidden = np.zeros(3), []
    for draw in range(40):
        features, targets, weights = bert.masked(users, words, tf.constant(draw, tf.int64))
        assert weights.numpy().sum(axis=1).tolist() == [15, 3, 0]
        assert set(targets.numpy()[weights > 0]) == {7}
        changed = np.asarray(features["token_ids"] != users)
        # Only words are: [CLS], [SEP] and padding stay.
        assert not changed[(users.numpy() == 0) | (users.numpy() > words)].any()
        now = np.take_along_axis(
            features["token_ids"].numpy(), features["mask_positions"].numpy(), axis=1
        )[weights > 0]
        shown += [np.sum(now == words + 1), np.sum(now == 7), 0]
        hidden.append(changed.sum())
    assert shown[0] / (40 * 18) == pytest.approx(0.8, abs=0.05)
    assert shown[1] / (40 * 18) == pytest.approx(0.1, abs=0.04)
    assert len(set(hidden)) > 1


@pytest.mark.slow
def test_bert_learns_words_from_their_neighbours(monkeypatch):
    monkeypatch.setattr(bert, "LEARNING_RATE", 0.003)
    draws = np.random.default_rng(0)
    # Beside a word n from 1 to 10 stands n + 10.
    users = [[[n, n + 10] for n in draws.integers(1, 11, 3).tolist()] for _ in range(384)]
    rows = bert.tokens(users, 20)
    backbone, losses = bert.pretrain(rows[:320], rows[320:], 20, seed=0, epochs=4)
    # By chance it were log 20, which is 3.0.
    assert min(losses) < 2.6
    model = bert.classifier(backbone, 20, 2)
    user, padded = [[23, 1, 11, 22]], [[23, 1, 11, 22, 0, 0]]
    np.testing.assert_allclose(model(np.array(user)), model(np.array(padded)), atol=1e-5)
