"""The part of the record that says how good a model is at one task: numbers for JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from audit.predictions import Predictions
from audit.statistics.intervals import Estimate
from audit.statistics.slices import MIN_CLASS_USERS, MIN_USERS, Group, Suppressed, slices
from audit.statistics.task_metrics import TaskMetrics, task_metrics

SEED = 0
"""Of the bootstrap; part of the record, so that anyone can draw the same."""


def task_section(
    predictions: Predictions, task: str, classes: Sequence[str], *, level: float
) -> dict[str, Any]:
    """All figures that follow from the predictions alone, so that anyone can compute them again.

    Args:
        predictions: Of the evaluated users.
        task: Name of the task.
        classes: Names of its classes.
        level: Of the intervals.

    Returns:
        JSON object, see `tasks` in `record.schema.json`. What is undefined is null.
    """
    known = predictions.known(task)
    labels = predictions.labels[task][known]
    scores = predictions.scores[task][known]
    metrics = task_metrics(scores, labels, level=level, seed=SEED)
    return {
        "classes": list(classes),
        "users": metrics.users,
        "class_users": metrics.class_users,
        **_figures(metrics),
        "reliability": [each._asdict() for each in metrics.reliability],
        "confusion": metrics.confusion,
        "slices": {
            column: [_group(each) for each in slices(scores, labels, values[known], level)]
            for column, values in predictions.groups.items()
        },
    }


def estimate_section(estimate: Estimate | None) -> dict[str, Any] | None:
    """An estimate as a JSON object; None where nothing is defined."""
    if estimate is None or math.isnan(estimate.value):
        return None
    return {
        "value": estimate.value,
        "low": estimate.low,
        "high": estimate.high,
        "method": estimate.method,
    }


def _figures(metrics: TaskMetrics) -> Mapping[str, Any]:
    return {
        name: estimate_section(getattr(metrics, name))
        for name in ("auc", "accuracy", "brier", "calibration_error")
    }


def _group(group: Group | Suppressed) -> dict[str, Any]:
    if isinstance(group, Suppressed):
        return {
            "name": group.name,
            "suppressed": f"below {MIN_USERS} users, or {MIN_CLASS_USERS} of a class",
        }
    return {
        "name": group.name,
        "users": group.users,
        **{
            name: estimate_section(getattr(group, name))
            for name in Group._fields
            if name not in ("name", "users")
        },
    }
