"""The development server's settings."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Positive = Annotated[int, Field(gt=0)]


class BatchingOptions(BaseModel):
    """Dynamic batching; the names are those of TF Serving's `BatchingParameters`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_batch_size: Positive = Field(256, description="Users that are run at once.")
    batch_timeout_micros: int = Field(
        0,
        ge=0,
        description="How long a batch that is not full waits for more, if a thread is free.",
    )
    max_enqueued_batches: Positive = Field(16, description="Full batches that may wait.")
    num_batch_threads: Positive = Field(2, description="Batches that are run side by side.")


class ServerOptions(BaseModel):
    """Addresses, limits and periods of the development server."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8500, ge=0, lt=65536, description="gRPC port; 0 takes a free one.")
    rest_api_port: int = Field(8501, ge=0, lt=65536, description="REST port; 0 takes a free one.")
    batching: BatchingOptions = Field(BatchingOptions(), description="Batches and their queue.")
    enable_batching: bool = Field(True, description="Run several requests as one batch.")
    poll_seconds: float = Field(1.0, gt=0, description="Period of looking for new versions.")
    max_load_attempts: Positive = Field(5, description="After these a version is given up.")
    max_message_bytes: Positive = Field(64 << 20, description="Largest request.")
    max_concurrent_requests: Positive = Field(
        2048, description="gRPC requests under way; above that RESOURCE_EXHAUSTED."
    )
    request_timeout_seconds: float = Field(
        30.0, gt=0, description="A slow HTTP client must have sent its request in this time."
    )
    drain_seconds: float = Field(
        30.0, gt=0, description="At the end, requests under way have this long."
    )
    session_threads: Positive = Field(2, description="Threads of TensorFlow within a batch.")
    reload_from_any_folder: bool = Field(
        False,
        description="HandleReloadConfigRequest may name folders that are not beside the model's.",
    )
    tls_key: str | None = Field(None, description="PEM file of the server's private key.")
    tls_certificate: str | None = Field(None, description="PEM file of its certificate chain.")
