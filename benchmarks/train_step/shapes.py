"""The shapes of the paper's data sets, and users drawn for them. Needs NumPy alone."""

from __future__ import annotations

import json
import resource
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

BATCH = 256
DIMENSION = 256
HOPS = 5


class Shape(NamedTuple):
    """Sizes of a data set: |V|, |S| and |x|."""

    vocabulary_size: int
    behaviors: int
    words: int


SHAPES = {
    "amazon": Shape(50_000, 25, 35),
    "twitter": Shape(30_000, 10, 12),
    "industrial": Shape(178_422, 320, 8),
}


def draw_words(shape: Shape, users: int, seed: int) -> np.ndarray:
    """Draws word ids by Zipf's law.

    Returns:
        int64 [users, behaviours, words], from 1 to |V|.
    """
    shares = 1 / np.arange(1, shape.vocabulary_size + 1)
    size = (users, shape.behaviors, shape.words)
    rng = np.random.default_rng(seed)
    return 1 + rng.choice(shape.vocabulary_size, size, p=shares / shares.sum())


def targets(words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distinct words of every user and their counts, int64 [users, n], padded with 0."""
    rows = [np.unique(user, return_counts=True) for user in words.reshape(len(words), -1)]
    longest = max(len(ids) for ids, _ in rows)
    ids, counts = (np.zeros((len(words), longest), np.int64) for _ in range(2))
    for user, (its_ids, its_counts) in enumerate(rows):
        ids[user, : len(its_ids)], counts[user, : len(its_ids)] = its_ids, its_counts
    return ids, counts


def best_seconds(step: Callable[[], object], steps: int) -> float:
    """The shortest of `steps` runs, after one that does not count."""
    step()
    seconds = []
    for _ in range(steps):
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def peak_gigabytes() -> float:
    """The peak memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def report(**figures: float) -> None:
    """Prints what a process measured as one line of JSON."""
    print(json.dumps(figures))
