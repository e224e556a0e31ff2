import collections
import zlib

import numpy as np
import pytest

from contract.splits import SPLITS
from ingestion import division
from ingestion.config import (
    FractionDivision,
    RandomCutDivision,
    Window,
    WindowsDivision,
)

WINDOWS = WindowsDivision(
    method="windows",
    history=Window(start=10, end=20),
    target=Window(start=20, end=30),
    inference=Window(start=15, end=40),
)


@pytest.mark.parametrize(
    ("user_id", "crc", "split"),
    [
        ("u5", 1159879535, "eval"),  # a multiple of 5
        ("u8", 999499730, "eval"),
        ("u2", 3678850764, "validation"),  # 4 modulo 5; 735770152 fives, a multiple of 8
        ("u0", 893956064, "train"),  # 4 modulo 5; 178791212 fives, 4 modulo 8
        ("u3", 2890006106, "train"),
    ],
)
def test_split_of(user_id, crc, split):
    assert zlib.crc32(user_id.encode()) == crc
    assert division.split_of(user_id) == split


def test_shares_of_the_splits():
    counts = collections.Counter(division.split_of(f"user {i}") for i in range(100_000))
    assert counts["eval"] == pytest.approx(20_000, rel=0.05)
    assert counts["validation"] == pytest.approx(10_000, rel=0.05)
    assert set(counts) == set(SPLITS)


def test_history_stops_where_target_starts():
    timestamps = np.array([5, 10, 19.9, 20, 20, 29.9, 30, 39, 40], float)
    history, target = division.history_and_target(timestamps, "u", WINDOWS)
    assert (history, target) == (slice(1, 3), slice(3, 6))
    assert division.inference(timestamps, WINDOWS) == slice(2, 8)


def test_windows_may_be_empty():
    timestamps = np.array([1, 50], float)
    history, target = division.history_and_target(timestamps, "u", WINDOWS)
    assert division.length(history) == division.length(target) == 0
    assert division.length(division.inference(timestamps, WINDOWS)) == 0


@pytest.mark.parametrize(
    ("fraction", "n", "cut"),
    [(0.5, 2, 1), (0.5, 3, 1), (0.5, 4, 2), (0.01, 10, 1), (0.99, 10, 9), (0.29, 100, 29)],
)
def test_fraction(fraction, n, cut):
    parts = division.history_and_target(np.arange(n), "u", FractionDivision(fraction=fraction))
    assert parts == (slice(0, cut), slice(cut, n))


def test_random_cut_is_drawn_once_for_a_user():
    def cut(user, seed=0, n=9):
        cuts = RandomCutDivision(method="random_cut", seed=seed)
        history, target = division.history_and_target(np.arange(n, dtype=float), user, cuts)
        assert history.start == 0
        assert history.stop == target.start
        assert target.stop == n
        return history.stop

    users = [f"user {i}" for i in range(400)]
    assert {cut(user) for user in users} == set(range(1, 9))
    assert [cut(user) for user in users] == [cut(user) for user in users]
    assert [cut(user) for user in users] != [cut(user, seed=1) for user in users]
    assert cut("anyone", n=2) == 1


def test_inference_is_everything_without_windows():
    assert division.inference(np.arange(7), FractionDivision()) == slice(0, 7)


def test_most_recent():
    assert division.most_recent(slice(3, 10), 4) == slice(6, 10)
    assert division.most_recent(slice(3, 10), 7) == slice(3, 10)
    assert division.most_recent(slice(3, 10), 100) == slice(3, 10)
