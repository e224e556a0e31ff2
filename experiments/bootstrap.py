"""How far a mean over seeds may be off, for the chance that chose users and seeds."""

from __future__ import annotations

import numpy as np


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
