"""How much of what a channel says of a user it would say again."""

import numpy as np

# The correlation of two halves is itself uncertain; with fewer users it would be a guess.
MIN_USERS = 50

# Components side by side, in the order of their variance, are about equally reliable: each takes
# what its neighbours say, within some 12 % of its own rank.
_WIDTH = 0.12

# With no correlation at all it would take infinitely many behaviours.
_LEAST_CORRELATION = 1e-6


def consistent_directions(
    fitted: np.ndarray, halves: tuple[np.ndarray, np.ndarray], behaviors: float
) -> tuple[np.ndarray, np.ndarray]:
    """Principal components of a channel, and how many behaviours it takes to believe each.

    A component in which one half of a user's behaviours says nothing of the other half describes
    the sample of behaviours, not the user. If two halves of `n` behaviours each correlate by `r`
    over users, the mean of `m` behaviours has the reliability `m / (m + n (1 - r) / r)` (Spearman,
    1910; Brown, 1910), and a measurement times its reliability is the best linear estimate of what
    is measured (Kelley, 1947). Halves must be of users that nothing was fitted on: of others every
    direction that was found in their very words looks reliable.

    >>> fitted = np.array([[3.0, 1.0], [-3.0, 1.0], [3.0, -1.0], [-3.0, -1.0]])
    >>> halves = (np.array([[2.0, 1.0], [-2.0, -1.0]]), np.array([[2.0, -1.0], [-2.0, 1.0]]))
    >>> directions, half_points = consistent_directions(fitted, halves, behaviors=4)
    >>> np.abs(directions).tolist(), half_points.round(2).tolist()
    ([[1.0, 0.0], [0.0, 1.0]], [0.01, 4000000.0])

    Args:
        fitted: Float array of shape `[users, size]`, the channel of the users it was fitted on.
        halves: Two float arrays of shape `[other users, size]`, the channel of one half of the
            behaviours of each of other users, and of the other half.
        behaviors: Float, how many behaviours a half has on average.

    Returns:
        Float64 array of shape `[size, size]`, a component a column, in the order of their variance;
        and float64 of shape `[size]`, of how many behaviours a user's component is half the user's
        own and half chance, at most a million times `behaviors`.
    """
    fitted = np.asarray(fitted, "float64")
    centred = fitted - fitted.mean(axis=0)
    directions = np.linalg.eigh(centred.T @ centred)[1][:, ::-1]
    one, other = (np.asarray(half, "float64") @ directions for half in halves)
    correlation = _correlations(one - one.mean(axis=0), other - other.mean(axis=0))
    return directions, behaviors * (1 - correlation) / np.maximum(correlation, _LEAST_CORRELATION)


def _correlations(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Of centred halves [users, components], in 0 to 1 for every component."""
    covariance = (one * other).mean(axis=0)
    deviations = np.sqrt((one**2).mean(axis=0) * (other**2).mean(axis=0))
    rank = np.log(np.arange(len(covariance)) + 2)
    neighbours = np.exp(-0.5 * ((rank[:, np.newaxis] - rank) / _WIDTH) ** 2)
    total = neighbours @ deviations
    correlation = np.divide(
        neighbours @ covariance, total, out=np.zeros_like(total), where=total > 0
    )
    return correlation.clip(0, 1)
