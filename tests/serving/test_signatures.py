"""The contract's three signatures, on a model that counts letters."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from contract.features import BEHAVIORS
from contract.signatures import USER_VECTOR
from trainer.export.signatures import ServedModel


class _Letters(ServedModel):
    """User vector: number of behaviours, of bytes, and the sum of moment times bytes."""

    def outputs(self, behaviors, events):
        lengths = tf.cast(tf.strings.length(behaviors), tf.float32)
        count = tf.reduce_sum(tf.cast(lengths > 0, tf.float32), axis=1)
        moments = lengths * tf.cast(events["timestamps"], tf.float32)
        sums = [tf.reduce_sum(each, axis=1) for each in (lengths, moments)]
        return {USER_VECTOR: tf.stack([count, *sums], axis=1)}


@pytest.fixture(scope="module")
def signatures(tmp_path_factory):
    path = str(tmp_path_factory.mktemp("model"))
    _Letters().export(path)
    return tf.saved_model.load(path).signatures


def _example(texts, timestamps=None):
    example = tf.train.Example()
    example.features.feature[BEHAVIORS].bytes_list.value.extend(texts)
    if timestamps is not None:
        example.features.feature["timestamps"].int64_list.value.extend(timestamps)
    return example.SerializeToString()


def test_names_and_types(signatures):
    assert set(signatures) == {
        *("serving_default", "encode", "encode_with_timestamps", "user_vectors")
    }
    _, inputs = signatures["serving_default"].structured_input_signature
    assert inputs["examples"].dtype == tf.string
    assert inputs["examples"].shape.rank == 1
    _, inputs = signatures["encode"].structured_input_signature
    assert inputs["behaviors"].dtype == tf.string
    assert inputs["behaviors"].shape.rank == 2
    _, inputs = signatures["encode_with_timestamps"].structured_input_signature
    assert inputs["behaviors"].dtype == tf.string
    assert inputs["timestamps"].dtype == tf.int64
    assert inputs["timestamps"].shape.rank == 2


def test_without_moments_the_signatures_agree(signatures):
    histories = [[b"ab", b"cde"], [], [b"\xff\x00"]]
    padded = tf.ragged.constant(histories, dtype=tf.string).to_tensor("")
    encoded = signatures["encode"](behaviors=padded)[USER_VECTOR]
    examples = tf.constant([_example(texts) for texts in histories])
    np.testing.assert_array_equal(encoded, [[2, 5, 0], [0, 0, 0], [1, 2, 0]])
    np.testing.assert_array_equal(
        encoded, signatures["serving_default"](examples=examples)[USER_VECTOR]
    )
    vectors = signatures["user_vectors"](examples=examples)
    assert set(vectors) == {USER_VECTOR}
    np.testing.assert_array_equal(encoded, vectors[USER_VECTOR])


def test_with_moments_the_signatures_agree(signatures):
    histories = [[b"ab", b"cde"], [], [b"f"]]
    moments = [[7, 20], [], [100]]
    # 2 * 7 + 3 * 20; nothing; 1 * 100.
    expected = [[2, 5, 74], [0, 0, 0], [1, 1, 100]]
    encoded = signatures["encode_with_timestamps"](
        behaviors=tf.ragged.constant(histories, dtype=tf.string).to_tensor(""),
        timestamps=tf.ragged.constant(moments, dtype=tf.int64).to_tensor(),
    )
    np.testing.assert_array_equal(encoded[USER_VECTOR], expected)
    examples = tf.constant([_example(*user) for user in zip(histories, moments, strict=True)])
    outputs = signatures["serving_default"](examples=examples)
    np.testing.assert_array_equal(outputs[USER_VECTOR], expected)


def test_moments_are_brought_to_the_shape_of_the_texts(signatures):
    texts = [b"ab", b"cde"]
    examples = [_example(texts, moments) for moments in (None, [], [7], [7, 20, 500])]
    outputs = signatures["serving_default"](examples=tf.constant(examples))
    np.testing.assert_array_equal(outputs[USER_VECTOR][:, 2], [0, 0, 14, 74])
    outputs = signatures["serving_default"](examples=tf.constant([_example([], [7])]))
    np.testing.assert_array_equal(outputs[USER_VECTOR], [[0, 0, 0]])


def test_no_user_and_no_behaviour(signatures):
    assert signatures["encode"](behaviors=tf.zeros([0, 3], tf.string))[USER_VECTOR].shape == (0, 3)
    assert signatures["encode"](behaviors=tf.zeros([2, 0], tf.string))[USER_VECTOR].shape == (2, 3)
    examples = tf.constant([_example([])])
    assert signatures["serving_default"](examples=examples)[USER_VECTOR].shape == (1, 3)


def test_other_features_are_ignored(signatures):
    example = tf.train.Example.FromString(_example([b"ab"]))
    example.features.feature["likes"].int64_list.value.append(1)
    examples = tf.constant([example.SerializeToString()])
    outputs = signatures["serving_default"](examples=examples)
    np.testing.assert_array_equal(outputs[USER_VECTOR], [[1, 2, 0]])


class _Keras(ServedModel):
    """User vector: the ids of the words times a trained Keras variable, an optimizer beside it."""

    def __init__(self):
        super().__init__()
        self.words = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(["boots", "maps"], tf.constant([3.0, 5.0])), 0.0
        )
        layer = keras.layers.Dense(2, use_bias=False, kernel_initializer="ones")
        self.layers = {"dense": keras.Sequential([keras.Input([1]), layer])}
        self.layers["dense"].compile(keras.optimizers.SGD(0.5), loss="mse")
        self.layers["dense"].fit(np.ones([1, 1]), np.zeros([1, 2]), verbose=0)

    def outputs(self, behaviors, events):
        ids = tf.reduce_sum(self.words.lookup(behaviors), axis=1, keepdims=True)
        return {USER_VECTOR: self.layers["dense"](ids)}


def test_a_session_restores_the_variables_that_the_graph_reads(tmp_path):
    # TF Serving loads a model as tf.compat.v1 does, and not as tf.saved_model.load.
    _Keras().export(str(tmp_path / "inner"))
    outer = _Letters()
    outer.inner = tf.saved_model.load(str(tmp_path / "inner"))
    outer.outputs = lambda texts, events: outer.inner.encode_with_timestamps(texts, **events)
    outer.export(str(tmp_path / "outer"))
    for path in (tmp_path / "inner", tmp_path / "outer"):
        with tf.Graph().as_default(), tf.compat.v1.Session() as session:
            meta_graph = tf.compat.v1.saved_model.load(session, ["serve"], str(path))
            signature = meta_graph.signature_def["encode"]
            vectors = session.run(
                signature.outputs[USER_VECTOR].name,
                {signature.inputs[BEHAVIORS].name: [[b"boots", b"maps"], [b"boots", b""]]},
            )
        # One step of gradient descent takes the weights from 1 to 1 - 0.5 * 2 * 1 / 2 = 0.5.
        np.testing.assert_allclose(vectors, [[4, 4], [1.5, 1.5]], rtol=1e-6)
        names = [name for name, _ in tf.train.list_variables(str(path / "variables" / "variables"))]
        assert len([name for name in names if "graph_variables" in name]) == 1
        assert not any("optimizer" in name or "velocity" in name for name in names)
