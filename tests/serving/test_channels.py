"""A model that was trained with types and values of events: its signatures, and all users by it."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from ingestion.spill import UserRecords
from serving.__main__ import main
from serving.bulk.config import EncodingConfig
from serving.bulk.encode_bucket import _digest, _histories
from serving.client.event_lists import events_of
from serving.client.messages import ModelVersion, predict_requests
from serving.releases.model_card import model_card
from serving.saved_model import SavedModelSession, further_channels
from trainer.export.warmup import WARMUP_FILE

_TEXTS = [["boots", "maps", "tent"], ["tea"]]
_EVENTS = {
    "types": [["buy", None, "buy"], ["view"]],
    "values": [[0.0, 7.0, 2.5], [None]],
}


@pytest.fixture(scope="module")
def model(priced):
    model = SavedModelSession(str(priced / "1"), 1, optimize=False)
    yield model
    model.close()


def _run(model, name, **inputs):
    return model.run(name, inputs, ["user_vector"])["user_vector"].tolist()


def test_names_and_types(model, priced, exported):
    assert set(model.signatures) >= {"encode", "encode_with_timestamps", "encode_with_channels"}
    inputs = model.signatures["encode_with_channels"].inputs
    assert {name: tf.as_dtype(each.dtype).name for name, each in inputs.items()} == {
        **{"behaviors": "string", "timestamps": "int64", "types": "string", "values": "float32"}
    }
    assert all(len(each.tensor_shape.dim) == 2 for each in inputs.values())
    assert set(model.signatures["encode_with_timestamps"].inputs) == {"behaviors", "timestamps"}
    assert [each.name for each in further_channels(str(priced / "1"))] == ["type", "value"]
    # A model without them is what it was.
    assert further_channels(str(exported / "1")) == ()
    for channels, more in ([["time"], []], [["time", "type"], ["encode_with_channels"]]):
        card = model_card(
            name="shop",
            version=1,
            digest="",
            configuration={"data": {"channels": channels}},
            evaluation_uri="",
            lineage={},
        )
        usual = ["serving_default", "encode", "encode_with_timestamps", "user_vectors"]
        assert card["signatures"] == usual + more


def test_the_signatures_agree(model):
    """Also with what the client sends."""
    expected = [[3, 2, 2.5], [1, 0, 0]]
    texts = np.array([["boots", "maps", "tent"], ["tea", "", ""]], object)
    events = {
        "timestamps": np.zeros((2, 3), np.int64),
        "types": np.array([["buy", "", "buy"], ["view", "", ""]], object),
        "values": np.array([[0, 7, 2.5], [np.nan] * 3], np.float32),
    }
    assert _run(model, "encode_with_channels", behaviors=texts, **events) == expected
    (request,) = predict_requests(
        _TEXTS,
        events_of(None, **{"types": _EVENTS["types"], "values": _EVENTS["values"]}),
        ModelVersion("shop"),
        "user_vectors",
        ["user_vector"],
        batch_size=2,
    )
    examples = np.array(list(request.inputs["examples"].string_val), object)
    for name in ("serving_default", "user_vectors"):
        assert _run(model, name, examples=examples) == expected


def test_what_is_not_sent_says_nothing(model):
    texts = np.array([["boots", "maps"]], object)
    assert _run(model, "encode", behaviors=texts) == [[2, 0, 0]]
    times = np.zeros((1, 2), np.int64)
    inputs = {"behaviors": texts, "timestamps": times}
    assert _run(model, "encode_with_timestamps", **inputs) == [[2, 0, 0]]
    example = tf.train.Example()
    example.features.feature["behaviors"].bytes_list.value.extend([b"boots", b"maps"])
    # Fewer types than texts, and more values.
    example.features.feature["types"].bytes_list.value.extend([b"buy"])
    example.features.feature["values"].float_list.value.extend([1.0, 2.0, 4.0])
    examples = np.array([example.SerializeToString()], object)
    assert _run(model, "serving_default", examples=examples) == [[2, 1, 1]]


def test_warm_up_requests_have_every_signature(model, priced):
    shapes = set()
    for record in tf.data.TFRecordDataset(str(priced / "1" / WARMUP_FILE)).as_numpy_iterator():
        log = prediction_log_pb2.PredictionLog.FromString(record)
        request = log.predict_log.request
        name = request.model_spec.signature_name
        inputs = {key: tf.make_ndarray(tensor) for key, tensor in request.inputs.items()}
        (size,) = {len(each) for each in inputs.values()}
        assert len(_run(model, name, **inputs)) == size
        shapes.add((name, size))
    assert shapes == {(name, size) for name in model.signatures for size in (1, 4, 16, 64, 256)} - {
        ("__saved_model_init_op", size) for size in (1, 4, 16, 64, 256)
    }


def test_all_users_of_logs(priced, tmp_path, capsys):
    rows = [
        {"user_id": user, "timestamp": time, "text": text, "what": kind, "value": value}
        for user, of_user in (("a", 0), ("b", 1))
        for time, (text, kind, value) in enumerate(
            zip(
                _TEXTS[of_user],
                _EVENTS["types"][of_user],
                _EVENTS["values"][of_user],
                strict=True,
            )
        )
    ]
    events, output = tmp_path / "events.jsonl", str(tmp_path / "vectors.parquet")
    events.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    command = ["encode", str(priced), str(events), "--output", output]
    assert main(command) == 1
    assert "has no column type; it has: " in capsys.readouterr().err
    assert main([*command, "--type", "what"]) == 0
    vectors = {row["user_id"]: row["vector"] for row in pq.read_table(output).to_pylist()}
    assert vectors == {"a": [3, 2, 2.5], "b": [1, 0, 0]}
    # Also where the runner's own shuffle brings the records together, and one channel alone.
    command[-1] = str(tmp_path / "shuffled.parquet")
    shuffle = ["--beam-arg=--gathering=shuffle", "--without", "value"]
    assert main([*command, "--type", "what", *shuffle]) == 0
    rows = pq.read_table(command[-1]).to_pylist()
    assert {row["user_id"]: row["vector"] for row in rows} == {"a": [3, 2, 0], "b": [1, 0, 0]}


def test_types_and_values_are_part_of_what_was_encoded():
    import pyarrow as pa

    def digest(types, **config):
        user = UserRecords(
            "u",
            np.array([1.0, 2.0]),
            pa.array(["a", "b"], pa.large_string()),
            [],
            others={"types": pa.array(types, pa.large_string())},
        )
        return _digest(_histories(user, EncodingConfig(**config)))

    assert digest(["x", "y"]) == digest(["x", "z"])
    assert digest(["x", "y"], channels=["type"]) != digest(["x", "z"], channels=["type"])
    # Nothing of an encoding without them has another name now.
    assert digest(["x", "y"]).hex() == "337a6279fcdabd2cf6ef25070be3fd74"
    assert "channels" not in EncodingConfig().model_dump()
    assert set(EncodingConfig().columns.model_dump()) == {
        *("user_id", "timestamp", "text", "label_user_id", "split")
    }
