"""An exported model against an older one, in the session in which they are served and by gRPC.

Both are loaded side by side, and asked for the same users in turns; what is compared are the
medians of each round, so that what else the machine does meets both. The interval is of the mean
logarithm of the rounds' ratios, 95 %, by Student's t. The first round is not counted. The
processor's time is that of this process for sessions, the server's by gRPC.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import scipy.stats
import tensorflow as tf

from benchmarks.local_server import Server
from contract.features import BEHAVIORS
from contract.signatures import EXAMPLES, SERVING_DEFAULT, USER_VECTOR, USER_VECTORS
from serving.client import UserEncoderClient
from serving.saved_model import SavedModelSession

_USERS = 1024
_BATCH = 64
_THREADS = 2
"""Of the sessions, as in the development server."""

_GRPC_BATCHES = f"gRPC, {_USERS:,} users in batches of {_BATCH}"


class _Model:
    """A SavedModel, and what it is asked."""

    def __init__(self, path: str):
        self.session = SavedModelSession(path, _THREADS)
        self.tasks = sorted(set(self.session.signatures[SERVING_DEFAULT].outputs) - {USER_VECTOR})

    def everything(self, examples: np.ndarray) -> dict[str, np.ndarray]:
        outputs = [USER_VECTOR, *self.tasks]
        return self.session.run(SERVING_DEFAULT, {EXAMPLES: examples}, outputs)

    def vectors(self, examples: np.ndarray) -> dict[str, np.ndarray]:
        has = USER_VECTORS in self.session.signatures
        name = USER_VECTORS if has else SERVING_DEFAULT
        return self.session.run(name, {EXAMPLES: examples}, [USER_VECTOR])


def compare(
    old_path: str, new_path: str, texts: list[str], behaviors: int, rounds: int, seconds: float
) -> None:
    """Compares what two models give, then how fast, and prints both.

    Args:
        old_path: Folder of one version, a SavedModel.
        new_path: Another.
        texts: That users get at random.
        behaviors: So many texts each.
        rounds: That are counted.
        seconds: Of a measurement.
    """
    old, new = _Model(old_path), _Model(new_path)
    rng = np.random.default_rng(0)
    histories = [[texts[i] for i in rng.choice(len(texts), behaviors)] for _ in range(_USERS)]
    users = examples(histories)
    _compare_outputs(old, new, users[: 4 * _BATCH])
    with contextlib.ExitStack() as stack:
        cases = _session_cases(old, new, users) | _grpc_cases(stack, old_path, new_path, histories)
        wall = {name: np.empty((rounds, 2)) for name in cases}
        processor = {name: np.empty((rounds, 2)) for name in cases}
        for round_ in range(rounds + 1):
            for name, pair in cases.items():
                # Who comes first changes from round to round.
                for index in (0, 1) if round_ % 2 else (1, 0):
                    case = pair[index]
                    before = case.cpu_seconds()
                    durations = timed(case.call, case.requests, seconds)
                    spent = case.cpu_seconds() - before
                    if round_:
                        wall[name][round_ - 1, index] = np.median(durations)
                        processor[name][round_ - 1, index] = spent / len(durations)
    print(f"\n{behaviors} texts a user, {_THREADS} threads, {rounds} rounds")
    print(
        f"{'':32}{'old, ms':>9}{'new, ms':>9}{'best':>8}{'ratio':>7}{'95 % interval':>16}{'CPU':>7}"
    )
    for name, pairs in wall.items():
        before, after = np.median(pairs, axis=0) * 1000
        ratio, low, high = _ratio(pairs)
        cpu, *_ = _ratio(processor[name])
        interval = f"[{low:.2f}, {high:.2f}]"
        print(
            f"{name:32}{before:9.2f}{after:9.2f}{pairs[:, 1].min() * 1000:8.2f}"
            f"{ratio:7.2f}{interval:>16}{cpu:7.2f}"
        )
    old_rate, new_rate = len(histories) / np.median(wall[_GRPC_BATCHES], axis=0)
    best = len(histories) / wall[_GRPC_BATCHES].min(axis=0)
    print(f"gRPC in batches of {_BATCH}, users/s: old {old_rate:,.0f}, best round {best[0]:,.0f}; ")
    print(f"new {new_rate:,.0f}, best round {best[1]:,.0f}")


class _Case(NamedTuple):
    """What is measured, and who spends the processor's time on it."""

    call: Callable
    requests: Sequence | np.ndarray
    cpu_seconds: Callable[[], float]


def _session_cases(old: _Model, new: _Model, users: np.ndarray) -> dict[str, list[_Case]]:
    """Calls of the models in this process; of both, the older one first."""
    batches = {"one user": users[:, np.newaxis], f"{_BATCH} users": users.reshape(-1, _BATCH)}
    return {
        f"{count}, {what}": [
            _Case(getattr(model, method), requests, time.process_time) for model in (old, new)
        ]
        for count, requests in batches.items()
        for what, method in (("all outputs", "everything"), ("vectors", "vectors"))
    }


def _grpc_cases(
    stack: contextlib.ExitStack, old_path: str, new_path: str, histories: list[list[str]]
) -> dict[str, list[_Case]]:
    """Calls of the client to a server of each model."""
    one, many = [], []
    for path in (old_path, new_path):
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        os.symlink(os.path.abspath(path), os.path.join(folder, "1"))
        server = stack.enter_context(Server(folder))
        client = stack.enter_context(UserEncoderClient(server.target, "default"))
        client.wait_until_ready(120)
        one.append(_Case(client.encode, [[each] for each in histories], server.cpu_seconds))
        many.append(_Case(client.encode, [histories], server.cpu_seconds))
    return {"gRPC, one user": one, _GRPC_BATCHES: many}


def examples(histories: list[list[str]]) -> np.ndarray:
    """Users as serialised tf.Examples; object [users]."""
    users = np.empty(len(histories), object)
    for index, history in enumerate(histories):
        example = tf.train.Example()
        values = example.features.feature[BEHAVIORS].bytes_list.value
        values.extend(text.encode() for text in history)
        users[index] = example.SerializeToString()
    return users


def _compare_outputs(old: _Model, new: _Model, users: np.ndarray) -> None:
    """Prints by how much the outputs differ."""
    before, after = old.everything(users), new.everything(users)
    for name in before:
        if before[name].shape != after[name].shape:
            raise SystemExit(f"{name} has another shape: these are not of the same training.")
    vectors = np.abs(before[USER_VECTOR] - after[USER_VECTOR]).max()
    print(f"largest difference of a number of the vectors: {vectors:.1e}")
    for task in old.tasks:
        difference = np.abs(before[task] - after[task]).max()
        same = np.mean(before[task].argmax(axis=1) == after[task].argmax(axis=1))
        print(f"{task}: probabilities {difference:.1e}, the same class for {same:.1%}")


def timed(call: Callable, requests: Sequence | np.ndarray, seconds: float) -> list[float]:
    """Seconds of each call, one after the other, for at most so long."""
    durations: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        call(requests[len(durations) % len(requests)])
        durations.append(time.perf_counter() - start)
    return durations


def _ratio(pairs: np.ndarray) -> tuple[float, float, float]:
    """New to old of each round, [rounds, 2]: the geometric mean and its 95 % interval."""
    logs = np.log(pairs[:, 1] / pairs[:, 0])
    spread = scipy.stats.sem(logs) * scipy.stats.t.ppf(0.975, len(logs) - 1)
    ratio, low, high = np.exp(logs.mean() + np.array([0, -spread, spread])).tolist()
    return ratio, low, high
