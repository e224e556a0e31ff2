"""Areas under the curve, and how far they may be off for the chance that chose the users."""

from __future__ import annotations

import numpy as np


def resampling_weights(users: int, resamples: int, seed: int = 0) -> np.ndarray:
    """Draws users with replacement, again and again.

    Args:
        users: How many there are.
        resamples: How often to draw as many.
        seed: Of the draws.

    Returns:
        Float [1 + resamples, users]: how often each user is drawn; the first row has each user
        once.
    """
    drawn = np.random.default_rng(seed).multinomial(users, [1 / users] * users, size=resamples)
    return np.concatenate([np.ones((1, users)), drawn])


def interval(runs: np.ndarray, seed: int = 0) -> tuple[float, float]:
    """The 95 % interval of a mean over seeds, for the chance of users and of seeds.

    Every resample of users is averaged over seeds that are drawn with replacement as well.

    >>> interval(np.ones((3, 5)))
    (1.0, 1.0)

    Args:
        runs: Float [seeds, 1 + resamples], the first column of the users as they are; or paired
            differences of such.
        seed: Of the draws.

    Returns:
        The 2.5 % and 97.5 % quantiles over the resamples.
    """
    seeds, columns = runs.shape
    drawn = np.random.default_rng(seed).integers(0, seeds, size=(seeds, columns - 1))
    means = np.take_along_axis(runs[:, 1:], drawn, axis=0).mean(axis=0)
    low, high = np.nanpercentile(means, [2.5, 97.5])
    return float(low), float(high)


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
    count = probabilities.shape[1]
    columns = [1] if count == 2 else [c for c in range(count) if (classes == c).any()]
    areas = [weighted_auc(probabilities[:, c], classes == c, weights) for c in columns]
    return np.mean(areas, axis=0)
