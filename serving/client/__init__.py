"""Clients of a served user encoder. Importing them imports neither TensorFlow nor the pipeline."""

from serving.client.aio import AsyncUserEncoderClient
from serving.client.client import UserEncoderClient
from serving.client.errors import (
    DeadlineExceededError,
    InvalidRequestError,
    ModelNotFoundError,
    NotReadyError,
    ServerUnavailableError,
    ServingError,
)
from serving.client.hedging import Hedging
from serving.client.messages import ModelMetadata, TensorSpec, VersionStatus
from serving.client.options import ClientOptions

__all__ = [
    "AsyncUserEncoderClient",
    "ClientOptions",
    "DeadlineExceededError",
    "Hedging",
    "InvalidRequestError",
    "ModelMetadata",
    "ModelNotFoundError",
    "NotReadyError",
    "ServerUnavailableError",
    "ServingError",
    "TensorSpec",
    "UserEncoderClient",
    "VersionStatus",
]
