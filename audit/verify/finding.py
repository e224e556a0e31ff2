"""What verifying found."""

from __future__ import annotations

from typing import NamedTuple

HOLDS, BROKEN, UNKNOWN = "holds", "broken", "unknown"


class Finding(NamedTuple):
    """One thing that was looked at.

    Attributes:
        level: 0, 1 or 2.
        state: `HOLDS`, `BROKEN`, or `UNKNOWN`: it cannot be verified here.
        sentence: What was found; of what is unknown, why.
    """

    level: int
    state: str
    sentence: str
