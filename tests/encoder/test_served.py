"""The served encoder gives the vectors that training sees."""

import numpy as np
import pytest
import tensorflow as tf

from trainer.encoder.config import EncoderConfig
from trainer.encoder.inference import UserEncoderInference
from trainer.encoder.model import build_encoder
from trainer.encoder.served import ServedEncoder
from trainer.encoder.user_encoder import UserEncoder, fit_user_encoder, padded

_HISTORIES = [
    [b"Running shoes", b"unheard of", b"trail runs"],
    [b"jackets"],
    [b"a long text of trail shoes and jackets", b"runs"],
]


@pytest.fixture(scope="module")
def transformed(tmp_path_factory, run_transform):
    """Word ids as Transform writes them for training, and the analysed graph."""
    users = [
        {"history": texts, "target": [b"trail runs", b"shoes jacket", b"long text"]}
        for texts in _HISTORIES
    ]
    rows, output = run_transform(tmp_path_factory.mktemp("transform"), users, vocabulary_size=9)
    word_ids = tf.ragged.stack(
        [
            tf.RaggedTensor.from_row_lengths(
                row["history$ragged_values"], row["history$row_lengths_1"]
            )
            for row in rows
        ]
    )
    return word_ids.to_tensor(), output


@pytest.mark.parametrize("aggregator", ["multi_hop", "mean", "max"])
def test_training_and_serving_agree(transformed, tmp_path, aggregator):
    word_ids, output = transformed
    encoder = build_encoder(EncoderConfig(dimension=8, aggregator=aggregator), vocabulary_size=9)
    served = ServedEncoder(output.transform_features_layer(), UserEncoder(encoder))
    served.export(str(tmp_path / "model"))
    texts = tf.ragged.constant(_HISTORIES).to_tensor("")
    loaded = tf.saved_model.load(str(tmp_path / "model"))
    expected = encoder(word_ids)[:, -1]
    assert np.ptp(expected, axis=0).max() > 0.01
    for vectors in (
        served.encode(texts)["user_vector"],
        loaded.encode(texts)["user_vector"],
        loaded.signatures["encode"](behaviors=texts)["user_vector"],
    ):
        np.testing.assert_allclose(vectors, expected, atol=1e-5)


def test_channels_are_served(transformed, tmp_path):
    """Fused vectors and full ones, with moments and without, from the exported model too."""
    word_ids, output = transformed
    config = EncoderConfig(dimension=8, latent_semantics=3, full_vector=True)
    encoder = build_encoder(config, vocabulary_size=9)
    users = [[[word for word in text if word] for text in user] for user in word_ids.numpy()]
    moments = [[1_700_000_000, 1_700_100_000, 0], [1_690_000_000, 0, 0], [1_700_000_000, 5, 0]]
    user_encoder = fit_user_encoder(config, encoder, users, [np.array(m) for m in moments])
    served = ServedEncoder(output.transform_features_layer(), user_encoder, full_vector=True)
    served.export(str(tmp_path / "model"))
    texts = tf.ragged.constant(_HISTORIES).to_tensor("")
    loaded = tf.saved_model.load(str(tmp_path / "model"))
    timed = loaded.signatures["encode_with_timestamps"](
        behaviors=texts, timestamps=tf.constant(moments, tf.int64)
    )
    untimed = loaded.signatures["encode"](behaviors=texts)
    for name, size in (("user_vector", 8), ("user_vector_full", 8 + 3 + 57)):
        assert timed[name].shape == (3, size)
        expected = user_encoder(word_ids, np.array(moments))[name]
        np.testing.assert_allclose(timed[name], expected, atol=1e-5)
        np.testing.assert_allclose(untimed[name], user_encoder(word_ids)[name], atol=1e-5)
        assert np.abs(timed[name] - untimed[name]).max() > 0.01


@pytest.mark.parametrize("aggregator", ["multi_hop", "mean", "max"])
def test_histories_without_words_give_finite_vectors(transformed, aggregator):
    _, output = transformed
    encoder = build_encoder(EncoderConfig(dimension=8, aggregator=aggregator), vocabulary_size=9)
    served = ServedEncoder(output.transform_features_layer(), UserEncoder(encoder))
    for texts in (tf.zeros([2, 0], tf.string), tf.constant([["", ""], ["zzz", ""]])):
        vectors = served.encode(texts)["user_vector"].numpy()
        assert np.isfinite(vectors).all()
        np.testing.assert_allclose(vectors[0], vectors[1], atol=1e-6)


def test_without_padding_the_vectors_are_those_of_training():
    """With gains, offsets and directions that are not what they start as."""
    rng = np.random.default_rng(0)
    config = EncoderConfig(dimension=8, scale_attention=True, latent_semantics=3)
    encoder = build_encoder(config, vocabulary_size=20)
    encoder.set_weights([rng.normal(size=weights.shape) for weights in encoder.get_weights()])
    users = [
        [rng.integers(1, 21, rng.integers(1, 6)).tolist() for _ in range(behaviors)]
        for behaviors in (3, 0, 9, 1, 0)
    ]
    user_encoder = fit_user_encoder(config, encoder, users)
    served = UserEncoderInference(user_encoder)
    none = tf.zeros([5, 0], tf.int64)
    for rows in (users, users[1:2]):
        word_ids = tf.ragged.constant(
            rows, dtype=tf.int64, ragged_rank=2, row_splits_dtype=tf.int64
        )
        expected = user_encoder(padded(rows)[0])
        for name, vectors in served(word_ids, none[: len(rows)]).items():
            np.testing.assert_allclose(vectors, expected[name], atol=1e-5)
    empty = tf.zeros([0], tf.int64)
    no_users = tf.RaggedTensor.from_nested_row_splits(empty, [[0], [0]])
    assert served(no_users, none[:0])["user_vector"].shape == (0, 8)
