"""How a client talks to a server."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from serving.client.hedging import Hedging

_RETRY_BUFFER_BYTES = 64 << 20

_POSITIVE = (
    *("batch_size", "in_flight", "timeout", "initial_backoff", "max_backoff"),
    *("channels", "keepalive_time", "keepalive_timeout"),
)


@dataclasses.dataclass(frozen=True)
class ClientOptions:
    """Batches, deadlines, retries, sizes and connections.

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
        channels: Connections to the server, which requests take in turns; see `Channels` for when
            more than one helps.
        keepalive_time: Seconds without traffic until a connection is tried with a ping. Balancers
            drop idle connections without a word, and a call would hang until its deadline. By
            default a gRPC server, as TF Serving's, ends a connection after the third ping during
            which it sent nothing, so let a call take less than three times as long.
        keepalive_timeout: Seconds that the ping's answer may take; after that the calls under way
            fail as `UNAVAILABLE`, and are tried again.
        keepalive_idle: Whether pings go on while no call is under way. A server must allow it
            (`grpc.keepalive_permit_without_calls`); else it ends the connection.
        hedging: When a request for outputs is sent a second time; None: never.
    """

    batch_size: int = 64
    in_flight: int = 4
    timeout: float = 30.0
    max_attempts: int = 4
    initial_backoff: float = 0.1
    max_backoff: float = 2.0
    max_message_bytes: int = 64 << 20
    channels: int = 1
    keepalive_time: float = 30.0
    keepalive_timeout: float = 10.0
    keepalive_idle: bool = False
    hedging: Hedging | None = None

    def __post_init__(self) -> None:
        for name in _POSITIVE:
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be positive, not {getattr(self, name)}.")
        if not 1 <= self.max_attempts <= 5:
            raise ValueError(f"max_attempts must be 1 to 5, not {self.max_attempts}.")

    def channel_arguments(self) -> list[tuple[str, int | str]]:
        """Returns gRPC's channel options; the retries are gRPC's own (proposal A6)."""
        arguments: list[tuple[str, int | str]] = [
            ("grpc.max_send_message_length", self.max_message_bytes),
            ("grpc.max_receive_message_length", self.max_message_bytes),
            ("grpc.keepalive_time_ms", round(self.keepalive_time * 1000)),
            ("grpc.keepalive_timeout_ms", round(self.keepalive_timeout * 1000)),
            ("grpc.keepalive_permit_without_calls", int(self.keepalive_idle)),
            ("grpc.http2.max_pings_without_data", 0),
            # Else channels of one target would share a connection.
            ("grpc.use_local_subchannel_pool", 1),
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
