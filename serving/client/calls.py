"""What a request becomes: a call under way, and the functions that start one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

from serving.client.wire import Message

Metadata: TypeAlias = Sequence[tuple[str, str | bytes]]


class Call(Protocol):
    """A call under way; gRPC's own futures are some."""

    def result(self) -> Message:
        """Waits for the answer.

        Raises:
            grpc.RpcError: The server answered with an error, or none at all.
        """

    def cancel(self) -> object:
        """Ends the call, if it has not ended."""


Start: TypeAlias = Callable[[Message, float, Metadata], Call]
"""Request, seconds until its deadline, and metadata to the call."""
