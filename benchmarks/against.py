"""An exported model against an older one, in the session in which they are served.

    python -m benchmarks.against OLD NEW --events runs/demo-data/events.jsonl.gz

Both are loaded side by side, and asked for the same users in turns; what is compared are the
medians of each round, so that what else the machine does meets both. The interval is of the mean
logarithm of the rounds' ratios, 95 %, by Student's t. The first round is not counted.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import scipy.stats
import tensorflow as tf

from benchmarks.text_speed import read_texts
from contract.features import BEHAVIORS
from contract.signatures import EXAMPLES, SERVING_DEFAULT, USER_VECTOR, USER_VECTORS
from serving.saved_model import SavedModelSession

_USERS = 1024
_BATCH = 64


class _Model:
    """A SavedModel, and what it is asked."""

    def __init__(self, path: str, threads: int):
        self.session = SavedModelSession(path, threads)
        self.tasks = sorted(set(self.session.signatures[SERVING_DEFAULT].outputs) - {USER_VECTOR})

    def everything(self, examples: np.ndarray) -> dict[str, np.ndarray]:
        outputs = [USER_VECTOR, *self.tasks]
        return self.session.run(SERVING_DEFAULT, {EXAMPLES: examples}, outputs)

    def vectors(self, examples: np.ndarray) -> dict[str, np.ndarray]:
        has = USER_VECTORS in self.session.signatures
        name = USER_VECTORS if has else SERVING_DEFAULT
        return self.session.run(name, {EXAMPLES: examples}, [USER_VECTOR])


def main() -> None:
    """Runs the command line: compares what the models give, then how fast."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("old", help="folder of one version, a SavedModel")
    parser.add_argument("new", help="another")
    parser.add_argument("--events", required=True, help="log whose texts the users get")
    parser.add_argument("--behaviors", type=int, default=25, help="texts a user (default: 25)")
    parser.add_argument("--threads", type=int, default=2, help="of the sessions (default: 2)")
    parser.add_argument("--rounds", type=int, default=20, help="(default: 20)")
    parser.add_argument("--seconds", type=float, default=0.5, help="a measurement (default: 0.5)")
    args = parser.parse_args()
    old, new = (_Model(path, args.threads) for path in (args.old, args.new))
    users = _examples(read_texts(args.events, 65_536), args.behaviors)
    _compare(old, new, users[: 4 * _BATCH])
    one_by_one = users[:, np.newaxis]
    batches = users.reshape(-1, _BATCH)
    cases: dict[str, tuple[Callable[[_Model], Callable], np.ndarray]] = {
        "one user, all outputs": (lambda model: model.everything, one_by_one),
        "one user, vector": (lambda model: model.vectors, one_by_one),
        "64 users, all outputs": (lambda model: model.everything, batches),
        "64 users, vectors": (lambda model: model.vectors, batches),
    }
    medians = {name: np.empty((args.rounds, 2)) for name in cases}
    for round_ in range(args.rounds + 1):
        for name, (call_of, requests) in cases.items():
            # Who comes first changes from round to round.
            for index in (0, 1) if round_ % 2 else (1, 0):
                median = _median(call_of((old, new)[index]), requests, args.seconds)
                if round_:
                    medians[name][round_ - 1, index] = median
    print(f"\n{args.behaviors} texts a user, {args.threads} threads, {args.rounds} rounds")
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


def _compare(old: _Model, new: _Model, users: np.ndarray) -> None:
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


def _median(call: Callable, requests: np.ndarray, seconds: float) -> float:
    """Median seconds of a call, over as many as the time allows."""
    durations: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        call(requests[len(durations) % len(requests)])
        durations.append(time.perf_counter() - start)
    return float(np.median(durations))


def _ratio(pairs: np.ndarray) -> tuple[float, float, float]:
    """New to old of each round, [rounds, 2]: the geometric mean and its 95 % interval."""
    logs = np.log(pairs[:, 1] / pairs[:, 0])
    spread = scipy.stats.sem(logs) * scipy.stats.t.ppf(0.975, len(logs) - 1)
    return tuple(float(np.exp(logs.mean() + each)) for each in (0, -spread, spread))


if __name__ == "__main__":
    main()
