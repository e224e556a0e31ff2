"""What TFMA found for all users together: metrics, ROC curve and confusion matrix of each task."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import tensorflow_model_analysis as tfma

from serving.releases.evaluation_metrics import overall_metrics

_POINTS = 100
_THRESHOLD = 0.5
"""Of the confusion matrix of two classes: the probability from which a user is of the second."""


@dataclasses.dataclass(frozen=True)
class TaskResults:
    """A task's results.

    Attributes:
        classes: Names of the classes, in the order of the model's output.
        metrics: TFMA's name -> value.
        roc: (threshold, false positive rate, true positive rate), by falling threshold; empty for
            more than two classes.
        confusion: Users by class (row) and predicted class (column).
    """

    classes: tuple[str, ...]
    metrics: Mapping[str, float]
    roc: Sequence[tuple[float, float, float]]
    confusion: list[list[int]]


def read_results(path: str, tasks: Mapping[str, Sequence[str]]) -> dict[str, TaskResults]:
    """Reads the Evaluator's output.

    Args:
        path: Its folder.
        tasks: Task -> its classes.

    Returns:
        Task -> what was found.
    """
    metrics = overall_metrics(path, tasks)
    roc: dict[str, list[tuple[float, float, float]]] = {}
    confusion = {task: [[0] * len(names) for _ in names] for task, names in tasks.items()}
    for plots in tfma.load_plots(path):
        if plots.slice_key.single_slice_keys:
            continue
        for item in plots.plot_keys_and_values:
            task = item.key.output_name
            if item.key.model_name == tfma.BASELINE_KEY or task not in tasks:
                continue
            if binary := item.value.confusion_matrix_at_thresholds.matrices:
                roc[task] = _roc(binary)
                confusion[task] = _at(_THRESHOLD, binary)
            for matrix in item.value.multi_class_confusion_matrix_at_thresholds.matrices:
                for entry in matrix.entries:
                    users = round(entry.num_weighted_examples)
                    confusion[task][entry.actual_class_id][entry.predicted_class_id] = users
    return {
        task: TaskResults(tuple(names), metrics[task], roc.get(task, []), confusion[task])
        for task, names in tasks.items()
    }


def _roc(matrices) -> list[tuple[float, float, float]]:
    points = []
    for at in matrices:
        negatives = at.false_positives + at.true_negatives
        positives = at.true_positives + at.false_negatives
        if negatives and positives:
            points.append(
                (at.threshold, at.false_positives / negatives, at.true_positives / positives)
            )
    points.sort(reverse=True)
    # The interface draws every one; both ends stay.
    step = -(-len(points) // _POINTS)
    return points[:-1:step] + points[-1:]


def _at(threshold: float, matrices) -> list[list[int]]:
    at = min(matrices, key=lambda matrix: abs(matrix.threshold - threshold))
    return [
        [round(at.true_negatives), round(at.false_positives)],
        [round(at.false_negatives), round(at.true_positives)],
    ]
