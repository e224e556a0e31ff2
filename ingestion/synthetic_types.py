"""Types and values of synthetic events: what was done, and at which price.

Both say something of the profile that the texts say too, in other words: parents put more into the
cart and buy more of what they look at; the older, the dearer. Users differ from each other besides.
They are drawn apart from the texts and labels, which are the same with them and without.
"""

import math
import random
from bisect import bisect
from itertools import accumulate

TYPES = ("search", "view", "cart", "buy")

_WEIGHTS = (0.3, 0.5, 0.12, 0.08)  # of the types, for a user without children
_PARENT = (1.0, 0.8, 1.6, 2.0)  # factors for parents
_TYPE_SPREAD = 0.4  # standard deviation of a user's own logarithms of these weights
_LOG_PRICE = 3.0  # mean logarithm of a price of the youngest
_LOG_PRICE_AGE = 0.35  # more, for each age range
_OWN_SPREAD, _PRICE_SPREAD = 0.5, 1.0  # standard deviations among users, and of a user's prices


class UserTypes:
    """What one user does, and at which prices.

    Args:
        seed: Decides all randomness.
        age: Index of the age range.
        parent: Whether the user has children.
    """

    def __init__(self, seed: str, age: int, parent: bool):
        self._rng = random.Random(seed)
        weights = (
            weight * (factor if parent else 1.0) * math.exp(self._rng.gauss(0, _TYPE_SPREAD))
            for weight, factor in zip(_WEIGHTS, _PARENT, strict=True)
        )
        self._edges = list(accumulate(weights))
        self._log_price = _LOG_PRICE + _LOG_PRICE_AGE * age + self._rng.gauss(0, _OWN_SPREAD)

    def draw(self) -> tuple[str, float | None]:
        """Returns type and price of an event; a search has no price."""
        place = bisect(self._edges, self._rng.random() * self._edges[-1], 0, len(TYPES) - 1)
        if not place:
            return TYPES[place], None
        return TYPES[place], round(self._rng.lognormvariate(self._log_price, _PRICE_SPREAD), 2)
