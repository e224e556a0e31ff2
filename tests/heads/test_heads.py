"""Heads: the model, its training on frozen vectors, and the export of encoder and heads."""

import keras
import numpy as np
import pytest
import scipy.special
import tensorflow as tf
from sklearn.linear_model import LogisticRegression

from contract.signatures import USER_VECTOR
from trainer.export.signatures import ServedModel
from trainer.heads.config import HeadsConfig
from trainer.heads.inference import HeadsInference
from trainer.heads.model import MEMBERS, MIXTURE, REGRESSION, build_head
from trainer.heads.regression import choose_penalty, fit_regression
from trainer.heads.served import ServedHeads
from trainer.heads.training import encode_users, fit_head, fit_heads


class _Encoder(ServedModel):
    """User vector: the length of the first behaviour, and of the second plus the first moment."""

    def __init__(self):
        super().__init__()
        self.scale = tf.Variable(1.0)

    def outputs(self, behaviors, events):
        padded = tf.concat([behaviors, tf.fill([tf.shape(behaviors)[0], 2], "")], axis=1)
        lengths = tf.cast(tf.strings.length(padded[:, :2]), tf.float32)
        moment = tf.cast(tf.pad(events["timestamps"], [[0, 0], [0, 1]])[:, :1], tf.float32)
        return {USER_VECTOR: (lengths + tf.pad(moment, [[0, 0], [1, 0]])) * self.scale}


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    path = str(tmp_path_factory.mktemp("encoder"))
    _Encoder().export(path)
    return tf.saved_model.load(path)


def _example(texts, label, weight, timestamps=None):
    def feature(**kind):
        return tf.train.Feature(**kind)

    features = {
        "behaviors": feature(bytes_list=tf.train.BytesList(value=texts)),
        "likes": feature(int64_list=tf.train.Int64List(value=[label])),
        "likes_weight": feature(float_list=tf.train.FloatList(value=[weight])),
    }
    if timestamps is not None:
        features["timestamps"] = feature(int64_list=tf.train.Int64List(value=timestamps))
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


def test_encode_users_reads_vectors_and_labels(encoder, tmp_path):
    path = str(tmp_path / "data.gz")
    with tf.io.TFRecordWriter(path, "GZIP") as writer:
        for row in ([[b"abc"], 1, 1.0], [[b"a", b"bb"], 0, 1.0], [[], 0, 0.0]):
            writer.write(_example(*row))
    vectors, labels = encode_users(encoder, [f"{tmp_path}/*"], {"likes": 2}, batch_size=2)
    np.testing.assert_array_equal(vectors, [[3, 0], [1, 2], [0, 0]])
    classes, weights = labels["likes"]
    np.testing.assert_array_equal(classes, [1, 0, 0])
    np.testing.assert_array_equal(weights, [1, 1, 0])


def test_encode_users_passes_the_moments_on(encoder, tmp_path):
    path = str(tmp_path / "data.gz")
    with tf.io.TFRecordWriter(path, "GZIP") as writer:
        writer.write(_example([b"abc", b"a"], 1, 1.0, [40, 50]))
        writer.write(_example([b"ab"], 0, 1.0, [0]))
    vectors, _ = encode_users(encoder, [path], {"likes": 2})
    np.testing.assert_array_equal(vectors, [[3, 41], [2, 0]])


def test_vectors_are_centred_and_brought_to_one_scale():
    # Variances 4 and 0 have the mean 2.
    head = build_head("likes", 2, HeadsConfig(), np.array([[1.0, 3.0], [5.0, 3.0]], np.float32))
    normalization = head.layers[1]
    np.testing.assert_allclose(
        normalization(np.array([[5.0, 4.0]], np.float32)), [[np.sqrt(2), 1 / np.sqrt(2)]], rtol=1e-6
    )


def test_vectors_that_are_all_the_same_give_finite_probabilities():
    vectors = np.full((3, 2), 7, np.float32)
    assert np.isfinite(build_head("likes", 2, HeadsConfig(), vectors)(vectors)).all()


def test_a_head_gives_the_mean_of_its_members():
    vectors = np.array([[0, 100], [2, 300], [1, 7]], np.float32)
    config = HeadsConfig(hidden_units=4, members=2, regression=False)
    head = build_head("age", 3, config, vectors)
    probabilities = head(vectors).numpy()
    assert probabilities.shape == (3, 3)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
    members = keras.Model(head.input, head.get_layer(MEMBERS).output)(vectors).numpy()
    np.testing.assert_allclose(members.sum(axis=2), 1, atol=1e-6)
    np.testing.assert_allclose(members.mean(axis=1), probabilities, atol=1e-6)
    assert np.abs(members[:, 0] - members[:, 1]).max() > 1e-3
    shapes = [tuple(weight.shape) for weight in head.trainable_weights]
    assert shapes == [(2, 8), (8,), (2, 4, 3), (2, 3)]


def test_a_head_mixes_its_members_and_a_regression():
    vectors = np.array([[0, 2], [1, 7]], np.float32)
    config = HeadsConfig(hidden_units=4, members=2, standardize=False)
    head = build_head("likes", 2, config, vectors)
    head.get_layer(REGRESSION).set_weights([np.zeros((2, 2)), np.log([3.0, 1.0])])
    members = keras.Model(head.input, head.get_layer(MEMBERS).output)(vectors).numpy()
    for share in (0.5, 0.25):
        if share != 0.5:
            head.get_layer(MIXTURE).share.assign(share)
        expected = (1 - share) * members.mean(axis=1) + share * np.array([0.75, 0.25])
        np.testing.assert_allclose(head(vectors), expected, atol=1e-6)


def test_the_regression_has_the_penalty_that_serves_users_of_validation():
    """One direction of 40 tells the classes; with few users the others only seem to."""
    rng = np.random.default_rng(0)

    def users(count):
        vectors = rng.normal(size=(count, 40)).astype(np.float32)
        return vectors, (vectors[:, 0] + rng.normal(size=count) > 0).astype(np.int64)

    train, validation, unseen = users(60), users(2000), users(2000)
    penalty, (kernel, bias) = choose_penalty(train, validation, 2)
    # To know the truth of 60 users takes a strong penalty, of 2,000 hardly any.
    assert penalty > 3 * choose_penalty(unseen, validation, 2)[0]
    np.testing.assert_array_equal(kernel, fit_regression(train, 2, penalty)[0])
    hits = ((unseen[0] @ kernel + bias).argmax(axis=1) == unseen[1]).mean()
    unpenalised = LogisticRegression(C=1e6, max_iter=1000).fit(*train).score(*unseen)
    assert hits > unpenalised + 0.02


def test_the_regression_is_that_of_its_objective():
    """At the minimum the penalty's pull is the mean error times the vectors."""
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(300, 5)).astype(np.float32)
    labels = rng.integers(0, 3, 300)
    kernel, bias = fit_regression((vectors, labels), 3, penalty=0.02)
    probabilities = scipy.special.softmax(vectors @ kernel + bias, axis=1)
    pull = vectors.T @ (np.eye(3)[labels] - probabilities) / 300
    np.testing.assert_allclose(pull, 0.02 * kernel, atol=1e-4)


@pytest.mark.parametrize(("labels", "expected"), [([0, 2, 0, 2], [0, 2]), ([1, 1, 1, 1], [1, 1])])
def test_a_class_that_nobody_has_is_not_predicted(labels, expected):
    users = np.array([[-3.0], [3.0], [-3.0], [3.0]], np.float32), np.array(labels)
    _, (kernel, bias) = choose_penalty(users, users, 3)
    np.testing.assert_array_equal((users[0][:2] @ kernel + bias).argmax(axis=1), expected)


def test_a_head_is_served_with_its_fitted_regression(tmp_path):
    rng = np.random.default_rng(0)
    vectors = rng.normal(5, 3, size=(100, 6)).astype(np.float32)
    users = vectors, (vectors[:, 0] > 5).astype(np.int64)
    config = HeadsConfig(hidden_units=4, members=2, max_epochs=2)
    heads = {task: build_head(task, 2, config, vectors) for task in ("likes", "dislikes")}
    for share, head in zip((0.25, 1.0), heads.values(), strict=True):
        fit_head(head, users, users, config, str(tmp_path))
        kernel, _ = head.get_layer(REGRESSION).get_weights()
        assert kernel[0, 1] - kernel[0, 0] > 1
        head.get_layer(MIXTURE).share.assign(share)
    served = HeadsInference(heads)(tf.constant(vectors))
    for task, head in heads.items():
        np.testing.assert_allclose(served[task], head(vectors), atol=1e-6)


@pytest.mark.parametrize(
    ("learning_rate", "task", "expected"),
    # No straight line tells the sign of a product; members that learnt nothing tell nothing.
    [(0.01, lambda of: of[:, 0] * of[:, 1] > 0, 0.0), (1e-9, lambda of: of[:, 0] > 0, 1.0)],
)
def test_the_validation_users_choose_the_share(learning_rate, task, expected, tmp_path):
    rng = np.random.default_rng(0)

    def users(count):
        vectors = rng.normal(size=(count, 4)).astype(np.float32)
        return vectors, {"likes": (task(vectors).astype(np.int64), np.ones(count))}

    config = HeadsConfig(members=1, max_epochs=20, learning_rate=learning_rate, refit=False)
    heads = fit_heads(config, {"likes": 2}, users(1000), users(500), str(tmp_path))
    share = float(heads["likes"].get_layer(MIXTURE).share)
    assert share == pytest.approx(expected, abs=0.02)


def test_members_learn_independently(tmp_path):
    """What one member learns does not depend on what the others predict."""
    rng = np.random.default_rng(0)
    users = rng.normal(size=(64, 3)).astype(np.float32), rng.integers(0, 2, 64)
    plain = {"regression": False, "dropout": 0, "batch_size": 64, "max_epochs": 1}
    config = HeadsConfig(hidden_units=4, members=2, weight_decay=0, **plain)
    learnt = []
    for other_bias in (0.0, 5.0):
        head = build_head("likes", 2, config, users[0])
        kernel, bias = head.get_layer(MEMBERS).get_weights()
        bias[1] = [0, other_bias]
        head.get_layer(MEMBERS).set_weights([kernel, bias])
        fit_head(head, users, users, config, str(tmp_path))
        learnt.append(head.get_layer(MEMBERS).get_weights()[0][0])
    np.testing.assert_allclose(*learnt, rtol=1e-5)


def test_weight_decay_shrinks_the_weights(tmp_path):
    # One step without a gradient: every class is as likely as the labels have it.
    vectors = np.zeros((2, 3), np.float32)
    config = HeadsConfig(dropout=0, weight_decay=50, learning_rate=0.01, max_epochs=1)
    users = vectors, np.array([0, 1])
    head = build_head("likes", 2, config, vectors)
    before = head.get_layer(MEMBERS).get_weights()[0]
    fit_head(head, users, users, config, str(tmp_path))
    np.testing.assert_allclose(head.get_layer(MEMBERS).get_weights()[0], 0.5 * before, rtol=1e-5)


def test_the_papers_head_sees_the_vector_as_it_is_and_keeps_its_best_epoch(tmp_path):
    vectors = np.array([[0.5, 0.1], [0.9, 0.1], [0.5, 0.3], [0.9, 0.3]], np.float32)
    users = vectors, np.array([0, 1, 0, 1])
    config = HeadsConfig.model_validate({"preset": "paper", "patience": 2, "learning_rate": 0.01})
    assert (config.members, config.dropout, config.weight_decay) == (1, 0, 0)
    head = build_head("likes", 2, config, vectors)
    assert not any(isinstance(layer, keras.layers.Normalization) for layer in head.layers)
    # Validation users who all contradict: the first epoch is the best, whatever follows.
    before = config.model_copy(update={"max_epochs": 1})
    first = build_head("likes", 2, before, vectors)
    contradiction = vectors, 1 - users[1]
    keras.utils.set_random_seed(0)
    fit_head(first, users, contradiction, before, str(tmp_path))
    keras.utils.set_random_seed(0)
    fit_head(head, users, contradiction, config, str(tmp_path))
    np.testing.assert_allclose(head(vectors), first(vectors), rtol=1e-5)


def test_a_head_learns_what_holds_for_unseen_users(tmp_path):
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(800, 8)).astype(np.float32)
    classes = (vectors[:, 0] * vectors[:, 1] > 0).astype(np.int64)
    config = HeadsConfig(max_epochs=60, patience=10, learning_rate=0.01, weight_decay=0, dropout=0)
    train, valid, unseen = (
        (vectors[part], classes[part]) for part in np.split(np.arange(800), [400, 600])
    )
    head = build_head("xor", 2, config, train[0])
    fit_head(head, train, valid, config, str(tmp_path))
    accuracy = np.mean(head.predict(unseen[0], verbose=0).argmax(axis=1) == unseen[1])
    assert accuracy > 0.85
    assert list(tmp_path.rglob("events.out.tfevents*"))


def test_a_head_is_fitted_on_the_users_of_validation_too(tmp_path):
    # Only in validation does the second direction tell the classes apart.
    classes = np.tile([0, 1], 100)
    first, second = (np.zeros((200, 2), np.float32) for _ in range(2))
    first[:, 0] = second[:, 1] = 2 * classes - 1
    config = HeadsConfig(max_epochs=60, patience=60, learning_rate=0.01, weight_decay=0, dropout=0)
    head = build_head("likes", 2, config, np.concatenate([first, second]))
    mixed = np.concatenate([first, second[:20]]), np.concatenate([classes, classes[:20]])
    fit_head(head, (first, classes), mixed, config, str(tmp_path))
    assert np.mean(head.predict(second, verbose=0).argmax(axis=1) == classes) == 1


@pytest.mark.parametrize("preset", ["paper", None])
def test_tasks_of_different_classes_are_served_side_by_side(preset):
    rng = np.random.default_rng(0)
    vectors = rng.normal(3, 2, size=(20, 6)).astype(np.float32)
    config = HeadsConfig(hidden_units=4, **({"preset": preset} if preset else {"members": 3}))
    heads = {
        task: build_head(task, classes, config.model_copy(update={"seed": classes}), vectors)
        for task, classes in (("likes", 2), ("age", 4), ("size", 3))
    }
    served = HeadsInference(heads)(tf.constant(vectors))
    assert list(served) == ["likes", "age", "size"]
    for task, head in heads.items():
        assert np.ptp(served[task], axis=0).max() > 0.01
        np.testing.assert_allclose(served[task], head(vectors), atol=1e-6)


def test_encoder_and_heads_are_exported_as_one_model(encoder, tmp_path):
    vectors = np.array([[0, 1], [2, 3]], np.float32)
    head = build_head("likes", 2, HeadsConfig(hidden_units=4), vectors)
    ServedHeads(encoder, {"likes": head}).export(str(tmp_path / "model"))
    signatures = tf.saved_model.load(str(tmp_path / "model")).signatures
    texts = tf.constant([["abc", "d"], ["", ""]])
    outputs = signatures["encode"](behaviors=texts)
    np.testing.assert_array_equal(outputs[USER_VECTOR], [[3, 1], [0, 0]])
    assert set(signatures["user_vectors"].structured_outputs) == {USER_VECTOR}
    np.testing.assert_allclose(outputs["likes"], head(outputs[USER_VECTOR]), atol=1e-6)
    outputs = signatures["encode_with_timestamps"](
        behaviors=texts, timestamps=tf.constant([[40, 50], [0, 0]], tf.int64)
    )
    np.testing.assert_array_equal(outputs[USER_VECTOR], [[3, 41], [0, 0]])
    np.testing.assert_allclose(outputs["likes"], head(outputs[USER_VECTOR]), atol=1e-6)
