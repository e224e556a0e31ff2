"""Waiting for a model, without a health service or anything else beside the server."""

from __future__ import annotations

import time
from collections.abc import Sequence

import grpc

from serving.client.errors import (
    DeadlineExceededError,
    InvalidRequestError,
    ModelNotFoundError,
    NotReadyError,
    ServerUnavailableError,
    ServingError,
)
from serving.client.messages import VersionStatus

PAUSE = 0.2
"""Seconds between two questions."""

NOT_READY = (
    DeadlineExceededError,
    InvalidRequestError,
    ModelNotFoundError,
    ServerUnavailableError,
)
"""What a server answers while it starts or loads; an unknown label is an invalid request."""

_AVAILABLE = "AVAILABLE"
_LONGEST_QUESTION = 5.0


class Waiting:
    """A wait for a version that is available.

    Args:
        target: Address of the server.
        model: Name of the model with its version or label.
        timeout: Seconds.
    """

    def __init__(self, target: str, model: str, timeout: float):
        self._name = f"{target}, model {model}"
        self._timeout = timeout
        self._deadline = time.monotonic() + timeout

    def timeout_of_question(self) -> float:
        """Seconds that the next question may take."""
        return min(max(self._deadline - time.monotonic(), 0.1), _LONGEST_QUESTION)

    def is_over(self, statuses: Sequence[VersionStatus]) -> bool:
        """Whether a version is available.

        Raises:
            NotReadyError: None is, and the time is over.
        """
        if any(status.state == _AVAILABLE for status in statuses):
            return True
        seen = ", ".join(
            f"version {status.version} {status.state}{f' ({status.error})' if status.error else ''}"
            for status in statuses
        )
        self._check(
            f"{seen or 'no version'}. A version that is not AVAILABLE is being loaded, or failed "
            "to be: the server's log says more",
            grpc.StatusCode.UNAVAILABLE,
        )
        return False

    def failed(self, error: ServingError) -> None:
        """Takes the error to a question.

        Raises:
            NotReadyError: The time is over.
        """
        self._check(str(error).rstrip("."), error.code)

    def _check(self, seen: str, code: grpc.StatusCode) -> None:
        if time.monotonic() + PAUSE > self._deadline:
            raise NotReadyError(
                f"{self._name}: not ready after {self._timeout:g} s; seen last: {seen}.", code
            )
