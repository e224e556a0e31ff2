"""Pushed models through the development server: clients, REST, a swap under load, a rollback."""

import json
import pathlib
import subprocess
import sys
import threading
import time
import urllib.request

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from serving.client import ClientOptions, UserEncoderClient

pytestmark = pytest.mark.slow

_ROOT = pathlib.Path(__file__).parents[2]
_TYPED = {
    "behaviors": [["running shoes", "best trail jacket"]],
    "timestamps": [[0, 0]],
    "types": [["view", "buy"]],
    "values": [[0.0, float("nan")]],
}
_HISTORIES = [
    ["running shoes", "best trail jacket", "how to bake bread"],
    [],
    ["xqzzy"],
    ["sour dough", "pizza stone"] * 40,
]


class _Server:
    """`python -m serving serve` as a process."""

    def __init__(self, model_dir):
        command = [sys.executable, "-m", "serving", "serve", model_dir, "--model-name=small"]
        self._process = subprocess.Popen(
            [*command, "--port=0", "--rest-api-port=0", "--poll-seconds=0.2"],
            stdout=subprocess.PIPE,
            text=True,
            cwd=_ROOT,
        )
        for line in self._process.stdout:
            if line.startswith("REST"):
                self.url = line.split()[1]
            if line.startswith("gRPC"):
                self.target = line.split()[1]
                return
        raise RuntimeError(f"The server ended with exit code {self._process.wait()}.")

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._process.terminate()
        self._process.communicate()


def _push(pipeline, hidden_units):
    with pipeline.changed(heads={"max_epochs": 20, "hidden_units": hidden_units}):
        run = pipeline.run()
    assert run.exit_code == 0, run.text
    return int(pathlib.Path(run.summary["model"]).name)


def _saved_model(pipeline, version):
    """The outputs that the SavedModel gives, without a server."""
    path = str(pipeline.output / "serving" / "small" / str(version))
    padded = tf.ragged.constant(_HISTORIES, dtype=tf.string, ragged_rank=1).to_tensor("")
    outputs = tf.saved_model.load(path).signatures["encode"](behaviors=padded)
    return {name: values.numpy() for name, values in outputs.items()}


def _assert_same(actual, expected):
    for name, values in actual.items():
        np.testing.assert_allclose(values, expected[name], atol=1e-5, err_msg=name)


def _wait_for(client, version):
    deadline = time.monotonic() + 300
    while client.metadata().version != version:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_clients_swap_and_rollback(pipeline):
    first = _push(pipeline, hidden_units=8)
    model_dir = pipeline.output / "serving" / "small"
    _release(model_dir, "label", f"stable={first}")
    expected = _saved_model(pipeline, first)
    card = json.loads((model_dir / str(first) / "model_card.json").read_text())
    assert card["tasks"]["age_range"] == pipeline.config["tasks"]["age_range"]["classes"]
    assert set(card["metrics"]) == set(pipeline.config["tasks"])
    assert 0.3 < card["metrics"]["age_range"]["auc"] <= 1
    assert card["tokenizer"]["vocabulary_size"] == 2000
    with (
        _Server(model_dir) as server,
        UserEncoderClient(server.target, "small") as client,
        UserEncoderClient(server.target, "small", label="stable") as stable,
    ):
        client.wait_until_ready()
        _assert_same({"user_vector": client.encode(_HISTORIES)}, expected)
        _assert_same(client.predict(_HISTORIES), expected)
        _assert_same(_by_stub(server.target), expected)
        _assert_same(_by_rest(server.url), expected)
        typed = tf.saved_model.load(str(model_dir / str(first))).signatures["encode_with_channels"]
        _, inputs = typed.structured_input_signature
        vectors = typed(
            **{name: tf.constant(_TYPED[name], spec.dtype) for name, spec in inputs.items()}
        )
        expected_vectors = {"user_vector": vectors["user_vector"].numpy()}
        histories, events = _TYPED["behaviors"], {k: _TYPED[k] for k in ("types", "values")}
        _assert_same({"user_vector": client.encode(histories, **events)}, expected_vectors)
        by_rest = _by_rest(server.url, "encode_with_channels", _TYPED)
        _assert_same({"user_vector": by_rest["user_vector"]}, expected_vectors)
        assert np.abs(client.encode(histories) - client.encode(histories, **events)).max() > 0.01

        errors, calls, end = [], [0], threading.Event()

        def load():
            # No retries: a request that fails once counts.
            options = ClientOptions(max_attempts=1, timeout=120)
            with UserEncoderClient(server.target, "small", options=options) as each:
                while not end.is_set():
                    try:
                        each.outputs(_HISTORIES, ["user_vector", "parent"])
                    except Exception as error:
                        errors.append(error)
                    calls[0] += 1
                    time.sleep(0.05)

        thread = threading.Thread(target=load)
        thread.start()
        try:
            second = _push(pipeline, hidden_units=12)
            _wait_for(client, second)
            _assert_same(client.predict(_HISTORIES), _saved_model(pipeline, second))
            _assert_same(stable.predict(_HISTORIES), expected)
            _release(model_dir, "rollback")
            _wait_for(client, first)
            _assert_same(client.predict(_HISTORIES), expected)
        finally:
            end.set()
            thread.join()
        assert errors == []
        assert calls[0] > 20


def _release(model_dir, command, *arguments):
    subprocess.run(
        [sys.executable, "-m", "serving", command, model_dir, *arguments], check=True, cwd=_ROOT
    )


def _by_stub(target):
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "small"
    for texts in _HISTORIES:
        example = tf.train.Example()
        example.features.feature["behaviors"].bytes_list.value.extend(
            text.encode() for text in texts
        )
        request.inputs["examples"].string_val.append(example.SerializeToString())
    request.inputs["examples"].dtype = tf.string.as_datatype_enum
    request.inputs["examples"].tensor_shape.dim.add(size=len(_HISTORIES))
    with grpc.insecure_channel(target) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        outputs = stub.Predict(request, timeout=60).outputs
    return {name: tf.make_ndarray(tensor) for name, tensor in outputs.items()}


def _by_rest(url, signature="encode", inputs=None):
    width = max(map(len, _HISTORIES))
    rows = [texts + [""] * (width - len(texts)) for texts in _HISTORIES]
    # NaN as TF Serving's own parser takes it, though it is no JSON.
    body = json.dumps({"signature_name": signature, "inputs": inputs or rows}).encode()
    with urllib.request.urlopen(f"{url}:predict", body, timeout=60) as response:
        outputs = json.load(response)["outputs"]
    return {name: np.array(values) for name, values in outputs.items()}
