"""Estimates with their intervals: what every figure of the audit is."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy import stats

LEVEL = 0.95
"""Of all intervals that the audit reports."""


class Estimate(NamedTuple):
    """A figure and how far chance may have moved it.

    Attributes:
        value: The figure, of the users as they are; NaN where it is undefined.
        low: Lower end of the interval.
        high: Upper end.
        method: How the interval was made, in a word.
    """

    value: float
    low: float
    high: float
    method: str


def critical(level: float) -> float:
    """The normal quantile that leaves (1 - level) / 2 above it.

    >>> round(critical(0.95), 3)
    1.96
    """
    return float(stats.norm.ppf((1 + level) / 2))


def normal_interval(value: float, variance: float, level: float) -> tuple[float, float]:
    """The value, and the critical number of standard errors below and above it."""
    reach = critical(level) * math.sqrt(variance)
    return value - reach, value + reach


def logit_interval(value: float, variance: float, level: float) -> tuple[float, float]:
    """An interval of a share that stays within 0 and 1, and is wider towards the middle.

    On the logit's scale the error of an AUC is closer to normal than on its own.

    Args:
        value: Above 0 and below 1.
        variance: Of the value, on its own scale.
        level: Of the interval.
    """
    centre = math.log(value / (1 - value))
    low, high = normal_interval(centre, variance / (value * (1 - value)) ** 2, level)
    return 1 / (1 + math.exp(-low)), 1 / (1 + math.exp(-high))


def wilson_interval(hits: float, trials: float, level: float) -> tuple[float, float]:
    """The score interval of a share.

    >>> [round(end, 4) for end in wilson_interval(8, 10, 0.95)]
    [0.4902, 0.9433]

    Args:
        hits: Of the trials.
        trials: More than none.
        level: Of the interval.
    """
    ends = stats.binomtest(round(hits), round(trials)).proportion_ci(level, method="wilson")
    return float(ends.low), float(ends.high)


def share_difference(
    first: tuple[int, int], second: tuple[int, int], level: float
) -> tuple[float, float, float]:
    """The difference of two shares of different users, with Newcombe's interval.

    >>> [round(each, 4) for each in share_difference((56, 70), (48, 80), 0.95)]
    [0.2, 0.0524, 0.3339]

    Args:
        first: Hits and trials.
        second: Hits and trials, which are subtracted.
        level: Of the interval.

    Returns:
        The difference, the lower and the upper end (Newcombe 1998, method 10).
    """
    (hits, trials), (other_hits, other_trials) = first, second
    share, other = hits / trials, other_hits / other_trials
    low, high = wilson_interval(hits, trials, level)
    other_low, other_high = wilson_interval(other_hits, other_trials, level)
    difference = share - other
    return (
        difference,
        difference - math.hypot(share - low, other_high - other),
        difference + math.hypot(high - share, other - other_low),
    )


def influence_variance(influences: np.ndarray) -> float:
    """The variance of a figure whose users' influences are known.

    Args:
        influences: Float [users], the figure's derivative by the weight of each user, with mean 0.
    """
    return float(np.square(influences).sum()) / len(influences) ** 2
