"""An exported model against an older one, in the session in which they are served.

Both are loaded side by side, and asked for the same users in turns; what is compared are the
medians of each round, so that what else the machine does meets both. The interval is of the mean
logarithm of the rounds' ratios, 95 %, by Student's t. The first round is not counted.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import scipy.stats
import tensorflow as tf

from contract.features import BEHAVIORS
from contract.signatures import EXAMPLES, SERVING_DEFAULT, USER_VECTOR, USER_VECTORS
from serving.saved_model import SavedModelSession

_USERS = 1024
_BATCH = 64
_THREADS = 2
"""Of the sessions, as in the development server."""


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
    users = _examples(texts, behaviors)
    _compare_outputs(old, new, users[: 4 * _BATCH])
    one_by_one = users[:, np.newaxis]
    batches = users.reshape(-1, _BATCH)
    cases: dict[str, tuple[Callable[[_Model], Callable], np.ndarray]] = {
        "one user, all outputs": (lambda model: model.everything, one_by_one),
        "one user, vector": (lambda model: model.vectors, one_by_one),
        "64 users, all outputs": (lambda model: model.everything, batches),
        "64 users, vectors": (lambda model: model.vectors, batches),
    }
    medians = {name: np.empty((rounds, 2)) for name in cases}
    for round_ in range(rounds + 1):
        for name, (call_of, requests) in cases.items():
            # Who comes first changes from round to round.
            for index in (0, 1) if round_ % 2 else (1, 0):
                median = np.median(timed(call_of((old, new)[index]), requests, seconds))
                if round_:
                    medians[name][round_ - 1, index] = median
    print(f"\n{behaviors} texts a user, {_THREADS} threads, {rounds} rounds")
    print(f"{'':24}{'old, ms':>9}{'new, ms':>9}{'ratio':>7}{'95 % interval':>18}")
    for name, pairs in medians.items():
        before, after = np.median(pairs, axis=0) * 1000
        ratio, low, high = _ratio(pairs)
        interval = f"[{low:.2f}, {high:.2f}]"
        print(f"{name:24}{before:9.2f}{after:9.2f}{ratio:7.2f}{interval:>18}")


def _examples(texts: list[str], behaviors: int) -> np.ndarray:
    """Users with texts drawn from a log, as serialised tf.Examples; object [users]."""
    rng = np.random.default_rng(0)
    users = np.empty(_USERS, object)
    for index in range(_USERS):
        example = tf.train.Example()
        drawn = rng.choice(len(texts), behaviors)
        values = example.features.feature[BEHAVIORS].bytes_list.value
        values.extend(texts[number].encode() for number in drawn)
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
