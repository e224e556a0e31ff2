"""How a client talks to a server."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

_RETRY_BUFFER_BYTES = 64 << 20


@dataclasses.dataclass(frozen=True)
class ClientOptions:
    """Batches, deadlines, retries and sizes.

    Attributes:
        batch_size: Users a request; at most TF Serving's `max_batch_size`.
        in_flight: Requests under way at once.
        timeout: Seconds that one request may take, retries included.
        max_attempts: How often a request is tried, 1 to 5 (gRPC's limit). Only `UNAVAILABLE` is
            tried again: the server had not begun, or its queue was full, and an encoding has no
            side effects. Any other error would come back.
        initial_backoff: Seconds before the second attempt, on average half of it; doubles up to
            `max_backoff`.
        max_backoff: seconds.
        max_message_bytes: Largest request and response.
    """

    batch_size: int = 64
    in_flight: int = 4
    timeout: float = 30.0
    max_attempts: int = 4
    initial_backoff: float = 0.1
    max_backoff: float = 2.0
    max_message_bytes: int = 64 << 20

    def __post_init__(self) -> None:
        for name in ("batch_size", "in_flight", "timeout", "initial_backoff", "max_backoff"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be positive, not {getattr(self, name)}.")
        if not 1 <= self.max_attempts <= 5:
            raise ValueError(f"max_attempts must be 1 to 5, not {self.max_attempts}.")

    def channel_arguments(self) -> list[tuple[str, int | str]]:
        """Returns gRPC's channel options; the retries are gRPC's own (proposal A6)."""
        arguments: list[tuple[str, int | str]] = [
            ("grpc.max_send_message_length", self.max_message_bytes),
            ("grpc.max_receive_message_length", self.max_message_bytes),
            # A load balancer drops idle connections silently; without pings a call would hang.
            ("grpc.keepalive_time_ms", 30_000),
            ("grpc.keepalive_timeout_ms", 10_000),
            ("grpc.http2.max_pings_without_data", 0),
        ]
        # Where a name stands for several servers, each gets its share.
        service_config: dict[str, Any] = {"loadBalancingConfig": [{"round_robin": {}}]}
        if self.max_attempts == 1:
            return [
                *arguments,
                ("grpc.service_config", json.dumps(service_config)),
                ("grpc.enable_retries", 0),
            ]
        policy = {
            "maxAttempts": self.max_attempts,
            "initialBackoff": f"{self.initial_backoff}s",
            "maxBackoff": f"{self.max_backoff}s",
            "backoffMultiplier": 2,
            "retryableStatusCodes": ["UNAVAILABLE"],
        }
        service_config["methodConfig"] = [{"name": [{}], "retryPolicy": policy}]
        return [
            *arguments,
            ("grpc.service_config", json.dumps(service_config)),
            # A request that does not fit into this buffer would be tried once only.
            ("grpc.per_rpc_retry_buffer_size", _RETRY_BUFFER_BYTES),
        ]
