"""What a client raises when a server answers with an error."""

from __future__ import annotations

import grpc

from contract.errors import UserError


class ServingError(UserError):
    """The server answered with an error; the base of the others.

    Attributes:
        code: The `grpc.StatusCode`.
    """

    def __init__(self, message: str, code: grpc.StatusCode):
        super().__init__(message)
        self.code = code


class ModelNotFoundError(ServingError):
    """The server has no such model, version or label."""


class InvalidRequestError(ServingError):
    """The server understood the request and refuses it; the same request fails again."""


class ServerUnavailableError(ServingError):
    """No server answers at the target, or it is overloaded; all retries are used up."""


class NotReadyError(ServerUnavailableError):
    """The model did not become available in time; the message says what was seen last."""


class DeadlineExceededError(ServingError):
    """The answer did not come in time."""


_CLASSES = {
    grpc.StatusCode.NOT_FOUND: (
        ModelNotFoundError,
        "status() lists the versions that are loaded; compare the model's name and version with "
        "the server's configuration.",
    ),
    grpc.StatusCode.INVALID_ARGUMENT: (InvalidRequestError, ""),
    grpc.StatusCode.FAILED_PRECONDITION: (
        InvalidRequestError,
        "metadata() shows the signatures of the served model.",
    ),
    grpc.StatusCode.OUT_OF_RANGE: (InvalidRequestError, ""),
    grpc.StatusCode.RESOURCE_EXHAUSTED: (
        InvalidRequestError,
        "Is a message larger than the server or the client allows? Lower batch_size.",
    ),
    grpc.StatusCode.UNAVAILABLE: (
        ServerUnavailableError,
        "Does a server listen there, with or without TLS as the client? wait_until_ready() waits "
        "for one that is starting; an overloaded one needs fewer batches in flight.",
    ),
    grpc.StatusCode.DEADLINE_EXCEEDED: (
        DeadlineExceededError,
        "Raise the timeout or lower batch_size.",
    ),
}


def serving_error(error: grpc.RpcError, target: str, model: str) -> ServingError:
    """The exception that tells what went wrong with a call, and what to do.

    Args:
        error: What gRPC raised.
        target: Address of the server.
        model: Name of the model with its version or label.

    Returns:
        The exception to raise from `error`.
    """
    code = error.code()
    kind, remedy = _CLASSES.get(code, (ServingError, ""))
    message = f"{target}, model {model}: {code.name}: {error.details()}"
    if remedy:
        message = f"{message.rstrip('.')}. {remedy}"
    return kind(message, code)
