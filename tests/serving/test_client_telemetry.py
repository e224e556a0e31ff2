"""Spans and metrics of the client, through OpenTelemetry's own SDK."""

import time

import grpc
import pytest
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.semconv._incubating.attributes import rpc_attributes
from opentelemetry.semconv._incubating.metrics import rpc_metrics
from opentelemetry.semconv.attributes import error_attributes, server_attributes

from serving.client import (
    ClientOptions,
    Hedging,
    ModelNotFoundError,
    UserEncoderClient,
)
from serving.client.telemetry import DURATION, HEDGED, Telemetry
from tests.serving.scripted import called, hang, version

_PREDICT = "tensorflow.serving.PredictionService/Predict"


class _Recorded:
    """A client's telemetry, and what it has told."""

    def __init__(self):
        self._exporter, self._reader = InMemorySpanExporter(), InMemoryMetricReader()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.telemetry = Telemetry(self.tracers, MeterProvider([self._reader]))

    def spans(self, count):
        """The spans that have ended; the threads of gRPC end them a moment after the answer."""
        end = time.monotonic() + 10
        while len(self._exporter.get_finished_spans()) < count and time.monotonic() < end:
            time.sleep(0.01)
        spans = self._exporter.get_finished_spans()
        assert len(spans) == count
        return spans

    def durations(self):
        (metrics,) = self._reader.get_metrics_data().resource_metrics[0].scope_metrics
        (metric,) = metrics.metrics
        assert (metric.name, metric.unit) == (DURATION, "s")
        return metric.data.data_points


@pytest.fixture
def recorded():
    return _Recorded()


def test_the_names_are_those_of_the_conventions(recorded, shared_server):
    assert rpc_metrics.RPC_CLIENT_CALL_DURATION == DURATION
    with (
        UserEncoderClient(shared_server.target, "other", telemetry=recorded.telemetry) as client,
        pytest.raises(ModelNotFoundError),
    ):
        client.encode([["x"]])
    (span,) = recorded.spans(1)
    host, port = shared_server.target.split(":")
    expected = {
        rpc_attributes.RPC_SYSTEM_NAME: rpc_attributes.RpcSystemNameValues.GRPC.value,
        rpc_attributes.RPC_METHOD: _PREDICT,
        rpc_attributes.RPC_RESPONSE_STATUS_CODE: "NOT_FOUND",
        error_attributes.ERROR_TYPE: "NOT_FOUND",
        server_attributes.SERVER_ADDRESS: host,
        server_attributes.SERVER_PORT: int(port),
    }
    assert (span.name, span.kind) == (_PREDICT, trace.SpanKind.CLIENT)
    assert dict(span.attributes) == expected
    assert span.status.status_code == trace.StatusCode.ERROR
    (point,) = recorded.durations()
    assert dict(point.attributes) == expected
    assert point.count == 1
    assert 0 < point.sum < 60


@pytest.mark.parametrize("library", ["grpc", "grpc.aio"])
def test_every_request_is_a_span_below_the_callers(recorded, scripted, library):
    handler, port = scripted(version(4))
    arguments = {
        "options": ClientOptions(batch_size=1, in_flight=2),
        "telemetry": recorded.telemetry,
        "metadata": [("x-api-key", "secret")],
    }

    with recorded.tracers.get_tracer("test").start_as_current_span("nightly") as parent:
        called(library, port, "encode", [["x"]] * 5, **arguments)
    spans = [span for span in recorded.spans(6) if span.name == _PREDICT]
    own = parent.get_span_context()
    assert {span.parent.span_id for span in spans} == {own.span_id}
    assert {span.attributes["rpc.response.status_code"] for span in spans} == {"OK"}
    assert not any("error.type" in span.attributes for span in spans)
    # The server is told of the request's span, in W3C's format.
    expected = {f"00-{own.trace_id:032x}-{span.context.span_id:016x}" for span in spans}
    told = [metadata["traceparent"].rpartition("-") for _, metadata in handler.calls]
    assert {context for context, _, _ in told} == expected
    assert {int(flags, 16) & trace.TraceFlags.SAMPLED for _, _, flags in told} == {1}
    assert {metadata["x-api-key"] for _, metadata in handler.calls} == {"secret"}
    (point,) = recorded.durations()
    assert point.count == 5


@pytest.mark.parametrize("library", ["grpc", "grpc.aio"])
def test_a_hedged_request_is_two_spans_of_one_trace(recorded, scripted, library):
    _, stalled = scripted(hang)
    handler, quick = scripted(version(4))
    options = ClientOptions(hedging=Hedging(after=0.05, target=f"127.0.0.1:{quick}"))
    with recorded.tracers.get_tracer("test").start_as_current_span("query") as parent:
        called(
            library,
            stalled,
            "encode",
            [["x"]],
            options=options,
            telemetry=recorded.telemetry,
        )
    spans = [span for span in recorded.spans(3) if span.name == _PREDICT]
    codes = {span.attributes.get(HEDGED, False): span for span in spans}
    assert codes[False].attributes["rpc.response.status_code"] == "CANCELLED"
    assert codes[True].attributes["rpc.response.status_code"] == "OK"
    assert codes[True].attributes["server.port"] == quick
    assert {span.parent.span_id for span in spans} == {parent.get_span_context().span_id}
    ((_, metadata),) = handler.calls
    assert metadata["traceparent"].split("-")[2] == f"{codes[True].context.span_id:016x}"


@pytest.mark.parametrize(
    ("target", "address", "port"),
    [
        ("dns:///encoder:8500", "encoder", 8500),
        ("[::1]:8500", "::1", 8500),
        ("ipv4:10.0.0.1:8500,10.0.0.2:8500", "ipv4:10.0.0.1:8500,10.0.0.2:8500", None),
        ("unix:/run/serving", "unix:/run/serving", None),
    ],
)
def test_addresses_of_servers(recorded, target, address, port):
    class Ended:
        def add_done_callback(self, callback):
            callback(self)

        def code(self):
            return grpc.StatusCode.OK

    start = recorded.telemetry.traced(lambda *_: Ended(), "/service/Method", target, False)
    start(None, 1.0, ())
    (span,) = recorded.spans(1)
    assert span.attributes["server.address"] == address
    assert span.attributes.get("server.port") == port
