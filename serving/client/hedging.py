"""Hedged reads: a second request where the first one is slow; whichever answers first counts.

gRPC's own hedging policy (proposal A6) is not in grpcio, which ignores it in a service config.

Reference: Dean and Barroso, "The Tail at Scale", Communications of the ACM 56 (2), 2013.
"""

from __future__ import annotations

import dataclasses
import threading

import grpc

_MOST_SAVED = 10.0
"""Hedges that may come at once, after quiet times."""


@dataclasses.dataclass(frozen=True)
class Hedging:
    """When a request is sent a second time.

    Encodings have no side effects, so that asking twice costs a server's time and nothing else.

    Attributes:
        after: Seconds without an answer until the second request is sent; about the 95th
            percentile of the answers' times is usual.
        target: Where it is sent; by default to the same target over another connection. Another
            server is what helps against one that stalls.
        budget: At most such a share of the requests is sent a second time, over and above the
            first ten, so that a server that is slow from overload does not get twice as much to do.
    """

    after: float
    target: str | None = None
    budget: float = 0.1

    def __post_init__(self) -> None:
        if self.after <= 0:
            raise ValueError(f"after must be positive seconds, not {self.after}.")
        if not 0 < self.budget <= 1:
            raise ValueError(f"budget must be above 0 and at most 1, not {self.budget}.")


class HedgeBudget:
    """Counts how many second requests may still be sent; may be shared by threads.

    Args:
        share: Of the requests.
    """

    def __init__(self, share: float):
        self._share = share
        self._left = _MOST_SAVED
        self._lock = threading.Lock()

    def earn(self) -> None:
        """Notes a request."""
        with self._lock:
            self._left = min(self._left + self._share, _MOST_SAVED)

    def take(self) -> bool:
        """Whether a second request may be sent, which then is counted."""
        with self._lock:
            if self._left < 1:
                return False
            self._left -= 1
            return True


def is_final(code: grpc.StatusCode) -> bool:
    """Whether another server would answer the same, so that its answer need not be waited for."""
    return code is not grpc.StatusCode.UNAVAILABLE
