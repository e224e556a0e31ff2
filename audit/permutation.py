"""The check that nothing is predicted where there is nothing to be predicted."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from audit.predictions import Predictions
from audit.statistics.auc import task_auc

_PERMUTATIONS = 20
_SEED = 0
_TOLERANCE = 0.02
"""By how much the mean AUC of permuted labels may differ from 0.5, if not by chance."""


def permutation_check(predictions: Predictions) -> dict[str, Any]:
    """Whether the AUC is about 0.5 where there is nothing to be predicted."""
    found = {task: permuted_auc(predictions, task) for task in predictions.scores}
    return {
        "name": "With permuted labels the AUC is that of guessing",
        "holds": all(
            abs(mean - 0.5) <= max(_TOLERANCE, 4 * error) for mean, error in found.values()
        ),
        "evidence": "; ".join(
            f"{task} {mean:.3f} (standard error {error:.3f})"
            for task, (mean, error) in found.items()
        ),
    }


def permuted_auc(predictions: Predictions, task: str) -> tuple[float, float]:
    """The AUC of the scores against labels that were dealt out anew: about 0.5 if all is well.

    Args:
        predictions: Of the evaluated users.
        task: Name of the task.

    Returns:
        The mean over permutations, and the standard error of that mean.
    """
    known = predictions.known(task)
    labels, scores = predictions.labels[task][known], predictions.scores[task][known]
    rng = np.random.default_rng(_SEED)
    once, everyone = np.ones((1, len(labels))), np.ones(len(labels), bool)
    areas = [
        task_auc(scores, rng.permutation(labels), everyone, once)[0] for _ in range(_PERMUTATIONS)
    ]
    return float(np.mean(areas)), float(np.std(areas, ddof=1) / math.sqrt(_PERMUTATIONS))
