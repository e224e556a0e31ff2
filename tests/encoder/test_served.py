"""The served encoder gives the vectors that training sees."""

import numpy as np
import pytest
import tensorflow as tf

from trainer.encoder.config import EncoderConfig
from trainer.encoder.inference import UserEncoderInference
from trainer.encoder.model import build_encoder
from trainer.encoder.served import ServedEncoder
from trainer.encoder.user_encoder import UserEncoder, fit_user_encoder, padded
from trainer.heads.config import HeadsConfig
from trainer.heads.model import build_head
from trainer.heads.served import ServedHeads

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
    user_encoder = fit_user_encoder(
        config, encoder, users, {"time": [np.array(m) for m in moments]}
    )
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
        expected = user_encoder(word_ids, {"time": np.array(moments)})[name]
        np.testing.assert_allclose(timed[name], expected, atol=1e-5)
        np.testing.assert_allclose(untimed[name], user_encoder(word_ids)[name], atol=1e-5)
        assert np.abs(timed[name] - untimed[name]).max() > 0.01


@pytest.fixture(scope="module")
def typed(run_transform, tmp_path_factory):
    """Three users with types and values: as Transform makes them, its graph, and a fitted encoder.

    Of 51 rare types the alphabetically last is not among the 50 that are known. Values are 1 to 56,
    so that those of the training users lie 1.8 percentiles apart.
    """
    nan = float("nan")
    rare = [f"rare {number:02}" for number in range(51)]
    users = [
        {
            "history": [b"boots"] * 3,
            "history_types": [b"view", b"view", b""],
            "history_values": [1.0, nan, 2.0],
            "target": [b"maps"] * 2,
            "target_types": [b"cart", b"view"],
            "target_values": [3.0, 4.0],
        },
        {
            "history": [b"boots"],
            "history_types": [b""],
            "history_values": [nan],
            "target": [b"tent"],
            "target_types": [b"cart"],
            "target_values": [5.0],
        },
        {
            "history": [b"maps"] * 51,
            "history_types": [name.encode() for name in rare],
            "history_values": [6.0 + number for number in range(51)],
            "target": [b"tent"],
            "target_types": [b"view"],
            "target_values": [nan],
        },
    ]
    rows, output = run_transform(tmp_path_factory.mktemp("typed"), users, max_behaviors=99)
    rows = [{name.partition("$")[0]: values for name, values in row.items()} for row in rows]
    config = EncoderConfig(dimension=8, hops=2)
    encoder = build_encoder(config, vocabulary_size=3)
    numbers = {
        name: [
            np.concatenate([row[f"{part}_{name}s"] for part in ("history", "target")])
            for row in rows
        ]
        for name in ("type", "value")
    }
    times = {"time": [np.zeros(len(of_user), "int64") for of_user in numbers["type"]]}
    words = [[[1]], [[2], [3]], [[3]]]
    return rows, output, fit_user_encoder(config, encoder, words, {**numbers, **times})


def test_types_are_ranks_and_values_percentiles(typed):
    rows, _, _ = typed
    # "view" was there four times, "cart" twice, the others once.
    assert rows[0]["history_types"].tolist() == [1, 1, 0]
    assert rows[0]["target_types"].tolist() == [2, 1]
    assert rows[2]["history_types"].tolist() == [*range(3, 51), 51, 51, 51]
    assert rows[0]["history_values"].tolist()[1] == 0
    assert rows[1]["history_values"].tolist() == [0]
    known = np.concatenate(
        [row[f"{part}_values"] for row in rows for part in ("history", "target")]
    )
    known = np.sort(known[known > 0])
    # 56 values, every one as often.
    np.testing.assert_allclose(known, 1 + 100 * np.arange(56) / 56, atol=2)


def test_types_and_values_are_served(typed, tmp_path):
    """By tf.Examples and by a signature of their own; where they are not sent, nothing is known."""
    _, output, user_encoder = typed
    served = ServedEncoder(output.transform_features_layer(), user_encoder)
    served.export(str(tmp_path / "model"))
    texts = tf.constant([[b"boots", b"maps"], [b"boots", b"maps"]])
    events = {
        "timestamps": tf.zeros([2, 2], tf.int64),
        "types": tf.constant([[b" cart\n", b"new"], [b"", b""]]),
        "values": tf.constant([[0.0, 56.0], [float("nan")] * 2]),
    }
    examples = []
    for user in range(2):
        example = tf.train.Example()
        features = example.features.feature
        features["behaviors"].bytes_list.value.extend(texts[user].numpy())
        if user == 0:
            features["types"].bytes_list.value.extend(events["types"][user].numpy())
            features["values"].float_list.value.extend(events["values"][user].numpy())
        examples.append(example.SerializeToString())
    word_ids = served.transform_layer({"history": tf.sparse.from_dense(texts)})["history"]
    numbers = {"type": [[2, 51], [0, 0]], "value": [[1, 100], [0, 0]]}
    numbers = {name: np.array(of_users) for name, of_users in numbers.items()}
    expected = user_encoder(word_ids.to_tensor(), numbers)["user_vector"]
    loaded = tf.saved_model.load(str(tmp_path / "model"))
    signatures = loaded.signatures
    for vectors in (
        signatures["encode_with_channels"](behaviors=texts, **events)["user_vector"],
        loaded.encode_with_channels(texts, **events)["user_vector"],
        signatures["serving_default"](examples=tf.constant(examples))["user_vector"],
        signatures["user_vectors"](examples=tf.constant(examples))["user_vector"],
    ):
        np.testing.assert_allclose(vectors, expected, atol=1e-5)
    for name in ("encode", "encode_with_timestamps"):
        inputs = {"timestamps": events["timestamps"]} if "_" in name else {}
        without = signatures[name](behaviors=texts, **inputs)["user_vector"]
        np.testing.assert_allclose(without, np.repeat(expected[1:], 2, axis=0), atol=1e-5)
    assert np.abs(expected[0] - expected[1]).max() > 0.01
    # With heads on top the model still takes them, in whatever way they come.
    head = build_head("likes", 2, HeadsConfig(), np.asarray(expected))
    ServedHeads(loaded, {"likes": head}).export(str(tmp_path / "heads"))
    signatures = tf.saved_model.load(str(tmp_path / "heads")).signatures
    for outputs in (
        signatures["encode_with_channels"](behaviors=texts, **events),
        signatures["serving_default"](examples=tf.constant(examples)),
    ):
        np.testing.assert_allclose(outputs["user_vector"], expected, atol=1e-5)
        np.testing.assert_allclose(outputs["likes"], head(expected), atol=1e-5)


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
        for name, vectors in served(word_ids, {"time": none[: len(rows)]}).items():
            np.testing.assert_allclose(vectors, expected[name], atol=1e-5)
    empty = tf.zeros([0], tf.int64)
    no_users = tf.RaggedTensor.from_nested_row_splits(empty, [[0], [0]])
    assert served(no_users, {"time": none[:0]})["user_vector"].shape == (0, 8)
