"""What the development server tells Prometheus."""

from __future__ import annotations

import prometheus_client as prometheus

CONTENT_TYPE = prometheus.CONTENT_TYPE_LATEST

_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


class Metrics:
    """The metrics of one server, in a registry of their own.

    Attributes:
        requests: Answered requests, by interface (grpc, rest), method, model and code.
        latency: Seconds from the first byte understood to the answer, by interface and method.
        batch_rows: Users in a batch that is run.
        queued_rows: Users that wait.
        versions: 1 for every version that is loaded, by model and version.
        loads: Attempts to load a version, by model and outcome.
    """

    def __init__(self):
        self._registry = prometheus.CollectorRegistry()
        prefix = "local_serving"
        self.requests = prometheus.Counter(
            f"{prefix}_requests",
            "Answered requests",
            ["interface", "method", "model", "code"],
            registry=self._registry,
        )
        self.latency = prometheus.Histogram(
            f"{prefix}_latency_seconds",
            "Time to answer",
            ["interface", "method"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self.batch_rows = prometheus.Histogram(
            f"{prefix}_batch_rows", "Users in a batch", buckets=_ROWS, registry=self._registry
        )
        self.queued_rows = prometheus.Gauge(
            f"{prefix}_queued_rows", "Users that wait", registry=self._registry
        )
        self.versions = prometheus.Gauge(
            f"{prefix}_loaded_versions",
            "Versions that are loaded",
            ["model", "version"],
            registry=self._registry,
        )
        self.loads = prometheus.Counter(
            f"{prefix}_loads",
            "Attempts to load a version",
            ["model", "outcome"],
            registry=self._registry,
        )

    def text(self) -> bytes:
        """All values in Prometheus' text format."""
        return prometheus.generate_latest(self._registry)
