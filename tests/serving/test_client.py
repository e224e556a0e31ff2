"""The clients, against the development server and against servers that misbehave."""

import asyncio
import concurrent.futures
import pathlib
import shlex
import subprocess
import sys
import textwrap

import grpc
import numpy as np
import pytest

from serving.client import (
    AsyncUserEncoderClient,
    ClientOptions,
    DeadlineExceededError,
    InvalidRequestError,
    ModelNotFoundError,
    ServerUnavailableError,
    UserEncoderClient,
    wire,
)
from serving.client.event_lists import events_of
from serving.client.messages import (
    ModelMetadata,
    ModelVersion,
    TensorSpec,
    float_array,
    predict_requests,
)
from tests.serving.scripted import fail, hang, version

_HISTORIES = [["boots", "trail maps"], [], ["\ud800 odd", b"\xff\x00"], ["x" * 20]]
# 5 + 10 bytes; nothing; 3 bytes of a lone surrogate + 4, 2 bytes; 20 bytes.
_VECTORS = [[2, 15, 1], [0, 0, 1], [2, 9, 1], [1, 20, 1]]


@pytest.fixture(scope="module")
def client(shared_server):
    with UserEncoderClient(shared_server.target, "letters") as client:
        client.wait_until_ready()
        yield client


def test_importing_and_calling_needs_no_tensorflow(shared_server):
    code = """
        import sys
        from serving.client import UserEncoderClient
        with UserEncoderClient(sys.argv[1], "letters") as client:
            print(client.encode([["boots", "maps"]]).tolist())
        loaded = {name.split(".")[0] for name in sys.modules}
        print(sorted(loaded & {"tensorflow", "tensorflow_serving", "keras", "tfx", "pandas"}))
    """
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), shared_server.target],
        capture_output=True,
        text=True,
        cwd=pathlib.Path(__file__).parents[2],
    )
    assert run.stdout.splitlines() == ["[[2.0, 9.0, 1.0]]", "[]"], run.stderr


def test_messages_are_those_of_tensorflow_serving_api():
    from tensorflow.core.example import example_pb2
    from tensorflow_serving.apis import (
        get_model_metadata_pb2,
        get_model_status_pb2,
        model_service_pb2_grpc,
        prediction_service_pb2_grpc,
    )

    pool = example_pb2.DESCRIPTOR.pool
    for name, fields in wire.MESSAGES.items():
        official = pool.FindMessageTypeByName(name).fields_by_name
        ours = wire._POOL.FindMessageTypeByName(name).fields_by_name
        assert list(ours) == list(fields)
        for field in fields:
            ours_field, theirs = ours[field], official[field]
            for attribute in ("number", "type", "label"):
                if (field, attribute) != ("float_val", "type"):  # Packed: bytes on the wire.
                    expected = getattr(theirs, attribute)
                    assert getattr(ours_field, attribute) == expected, (name, field)
            if theirs.message_type:
                assert ours_field.message_type.full_name == theirs.message_type.full_name
    for name, values in wire.ENUMS.items():
        official = pool.FindEnumTypeByName(name).values_by_name
        assert {value: official[value].number for value in values} == values
    assert get_model_metadata_pb2.SignatureDefMap.DESCRIPTOR.full_name in wire.MESSAGES
    assert get_model_status_pb2.GetModelStatusRequest.DESCRIPTOR.full_name in wire.MESSAGES
    channel = _NamingChannel()
    prediction_service_pb2_grpc.PredictionServiceStub(channel)
    model_service_pb2_grpc.ModelServiceStub(channel)
    from serving.client import messages

    methods = {messages.PREDICT, messages.GET_MODEL_METADATA, messages.GET_MODEL_STATUS}
    assert methods <= channel.methods


class _NamingChannel:
    """Notes the names of a stub's methods; protobuf 6 cannot import `model_service_pb2`."""

    def __init__(self):
        self.methods = set()

    def unary_unary(self, method, **_):
        self.methods.add(method)


def test_encode(client):
    vectors = client.encode(_HISTORIES)
    assert vectors.dtype == np.float32
    assert vectors.flags.writeable
    np.testing.assert_array_equal(vectors, _VECTORS)


def test_moments_arrive_beside_their_texts(client):
    timestamps = [[1000, 2000.9], [], [np.int64(0), 70], [np.float32(7)]]
    # The third number is 1 plus the latest moment.
    expected = [[2, 15, 2001], [0, 0, 1], [2, 9, 71], [1, 20, 8]]
    np.testing.assert_array_equal(client.encode(_HISTORIES, timestamps=timestamps), expected)
    for outputs in (
        client.outputs(_HISTORIES, ["user_vector"], timestamps=timestamps),
        client.predict(_HISTORIES, ["user_vector"], timestamps=timestamps),
    ):
        np.testing.assert_array_equal(outputs["user_vector"], expected)
    assert client.encode([], timestamps=[]).shape == (0, 3)


def test_moments_follow_their_users_through_batches(shared_server):
    options = ClientOptions(batch_size=7, in_flight=3)
    histories = [["x"] * (index % 3 + 1) for index in range(100)]
    timestamps = [[0] * (index % 3) + [index] for index in range(100)]
    with UserEncoderClient(shared_server.target, "letters", options=options) as client:
        vectors = client.encode(histories, timestamps=timestamps)
    np.testing.assert_array_equal(vectors[:, 2], 1 + np.arange(100))


def test_types_and_values_arrive_beside_their_texts():
    import tensorflow as tf

    (request,) = predict_requests(
        [["a", "b"], ["c"]],
        events_of(None, [["view", b"\xff"], [None]], [[1.5, None], [np.int64(2)]]),
        ModelVersion("shop"),
        "user_vectors",
        ["user_vector"],
        batch_size=2,
    )
    first, second = (
        tf.train.Example.FromString(example).features.feature
        for example in request.inputs["examples"].string_val
    )
    assert list(first["types"].bytes_list.value) == [b"view", b"\xff"]
    np.testing.assert_equal(list(first["values"].float_list.value), [1.5, np.nan])
    assert list(second["types"].bytes_list.value) == [b""]
    assert list(second["values"].float_list.value) == [2]
    assert "timestamps" not in first


@pytest.mark.parametrize(
    ("events", "error", "message"),
    [
        ({"types": [["a"]]}, ValueError, "types are of 1 users, .* with a name for every text"),
        ({"types": [["a"], []]}, ValueError, r"types\[0\] has 1 names for 2 texts; .*None where"),
        (
            {"types": ["ab", ["c"]]},
            TypeError,
            r"types\[0\] must be a list of str or bytes",
        ),
        ({"types": [["a", 5], ["c"]]}, TypeError, r"types\[0\]: 5 is not str or bytes"),
        ({"values": [["1", 2], [3]]}, TypeError, r"values\[0\]: '1' is not a number; write None"),
        ({"values": [[1, 1e39], [3]]}, ValueError, r"values\[0\]: 1e\+39 is more than float32"),
    ],
)
def test_mistakes_in_types_and_values(client, events, error, message):
    with pytest.raises(error, match=message):
        client.encode([["a", "b"], ["c"]], **events)


@pytest.mark.parametrize(
    ("timestamps", "error", "message"),
    [
        ([[1, 2]], ValueError, "timestamps are of 1 users, histories of 2"),
        ([[1, 2], []], ValueError, r"timestamps\[1\] has 0 numbers for 1 texts"),
        ([[1, 2], 3], TypeError, r"timestamps\[1\] must be a list of Unix seconds, not int"),
        ([[1, 2], ["3"]], TypeError, r"timestamps\[1\]: '3' is not a number; write Unix seconds"),
        ([[1, 2], [None]], TypeError, r"0 where the moment is unknown"),
        ([[1, 2], [1.7e12]], ValueError, "cannot be Unix seconds"),
        ([[1, 2], [-1]], ValueError, "cannot be Unix seconds"),
        ([[1, 2], [float("nan")]], ValueError, "cannot be Unix seconds"),
    ],
)
def test_mistakes_in_timestamps(client, timestamps, error, message):
    with pytest.raises(error, match=message):
        client.encode([["a", "b"], ["c"]], timestamps=timestamps)


def test_no_user_has_vectors_of_the_right_width(client):
    assert client.encode([]).shape == (0, 3)
    assert client.predict([])["short"].shape == (0, 2)


def test_predict_asks_for_the_tasks(client):
    predictions = client.predict(_HISTORIES)
    assert set(predictions) == {"short"}
    np.testing.assert_array_equal(predictions["short"], [[1, 0], [0, 1], [0, 1], [1, 0]])
    np.testing.assert_array_equal(
        client.predict(_HISTORIES, ["short"])["short"], predictions["short"]
    )


def test_large_inputs_are_split_and_keep_their_order(shared_server):
    options = ClientOptions(batch_size=7, in_flight=3)
    histories = [["x" * (index % 50)] for index in range(1000)]
    with UserEncoderClient(shared_server.target, "letters", options=options) as client:
        np.testing.assert_array_equal(client.encode(histories)[:, 1], np.arange(1000) % 50)


def test_one_client_serves_several_threads(client):
    def encode(size):
        return client.encode([["x" * size]])[0, 1]

    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        assert list(threads.map(encode, range(1, 101))) == list(range(1, 101))


def test_asynchronous_client(shared_server):
    async def run():
        options = ClientOptions(batch_size=2, in_flight=2)
        async with AsyncUserEncoderClient(
            shared_server.target, "letters", options=options
        ) as client:
            await client.wait_until_ready()
            many = await asyncio.gather(*(client.encode(_HISTORIES) for _ in range(20)))
            predictions = await client.predict(_HISTORIES)
            moments = await client.encode([["x"], ["y", "z"]], timestamps=[[5], [8, 6]])
            np.testing.assert_array_equal(moments, [[1, 1, 6], [2, 2, 9]])
            states = [(each.version, each.state) for each in await client.status()]
            with pytest.raises(ModelNotFoundError):
                async with AsyncUserEncoderClient(shared_server.target, "other") as other:
                    await other.encode(_HISTORIES)
            return many, predictions, states, (await client.encode([])).shape

    many, predictions, states, shape = asyncio.run(run())
    for vectors in many:
        np.testing.assert_array_equal(vectors, _VECTORS)
    np.testing.assert_array_equal(predictions["short"][:, 1], [0, 1, 1, 0])
    assert states == [(1, "AVAILABLE")]
    assert shape == (0, 3)


def test_a_full_vector_is_no_task():
    spec = TensorSpec(dtype=wire.DT_FLOAT, shape=(-1, 3))
    outputs = {name: spec for name in ("short", "user_vector", "user_vector_full")}
    metadata = ModelMetadata(version=1, inputs={}, outputs={"serving_default": outputs})
    assert metadata.tasks == ("short",)


def test_metadata_and_status(client):
    metadata = client.metadata()
    assert (metadata.version, metadata.dimension, metadata.tasks) == (1, 3, ("short",))
    assert metadata.inputs["encode"]["behaviors"].shape == (-1, -1)
    assert metadata.inputs["encode_with_timestamps"]["timestamps"].shape == (-1, -1)
    assert metadata.inputs["serving_default"]["examples"].dtype == wire.DT_STRING
    (status,) = client.status()
    assert (status.version, status.state, status.error) == (1, "AVAILABLE", "")


@pytest.mark.parametrize(
    ("choice", "error", "message"),
    [
        ({"model": "other"}, ModelNotFoundError, r"NOT_FOUND.*Latest\(other\).*status\(\)"),
        ({"version": 7}, ModelNotFoundError, r"letters version 7.*Specific\(letters, 7\)"),
        ({"label": "beta"}, InvalidRequestError, "Unrecognized servable version label: beta"),
    ],
)
def test_what_the_server_does_not_have(shared_server, choice, error, message):
    with (
        UserEncoderClient(shared_server.target, **{"model": "letters", **choice}) as client,
        pytest.raises(error, match=message),
    ):
        client.encode(_HISTORIES)


def test_unknown_task(client):
    with pytest.raises(InvalidRequestError, match=r"output tensor alias not found.*hobby"):
        client.predict(_HISTORIES, ["hobby"])


@pytest.mark.parametrize(
    ("histories", "message"),
    [
        ("boots", "list of histories"),
        (["boots"], r"histories\[0\] is one text"),
        ([["boots"], [3]], r"histories\[1\]: every text must be str or bytes"),
        ([["boots", None]], r"histories\[0\]"),
    ],
)
def test_mistakes_in_histories(client, histories, message):
    with pytest.raises(TypeError, match=message):
        client.encode(histories)


def test_wrong_arguments(client):
    with pytest.raises(ValueError, match="not both"):
        UserEncoderClient("localhost:1", "letters", version=1, label="stable")
    with pytest.raises(ValueError, match="model's name"):
        UserEncoderClient("localhost:1", "")
    with pytest.raises(ValueError, match="batch_size must be positive"):
        ClientOptions(batch_size=0)
    with pytest.raises(ValueError, match="max_attempts"):
        ClientOptions(max_attempts=6)
    with pytest.raises(ValueError, match="No output"):
        client.outputs(_HISTORIES, [])


def test_nobody_listens():
    with UserEncoderClient("127.0.0.1:1", "letters") as client:
        with pytest.raises(ServerUnavailableError, match="Does a server listen"):
            client.encode(_HISTORIES)
        with pytest.raises((ServerUnavailableError, DeadlineExceededError)):
            client.wait_until_ready(timeout=0.5)


def test_unavailable_is_tried_again_until_it_is_enough(scripted):
    unavailable = fail(grpc.StatusCode.UNAVAILABLE)
    options = ClientOptions(max_attempts=3, initial_backoff=0.01)
    handler, port = scripted(unavailable, unavailable, version(4))
    with UserEncoderClient(f"127.0.0.1:{port}", "letters", options=options) as client:
        np.testing.assert_array_equal(client.encode([["x"]]), [[4, 4]])
    assert len(handler.calls) == 3
    handler, port = scripted(unavailable)
    with (
        UserEncoderClient(f"127.0.0.1:{port}", "letters", options=options) as client,
        pytest.raises(ServerUnavailableError, match="scripted"),
    ):
        client.encode([["x"]])
    assert len(handler.calls) == 3


@pytest.mark.parametrize(
    "code",
    [
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.NOT_FOUND,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
    ],
)
def test_other_errors_are_not_tried_again(scripted, code):
    handler, port = scripted(fail(code))
    with UserEncoderClient(f"127.0.0.1:{port}", "letters") as client:
        with pytest.raises(Exception, match=f"{code.name}: scripted") as error:
            client.encode([["x"]])
        assert error.value.code == code
    assert len(handler.calls) == 1


def test_a_large_request_is_tried_again_too(scripted):
    handler, port = scripted(fail(grpc.StatusCode.UNAVAILABLE), version(4))
    with UserEncoderClient(f"127.0.0.1:{port}", "letters") as client:
        client.encode([["x" * 2_000_000]])
    assert len(handler.calls) == 2


def test_deadline(scripted):
    _, port = scripted(hang)
    with (
        UserEncoderClient(f"127.0.0.1:{port}", "letters") as client,
        pytest.raises(DeadlineExceededError, match="Raise the timeout"),
    ):
        client.encode([["x"]], timeout=0.2)


def test_an_error_cancels_what_is_in_flight(scripted):
    def answer(request, context):
        first = b"first" in request.inputs["examples"].string_val[0]
        return (fail(grpc.StatusCode.INTERNAL) if first else hang)(request, context)

    handler, port = scripted(answer)
    options = ClientOptions(batch_size=1, in_flight=4)
    with (
        UserEncoderClient(f"127.0.0.1:{port}", "letters", options=options) as client,
        pytest.raises(Exception, match="scripted"),
    ):
        client.encode([["first"], *[["x"]] * 100])
    assert len(handler.calls) <= 4


def test_all_vectors_of_a_call_are_of_oneversion(scripted):
    # The server swaps versions between the second and the third batch.
    handler, port = scripted(version(4), version(4), version(5))
    options = ClientOptions(batch_size=1, in_flight=1)
    with UserEncoderClient(f"127.0.0.1:{port}", "letters", options=options) as client:
        np.testing.assert_array_equal(client.encode([["x"]] * 4), [[5, 5]] * 4)
    asked = [request.model_spec.version.value for request, _ in handler.calls]
    assert asked == [0, 0, 0, 0, 5, 5]


def test_several_servers_share_the_requests(scripted):
    first, first_port = scripted(version(4))
    second, second_port = scripted(version(4))
    target = f"ipv4:127.0.0.1:{first_port},127.0.0.1:{second_port}"
    with UserEncoderClient(target, "letters", options=ClientOptions(batch_size=1)) as client:
        # Until both connections stand, one server gets all.
        while not (first.calls and second.calls):
            client.encode([["x"]])
        before = len(first.calls), len(second.calls)
        client.encode([["x"]] * 40)
    assert len(first.calls) - before[0] == len(second.calls) - before[1] == 20


def test_metadata_travels_with_every_call(scripted):
    handler, port = scripted(version(4))
    with UserEncoderClient(
        f"127.0.0.1:{port}", "letters", metadata=[("x-api-key", "secret")]
    ) as client:
        client.encode([["x"]], metadata=[("x-request-id", "17")])
    _, metadata = handler.calls[0]
    assert metadata["x-api-key"] == "secret"
    assert metadata["x-request-id"] == "17"


def test_only_what_is_asked_for_travels(scripted):
    handler, port = scripted(version(4))
    with UserEncoderClient(f"127.0.0.1:{port}", "letters", label="stable") as client:
        client.encode([["x"]])
    request, _ = handler.calls[0]
    assert list(request.output_filter) == ["user_vector"]
    assert request.model_spec.version_label == "stable"
    assert request.model_spec.signature_name == "user_vectors"


def test_tls(scripted, tmp_path):
    subprocess.run(
        shlex.split(
            "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost "
            "-addext subjectAltName=DNS:localhost -keyout key.pem -out cert.pem"
        ),
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    key, certificate = (tmp_path / name for name in ("key.pem", "cert.pem"))
    pair = (key.read_bytes(), certificate.read_bytes())
    _, port = scripted(version(4), credentials=grpc.ssl_server_credentials([pair]))
    trusted = grpc.ssl_channel_credentials(certificate.read_bytes())
    with UserEncoderClient(f"localhost:{port}", "letters", credentials=trusted) as client:
        np.testing.assert_array_equal(client.encode([["x"]]), [[4, 4]])
    with (
        UserEncoderClient(f"localhost:{port}", "letters") as client,
        pytest.raises(ServerUnavailableError, match="TLS"),
    ):
        client.encode([["x"]], timeout=10)


def test_both_encodings_of_numbers():
    from tensorflow.core.framework import tensor_pb2

    def received(**values):
        """What TF Serving's own message is to the client."""
        official = tensor_pb2.TensorProto(dtype="DT_FLOAT", **values)
        for size in (2, 2):
            official.tensor_shape.dim.add(size=size)
        return wire.TensorProto.FromString(official.SerializeToString())

    tensor = received(float_val=[1, 2, 3, 4])
    np.testing.assert_array_equal(float_array(tensor), [[1, 2], [3, 4]])
    assert float_array(tensor).flags.writeable
    np.testing.assert_array_equal(float_array(received(float_val=[1, 2])), [[1, 2], [2, 2]])
    content = np.float32([5, 6, 7, 8]).tobytes()
    np.testing.assert_array_equal(float_array(received(tensor_content=content)), [[5, 6], [7, 8]])
    for values in ({}, {"float_val": [1] * 5}, {"tensor_content": content[:8]}):
        with pytest.raises(ValueError, match="cannot reshape"):
            float_array(received(**values))
    tensor.dtype = wire.DT_STRING
    with pytest.raises(ValueError, match="float tensor"):
        float_array(tensor)
