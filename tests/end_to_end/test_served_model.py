"""The contract of the pushed model, on the model that a pipeline really pushed."""

import numpy as np
import pytest
import tensorflow as tf

pytestmark = pytest.mark.slow

_HISTORIES = {
    "ordinary": ["running shoes", "best trail jacket", "how to bake bread"],
    "empty": [],
    "unknown words": ["xqzzy", "brlfq wrtx"],
    "empty texts": ["", "", ""],
    "many behaviours": ["running shoes"] * 3000,
    "very long text": ["running shoes " * 100_000],
    "invalid utf-8": [b"\xff\xfe running \xc3", b"\x80"],
    "nul bytes": [b"running\x00shoes\x00"],
    "emoji and chinese": ["🎉🏃", "跑步鞋"],
}


@pytest.fixture(scope="module")
def signatures(first_model):
    return tf.saved_model.load(first_model).signatures


def _encode(signatures, histories):
    padded = tf.ragged.constant(histories, dtype=tf.string, ragged_rank=1).to_tensor("")
    return signatures["encode"](behaviors=padded)


def _serve(signatures, histories):
    examples = []
    for texts in histories:
        texts = [t.encode() if isinstance(t, str) else t for t in texts]
        example = tf.train.Example()
        example.features.feature["behaviors"].bytes_list.value.extend(texts)
        examples.append(example.SerializeToString())
    return signatures["serving_default"](examples=tf.constant(examples))


def test_outputs(pipeline, signatures):
    outputs = _encode(signatures, list(_HISTORIES.values()))
    assert set(outputs) == {"user_vector", *pipeline.config["tasks"]}
    assert outputs["user_vector"].shape == (len(_HISTORIES), 32)
    assert outputs["user_vector"].dtype == tf.float32
    assert outputs["parent"].shape == (len(_HISTORIES), 2)
    assert outputs["age_range"].shape == (len(_HISTORIES), 3)
    np.testing.assert_allclose(np.sum(outputs["age_range"], axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("name", _HISTORIES)
def test_any_history_gives_finite_vectors_alone_and_in_a_batch(signatures, name):
    alone = _serve(signatures, [_HISTORIES[name]])
    together = _serve(signatures, [_HISTORIES[name], *_HISTORIES.values()])
    for output, values in alone.items():
        assert np.isfinite(values).all(), output
        np.testing.assert_allclose(values[0], together[output][0], atol=1e-5)


def test_without_moments_the_signatures_agree(signatures):
    histories = list(_HISTORIES.values())
    encoded, served = _encode(signatures, histories), _serve(signatures, histories)
    padded = tf.ragged.constant(histories, dtype=tf.string, ragged_rank=1).to_tensor("")
    untimed = signatures["encode_with_timestamps"](
        behaviors=padded, timestamps=tf.zeros_like(padded, tf.int64)
    )
    for name, values in encoded.items():
        np.testing.assert_allclose(values, served[name], atol=1e-5)
        np.testing.assert_allclose(values, untimed[name], atol=1e-5)


def test_any_moments_give_finite_vectors(signatures):
    moments = [[0, 0], [1, 1], [1_700_000_000, 4_000_000_000], [-5, 2**62], [2**63 - 1, 1]]
    outputs = signatures["encode_with_timestamps"](
        behaviors=tf.constant([["running shoes", "bread"]] * len(moments)),
        timestamps=tf.constant(moments, tf.int64),
    )
    for name, values in outputs.items():
        assert np.isfinite(values).all(), name


def test_users_without_known_words_get_the_vector_of_an_empty_history(signatures):
    vectors = _serve(signatures, list(_HISTORIES.values()))["user_vector"].numpy()
    rows = dict(zip(_HISTORIES, vectors, strict=True))
    for name in ("unknown words", "empty texts", "emoji and chinese"):
        np.testing.assert_allclose(rows[name], rows["empty"], atol=1e-6)
    assert np.abs(rows["ordinary"] - rows["empty"]).max() > 0.01


def test_inflections_and_case_do_not_matter(signatures):
    vectors = _serve(signatures, [["Running SHOES"], ["runs shoe!"]])["user_vector"].numpy()
    np.testing.assert_allclose(vectors[0], vectors[1], atol=1e-6)


def test_only_the_most_recent_behaviours_are_read(signatures):
    recent = ["best trail jacket"] * 1000
    vectors = _serve(signatures, [recent, ["bake bread"] * 1000 + recent])["user_vector"].numpy()
    np.testing.assert_allclose(vectors[0], vectors[1], atol=1e-5)
