"""Errors with the codes that TF Serving gives."""

from __future__ import annotations

import grpc

_BY_NUMBER = {code.value[0]: code for code in grpc.StatusCode}

# ToHTTPStatusCode in tensorflow_serving/model_servers/http_server.cc.
_HTTP = {
    grpc.StatusCode.CANCELLED: 499,
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.OUT_OF_RANGE: 400,
    grpc.StatusCode.UNAUTHENTICATED: 401,
    grpc.StatusCode.PERMISSION_DENIED: 403,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.ALREADY_EXISTS: 409,
    grpc.StatusCode.ABORTED: 409,
    grpc.StatusCode.FAILED_PRECONDITION: 400,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.UNIMPLEMENTED: 501,
    grpc.StatusCode.UNAVAILABLE: 503,
    grpc.StatusCode.DEADLINE_EXCEEDED: 504,
}


class StatusError(Exception):
    """A request cannot be answered.

    Attributes:
        code: The `grpc.StatusCode`.
        message: What is wrong, as TF Serving says it where it does.
    """

    def __init__(self, code: grpc.StatusCode, message: str):
        super().__init__(message)
        self.code = code
        self.message = message

    @property
    def number(self) -> int:
        """The code as `tensorflow.error.Code` counts."""
        return self.code.value[0]

    @property
    def http_status(self) -> int:
        """The code as an HTTP status."""
        return _HTTP.get(self.code, 500)


def invalid_argument(message: str) -> StatusError:
    """The request itself is wrong."""
    return StatusError(grpc.StatusCode.INVALID_ARGUMENT, message)


def not_found(message: str) -> StatusError:
    """No such model or version."""
    return StatusError(grpc.StatusCode.NOT_FOUND, message)


def failed_precondition(message: str) -> StatusError:
    """The request does not fit what is loaded."""
    return StatusError(grpc.StatusCode.FAILED_PRECONDITION, message)


def permission_denied(message: str) -> StatusError:
    """The server is not meant to do that for anybody."""
    return StatusError(grpc.StatusCode.PERMISSION_DENIED, message)


def unavailable(message: str) -> StatusError:
    """Not now; the same request may succeed later."""
    return StatusError(grpc.StatusCode.UNAVAILABLE, message)


def unimplemented(message: str) -> StatusError:
    """This server does not do that."""
    return StatusError(grpc.StatusCode.UNIMPLEMENTED, message)


def from_tensorflow(error) -> StatusError:
    """What TensorFlow raised while it ran the model.

    Args:
        error: `tf.errors.OpError`.
    """
    code = _BY_NUMBER.get(error.error_code, grpc.StatusCode.UNKNOWN)
    # Behind the first paragraph is the graph's own stack trace.
    return StatusError(code, error.message.split("\n\n")[0].strip())
