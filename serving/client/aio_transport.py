"""How requests travel in asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio

from serving.client import messages, wire
from serving.client.aio_calls import AioCall, AioStart
from serving.client.aio_hedged_calls import AioHedgedStart
from serving.client.calls import Metadata
from serving.client.channels import Channels
from serving.client.options import ClientOptions
from serving.client.wire import Message

if TYPE_CHECKING:
    from serving.client.telemetry import Telemetry


class AioTransport:
    """As `Transport`; belongs to the event loop that it is made in.

    Attributes:
        predict: Starts a `Predict`.
        get_metadata: Starts a `GetModelMetadata`.
        get_status: Starts a `GetModelStatus`.

    Args:
        target: As `Transport`; so are all others.
    """

    def __init__(
        self,
        target: str,
        credentials: grpc.ChannelCredentials | None,
        options: ClientOptions,
        telemetry: Telemetry | None,
    ):
        self._telemetry = telemetry
        channels = Channels(grpc.aio, target, credentials, options)
        self._channels = [*channels.all]
        self.get_metadata = self._start(
            channels, messages.GET_MODEL_METADATA, wire.GetModelMetadataResponse
        )
        self.get_status = self._start(
            channels, messages.GET_MODEL_STATUS, wire.GetModelStatusResponse
        )
        self.predict = self._start(channels, messages.PREDICT, wire.PredictResponse)
        if hedging := options.hedging:
            others = Channels(grpc.aio, hedging.target or target, credentials, options)
            self._channels += others.all
            second = self._start(others, messages.PREDICT, wire.PredictResponse, hedged=True)
            self.predict = AioHedgedStart(self.predict, second, hedging)

    async def close(self) -> None:
        """Closes the connections; calls under way are cancelled."""
        await asyncio.gather(*(channel.close() for channel in self._channels))

    def _start(
        self, channels: Channels, path: str, response: Any, *, hedged: bool = False
    ) -> AioStart:
        start = _in_turns(channels.methods(path, response))
        if self._telemetry is None:
            return start
        return self._telemetry.aio_traced(start, path, channels.target, hedged)


def _in_turns(methods: Iterator[grpc.aio.UnaryUnaryMultiCallable]) -> AioStart:
    def start(request: Message, timeout: float, metadata: Metadata) -> AioCall:
        call: AioCall = next(methods)(request, timeout=timeout, metadata=metadata)
        return call

    return start
