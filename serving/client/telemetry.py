"""Spans and metrics of every request, by OpenTelemetry; needs the package `opentelemetry-api`.

Only who imports this module needs the package, and only a client that gets a `Telemetry` pays.

Names: OpenTelemetry's semantic conventions for RPC and gRPC, 1.40 and later.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from typing import Any, cast

import grpc

try:
    from opentelemetry import metrics, propagate, trace
except ImportError as error:
    raise ImportError(
        "Spans and metrics need OpenTelemetry's API: pip install "
        "'sumn-user-encoder-client[opentelemetry]', or opentelemetry-api."
    ) from error

from serving.client.aio_calls import AioStart
from serving.client.calls import Call, Metadata, Start
from serving.client.wire import Message

DURATION = "rpc.client.call.duration"
"""Histogram, seconds; a call that is tried again by gRPC is one."""

HEDGED = "user_encoder.hedged"
"""Attribute of a span and of a duration, where the request was sent for the second time."""

_NAME = "serving.client"
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
_HOST_AND_PORT = re.compile(r"(?:dns:(?://[^/]*/)?)?(?P<host>\[[^]]+\]|[^:/,]+):(?P<port>\d+)")


class Telemetry:
    """What a client tells of its requests.

    Each request is a span of kind CLIENT, below the span in which the client was called, and sends
    its context to the server (W3C's `traceparent`, or what the global propagator says).

    >>> telemetry = Telemetry()  # doctest: +SKIP
    >>> client = UserEncoderClient("localhost:8500", "demo", telemetry=telemetry)  # doctest: +SKIP

    Args:
        tracer_provider: Of the spans; by default the global one.
        meter_provider: Of the metrics; by default the global one.
    """

    def __init__(
        self,
        tracer_provider: trace.TracerProvider | None = None,
        meter_provider: metrics.MeterProvider | None = None,
    ):
        self._tracer = trace.get_tracer(_NAME, tracer_provider=tracer_provider)
        self._duration = metrics.get_meter(_NAME, meter_provider=meter_provider).create_histogram(
            DURATION,
            unit="s",
            description="Measures the duration of an outgoing Remote Procedure Call (RPC).",
            explicit_bucket_boundaries_advisory=_BUCKETS,
        )

    def traced(self, start: Start, path: str, target: str, hedged: bool) -> Start:
        """Starts calls with a span around each.

        Args:
            start: What starts them.
            path: Their method, `/package.Service/Method`.
            target: Where they go.
            hedged: Whether they are second requests.
        """
        attributes = _attributes(path, target, hedged)

        def start_traced(request: Message, timeout: float, metadata: Metadata) -> Call:
            request_span = _RequestSpan(self._tracer, self._duration, attributes)
            call: Any = start(request, timeout, (*metadata, *request_span.context))
            call.add_done_callback(lambda ended: request_span.end(ended.code()))
            return cast(Call, call)

        return start_traced

    def aio_traced(self, start: AioStart, path: str, target: str, hedged: bool) -> AioStart:
        """As `traced`, for asyncio."""
        attributes = _attributes(path, target, hedged)

        async def traced(request: Message, timeout: float, metadata: Metadata) -> Message:
            request_span = _RequestSpan(self._tracer, self._duration, attributes)
            code = grpc.StatusCode.UNKNOWN
            try:
                answer = await start(request, timeout, (*metadata, *request_span.context))
                code = grpc.StatusCode.OK
                return answer
            except grpc.RpcError as error:
                code = error.code()
                raise
            except asyncio.CancelledError:
                code = grpc.StatusCode.CANCELLED
                raise
            finally:
                request_span.end(code)

        return lambda *arguments: asyncio.ensure_future(traced(*arguments))


class _RequestSpan:
    """The span of one request, and its duration.

    Attributes:
        context: Metadata that tells the server of the span.
    """

    def __init__(
        self,
        tracer: trace.Tracer,
        duration: metrics.Histogram,
        attributes: Mapping[str, str | int | bool],
    ):
        self._duration, self._attributes = duration, attributes
        self._start = time.perf_counter()
        self._span = tracer.start_span(
            str(attributes["rpc.method"]), kind=trace.SpanKind.CLIENT, attributes=attributes
        )
        carrier: dict[str, str] = {}
        propagate.inject(carrier, trace.set_span_in_context(self._span))
        self.context = tuple((name.lower(), value) for name, value in carrier.items())

    def end(self, code: grpc.StatusCode) -> None:
        """Ends the span with the status of the call."""
        outcome: dict[str, str] = {"rpc.response.status_code": code.name}
        if code != grpc.StatusCode.OK:
            outcome["error.type"] = code.name
            self._span.set_status(trace.StatusCode.ERROR)
        self._span.set_attributes(outcome)
        self._span.end()
        self._duration.record(time.perf_counter() - self._start, {**self._attributes, **outcome})


def _attributes(path: str, target: str, hedged: bool) -> dict[str, str | int | bool]:
    attributes: dict[str, str | int | bool] = {
        "rpc.system.name": "grpc",
        "rpc.method": path.removeprefix("/"),
    }
    if found := _HOST_AND_PORT.fullmatch(target):
        attributes["server.address"] = found["host"].strip("[]")
        attributes["server.port"] = int(found["port"])
    else:
        attributes["server.address"] = target
    if hedged:
        attributes[HEDGED] = True
    return attributes
