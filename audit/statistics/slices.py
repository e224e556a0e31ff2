"""Figures of groups of users, and the gaps between them; none of a group that is too small."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from audit.statistics.delong import task_auc_estimate, task_influences
from audit.statistics.intervals import (
    LEVEL,
    Estimate,
    influence_variance,
    normal_interval,
    share_difference,
    wilson_interval,
)

MIN_USERS = 30
MIN_CLASS_USERS = 5


class Group(NamedTuple):
    """The figures of one group.

    Attributes:
        name: Value of the column.
        users: How many.
        auc: Of the group.
        accuracy: Share of the users whose likeliest class is the true one.
        positive_rate: Of a binary task: share of the true second class that is found, at 0.5.
        false_positive_rate: Of a binary task: share of the first class taken for the second.
        auc_gap: AUC of the group less that of all others; None where those are too few.
        positive_rate_gap: The same of `positive_rate`.
        false_positive_rate_gap: The same of `false_positive_rate`.
    """

    name: str
    users: int
    auc: Estimate
    accuracy: Estimate
    positive_rate: Estimate | None
    false_positive_rate: Estimate | None
    auc_gap: Estimate | None
    positive_rate_gap: Estimate | None
    false_positive_rate_gap: Estimate | None


class Suppressed(NamedTuple):
    """A group of which no figure is given.

    Attributes:
        name: Value of the column.
    """

    name: str


def is_large_enough(classes: np.ndarray, count: int) -> bool:
    """Whether a group has users enough for figures that say something and betray nobody.

    Args:
        classes: Int [users], the true class.
        count: How many classes the task has.
    """
    if len(classes) < MIN_USERS:
        return False
    return bool((np.bincount(classes, minlength=count) >= MIN_CLASS_USERS).all())


def slices(
    probabilities: np.ndarray, classes: np.ndarray, values: np.ndarray, level: float = LEVEL
) -> list[Group | Suppressed]:
    """The figures of every group.

    Args:
        probabilities: Float [users, classes].
        classes: Int [users], the true class.
        values: Str [users], the group of each user; those of "" are in none.
        level: Of the intervals.

    Returns:
        The groups by name. The gap of one is against all users of the other groups.
    """
    count = probabilities.shape[1]
    found: list[Group | Suppressed] = []
    for name in sorted(set(values.tolist()) - {""}):
        inside = values == name
        if not is_large_enough(classes[inside], count):
            found.append(Suppressed(name))
            continue
        outside = ~inside & (values != "")
        rest = outside if is_large_enough(classes[outside], count) else None
        found.append(_group(name, probabilities, classes, inside, rest, level))
    return found


def _group(
    name: str,
    probabilities: np.ndarray,
    classes: np.ndarray,
    inside: np.ndarray,
    outside: np.ndarray | None,
    level: float,
) -> Group:
    right = probabilities.argmax(axis=1) == classes
    is_binary = probabilities.shape[1] == 2
    rates: dict[str, Estimate | None] = {}
    for key, truth in (("positive_rate", 1), ("false_positive_rate", 0)):
        rates |= {key: None, f"{key}_gap": None}
        if is_binary:
            guessed = probabilities.argmax(axis=1) == 1
            own = _hits(guessed, inside & (classes == truth))
            rates[key] = _share(*own, level)
            if outside is not None:
                others = _hits(guessed, outside & (classes == truth))
                gap = share_difference(own, others, level)
                rates[f"{key}_gap"] = Estimate(*gap, "Newcombe")
    return Group(
        name=name,
        users=int(inside.sum()),
        auc=task_auc_estimate(probabilities[inside], classes[inside], level),
        accuracy=_share(*_hits(right, inside), level),
        auc_gap=None
        if outside is None
        else _auc_gap(probabilities, classes, inside, outside, level),
        **rates,
    )


def _auc_gap(
    probabilities: np.ndarray,
    classes: np.ndarray,
    inside: np.ndarray,
    outside: np.ndarray,
    level: float,
) -> Estimate:
    """Two groups have no user in common, so their variances add up."""
    value, variance = 0.0, 0.0
    for users, sign in ((inside, 1), (outside, -1)):
        auc, influences = task_influences(probabilities[users], classes[users])
        value += sign * auc
        variance += influence_variance(influences)
    return Estimate(value, *normal_interval(value, variance, level), "influence")


def _hits(hit: np.ndarray, of: np.ndarray) -> tuple[int, int]:
    return int((hit & of).sum()), int(of.sum())


def _share(hits: int, trials: int, level: float) -> Estimate:
    if not trials:
        return Estimate(math.nan, math.nan, math.nan, "undefined")
    return Estimate(hits / trials, *wilson_interval(hits, trials, level), "Wilson")
