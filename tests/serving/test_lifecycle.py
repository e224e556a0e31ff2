"""The development server under load and abuse: swap, rollback, drain, limits, memory."""

import asyncio
import concurrent.futures
import os
import pathlib
import random
import signal
import socket
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

from serving.client import AsyncUserEncoderClient, ClientOptions, UserEncoderClient
from serving.client.errors import ServingError
from serving.dev_server.configs import model_config
from serving.releases.releases import Releases

_NO_RETRIES = ClientOptions(max_attempts=1, timeout=60)


class _Load:
    """Threads that call without a pause, and note the scales and errors they get."""

    def __init__(self, server, label=None, threads=4):
        self._server = server
        self._label = label
        self._end = threading.Event()
        self.scales, self.errors = [], []
        self._threads = [threading.Thread(target=self._call) for _ in range(threads)]

    def _call(self):
        with UserEncoderClient(
            self._server.target, "letters", label=self._label, options=_NO_RETRIES
        ) as client:
            while not self._end.is_set():
                try:
                    self.scales.append(client.encode([["boots"]])[0, 2])
                except Exception as error:
                    self.errors.append(error)

    def wait_for(self, scale):
        """Until the newest answer has this scale; all later ones have it too."""
        deadline = time.monotonic() + 60
        while not self.scales or self.scales[-1] != scale:
            assert time.monotonic() < deadline, self.scales[-5:]
            time.sleep(0.01)

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error):
        self._end.set()
        for thread in self._threads:
            thread.join()


def _link(exported, model_dir, version, scale):
    """A version that appears at once, complete."""
    os.symlink(exported / str(scale), model_dir / f".{version}")
    os.rename(model_dir / f".{version}", model_dir / str(version))


def test_swap_and_rollback_under_load_fail_no_request(start_server, model_dir, exported):
    server = start_server(poll_seconds=0.05)
    with _Load(server) as load:
        load.wait_for(1)
        for version in range(2, 8):
            _link(exported, model_dir, version, 2 + version % 2)
            load.wait_for(2 + version % 2)
        for version in range(2, 8):
            (model_dir / str(version)).unlink()
        load.wait_for(1)
    assert load.errors == []
    assert set(load.scales) == {1, 2, 3}
    # Once the new version answers, the old one does not come back.
    order = [load.scales[0]]
    order += [b for a, b in zip(load.scales, load.scales[1:], strict=False) if a != b]
    assert len(order) < 7 + 4 * 7


def test_a_label_moves_under_load_and_fails_no_request(start_server, model_dir, exported):
    releases = Releases(str(model_dir))
    releases.serve(1)
    config = model_config(releases.config_file, "letters", str(model_dir))
    server = start_server(config, releases.config_file, poll_seconds=0.05)
    with _Load(server, label="stable") as load:
        load.wait_for(1)
        for _ in range(3):
            _link(exported, model_dir, 2, 2)
            releases.serve(2)
            with UserEncoderClient(server.target, "letters", version=2) as client:
                client.wait_until_ready()
            assert releases.move_label("stable", 2)
            load.wait_for(2)
            # Version 2 is unloaded, and no label points to it any more.
            assert releases.rollback() == (1, True)
            load.wait_for(1)
            (model_dir / "2").unlink()
    assert load.errors == []


def test_a_batch_of_one_call_is_of_one_version_during_a_swap(start_server, model_dir, exported):
    server = start_server(poll_seconds=0.05)
    options = ClientOptions(batch_size=1, in_flight=2, timeout=60)
    with UserEncoderClient(server.target, "letters", options=options) as client:
        seen = set()
        deadline = time.monotonic() + 60
        _link(exported, model_dir, 2, 2)
        while 2 not in seen:
            scales = set(client.encode([["boots"]] * 50)[:, 2])
            assert len(scales) == 1
            seen |= scales
            assert time.monotonic() < deadline


def test_drain_answers_what_is_under_way(exported, tmp_path):
    model_dir = tmp_path / "letters"
    model_dir.mkdir()
    _link(exported, model_dir, 1, 1)
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "serving",
            "serve",
            str(model_dir),
            "--model-name=letters",
            "--port=0",
            "--rest-api-port=0",
            # Requests are certainly under way when the signal comes: batches wait a second.
            "--batch-timeout-micros=1000000",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=pathlib.Path(__file__).parents[2],
    )
    try:
        text = ""
        while "gRPC" not in text:
            line = process.stdout.readline()
            assert line, process.stderr.read()
            text += line
        assert "for development" in text
        assert "TF Serving is for production" in text
        target = text.partition("gRPC ")[2].split()[0]
        with (
            UserEncoderClient(target, "letters", options=_NO_RETRIES) as client,
            concurrent.futures.ThreadPoolExecutor(20) as threads,
        ):
            client.wait_until_ready()
            answers = [threads.submit(client.encode, [["boots"]]) for _ in range(20)]
            time.sleep(0.3)
            process.send_signal(signal.SIGTERM)
            for answer in answers:
                np.testing.assert_array_equal(answer.result(60), [[1, 5, 1]])
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.communicate()


def _still_serves(server):
    with UserEncoderClient(server.target, "letters", options=_NO_RETRIES) as client:
        np.testing.assert_array_equal(client.encode([["boots"]]), [[1, 5, 1]])
    with urllib.request.urlopen(f"{server.url}/v1/models/letters", timeout=20) as response:
        assert response.status == 200


def _address(server, rest):
    host, _, port = (server.url.removeprefix("http://") if rest else server.target).partition(":")
    return host, int(port)


@pytest.mark.parametrize("rest", [False, True])
def test_random_bytes_and_half_open_connections(shared_server, rest):
    randomness = random.Random(0)
    sockets = []
    for index in range(200):
        connection = socket.create_connection(_address(shared_server, rest), timeout=20)
        if index % 4 == 0:
            connection.sendall(randomness.randbytes(randomness.randrange(1, 2000)))
        elif index % 4 == 1:
            connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + randomness.randbytes(500))
        elif index % 4 == 2:
            connection.sendall(b"POST /v1/models/letters:predict HTTP/1.1\r\nContent-Length: 9")
        # The others say nothing at all.
        sockets.append(connection)
    _still_serves(shared_server)
    for connection in sockets:
        connection.close()
    _still_serves(shared_server)


def test_a_thousand_connections(shared_server):
    sockets = [
        socket.create_connection(_address(shared_server, rest), timeout=20)
        for _ in range(500)
        for rest in (False, True)
    ]
    _still_serves(shared_server)
    for connection in sockets:
        connection.close()

    async def run():
        # Channels with the same arguments would share one connection.
        channels = [
            grpc.aio.insecure_channel(shared_server.target, [("grpc.use_local_subchannel_pool", 1)])
            for _ in range(200)
        ]
        request = predict_pb2.PredictRequest()
        request.model_spec.name = "letters"
        request.inputs["examples"].CopyFrom(tf.make_tensor_proto([b""]))
        stubs = [prediction_service_pb2_grpc.PredictionServiceStub(each) for each in channels]
        answers = await asyncio.gather(*(stub.Predict(request, timeout=120) for stub in stubs))
        await asyncio.gather(*(channel.close() for channel in channels))
        return len(answers)

    assert asyncio.run(run()) == 200
    _still_serves(shared_server)


def test_a_slow_client_is_cut_off(start_server):
    server = start_server(request_timeout_seconds=0.5)
    with socket.create_connection(_address(server, rest=True), timeout=20) as slow:
        slow.sendall(b"POST /v1/models/letters:predict HTTP/1.1\r\nContent-Length: 1000\r\n\r\n{")
        assert slow.recv(1000).startswith(b"HTTP/1.1 400")
        assert slow.recv(1000) == b""
    _still_serves(server)


def test_messages_that_are_too_large(start_server):
    server = start_server(max_message_bytes=100_000)
    with (
        UserEncoderClient(server.target, "letters") as client,
        pytest.raises(ServingError, match=r"RESOURCE_EXHAUSTED.*Lower batch_size"),
    ):
        client.encode([["x" * 200_000]])
    with socket.create_connection(_address(server, rest=True), timeout=20) as large:
        large.sendall(
            b"POST /v1/models/letters:predict HTTP/1.1\r\nContent-Length: 200000\r\n\r\n{"
        )
        assert large.recv(1000).split()[1:2] in ([b"400"], [b"413"], [])
    _still_serves(server)


def test_more_requests_than_are_allowed_at_once(start_server):
    server = start_server(max_concurrent_requests=5, batching={"batch_timeout_micros": 1_000_000})

    async def run():
        async with AsyncUserEncoderClient(server.target, "letters", options=_NO_RETRIES) as client:
            calls = (client.encode([["boots"]]) for _ in range(20))
            return await asyncio.gather(*calls, return_exceptions=True)

    answers = asyncio.run(run())
    refused = [answer for answer in answers if isinstance(answer, ServingError)]
    assert {error.code for error in refused} == {grpc.StatusCode.RESOURCE_EXHAUSTED}
    assert 1 <= len(answers) - len(refused) <= 6
    _still_serves(server)


@pytest.mark.slow
@pytest.mark.one_stack
def test_memory_does_not_grow_with_requests(shared_server):
    def kilobytes():
        with open("/proc/self/status") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))

    async def call(count):
        channel = grpc.aio.insecure_channel(shared_server.target)
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        good = predict_pb2.PredictRequest()
        good.model_spec.name = "letters"
        good.inputs["examples"].CopyFrom(tf.make_tensor_proto([b""]))

        async def some(number):
            for index in range(count // 50):
                if index % 10:
                    await stub.Predict(good, timeout=120)
                    continue
                request = predict_pb2.PredictRequest()
                request.model_spec.name = f"unknown-{number}-{index}"
                with pytest.raises(grpc.RpcError) as caught:
                    await stub.Predict(request, timeout=120)
                assert caught.value.code() == grpc.StatusCode.NOT_FOUND

        await asyncio.gather(*(some(number) for number in range(50)))
        await channel.close()

    asyncio.run(call(1_000))
    before = kilobytes()
    asyncio.run(call(10_000))
    # A leaked task or message a request would be some 10 MB and more.
    # `benchmarks/serving_load.py` makes 100,000 requests.
    assert kilobytes() - before < 4_000
