r"""Requests per second and latencies of a served model, against the SavedModel in a loop.

    python -m benchmarks.serving_load runs/demo/serving/demo

Starts `python -m serving serve` twice on this machine, with and without dynamic batching, and
measures in rounds, every variant once a round, each for a bounded time and count:

- `saved model`: the signature called in a loop in this process: what a user would do without a
  server, and the floor of every latency.
- `grpc`: the Python client; `rest`: HTTP with a kept connection.
- one user at a time; batches of 64, several in flight; many clients with one user each.

Client and server share the machine's cores. The first round is not counted. With `--soak N` the
server's memory is looked at instead, while it answers N requests, 64 at a time. With `--against` an
older SavedModel is measured beside the newest one (`benchmarks.against`):

    python -m benchmarks.serving_load runs/demo/serving/demo --against OLDER_VERSION \
        --events runs/demo-data/events.jsonl.gz --rounds 20 --seconds 0.5
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import http.client
import itertools
import json
import os
import statistics
import time

import numpy as np
import tensorflow as tf

from benchmarks.against import compare, timed
from benchmarks.local_server import Server
from benchmarks.text_speed import read_texts
from contract.features import BEHAVIORS
from contract.signatures import ENCODE, SERVING_DEFAULT, USER_VECTOR
from serving.client import (
    AsyncUserEncoderClient,
    ClientOptions,
    UserEncoderClient,
)
from serving.releases.releases import Releases

_BATCH = 64
_CLIENTS = 32
_SOAK_POINTS = 10
_WORDS = [
    *("running", "shoes", "trail", "jacket", "bake", "bread", "sour", "dough", "hiking", "boots"),
    *("garden", "hose", "tent", "camping", "stove", "pizza", "baby", "carrier", "guitar", "tires"),
]


def users(count: int, behaviors: int, texts: list[str] | None = None) -> list[list[str]]:
    """Users with some of the texts, or with made-up ones of two to five words."""
    rng = np.random.default_rng(0)
    if texts:
        return [[texts[i] for i in rng.choice(len(texts), behaviors)] for _ in range(count)]
    return [
        [" ".join(rng.choice(_WORDS, rng.integers(2, 6))) for _ in range(behaviors)]
        for _ in range(count)
    ]


def one_by_one(call, histories, seconds):
    """Asks for one user a call; returns the calls' durations and the users a second."""
    durations = timed(call, [[history] for history in histories], seconds)
    return durations, len(durations) / sum(durations)


def batches(call, histories, seconds):
    """Asks for all users in one call; returns the calls' durations and the users a second."""
    # One call has several batches, so that the client may have several in flight.
    durations = timed(call, [histories], seconds)
    return durations, len(histories) * len(durations) / sum(durations)


def many_clients(server: Server):
    """Clients that each ask for one user after the other, over connections of their own."""

    def measure(_, histories, seconds):
        async def client(number, end, durations):
            async with AsyncUserEncoderClient(server.target, "default") as each:
                while time.perf_counter() < end:
                    start = time.perf_counter()
                    await each.encode([histories[(number + len(durations)) % len(histories)]])
                    durations.append(time.perf_counter() - start)

        async def run():
            durations: list[float] = []
            start = time.perf_counter()
            await asyncio.gather(
                *(client(number, start + seconds, durations) for number in range(_CLIENTS))
            )
            return durations, len(durations) / (time.perf_counter() - start)

        return asyncio.run(run())

    return measure


def rest_call(connection: http.client.HTTPConnection):
    """One user by REST."""

    def call(histories):
        body = json.dumps({"signature_name": ENCODE, "instances": histories})
        connection.request("POST", "/v1/models/default:predict", body)
        return json.load(connection.getresponse())["predictions"]

    return call


def saved_model_call(path: str):
    """The signature that the client's requests go to."""
    signature = tf.saved_model.load(path).signatures[SERVING_DEFAULT]

    def call(histories):
        for start in range(0, len(histories), _BATCH):
            examples = []
            for history in histories[start : start + _BATCH]:
                example = tf.train.Example()
                texts = example.features.feature[BEHAVIORS].bytes_list.value
                texts.extend(text.encode() for text in history)
                examples.append(example.SerializeToString())
            signature(examples=tf.constant(examples))[USER_VECTOR].numpy()

    return call


def soak(server: Server, histories: list[list[str]], requests: int) -> None:
    """Prints the server's memory after 1,000 requests, and at ten points of `requests` more."""

    async def run(count):
        options = ClientOptions(batch_size=1, in_flight=64)
        async with AsyncUserEncoderClient(server.target, "default", options=options) as client:
            for _ in range(count // 1000):
                await client.encode(histories[:1000])

    asyncio.run(run(1000))
    points = [(0, server.megabytes())]
    print(f"memory of the server\n{1000:9,} requests{points[0][1]:8.1f} MB", flush=True)
    start = time.perf_counter()
    for part in range(1, _SOAK_POINTS + 1):
        until = requests * part // _SOAK_POINTS // 1000 * 1000
        asyncio.run(run(until - points[-1][0]))
        points.append((until, server.megabytes()))
        seconds = time.perf_counter() - start
        print(f"{until + 1000:9,} requests{points[-1][1]:8.1f} MB{seconds:7.0f} s", flush=True)
    for name, some in (("all", points), ("the second half", points[_SOAK_POINTS // 2 :])):
        counts, sizes = np.array(some).T
        slope, _ = np.polyfit(counts, sizes, 1)
        print(f"slope over {name}: {1024 * 1000 * slope:.1f} kB for 1,000 requests")


def main() -> None:
    """Runs the rounds and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model_dir", help="folder with one numbered folder a version")
    parser.add_argument("--behaviors", type=int, default=25, help="texts a user (default: 25)")
    parser.add_argument("--rounds", type=int, default=5, help="(default: 5)")
    parser.add_argument("--seconds", type=float, default=2, help="a measurement (default: 2)")
    parser.add_argument("--soak", type=int, default=0, help="requests of the memory test")
    parser.add_argument("--against", metavar="PATH", help="an older SavedModel")
    parser.add_argument("--events", help="log whose texts the users get (default: made up)")
    args = parser.parse_args()
    texts = read_texts(args.events, 65_536) if args.events else None
    histories = users(16 * _BATCH, args.behaviors, texts)
    if args.against:
        version = Releases(args.model_dir).numbers()[-1]
        made_up = list(itertools.chain.from_iterable(histories))
        compare(
            args.against,
            f"{args.model_dir}/{version}",
            texts or made_up,
            args.behaviors,
            args.rounds,
            args.seconds,
        )
        return
    if args.soak:
        with Server(args.model_dir) as server:
            soak(server, histories, args.soak)
        return
    with contextlib.ExitStack() as stack:
        batching = stack.enter_context(Server(args.model_dir))
        plain = stack.enter_context(Server(args.model_dir, "--no-batching"))
        client = stack.enter_context(UserEncoderClient(batching.target, "default"))
        client.wait_until_ready()
        version = Releases(args.model_dir).numbers()[-1]
        local = saved_model_call(f"{args.model_dir}/{version}")
        rest = rest_call(http.client.HTTPConnection(batching.rest))
        variants = {
            "saved model, one user": (one_by_one, local),
            "grpc, one user": (one_by_one, client.encode),
            "rest, one user": (one_by_one, rest),
            "saved model, batches of 64": (batches, local),
            "grpc, batches of 64": (batches, client.encode),
            f"grpc, {_CLIENTS} clients, batching": (many_clients(batching), None),
            f"grpc, {_CLIENTS} clients, no batching": (many_clients(plain), None),
        }
        rates: dict[str, list[float]] = {name: [] for name in variants}
        durations: dict[str, list[float]] = {name: [] for name in variants}
        for round_ in range(args.rounds + 1):
            for name, (measure, call) in variants.items():
                times, rate = measure(call, histories, args.seconds)
                if round_:
                    rates[name].append(rate)
                    durations[name] += times
        print(f"{args.behaviors} texts a user, {os.cpu_count()} cores, {args.rounds} rounds\n")
        print(f"{'':32}{'users/s':>9}{'best':>9}{'p50 ms':>9}{'p99 ms':>9}")
        for name in variants:
            p50, p99 = np.percentile(durations[name], [50, 99]) * 1000
            latencies = "" if "batches" in name else f"{p50:9.2f}{p99:9.2f}"
            rate = statistics.median(rates[name])
            print(f"{name:32}{rate:9.0f}{max(rates[name]):9.0f}{latencies}")


if __name__ == "__main__":
    main()
