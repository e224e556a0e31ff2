"""Connections, readiness, and the signature that is asked."""

import asyncio
import threading

import grpc
import numpy as np
import pytest
import tensorflow as tf

from contract.signatures import SERVING_DEFAULT, USER_VECTORS
from serving.client import (
    AsyncUserEncoderClient,
    ClientOptions,
    NotReadyError,
    UserEncoderClient,
)
from tests.serving.conftest import MODEL, Letters
from tests.serving.scripted import called, version


def test_a_pool_has_as_many_connections(scripted):
    peers = []

    def answer(request, context):
        peers.append(context.peer())
        return version(4)(request, context)

    _, port = scripted(answer)
    for channels in (1, 3):
        options = ClientOptions(batch_size=1, channels=channels)
        peers.clear()
        with UserEncoderClient(f"127.0.0.1:{port}", MODEL, options=options) as client:
            client.encode([["x"]] * 9)
        assert sorted(map(peers.count, set(peers))) == [9 // channels] * channels


def test_a_pool_carries_what_one_connection_may_not(scripted):
    """A connection may have one request under way; none is answered until there are three."""
    together = threading.Barrier(3)

    def answer(request, context):
        together.wait(30)
        return version(4)(request, context)

    _, port = scripted(answer, options=[("grpc.max_concurrent_streams", 1)])

    options = ClientOptions(batch_size=1, channels=3)
    vectors = called("grpc.aio", port, "encode", [["x"]] * 3, options=options)
    np.testing.assert_array_equal(vectors, [[4, 4]] * 3)


def test_settings_of_connections():
    options = ClientOptions(keepalive_time=12.5, keepalive_timeout=3, keepalive_idle=True)
    arguments = dict(options.channel_arguments())
    assert arguments["grpc.keepalive_time_ms"] == 12_500
    assert arguments["grpc.keepalive_timeout_ms"] == 3_000
    assert arguments["grpc.keepalive_permit_without_calls"] == 1
    assert dict(ClientOptions().channel_arguments())["grpc.keepalive_permit_without_calls"] == 0
    with pytest.raises(ValueError, match="channels must be positive"):
        ClientOptions(channels=0)


@pytest.mark.parametrize(
    ("library", "wanted", "seen"),
    [
        ("grpc", {"version": 9}, r"not ready after 0\.3 s; seen last: .*NOT_FOUND.*version 9"),
        ("grpc.aio", {"label": "beta"}, "not ready.*Unrecognized servable version label: beta"),
    ],
)
def test_what_was_seen_last_is_said(shared_server, library, wanted, seen):
    with pytest.raises(NotReadyError, match=seen) as error:
        called(library, shared_server.target, "wait_until_ready", timeout=0.3, **wanted)
    assert isinstance(error.value.code, grpc.StatusCode)


def test_a_version_that_cannot_be_loaded_is_named(start_server, model_dir):
    (model_dir / "1").unlink()
    (model_dir / "7").mkdir()
    (model_dir / "7" / "saved_model.pb").write_bytes(b"none")
    server = start_server()
    for library in ("grpc", "grpc.aio"):
        with pytest.raises(NotReadyError, match=r"seen last: version 7 END \(.*saved_model"):
            called(library, server.target, "wait_until_ready", timeout=0.3)


def test_a_version_that_comes_later_is_waited_for(start_server, model_dir, exported):
    server = start_server(poll_seconds=0.05)
    with UserEncoderClient(server.target, MODEL, version=2) as client:
        linked = threading.Timer(0.3, (model_dir / "2").symlink_to, [exported / "2"])
        linked.start()
        assert client.wait_until_ready(timeout=60).version == 2
        linked.join()


@pytest.fixture(scope="module")
def older(tmp_path_factory):
    """A model of the time before there were vectors alone."""
    model, path = Letters(9.0), str(tmp_path_factory.mktemp("older"))
    tf.saved_model.save(model, path, signatures={SERVING_DEFAULT: model.encode_examples})
    return path


def test_an_older_model_is_asked_as_it_can_be(start_server, model_dir, exported, older):
    (model_dir / "1").unlink()
    (model_dir / "1").symlink_to(older)
    server = start_server(poll_seconds=0.05)

    with UserEncoderClient(server.target, MODEL) as client:
        client.wait_until_ready()
        for library in ("grpc", "grpc.aio"):
            vectors = called(library, server.target, "encode", [["boots"]])
            np.testing.assert_array_equal(vectors, [[1, 5, 9]])
        assert client.encode([["boots"]]).tolist() == [[1, 5, 9]]
        # A newer version takes its place.
        (model_dir / "2").symlink_to(exported / "2")
        with UserEncoderClient(server.target, MODEL, version=2) as newer:
            newer.wait_until_ready()
        assert client.encode([["boots"]]).tolist() == [[1, 5, 2]]


@pytest.mark.parametrize("library", ["grpc", "grpc.aio"])
def test_one_refusal_is_enough(scripted, library):
    """And a version that has the signature is asked for vectors alone again."""
    served = [4]

    def answer(request, context):
        lacks = served[0] < 5 and request.model_spec.signature_name == USER_VECTORS
        if lacks:
            context.abort(
                grpc.StatusCode.FAILED_PRECONDITION,
                f'Serving signature key "{USER_VECTORS}" not found.',
            )
        return version(served[0])(request, context)

    handler, port = scripted(answer)
    expected = [USER_VECTORS, *[SERVING_DEFAULT] * 3, *[USER_VECTORS] * 2]

    async def run():
        async with AsyncUserEncoderClient(f"127.0.0.1:{port}", MODEL) as client:
            for number in (4, 4, 5, 5, 5):
                served[0] = number
                vectors = await client.encode([["x"]])
                np.testing.assert_array_equal(vectors, [[number] * 2])

    if library == "grpc":
        with UserEncoderClient(f"127.0.0.1:{port}", MODEL) as client:
            for number in (4, 4, 5, 5, 5):
                served[0] = number
                np.testing.assert_array_equal(client.encode([["x"]]), [[number] * 2])
    else:
        asyncio.run(run())
    assert [request.model_spec.signature_name for request, _ in handler.calls] == expected


def test_with_tasks_all_comes_by_one_signature(scripted):
    handler, port = scripted(version(4))
    with UserEncoderClient(f"127.0.0.1:{port}", MODEL) as client:
        client.outputs([["x"]], ["user_vector", "short"])
        client.outputs([["x"]], ["user_vector_full"])
    names = [request.model_spec.signature_name for request, _ in handler.calls]
    assert names == [SERVING_DEFAULT, USER_VECTORS]
