"""What is measured of one run: a number a task, and their mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from audit.statistics.auc import task_auc
from experiments.labelled_users import LabelledUsers

MEAN = "mean"
"""Stands for the mean over the tasks."""


def task_areas(
    probabilities: Mapping[str, np.ndarray],
    users: LabelledUsers,
    weights: np.ndarray,
    measure: Callable[..., np.ndarray] = task_auc,
) -> dict[str, np.ndarray]:
    """Measures the predictions of one run.

    Args:
        probabilities: Task to float [users, classes].
        users: Who they are of.
        weights: As `resampling_weights` makes them.
        measure: `task_auc`, or what takes and returns the same.

    Returns:
        Task, and `MEAN` for the mean of all, to float [1 + resamples].
    """
    areas = {}
    for task, predicted in probabilities.items():
        classes, label_weights = users.labels[task]
        areas[task] = measure(predicted, classes, label_weights > 0, weights)
    areas[MEAN] = np.mean(list(areas.values()), axis=0)
    return areas
