"""What a request becomes in asyncio."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, Protocol, TypeAlias

from serving.client.calls import Metadata
from serving.client.wire import Message


class AioCall(Protocol):
    """A call under way; gRPC's own calls and asyncio's tasks are some."""

    def __await__(self) -> Generator[Any, None, Message]:
        """Waits for the answer."""

    def cancel(self) -> object:
        """Ends the call, if it has not ended."""


AioStart: TypeAlias = Callable[[Message, float, Metadata], AioCall]
"""As `calls.Start`."""
