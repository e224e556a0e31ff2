"""The area under the ROC curve, of one weighting of the users or of many at once."""

from __future__ import annotations

import numpy as np


def weighted_auc(scores: np.ndarray, positive: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The area under the curve for many weightings of the same users at once.

    >>> weighted_auc(np.array([0.1, 0.4, 0.4]), np.array([0, 0, 1]), np.ones((1, 3)))
    array([0.75])

    Args:
        scores: Float [users].
        positive: Bool [users].
        weights: Float [weightings, users].

    Returns:
        Float [weightings]; NaN where one of the two classes has no weight.
    """
    order = np.argsort(scores, kind="stable")
    scores, positive, weights = scores[order], positive[order].astype(bool), weights[:, order]
    # Users with one score are one step of the curve.
    starts = np.flatnonzero(np.concatenate([[True], np.diff(scores) > 0]))
    above = np.add.reduceat(weights * positive, starts, axis=1)
    below = np.add.reduceat(weights * ~positive, starts, axis=1)
    passed = np.cumsum(below, axis=1) - below / 2
    pairs = above.sum(axis=1) * below.sum(axis=1)
    with np.errstate(invalid="ignore"):
        return (above * passed).sum(axis=1) / pairs


def task_auc(
    probabilities: np.ndarray, classes: np.ndarray, known: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """The AUC of a task: of the second class, or, with more than two, the mean of one-vs-rest.

    Args:
        probabilities: Float [users, classes].
        classes: Int [users], the true class.
        known: Bool [users], whether the label is there.
        weights: Float [weightings, users].

    Returns:
        Float [weightings]. Classes that no user has are left out of the mean.
    """
    probabilities, classes, weights = probabilities[known], classes[known], weights[:, known]
    areas = [
        weighted_auc(probabilities[:, c], classes == c, weights)
        for c in scored_classes(probabilities.shape[1], classes)
    ]
    return np.mean(areas, axis=0)


def scored_classes(count: int, classes: np.ndarray) -> list[int]:
    """Returns the classes whose areas make the AUC of a task.

    >>> scored_classes(2, np.array([0, 1])), scored_classes(3, np.array([0, 0, 2]))
    ([1], [0, 2])

    Args:
        count: How many classes the task has.
        classes: Int [users], the true class.
    """
    return [1] if count == 2 else [c for c in range(count) if (classes == c).any()]
