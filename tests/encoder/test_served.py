"""The served encoder gives the vectors that training sees."""

import functools

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam

from trainer.encoder.config import EncoderConfig
from trainer.encoder.model import build_encoder
from trainer.encoder.served import ServedEncoder
from trainer.text.preprocessing import preprocessing_fn

_HISTORIES = [
    [b"Running shoes", b"unheard of", b"trail runs"],
    [b"jackets"],
    [b"a long text of trail shoes and jackets", b"runs"],
]


@pytest.fixture(scope="module")
def transformed(tmp_path_factory):
    """Word ids as Transform writes them for training, and the analysed graph."""
    folder = tmp_path_factory.mktemp("transform")
    users = [
        {"history": texts, "target": [b"trail runs", b"shoes jacket", b"long text"]}
        for texts in _HISTORIES
    ]
    metadata = tft.DatasetMetadata.from_feature_spec(
        {name: tf.io.VarLenFeature(tf.string) for name in ("history", "target")}
    )
    function = functools.partial(preprocessing_fn, custom_config={"text": {"vocabulary_size": 9}})
    with tft_beam.Context(temp_dir=str(folder / "temp")):
        (rows, _), transform_fn = (
            users,
            metadata,
        ) | tft_beam.AnalyzeAndTransformDataset(function)
        _ = transform_fn | tft_beam.WriteTransformFn(str(folder / "graph"))
    word_ids = tf.ragged.stack(
        [
            tf.RaggedTensor.from_row_lengths(
                row["history$ragged_values"], row["history$row_lengths_1"]
            )
            for row in rows
        ]
    )
    return word_ids.to_tensor(), tft.TFTransformOutput(str(folder / "graph"))


@pytest.mark.parametrize("aggregator", ["multi_hop", "mean", "max"])
def test_training_and_serving_agree(transformed, tmp_path, aggregator):
    word_ids, output = transformed
    encoder = build_encoder(EncoderConfig(dimension=8, aggregator=aggregator), vocabulary_size=9)
    served = ServedEncoder(output.transform_features_layer(), encoder)
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


@pytest.mark.parametrize("aggregator", ["multi_hop", "mean", "max"])
def test_histories_without_words_give_finite_vectors(transformed, aggregator):
    _, output = transformed
    encoder = build_encoder(EncoderConfig(dimension=8, aggregator=aggregator), vocabulary_size=9)
    served = ServedEncoder(output.transform_features_layer(), encoder)
    for texts in (tf.zeros([2, 0], tf.string), tf.constant([["", ""], ["zzz", ""]])):
        vectors = served.encode(texts)["user_vector"].numpy()
        assert np.isfinite(vectors).all()
        np.testing.assert_allclose(vectors[0], vectors[1], atol=1e-6)
