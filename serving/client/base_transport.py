"""What both transports share: which calls there are, and what stands around them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import grpc

from serving.client import messages, wire
from serving.client.channels import Channels
from serving.client.hedging import Hedging
from serving.client.options import ClientOptions

if TYPE_CHECKING:
    from serving.client.telemetry import Telemetry

StartT = TypeVar("StartT")
"""`calls.Start` or `aio_calls.AioStart`."""


class BaseTransport(Generic[StartT]):
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

    _module: Any
    """`grpc` or `grpc.aio`."""

    def __init__(
        self,
        target: str,
        credentials: grpc.ChannelCredentials | None,
        options: ClientOptions,
        telemetry: Telemetry | None,
    ):
        self._telemetry = telemetry
        channels = Channels(self._module, target, credentials, options)
        self._channels = [*channels.all]
        self.get_metadata = self._start(
            channels, messages.GET_MODEL_METADATA, wire.GetModelMetadataResponse
        )
        self.get_status = self._start(
            channels, messages.GET_MODEL_STATUS, wire.GetModelStatusResponse
        )
        self.predict = self._start(channels, messages.PREDICT, wire.PredictResponse)
        if hedging := options.hedging:
            others = Channels(self._module, hedging.target or target, credentials, options)
            self._channels += others.all
            second = self._start(others, messages.PREDICT, wire.PredictResponse, hedged=True)
            self.predict = self._hedged(self.predict, second, hedging)

    def _start(
        self, channels: Channels, path: str, response: Any, *, hedged: bool = False
    ) -> StartT:
        start = self._in_turns(channels.methods(path, response))
        if self._telemetry is None:
            return start
        return self._traced(self._telemetry, start, path, channels.target, hedged)

    def _in_turns(self, methods: Iterator[Any]) -> StartT:
        """Starts each call by the next method, which belongs to the next connection."""
        raise NotImplementedError

    def _traced(
        self, telemetry: Telemetry, start: StartT, path: str, target: str, hedged: bool
    ) -> StartT:
        """Puts a span around each call."""
        raise NotImplementedError

    def _hedged(self, first: StartT, second: StartT, hedging: Hedging) -> StartT:
        """Starts the second call where the first is slow."""
        raise NotImplementedError
