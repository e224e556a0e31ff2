"""How requests travel in asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import grpc.aio

from serving.client.aio_calls import AioCall, AioStart
from serving.client.aio_hedged_calls import AioHedgedStart
from serving.client.base_transport import BaseTransport
from serving.client.calls import Metadata
from serving.client.hedging import Hedging
from serving.client.wire import Message

if TYPE_CHECKING:
    from serving.client.telemetry import Telemetry


class AioTransport(BaseTransport[AioStart]):
    """As its base; belongs to the event loop that it is made in.

    Args:
        target: As the base; so are all others.
    """

    _module = grpc.aio

    async def close(self) -> None:
        """Closes the connections; calls under way are cancelled."""
        await asyncio.gather(*(channel.close() for channel in self._channels))

    def _in_turns(self, methods: Iterator[Any]) -> AioStart:
        def start(request: Message, timeout: float, metadata: Metadata) -> AioCall:
            call: AioCall = next(methods)(request, timeout=timeout, metadata=metadata)
            return call

        return start

    def _traced(
        self, telemetry: Telemetry, start: AioStart, path: str, target: str, hedged: bool
    ) -> AioStart:
        return telemetry.aio_traced(start, path, target, hedged)

    def _hedged(self, first: AioStart, second: AioStart, hedging: Hedging) -> AioStart:
        return AioHedgedStart(first, second, hedging)
