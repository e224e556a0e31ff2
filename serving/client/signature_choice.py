"""Which signature of the served model is asked."""

from __future__ import annotations

from collections.abc import Sequence

import grpc

from contract.signatures import SERVING_DEFAULT, USER_VECTORS, VECTORS
from serving.client.wire import Message


class SignatureChoice:
    """Asks for vectors alone where the model can be asked so, which costs it no task.

    A model that was exported before there was such a signature refuses the first request, which is
    then made anew; after that it is known of this version, and no further one is refused. May be
    shared by threads: what is lost to a race is one more such request.
    """

    def __init__(self) -> None:
        self._lacked_by: int | None = None

    def name(self, outputs: Sequence[str]) -> str:
        """The signature for these outputs."""
        if self._lacked_by is None and set(outputs) <= set(VECTORS):
            return USER_VECTORS
        return SERVING_DEFAULT

    def lacks(self, request: Message, error: grpc.RpcError) -> bool:
        """Whether the model lacks the signature; the request then is for one that it has."""
        if (
            request.model_spec.signature_name != USER_VECTORS
            or error.code() != grpc.StatusCode.FAILED_PRECONDITION
            or USER_VECTORS not in (error.details() or "")
        ):
            return False
        request.model_spec.signature_name = SERVING_DEFAULT
        return True

    def answered_instead(self, response: Message) -> None:
        """Notes the version that lacks the signature, from its answer to the changed request."""
        self._lacked_by = response.model_spec.version.value

    def answered(self, response: Message) -> None:
        """Notes a version that answered, of which it may not be known."""
        if response.model_spec.version.value != self._lacked_by:
            self._lacked_by = None
