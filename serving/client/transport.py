"""How requests travel: connections, spans around each call, and second calls where one is slow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import grpc

from serving.client.base_transport import BaseTransport
from serving.client.calls import Call, Metadata, Start
from serving.client.hedged_calls import HedgedStart
from serving.client.hedging import Hedging
from serving.client.wire import Message

if TYPE_CHECKING:
    from serving.client.telemetry import Telemetry


class Transport(BaseTransport[Start]):
    """As its base, for any thread.

    Args:
        target: As the base; so are all others.
    """

    _module = grpc

    def close(self) -> None:
        """Closes the connections; calls under way are cancelled."""
        if isinstance(self.predict, HedgedStart):
            self.predict.close()
        for channel in self._channels:
            channel.close()

    def _in_turns(self, methods: Iterator[Any]) -> Start:
        def start(request: Message, timeout: float, metadata: Metadata) -> Call:
            call: Call = next(methods).future(request, timeout=timeout, metadata=metadata)
            return call

        return start

    def _traced(
        self, telemetry: Telemetry, start: Start, path: str, target: str, hedged: bool
    ) -> Start:
        return telemetry.traced(start, path, target, hedged)

    def _hedged(self, first: Start, second: Start, hedging: Hedging) -> Start:
        return HedgedStart(first, second, hedging)
