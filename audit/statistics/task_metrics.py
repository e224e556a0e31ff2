"""All figures of one task on the evaluated users."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from sklearn.metrics import confusion_matrix

from audit.statistics.auc import task_auc
from audit.statistics.bootstrap import DRAWS, bootstrap, centred_estimate, percentile_estimate
from audit.statistics.calibration import (
    BINS,
    Bin,
    bin_of,
    brier_losses,
    calibration_errors,
    confidence,
    reliability,
)
from audit.statistics.delong import (
    Comparison,
    compare,
    comparison,
    task_auc_estimate,
    task_influences,
)
from audit.statistics.intervals import LEVEL, Estimate, influence_variance, normal_interval

LARGE = 20_000
"""So many users draw the bootstrap out for minutes, and its intervals are then the normal ones."""


class TaskMetrics(NamedTuple):
    """The figures of one task.

    Attributes:
        users: With a label.
        class_users: How many of each class.
        auc: Of the second class, or the macro average of one-vs-rest.
        accuracy: Share of the users whose likeliest class is the true one.
        brier: Brier score.
        calibration_error: Expected calibration error, in tenths.
        reliability: The curve.
        confusion: Per true class, how many users have which likeliest class.
    """

    users: int
    class_users: list[int]
    auc: Estimate
    accuracy: Estimate
    brier: Estimate
    calibration_error: Estimate
    reliability: list[Bin]
    confusion: list[list[int]]


def task_metrics(
    probabilities: np.ndarray,
    classes: np.ndarray,
    *,
    level: float = LEVEL,
    draws: int = DRAWS,
    seed: int = 0,
) -> TaskMetrics:
    """Computes the figures of one task.

    Args:
        probabilities: Float [users, classes].
        classes: Int [users], the true class.
        level: Of the intervals.
        draws: Of the bootstrap.
        seed: Of the bootstrap.
    """
    count = probabilities.shape[1]
    claimed, came_true = confidence(probabilities, classes)
    right = (probabilities.argmax(axis=1) == classes).astype(float)
    losses = brier_losses(probabilities, classes)
    everyone = np.ones(len(classes), bool)

    def figures(weights: np.ndarray) -> np.ndarray:
        total = weights.sum(axis=1)
        columns = [
            weights @ right / total,
            weights @ losses / total,
            calibration_errors(claimed, came_true, weights),
        ]
        if count > 2:
            columns.append(task_auc(probabilities, classes, everyone, weights))
        return np.stack(columns, axis=1)

    if len(classes) > LARGE:
        accuracy, brier = (_mean(each, level) for each in (right, losses))
        error = _calibration_error(claimed, came_true, level)
        auc = task_auc_estimate(probabilities, classes, level)
    else:
        runs = bootstrap(figures, len(classes), draws, seed)
        accuracy, brier = (percentile_estimate(run, level) for run in runs.T[:2])
        error = centred_estimate(runs[:, 2], level)
        auc = (
            percentile_estimate(runs[:, 3], level)
            if count > 2
            else task_auc_estimate(probabilities, classes, level)
        )
    return TaskMetrics(
        users=len(classes),
        class_users=np.bincount(classes, minlength=count).tolist(),
        auc=auc,
        accuracy=accuracy,
        brier=brier,
        calibration_error=error,
        reliability=reliability(claimed, came_true),
        confusion=confusion_matrix(
            classes, probabilities.argmax(axis=1), labels=range(count)
        ).tolist(),
    )


def compare_models(
    probabilities: np.ndarray, others: np.ndarray, classes: np.ndarray, level: float = LEVEL
) -> Comparison:
    """The AUC of one model less that of another on the same users.

    Args:
        probabilities: Float [users, classes], of the one.
        others: The same of the other.
        classes: Int [users], the true class; two or more users of every class.
        level: Of the interval.

    Returns:
        By paired DeLong; with more than two classes by the paired users' influences.
    """
    if probabilities.shape[1] == 2:
        return compare(probabilities[:, 1], others[:, 1], classes == 1, level)
    auc, influences = task_influences(probabilities, classes)
    other_auc, other_influences = task_influences(others, classes)
    variance = influence_variance(influences - other_influences)
    return comparison(auc - other_auc, variance, level, "paired influence")


def _mean(values: np.ndarray, level: float) -> Estimate:
    mean = float(values.mean())
    ends = normal_interval(mean, influence_variance(values - mean), level)
    return Estimate(mean, *ends, "influence")


def _calibration_error(claimed: np.ndarray, came_true: np.ndarray, level: float) -> Estimate:
    """Of many users: the sides on which the bins err do not change by chance."""
    bins, gaps = bin_of(claimed), claimed - came_true
    signs = np.sign(np.bincount(bins, gaps, minlength=BINS))
    error = _mean(signs[bins] * gaps, level)
    return error._replace(low=max(0.0, error.low))
