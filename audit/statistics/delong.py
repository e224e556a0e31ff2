"""DeLong's variance of AUCs (DeLong, DeLong and Clarke-Pearson 1988), in O(n log n) by ranks.

The ranks are Sun and Xu's (2014). A user's placement is the share of the other class that lies on
the right side of the user's score: the AUC is the mean placement, of either class.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy import stats

from audit.statistics.auc import scored_classes
from audit.statistics.intervals import (
    LEVEL,
    Estimate,
    influence_variance,
    logit_interval,
    normal_interval,
)


class Placements(NamedTuple):
    """Placements of the users of two classes.

    Attributes:
        positive: Float [positive users]: share of the negative users with a lower score.
        negative: Float [negative users]: share of the positive users with a higher score.
    """

    positive: np.ndarray
    negative: np.ndarray

    @property
    def auc(self) -> float:
        """The area under the curve."""
        return float(self.positive.mean())


class Comparison(NamedTuple):
    """The AUC of one model less that of another on the same users.

    Attributes:
        difference: Estimate of it.
        p_value: Of no difference, two-sided.
    """

    difference: Estimate
    p_value: float


def placements(scores: np.ndarray, positive: np.ndarray) -> Placements:
    """The placements of all users; ties count half.

    Args:
        scores: Float [users].
        positive: Bool [users], some of them true and some not.
    """
    positive = positive.astype(bool)
    # Newer scipy ranks float32 in float32, which beyond 16 million users holds no ranks.
    scores = np.asarray(scores, np.float64)
    above, below = scores[positive], scores[~positive]
    ranks = stats.rankdata(np.concatenate([above, below]))
    own_above, own_below = stats.rankdata(above), stats.rankdata(below)
    return Placements(
        positive=(ranks[: len(above)] - own_above) / len(below),
        negative=1 - (ranks[len(above) :] - own_below) / len(above),
    )


def delong_variance(placed: Placements) -> float:
    """DeLong's variance of the AUC; NaN of a class with a single user."""
    return _variance(placed.positive) + _variance(placed.negative)


def auc_estimate(scores: np.ndarray, positive: np.ndarray, level: float = LEVEL) -> Estimate:
    """The AUC with DeLong's interval on the logit's scale.

    Where no pair of users is out of order, or all are, DeLong's variance is 0 and says nothing:
    then the interval is that of as many independent pairs as the smaller class has users.

    Args:
        scores: Float [users].
        positive: Bool [users].
        level: Of the interval.

    Returns:
        The estimate; NaNs if one of the two classes has no user.
    """
    positive = positive.astype(bool)
    smaller = min(positive.sum(), (~positive).sum())
    if not smaller:
        return Estimate(math.nan, math.nan, math.nan, "undefined")
    placed = placements(scores, positive)
    value, variance = placed.auc, delong_variance(placed)
    if value in (0.0, 1.0):
        end = ((1 - level) / 2) ** (1 / smaller)
        low, high = (end, 1.0) if value else (0.0, 1 - end)
        return Estimate(value, float(low), float(high), "exact")
    if math.isnan(variance):
        return Estimate(value, 0.0, 1.0, "undefined")
    return Estimate(value, *logit_interval(value, variance, level), "DeLong")


def compare(
    scores: np.ndarray, others: np.ndarray, positive: np.ndarray, level: float = LEVEL
) -> Comparison:
    """The AUC of one model less that of another on the same users, by paired DeLong.

    Args:
        scores: Float [users], of the one.
        others: Float [users], of the other.
        positive: Bool [users], two or more of either class.
        level: Of the interval.
    """
    first, second = placements(scores, positive), placements(others, positive)
    variance = _variance(first.positive - second.positive) + _variance(
        first.negative - second.negative
    )
    return comparison(first.auc - second.auc, variance, level, "paired DeLong")


def comparison(difference: float, variance: float, level: float, method: str) -> Comparison:
    """A difference with its normal interval and the p-value of none."""
    if not variance > 0:
        # No user is placed otherwise than the rest: as they are, nothing is left to chance.
        p_value = 1.0 if difference == 0 else 0.0
        return Comparison(Estimate(difference, difference, difference, method), p_value)
    p_value = float(2 * stats.norm.sf(abs(difference) / math.sqrt(variance)))
    low, high = normal_interval(difference, variance, level)
    return Comparison(Estimate(difference, low, high, method), p_value)


def task_influences(probabilities: np.ndarray, classes: np.ndarray) -> tuple[float, np.ndarray]:
    """The AUC of a task, and how much each user moves it.

    With more than two classes users take part in several areas, which DeLong's sums do not cover;
    the sum over a user's influences does.

    Args:
        probabilities: Float [users, classes].
        classes: Int [users], two or more different ones.

    Returns:
        The AUC as `task_auc` has it; float [users], with mean 0, see `influence_variance`.
    """
    areas, influences = [], []
    for each in scored_classes(probabilities.shape[1], classes):
        positive = classes == each
        placed = placements(probabilities[:, each], positive)
        influence = np.empty(len(classes))
        influence[positive] = (placed.positive - placed.auc) / positive.mean()
        influence[~positive] = (placed.negative - placed.auc) / (~positive).mean()
        areas.append(placed.auc)
        influences.append(influence)
    return float(np.mean(areas)), np.mean(influences, axis=0)


def task_auc_estimate(
    probabilities: np.ndarray, classes: np.ndarray, level: float = LEVEL
) -> Estimate:
    """The AUC of a task with an interval in closed form: DeLong's, or of the macro average.

    Args:
        probabilities: Float [users, classes].
        classes: Int [users].
        level: Of the interval.

    Returns:
        The estimate; NaNs if there are not two classes among the users.
    """
    if probabilities.shape[1] == 2:
        return auc_estimate(probabilities[:, 1], classes == 1, level)
    if len(np.unique(classes)) < 2:
        return Estimate(math.nan, math.nan, math.nan, "undefined")
    value, influences = task_influences(probabilities, classes)
    variance = influence_variance(influences)
    if value in (0.0, 1.0) or variance == 0:
        return Estimate(value, value, value, "undefined")
    return Estimate(value, *logit_interval(value, variance, level), "influence")


def _variance(placed: np.ndarray) -> float:
    """Of the mean."""
    return float(placed.var(ddof=1)) / len(placed) if len(placed) > 1 else math.nan
