"""How long is waited before a failed step is run again, as KFP's retry policy says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_FACTOR = 2.0
_MOST = "3600s"


def waits(policy: Mapping[str, Any]) -> Iterator[float]:
    """Yields the seconds before each further attempt.

    >>> policy = {"maxRetryCount": 4, "backoffDuration": "10s", "backoffMaxDuration": "100s"}
    >>> list(waits(policy))
    [10.0, 20.0, 40.0]

    Args:
        policy: KFP's `RetryPolicy` as JSON; {}: no further attempt.
    """
    wait = _seconds(policy.get("backoffDuration", "0s"))
    left = _seconds(policy.get("backoffMaxDuration", _MOST))
    for _ in range(policy.get("maxRetryCount", 0)):
        left -= wait
        if left < 0:
            return
        yield wait
        wait *= policy.get("backoffFactor", _FACTOR)


def _seconds(duration: str) -> float:
    return float(duration.removesuffix("s"))
