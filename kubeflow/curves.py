"""ROC curve and confusion matrix of a task, from the audit's predictions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sklearn.metrics import confusion_matrix, roc_curve

from audit.predictions import Predictions

_POINTS = 100


def curves(predictions: Predictions, task: str, classes: Sequence[str]) -> dict[str, Any]:
    """The metadata of KFP's `ClassificationMetrics`, as its SDK writes it.

    Args:
        predictions: Of the audit.
        task: Name of the task.
        classes: Names of its classes, in the order of the model's output.

    Returns:
        The confusion matrix, users by class (row) and most probable class (column), and for two
        classes the ROC curve; without a labelled user the matrix alone.
    """
    from kfp.dsl import ClassificationMetrics

    known = predictions.known(task)
    labels, scores = predictions.labels[task][known], predictions.scores[task][known]
    shown = ClassificationMetrics()
    if len(classes) == 2 and len(set(labels.tolist())) == 2:
        false_positive, true_positive, thresholds = roc_curve(labels, scores[:, 1])
        # Nobody is above the first threshold, which is infinite: no number in JSON.
        thresholds[0] = 1.0
        # The interface draws every point; both ends stay.
        step = -(-len(thresholds) // _POINTS)
        points = [*range(0, len(thresholds) - 1, step), len(thresholds) - 1]
        shown.log_roc_curve(
            *(values[points].tolist() for values in (false_positive, true_positive, thresholds))
        )
    matrix = confusion_matrix(labels, scores.argmax(axis=1), labels=range(len(classes)))
    shown.log_confusion_matrix(list(classes), matrix.tolist())
    return shown.metadata
