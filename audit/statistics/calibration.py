"""Whether probabilities mean what they say: Brier score, reliability curve, calibration error.

Of a binary task the probability of the second class is compared with how often it is true, of a
task with more classes the probability of the likeliest class with how often that one is.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

BINS = 10


class Bin(NamedTuple):
    """The users whose probability lies in one tenth.

    Attributes:
        users: How many.
        predicted: Their mean probability.
        observed: How often it came true.
    """

    users: int
    predicted: float
    observed: float


def confidence(probabilities: np.ndarray, classes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What is claimed of every user, and whether it is true.

    Args:
        probabilities: Float [users, classes].
        classes: Int [users], the true class.

    Returns:
        Float [users], the probability; float [users], 1 where it came true, else 0.
    """
    if probabilities.shape[1] == 2:
        return probabilities[:, 1], (classes == 1).astype(float)
    guess = probabilities.argmax(axis=1)
    return probabilities.max(axis=1), (guess == classes).astype(float)


def brier_losses(probabilities: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Every user's part of the Brier score: 0 is best.

    Args:
        probabilities: Float [users, classes].
        classes: Int [users], the true class.

    Returns:
        Float [users]: (p - y)^2 of the second class of two; of more classes the sum over them.
    """
    truth = np.eye(probabilities.shape[1])[classes]
    squares = np.square(probabilities - truth)
    return squares[:, 1] if probabilities.shape[1] == 2 else squares.sum(axis=1)


def bin_of(claimed: np.ndarray) -> np.ndarray:
    """Int [users], the tenth that a probability lies in; 1.0 lies in the last."""
    return np.minimum((claimed * BINS).astype(int), BINS - 1)


def reliability(claimed: np.ndarray, came_true: np.ndarray) -> list[Bin]:
    """The reliability curve, of those tenths that have users.

    Args:
        claimed: Float [users], probabilities.
        came_true: Float [users], 1 or 0.
    """
    bins = bin_of(claimed)
    return [
        Bin(
            int((bins == each).sum()),
            float(claimed[bins == each].mean()),
            float(came_true[bins == each].mean()),
        )
        for each in np.unique(bins)
    ]


def calibration_errors(
    claimed: np.ndarray, came_true: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """The expected calibration error for many weightings of the users.

    Args:
        claimed: Float [users], probabilities.
        came_true: Float [users], 1 or 0.
        weights: Float [weightings, users].

    Returns:
        Float [weightings]: mean distance of `predicted` and `observed` of the bins, by users.
    """
    gaps = (claimed - came_true)[:, None] * np.eye(BINS)[bin_of(claimed)]
    return np.abs(weights @ gaps).sum(axis=1) / weights.sum(axis=1)
