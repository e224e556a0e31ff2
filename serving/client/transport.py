"""How requests travel: connections, spans around each call, and second calls where one is slow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import grpc

from serving.client import messages, wire
from serving.client.calls import Call, Metadata, Start
from serving.client.channels import Channels
from serving.client.hedged_calls import HedgedStart
from serving.client.options import ClientOptions
from serving.client.wire import Message

if TYPE_CHECKING:
    from serving.client.telemetry import Telemetry


class Transport:
    """Starts the calls of a client; what is not asked for takes no part in them.

    Attributes:
        predict: Starts a `Predict`.
        get_metadata: Starts a `GetModelMetadata`.
        get_status: Starts a `GetModelStatus`.

    Args:
        target: Host and port, or any other target of gRPC.
        credentials: For TLS; None: no encryption.
        options: Connections, and whether reads are hedged.
        telemetry: Spans and metrics; None: none.
    """

    def __init__(
        self,
        target: str,
        credentials: grpc.ChannelCredentials | None,
        options: ClientOptions,
        telemetry: Telemetry | None,
    ):
        self._telemetry = telemetry
        channels = Channels(grpc, target, credentials, options)
        self._channels = [*channels.all]
        self._hedged: HedgedStart | None = None
        self.get_metadata = self._start(
            channels, messages.GET_MODEL_METADATA, wire.GetModelMetadataResponse
        )
        self.get_status = self._start(
            channels, messages.GET_MODEL_STATUS, wire.GetModelStatusResponse
        )
        self.predict = self._start(channels, messages.PREDICT, wire.PredictResponse)
        if hedging := options.hedging:
            others = Channels(grpc, hedging.target or target, credentials, options)
            self._channels += others.all
            second = self._start(others, messages.PREDICT, wire.PredictResponse, hedged=True)
            self._hedged = HedgedStart(self.predict, second, hedging)
            self.predict = self._hedged

    def close(self) -> None:
        """Closes the connections; calls under way are cancelled."""
        if self._hedged:
            self._hedged.close()
        for channel in self._channels:
            channel.close()

    def _start(
        self, channels: Channels, path: str, response: Any, *, hedged: bool = False
    ) -> Start:
        start = _in_turns(channels.methods(path, response))
        if self._telemetry is None:
            return start
        return self._telemetry.traced(start, path, channels.target, hedged)


def _in_turns(methods: Iterator[grpc.UnaryUnaryMultiCallable]) -> Start:
    def start(request: Message, timeout: float, metadata: Metadata) -> Call:
        call: Call = next(methods).future(request, timeout=timeout, metadata=metadata)
        return call

    return start
