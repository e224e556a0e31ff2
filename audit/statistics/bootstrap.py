"""The bootstrap over users: what a figure would have been for other users of the same kind."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from audit.statistics.intervals import LEVEL, Estimate

DRAWS = 2000

_CELLS = 1 << 22
"""Weights that are held at once."""


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
    return np.concatenate(
        [np.ones((1, users)), _draw(np.random.default_rng(seed), users, resamples)]
    )


def bootstrap(
    figures: Callable[[np.ndarray], np.ndarray], users: int, draws: int = DRAWS, seed: int = 0
) -> np.ndarray:
    """Figures of many draws of the users.

    Args:
        figures: Gets weights, float [n, users], and returns float [n, figures].
        users: How many there are.
        draws: How often as many are drawn with replacement.
        seed: Of the draws.

    Returns:
        Float [1 + draws, figures]; the first row is of the users as they are.
    """
    generator = np.random.default_rng(seed)
    rows = [figures(np.ones((1, users)))]
    at_once = max(1, _CELLS // users)
    for done in range(0, draws, at_once):
        rows.append(figures(_draw(generator, users, min(at_once, draws - done))))
    return np.concatenate(rows)


def percentile_estimate(runs: np.ndarray, level: float = LEVEL) -> Estimate:
    """The figure with the interval between the draws' quantiles.

    >>> percentile_estimate(np.array([0.5, 0.4, 0.5, 0.6]), level=0.5)
    Estimate(value=0.5, low=0.45, high=0.55, method='bootstrap')

    Args:
        runs: Float [1 + draws], the first of the users as they are. Draws for which the figure is
            undefined are left out.
        level: Of the interval.
    """
    low, high = np.nanquantile(runs[1:], [(1 - level) / 2, (1 + level) / 2])
    return Estimate(float(runs[0]), float(low), float(high), "bootstrap")


def centred_estimate(runs: np.ndarray, level: float = LEVEL) -> Estimate:
    """The same of a figure that draws make larger, as a calibration error, without that bias.

    Of users that are drawn twice the claimed and the observed share differ more: the quantiles of
    the draws may all lie above the figure itself.

    >>> centred_estimate(np.array([0.5, 0.625, 0.75, 0.875]), level=0.5)
    Estimate(value=0.5, low=0.4375, high=0.5625, method='centred bootstrap')

    Args:
        runs: As of `percentile_estimate`; the figure is never below 0.
        level: Of the interval.
    """
    bias = np.nanmean(runs[1:]) - runs[0]
    value, low, high, _ = percentile_estimate(np.append(runs[:1], runs[1:] - bias), level)
    return Estimate(value, max(0.0, low), high, "centred bootstrap")


def _draw(generator: np.random.Generator, users: int, draws: int) -> np.ndarray:
    return generator.multinomial(users, [1 / users] * users, size=draws).astype(float)
