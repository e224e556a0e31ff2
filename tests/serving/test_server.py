"""The development server: the same answers and errors as TF Serving, by gRPC and REST."""

import base64
import json
import shutil
import time
import urllib.error
import urllib.request

import grpc
import numpy as np
import pytest
import tensorflow as tf
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_management_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from serving.dev_server.configs import model_config
from serving.releases.releases import Releases

_TEXTS = [[b"boots", b"maps"], [b"sour dough bread", b""]]
_VECTORS = [[2, 9, 1], [1, 16, 1]]


@pytest.fixture(scope="module")
def channel(shared_server):
    with grpc.insecure_channel(shared_server.target) as channel:
        yield channel


@pytest.fixture(scope="module")
def predictions(channel):
    return prediction_service_pb2_grpc.PredictionServiceStub(channel)


@pytest.fixture(scope="module")
def models(channel):
    return model_service_pb2_grpc.ModelServiceStub(channel)


def _example(texts):
    example = tf.train.Example()
    example.features.feature["behaviors"].bytes_list.value.extend(texts)
    return example.SerializeToString()


def _request(inputs, signature="", name="letters", version=None, outputs=()):
    request = predict_pb2.PredictRequest(output_filter=outputs)
    request.model_spec.name = name
    request.model_spec.signature_name = signature
    if version is not None:
        request.model_spec.version.value = version
    for key, value in inputs.items():
        request.inputs[key].CopyFrom(tf.make_tensor_proto(value))
    return request


def _examples():
    return {"examples": [_example(texts) for texts in _TEXTS]}


def _code(call, request):
    with pytest.raises(grpc.RpcError) as error:
        call(request, timeout=20)
    return error.value.code().name, error.value.details()


def test_vectors_are_those_of_the_saved_model(predictions, saved_model):
    response = predictions.Predict(_request(_examples()))
    expected = saved_model.signatures["serving_default"](
        examples=tf.constant(_examples()["examples"])
    )
    assert set(response.outputs) == set(expected) == {"user_vector", "short"}
    for name, values in expected.items():
        np.testing.assert_array_equal(tf.make_ndarray(response.outputs[name]), values)
    spec = response.model_spec
    assert (spec.name, spec.version.value, spec.signature_name) == ("letters", 1, "serving_default")
    response = predictions.Predict(_request({"behaviors": _TEXTS}, "encode", version=1))
    np.testing.assert_array_equal(tf.make_ndarray(response.outputs["user_vector"]), _VECTORS)


def test_output_filter(predictions):
    response = predictions.Predict(_request(_examples(), outputs=["short"]))
    assert list(response.outputs) == ["short"]


@pytest.mark.parametrize(
    ("request_", "code", "message"),
    [
        (predict_pb2.PredictRequest(), "INVALID_ARGUMENT", "Missing ModelSpec"),
        (_request({}, name="other"), "NOT_FOUND", "Servable not found for request: Latest(other)"),
        (
            _request(_examples(), version=9),
            "NOT_FOUND",
            "Servable not found for request: Specific(letters, 9)",
        ),
        (
            _request(_examples(), "regress"),
            "FAILED_PRECONDITION",
            'Serving signature key "regress" not found.',
        ),
        (_request({}), "INVALID_ARGUMENT", "input size does not match signature: 0!=1"),
        (
            _request({"behaviors": _TEXTS}),
            "INVALID_ARGUMENT",
            "Signature input alias: examples(feed name: serving_default_examples:0) not found in "
            "request and no default value provided. Inputs expected to be in the request "
            "{behaviors}, or default input alias set: ",
        ),
        (
            _request(_examples(), outputs=["age"]),
            "INVALID_ARGUMENT",
            "output tensor alias not found in signature: age Outputs expected to be in the set "
            "{short,user_vector}.",
        ),
        (
            _request(_examples(), outputs=["short", "short"]),
            "INVALID_ARGUMENT",
            "duplicate output tensor alias: short",
        ),
        (_request({"examples": [1.0, 2.0]}), "INVALID_ARGUMENT", "string but float"),
        (_request({"examples": [[b"a"]]}), "INVALID_ARGUMENT", "shape [-1] but [1, 1]"),
        (_request({"examples": b"a"}), "INVALID_ARGUMENT", "shape [-1] but []"),
        (_request({"behaviors": [b"a"]}, "encode"), "INVALID_ARGUMENT", "shape [-1, -1] but [1]"),
        (_request({"examples": [b"\xff\xff"]}), "INVALID_ARGUMENT", "Could not parse example"),
        (
            _request({"examples": [b""] * 300}),
            "INVALID_ARGUMENT",
            "Task size 300 is larger than maximum input batch size 256",
        ),
    ],
)
def test_bad_requests(predictions, request_, code, message):
    actual, details = _code(predictions.Predict, request_)
    assert actual == code
    assert message in details


@pytest.mark.parametrize(
    ("shape", "values"),
    [([1 << 40], [b"a"]), ([-1], [b"a"]), ([3], [b"a", b"b"]), ([1 << 33, 1 << 33], [])],
)
def test_tensors_that_lie_about_their_size(predictions, shape, values):
    request = _request({"examples": [b""]})
    tensor = request.inputs["examples"]
    del tensor.tensor_shape.dim[:], tensor.string_val[:]
    for size in shape:
        tensor.tensor_shape.dim.add(size=size)
    tensor.string_val.extend(values)
    assert _code(predictions.Predict, request)[0] == "INVALID_ARGUMENT"
    assert predictions.Predict(_request(_examples())).outputs


def test_label_that_does_not_exist(predictions):
    request = _request(_examples())
    request.model_spec.version_label = "beta"
    assert _code(predictions.Predict, request) == (
        "INVALID_ARGUMENT",
        "Unrecognized servable version label: beta",
    )


def test_metadata(predictions):
    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    request.model_spec.name = "letters"
    response = predictions.GetModelMetadata(request)
    signatures = get_model_metadata_pb2.SignatureDefMap()
    response.metadata["signature_def"].Unpack(signatures)
    assert {"serving_default", "encode"} <= set(signatures.signature_def)
    assert response.model_spec.version.value == 1
    request.metadata_field[0] = "shape"
    assert _code(predictions.GetModelMetadata, request) == (
        "INVALID_ARGUMENT",
        "Metadata field shape is not supported",
    )
    del request.metadata_field[:]
    assert "at least one metadata_field" in _code(predictions.GetModelMetadata, request)[1]


def test_status(models):
    request = get_model_status_pb2.GetModelStatusRequest()
    assert _code(models.GetModelStatus, request) == ("INVALID_ARGUMENT", "Missing ModelSpec")
    request.model_spec.name = "letters"
    (status,) = models.GetModelStatus(request).model_version_status
    assert (status.version, status.state, status.status.error_code) == (1, 30, 0)
    request.model_spec.version.value = 3
    assert _code(models.GetModelStatus, request) == (
        "NOT_FOUND",
        "Could not find version 3 of model letters",
    )
    request.model_spec.Clear()
    request.model_spec.name = "other"
    assert _code(models.GetModelStatus, request) == (
        "NOT_FOUND",
        "Could not find any versions of model other",
    )


def test_health(channel):
    stub = health_pb2_grpc.HealthStub(channel)
    for service in ("", "ModelService", "PredictionService", "tensorflow.serving.ModelService"):
        answer = stub.Check(health_pb2.HealthCheckRequest(service=service))
        assert answer.status == health_pb2.HealthCheckResponse.SERVING


def test_reflection(channel):
    stub = reflection_pb2_grpc.ServerReflectionStub(channel)
    requests = [
        reflection_pb2.ServerReflectionRequest(list_services=""),
        reflection_pb2.ServerReflectionRequest(
            file_containing_symbol="tensorflow.serving.PredictRequest"
        ),
    ]
    services, file = stub.ServerReflectionInfo(iter(requests), timeout=20)
    assert {
        "tensorflow.serving.PredictionService",
        "tensorflow.serving.ModelService",
        "grpc.reflection.v1alpha.ServerReflection",
    } <= {service.name for service in services.list_services_response.service}
    assert file.file_descriptor_response.file_descriptor_proto


def _rest(server, path, body=None):
    """Status and JSON of an answer."""
    data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(f"{server.url}{path}", data, timeout=20) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_rest_predict_by_row_and_by_column(shared_server):
    rows = [[text.decode() for text in texts] for texts in _TEXTS]
    status, answer = _rest(
        shared_server,
        "/v1/models/letters:predict",
        {"signature_name": "encode", "instances": rows},
    )
    assert status == 200
    assert [row["user_vector"] for row in answer["predictions"]] == _VECTORS
    assert answer["predictions"][0]["short"] == [0, 1]
    examples = [{"b64": base64.b64encode(each).decode()} for each in _examples()["examples"]]
    for inputs in (examples, {"examples": examples}):
        status, answer = _rest(
            shared_server, "/V1/models/letters/versions/1:predict", {"inputs": inputs}
        )
        assert status == 200
        assert answer["outputs"]["user_vector"] == _VECTORS
    named = [{"behaviors": row} for row in rows]
    status, answer = _rest(
        shared_server,
        "/v1/models/letters:predict",
        {"signature_name": "encode", "instances": named},
    )
    assert [row["user_vector"] for row in answer["predictions"]] == _VECTORS


def test_moments_by_grpc_and_rest(shared_server, predictions):
    inputs = {"behaviors": _TEXTS, "timestamps": np.array([[500, 70], [6, 0]], np.int64)}
    expected = [[2, 9, 501], [1, 16, 7]]
    response = predictions.Predict(_request(inputs, "encode_with_timestamps"))
    np.testing.assert_array_equal(tf.make_ndarray(response.outputs["user_vector"]), expected)
    columns = {
        "behaviors": [[text.decode() for text in texts] for texts in _TEXTS],
        "timestamps": [[500, 70], [6, 0]],
    }
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    for body in ({"inputs": columns}, {"instances": rows}):
        status, answer = _rest(
            shared_server,
            "/v1/models/letters:predict",
            {"signature_name": "encode_with_timestamps", **body},
        )
        assert status == 200
        vectors = (
            answer["outputs"]["user_vector"]
            if "inputs" in body
            else [row["user_vector"] for row in answer["predictions"]]
        )
        assert vectors == expected


def test_rest_metadata_and_status(shared_server):
    assert _rest(shared_server, "/v1/models/letters") == (
        200,
        {
            "model_version_status": [
                {
                    "version": "1",
                    "state": "AVAILABLE",
                    "status": {"error_code": "OK", "error_message": ""},
                }
            ]
        },
    )
    status, answer = _rest(shared_server, "/v1/models/letters/versions/1/metadata")
    assert status == 200
    assert answer["model_spec"]["name"] == "letters"
    signatures = answer["metadata"]["signature_def"]["signature_def"]
    assert signatures["encode"]["inputs"]["behaviors"]["dtype"] == "DT_STRING"


def test_metrics(shared_server, predictions):
    predictions.Predict(_request(_examples()))
    _code(predictions.Predict, _request({}, name="made-up-name"))
    with urllib.request.urlopen(f"{shared_server.url}/monitoring/prometheus/metrics") as response:
        text = response.read().decode()
    assert (
        'local_serving_requests_total{code="OK",interface="grpc",method="Predict",model="letters"}'
        in text
    )
    assert 'local_serving_loaded_versions{model="letters",version="1"} 1.0' in text
    # Otherwise anybody could fill the server's memory with names.
    assert "made-up-name" not in text
    assert 'code="NOT_FOUND",interface="grpc",method="Predict",model="unknown"' in text


def _reload(channel, *models):
    request = model_management_pb2.ReloadConfigRequest()
    request.config.model_config_list.SetInParent()
    for model in models:
        request.config.model_config_list.config.add().CopyFrom(model)
    model_service_pb2_grpc.ModelServiceStub(channel).HandleReloadConfigRequest(request, timeout=60)


def _model(model_dir, versions, **labels):
    request = model_management_pb2.ReloadConfigRequest()
    model = request.config.model_config_list.config.add(
        name="letters",
        base_path=str(model_dir),
        model_platform="tensorflow",
        version_labels=labels,
    )
    model.model_version_policy.specific.versions.extend(versions)
    return model


def _scale(stub, label=None, version=None):
    request = _request(_examples(), version=version, outputs=["user_vector"])
    if label:
        request.model_spec.version_label = label
    return tf.make_ndarray(stub.Predict(request, timeout=20).outputs["user_vector"])[0, 2]


def test_labels_move_by_reloading_the_configuration(start_server, model_dir, exported):
    (model_dir / "2").symlink_to(exported / "2")
    server = start_server()
    with grpc.insecure_channel(server.target) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        assert _scale(stub) == 2
        _reload(channel, _model(model_dir, [1, 2], stable=1, canary=2))
        assert [_scale(stub, label) for label in ("stable", "canary", None)] == [1, 2, 2]
        _reload(channel, _model(model_dir, [1, 2], stable=2, canary=2))
        assert _scale(stub, "stable") == 2
        # Rollback: version 2 is unloaded.
        _reload(channel, _model(model_dir, [1], stable=1))
        assert _scale(stub) == _scale(stub, "stable") == 1
        assert _code(stub.Predict, _request(_examples(), version=2))[0] == "NOT_FOUND"
        with pytest.raises(grpc.RpcError) as error:
            _reload(channel, _model(model_dir, [1], stable=1, canary=7))
        assert error.value.code() == grpc.StatusCode.FAILED_PRECONDITION
        assert "label to version 7" in error.value.details()
        assert _scale(stub, "stable") == 1
        unnamed = _model(model_dir, [1])
        unnamed.name = ""
        with pytest.raises(grpc.RpcError) as error:
            _reload(channel, unnamed)
        assert error.value.code() == grpc.StatusCode.INVALID_ARGUMENT
        _reload(channel)
        assert _code(stub.Predict, _request(_examples()))[0] == "NOT_FOUND"


def test_two_models(start_server, model_dir, exported, tmp_path):
    server = start_server()
    (tmp_path / "others").mkdir()
    (tmp_path / "others" / "5").symlink_to(exported / "3")
    other = _model(tmp_path / "others", [5])
    other.name = "others"
    with grpc.insecure_channel(server.target) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        _reload(channel, _model(model_dir, [1]), other)
        response = stub.Predict(_request(_examples(), name="others"))
        assert response.model_spec.version.value == 5
        assert tf.make_ndarray(response.outputs["user_vector"])[0, 2] == 3
        assert _scale(stub) == 1


def test_a_configuration_of_a_folder_elsewhere(start_server, model_dir, exported, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "9").symlink_to(exported / "2")
    (model_dir.parent / "link").symlink_to(elsewhere)
    with grpc.insecure_channel(start_server().target) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        above = model_dir.parent
        for folder in (elsewhere, above / "link", above / ".." / elsewhere.name, above, "s3://a/b"):
            with pytest.raises(grpc.RpcError) as error:
                _reload(channel, _model(folder, [9]))
            assert error.value.code() == grpc.StatusCode.PERMISSION_DENIED
            assert f"base_path {folder} is not below {above}; start" in error.value.details()
        assert _scale(stub) == 1
    with grpc.insecure_channel(start_server(reload_from_any_folder=True).target) as channel:
        _reload(channel, _model(elsewhere, [9]))
        assert _scale(prediction_service_pb2_grpc.PredictionServiceStub(channel)) == 2


def test_a_broken_version_leaves_the_old_one(start_server, model_dir, exported):
    server = start_server(poll_seconds=0.05, max_load_attempts=2)
    with grpc.insecure_channel(server.target) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        # Half a copy: no saved_model.pb yet.
        shutil.copytree(exported / "2", model_dir / "2", ignore=lambda *_: ["saved_model.pb"])
        (model_dir / "3").mkdir()
        (model_dir / "3" / "saved_model.pb").write_bytes(b"no graph")
        status = get_model_status_pb2.GetModelStatusRequest()
        status.model_spec.name = "letters"
        models = model_service_pb2_grpc.ModelServiceStub(channel)
        _wait(lambda: len(models.GetModelStatus(status).model_version_status) == 2)
        server.call(_polls(server, 3))
        broken, good = models.GetModelStatus(status).model_version_status
        assert (broken.version, broken.state) == (3, 50)
        assert broken.status.error_code != 0
        assert broken.status.error_message
        assert (good.version, good.state) == (1, 30)
        assert _scale(stub) == 1
        with urllib.request.urlopen(f"{server.url}/monitoring/prometheus/metrics") as response:
            assert 'loads_total{model="letters",outcome="failed"} 2.0' in response.read().decode()
        shutil.rmtree(model_dir / "3")
        server.call(_polls(server, 1))
        assert len(models.GetModelStatus(status).model_version_status) == 1
        (model_dir / "3").symlink_to(exported / "2")
        server.call(_polls(server, 1))
        assert _scale(stub) == 2


def test_a_broken_configuration_leaves_the_old_one(start_server, model_dir, exported):
    releases = Releases(str(model_dir))
    releases.serve(1)
    config = model_config(releases.config_file, "letters", str(model_dir))
    server = start_server(config, releases.config_file, poll_seconds=0.05)
    with grpc.insecure_channel(server.target) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        with open(releases.config_file) as file:
            good = file.read()
        with open(releases.config_file, "w") as file:
            file.write("model_config_list {")
        time.sleep(0.5)
        assert _scale(stub, "stable") == 1
        with open(releases.config_file, "w") as file:
            file.write(good)
        (model_dir / "2").symlink_to(exported / "2")
        releases.serve(2)
        _wait(lambda: _scale(stub) == 2)
        assert _scale(stub, "stable") == 1
        releases.move_label("stable", 2)
        _wait(lambda: _scale(stub, "stable") == 2)


def test_a_configuration_without_the_model(model_dir, tmp_path):
    Releases(str(model_dir)).serve(1)
    with pytest.raises(ValueError, match="has no model other, only letters"):
        model_config(str(tmp_path / "models.config"), "default", str(tmp_path / "other"))
    (tmp_path / "models.config").write_text("nonsense {")
    with pytest.raises(ValueError, match="no ModelServerConfig"):
        model_config(str(tmp_path / "models.config"), "default", str(model_dir))


def _wait(condition):
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


async def _polls(server, times):
    for _ in range(times):
        await server.server.core.poll()


def test_a_server_without_a_model_is_not_healthy(start_server, model_dir, exported):
    (model_dir / "1").unlink()
    server = start_server(poll_seconds=0.05)
    with grpc.insecure_channel(server.target) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        watch = stub.Watch(health_pb2.HealthCheckRequest(), timeout=60)
        assert next(watch).status == health_pb2.HealthCheckResponse.NOT_SERVING
        (model_dir / "1").symlink_to(exported / "1")
        assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
        watch.cancel()
