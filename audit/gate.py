"""The comparison with the last blessed model: whether a loss of AUC is too large, and no chance."""

from __future__ import annotations

import json
import os
from typing import Any

import numpy as np
from tfx.dsl.io import fileio

from audit.config import Gate
from audit.predictions import Predictions
from audit.statistics.holm import holm
from audit.statistics.task_metrics import compare_models

COMPARISON_FILE = "comparison.json"
"""Beside TFMA's files: what `compare_with_baseline` found."""

_MIN_CLASS_USERS = 2


def compare_with_baseline(predictions: Predictions, gate: Gate) -> dict[str, dict[str, Any]]:
    """Compares the AUCs of a model with those of the last blessed one, on the same users.

    A model is refused where its loss is above `gate.max_auc_drop` and, by the rule `interval`, the
    paired interval of the difference lies below 0 as a whole. With the rule `point` TFMA decides,
    and what stands here is for information.

    Args:
        predictions: Of both models.
        gate: What is asked.

    Returns:
        Task -> `difference`, `low`, `high` (of its interval), `method`, `p_value`, `p_holm` (for
        the number of tasks), `passed` and `sentence`. Tasks that cannot be compared are left out.
    """
    found: dict[str, dict[str, Any]] = {}
    for task, others in predictions.baseline.items():
        known = predictions.known(task)
        classes = predictions.labels[task][known]
        users = np.bincount(classes, minlength=len(gate.classes[task]))
        if users.min() < _MIN_CLASS_USERS:
            continue
        compared = compare_models(
            predictions.scores[task][known], others[known], classes, gate.level
        )
        difference = compared.difference
        found[task] = {
            "difference": difference.value,
            "low": difference.low,
            "high": difference.high,
            "method": difference.method,
            "p_value": compared.p_value,
        }
    adjusted = holm({task: each["p_value"] for task, each in found.items()})
    for task, each in found.items():
        each["p_holm"] = adjusted[task]
        each["passed"], each["sentence"] = _judge(task, each, gate)
    return found


def _judge(task: str, compared: dict[str, Any], gate: Gate) -> tuple[bool, str]:
    difference, low, high = (compared[key] for key in ("difference", "low", "high"))
    words = "above" if difference > 0 else "below"
    measured = (
        f"{task}: auc is {abs(difference):.3f} {words} the last blessed model's "
        f"({gate.level:.0%} interval of the difference {low:+.3f} to {high:+.3f})"
    )
    if gate.max_auc_drop is None:
        return True, f"{measured}; nothing is asked of it"
    if difference >= -gate.max_auc_drop:
        return True, f"{measured}; a loss of {gate.max_auc_drop} is allowed"
    if gate.comparison == "interval" and high >= 0:
        return True, (
            f"{measured}; more than the allowed loss of {gate.max_auc_drop}, but it may be chance: "
            "passed by the paired interval"
        )
    rule = "paired interval" if gate.comparison == "interval" else "point difference"
    return False, (
        f"{measured}; more than the allowed loss of {gate.max_auc_drop}"
        + (" and more than chance" if gate.comparison == "interval" else "")
        + f": refused by the {rule}"
    )


def is_refused(compared: dict[str, dict[str, Any]], gate: Gate) -> bool:
    """Whether the rule `interval` refuses a model that TFMA's thresholds let pass."""
    return gate.comparison == "interval" and not all(each["passed"] for each in compared.values())


def write_comparison(compared: dict[str, dict[str, Any]], evaluation: str) -> None:
    """Writes the comparison beside TFMA's files."""
    with fileio.open(os.path.join(evaluation, COMPARISON_FILE), "w") as file:
        file.write(json.dumps(compared, indent=2) + "\n")


def read_comparison(evaluation: str) -> dict[str, dict[str, Any]]:
    """Reads what `write_comparison` wrote."""
    with fileio.open(os.path.join(evaluation, COMPARISON_FILE)) as file:
        compared: dict[str, dict[str, Any]] = json.load(file)
    return compared
