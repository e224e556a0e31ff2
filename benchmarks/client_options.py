"""What the client's options are worth: hedged reads, a pool of connections, telemetry.

    python -m benchmarks.client_options

The server here answers at once with made-up vectors, or after a pause that stands for the model, so
that what is measured is the client's part. It is a process of its own.

- Hedged reads: 5 ms a request, but one in 50 stalls for half a second, on two such servers.
- Pool: 400 requests of 50 ms at a time, where the server takes 100 at once from a connection.
- Telemetry: one request after the other without a pause, without and with spans and metrics (which
  OpenTelemetry's SDK keeps in memory), in turns.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import multiprocessing
import random
import statistics
import time
from collections.abc import Iterator

import grpc
import grpc.aio
import numpy as np

from contract.signatures import USER_VECTOR
from serving.client import AsyncUserEncoderClient, ClientOptions, Hedging, UserEncoderClient, wire
from serving.client.messages import PREDICT

_MODEL = "benchmark"
_STREAMS = 100


class _Answers(grpc.GenericRpcHandler):
    """Vectors of 256 numbers, after a pause, and now and then a longer one."""

    def __init__(self, seconds: float, stall_one_in: int):
        self._seconds, self._stall_one_in = seconds, stall_one_in
        self._random = random.Random(0)
        response = wire.PredictResponse()
        response.model_spec.version.value = 1
        tensor = response.outputs[USER_VECTOR]
        tensor.dtype = wire.DT_FLOAT
        for size in (1, 256):
            tensor.tensor_shape.dim.add(size=size)
        tensor.float_val.append(np.zeros(256, np.float32).tobytes())
        self._response = response.SerializeToString()

    def service(self, details):
        """Takes Predict alone."""
        if details.method == PREDICT:
            return grpc.unary_unary_rpc_method_handler(self._answer)
        return None

    async def _answer(self, request, context):
        stalls = self._stall_one_in and self._random.random() < 1 / self._stall_one_in
        await asyncio.sleep(0.5 if stalls else self._seconds)
        return self._response


async def _serve(pipe, seconds: float, stall_one_in: int) -> None:
    server = grpc.aio.server(options=[("grpc.max_concurrent_streams", _STREAMS)])
    server.add_generic_rpc_handlers((_Answers(seconds, stall_one_in),))
    pipe.send(server.add_insecure_port("127.0.0.1:0"))
    await server.start()
    await server.wait_for_termination()


def _run_server(*arguments) -> None:
    asyncio.run(_serve(*arguments))


@contextlib.contextmanager
def _server(seconds: float = 0.0, stall_one_in: int = 0) -> Iterator[str]:
    """A server; gives its address."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_run_server, args=(theirs, seconds, stall_one_in))
    process.start()
    try:
        yield f"127.0.0.1:{ours.recv()}"
    finally:
        process.terminate()
        process.join()


def _durations(client: UserEncoderClient, requests: int) -> np.ndarray:
    durations = np.empty(requests)
    for index in range(requests):
        start = time.perf_counter()
        client.encode([["running shoes"]])
        durations[index] = time.perf_counter() - start
    return durations * 1000


def _hedging(requests: int) -> None:
    print(f"Hedged reads, {requests} requests of 5 ms, of which one in 50 stalls for 500 ms")
    print(f"{'':24}{'p50 ms':>9}{'p95 ms':>9}{'p99 ms':>9}{'most ms':>9}{'mean ms':>9}")
    with _server(0.005, 50) as first, _server(0.005, 50) as second:
        for after in (None, 0.05, 0.02):
            hedging = None if after is None else Hedging(after=after, target=second)
            with UserEncoderClient(first, _MODEL, options=ClientOptions(hedging=hedging)) as client:
                _durations(client, 20)
                durations = _durations(client, requests)
            p50, p95, p99 = np.percentile(durations, [50, 95, 99])
            name = "once" if after is None else f"again after {after * 1000:.0f} ms"
            print(
                f"{name:24}{p50:9.1f}{p95:9.1f}{p99:9.1f}{durations.max():9.1f}"
                f"{durations.mean():9.1f}",
                flush=True,
            )


def _pool(rounds: int) -> None:
    at_once = 4 * _STREAMS
    print(f"\n{at_once} requests of 50 ms at once, {_STREAMS} a connection, {rounds} rounds")
    with _server(0.05) as target:

        async def run(channels: int) -> float:
            options = ClientOptions(batch_size=1, in_flight=at_once, channels=channels)
            async with AsyncUserEncoderClient(target, _MODEL, options=options) as client:
                await client.encode([["x"]] * at_once)
                durations = []
                for _ in range(rounds):
                    start = time.perf_counter()
                    await client.encode([["x"]] * at_once)
                    durations.append(time.perf_counter() - start)
            return statistics.median(durations) * 1000

        for channels in (1, 2, 4, 8):
            print(f"{channels:4} connections{asyncio.run(run(channels)):9.0f} ms", flush=True)


def _telemetry(rounds: int) -> None:
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    from serving.client.telemetry import Telemetry

    exporter, tracers = InMemorySpanExporter(), TracerProvider()
    tracers.add_span_processor(BatchSpanProcessor(exporter))
    told = Telemetry(tracers, MeterProvider([InMemoryMetricReader()]))
    print(f"\nOne request after the other, {rounds} rounds of 300")
    with _server() as target, contextlib.ExitStack() as stack:
        clients = {
            "without telemetry": stack.enter_context(UserEncoderClient(target, _MODEL)),
            "with spans and metrics": stack.enter_context(
                UserEncoderClient(target, _MODEL, telemetry=told)
            ),
        }
        medians: dict[str, list[float]] = {name: [] for name in clients}
        for round_ in range(rounds + 1):
            for name, client in clients.items():
                median = float(np.median(_durations(client, 300)))
                if round_:
                    medians[name].append(median)
            exporter.clear()
    for name, values in medians.items():
        print(
            f"{name:24}p50 {statistics.median(values):6.3f} ms "
            f"(rounds {min(values):.3f} to {max(values):.3f})"
        )
    tracers.shutdown()


def main() -> None:
    """Runs the three comparisons."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--requests", type=int, default=2000, help="hedged reads (default: 2000)")
    parser.add_argument("--rounds", type=int, default=10, help="of the others (default: 10)")
    args = parser.parse_args()
    _hedging(args.requests)
    _pool(args.rounds)
    _telemetry(args.rounds)


if __name__ == "__main__":
    main()
