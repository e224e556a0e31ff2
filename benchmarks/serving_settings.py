"""What TF Serving's settings change, where the development server can show it.

    python -m benchmarks.serving_settings runs/demo/serving/demo

Warm-up: a model is loaded anew, in the session of a server, and gets its first requests, with and
without the warm-up requests that lie in its folder having been run before. Threads: of a session,
`--tensorflow_intra_op_parallelism` and `--tensorflow_inter_op_parallelism`. Batching: a server each
without batching and with several values of `batch_timeout_micros`, asked by one client and by 32.
All in turns; medians of the rounds, of which the first is not counted.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import time
from collections.abc import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np

from benchmarks.against import examples, timed
from benchmarks.local_server import Server
from benchmarks.serving_load import many_clients, users
from contract.signatures import EXAMPLES, USER_VECTOR, USER_VECTORS
from serving.client import UserEncoderClient
from serving.dev_server.model import LoadedModel
from serving.releases.releases import Releases
from serving.saved_model import SavedModelSession

_THREADS = (1, 2, 4)
_TIMEOUTS = (0, 1000, 5000)
"""Microseconds; TF Serving's file has 1000."""

_ODD = "Blåbærsyltetøy unquestioningly re-gridded 北京天气怎么样"
"""Letters beyond ASCII, and forms that no table has."""


def main() -> None:
    """Prints the three tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model_dir", help="folder with one numbered folder a version")
    parser.add_argument("--rounds", type=int, default=5, help="(default: 5)")
    parser.add_argument("--seconds", type=float, default=1, help="a measurement (default: 1)")
    args = parser.parse_args()
    path = f"{args.model_dir}/{Releases(args.model_dir).numbers()[-1]}"
    histories = users(64, 25)
    _warm_up(path, histories, args.rounds)
    _threads(path, histories, args.rounds, args.seconds)
    _batching(args.model_dir, histories, args.rounds, args.seconds)


def _warm_up(path: str, histories: list[list[str]], rounds: int) -> None:
    requests = {
        "one user": examples(histories[:1]),
        "the same again": examples(histories[:1]),
        "64 users": examples(histories),
        "the same 64 again": examples(histories),
        "one user with odd texts": examples([[_ODD]]),
        "the same odd user again": examples([[_ODD]]),
    }
    names = ["loading", "warm-up", *requests]
    taken = np.zeros((rounds + 1, 2, len(names)))
    for round_ in range(rounds + 1):
        for warm in (0, 1):
            start = time.perf_counter()
            with contextlib.closing(LoadedModel(path, 2)) as model:
                times = [time.perf_counter() - start]
                times.append(_seconds(model.warm_up) if warm else 0.0)
                times += [_seconds(_vectors, model, each) for each in requests.values()]
            taken[round_, warm] = times
    print(f"\n{'first requests, ms':28}{'without':>10}{'warmed up':>11}")
    for name, (without, warmed) in zip(names, np.median(taken[1:], axis=0).T * 1000, strict=True):
        print(f"{name:28}{without:10.1f}{warmed:11.1f}")


def _threads(path: str, histories: list[list[str]], rounds: int, seconds: float) -> None:
    sessions = [SavedModelSession(path, threads) for threads in _THREADS]
    requests = {"one user": [examples([each]) for each in histories], "64": [examples(histories)]}
    taken = np.zeros((rounds + 1, len(requests), len(sessions)))
    for round_ in range(rounds + 1):
        for row, batches in enumerate(requests.values()):
            for column, session in enumerate(sessions):
                call = lambda batch, session=session: _vectors(session, batch)  # noqa: E731
                taken[round_, row, column] = np.median(timed(call, batches, seconds))
    print(f"\n{'threads, p50 in ms':28}" + "".join(f"{threads:10}" for threads in _THREADS))
    for name, row in zip(requests, np.median(taken[1:], axis=0) * 1000, strict=True):
        print(f"{name:28}" + "".join(f"{value:10.2f}" for value in row))


def _batching(model_dir: str, histories: list[list[str]], rounds: int, seconds: float) -> None:
    settings = {"no batching": ["--no-batching"]} | {
        f"{timeout} µs": [f"--batch-timeout-micros={timeout}"] for timeout in _TIMEOUTS
    }
    taken = np.zeros((rounds + 1, len(settings), 4))
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(Server(model_dir, *flags)) for flags in settings.values()]
        clients = [
            stack.enter_context(UserEncoderClient(server.target, "default")) for server in servers
        ]
        for client in clients:
            client.wait_until_ready(120)
        for round_ in range(rounds + 1):
            for row, (server, client) in enumerate(zip(servers, clients, strict=True)):
                alone = timed(client.encode, [[history] for history in histories], seconds)
                together, rate = many_clients(server)(None, histories, seconds)
                taken[round_, row] = (
                    *(1000 * np.percentile(alone, [50, 99])),
                    1000 * np.median(together),
                    rate,
                )
    print(f"\n{'batching':28}{'one client':>12}{'p99':>8}{'32 clients':>12}{'users/s':>10}")
    for name, values in zip(settings, np.median(taken[1:], axis=0), strict=True):
        print(f"{name:28}{values[0]:9.2f} ms{values[1]:8.2f}{values[2]:9.1f} ms{values[3]:10.0f}")


def _vectors(model: SavedModelSession, batch: np.ndarray) -> None:
    model.run(USER_VECTORS, {EXAMPLES: batch}, [USER_VECTOR])


def _seconds(function: Callable, *arguments: object) -> float:
    start = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
