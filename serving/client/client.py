"""The synchronous client."""

from __future__ import annotations

import collections
import time
import types
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import grpc

from contract.signatures import USER_VECTOR
from serving.client import messages
from serving.client.calls import Call, Metadata, Start
from serving.client.errors import NotReadyError, serving_error
from serving.client.event_lists import Moments, Types, Values, events_of
from serving.client.messages import (
    FloatArray,
    History,
    ModelMetadata,
    ModelVersion,
    VersionStatus,
)
from serving.client.options import ClientOptions
from serving.client.readiness import NOT_READY, PAUSE, Waiting
from serving.client.signature_choice import SignatureChoice
from serving.client.transport import Transport
from serving.client.wire import Message

if TYPE_CHECKING:
    from serving.client.telemetry import Telemetry


class UserEncoderClient:
    """Turns users' texts into vectors and predictions, through TF Serving's gRPC interface.

    May be used by several threads. An example:

    >>> client = UserEncoderClient("localhost:8500", "demo", label="stable")  # doctest: +SKIP
    >>> with client:  # doctest: +SKIP
    ...     client.wait_until_ready(timeout=60)
    ...     vectors = client.encode([["hiking boots", "trail maps"], ["sour dough"]])
    ...     vectors.shape
    (2, 256)

    Args:
        target: Host and port, or any other target of gRPC, such as `dns:///encoder:8500`.
        model: The name under which the model is served.
        version: Its version; by default the newest that is loaded.
        label: A label of a version instead, such as `stable`.
        credentials: `grpc.ssl_channel_credentials(...)` for TLS; None: no encryption.
        metadata: Pairs that are sent with every call, such as an API key.
        options: Batches, deadlines, retries, connections and hedged reads.
        telemetry: Spans and metrics of the requests, a `serving.client.telemetry.Telemetry`; None:
            none.
    """

    def __init__(
        self,
        target: str,
        model: str,
        *,
        version: int | None = None,
        label: str | None = None,
        credentials: grpc.ChannelCredentials | None = None,
        metadata: Metadata = (),
        options: ClientOptions | None = None,
        telemetry: Telemetry | None = None,
    ):
        self._model = ModelVersion(model, version, label)
        self._target = target
        self._metadata = tuple(metadata)
        self._options = options or ClientOptions()
        self._transport = Transport(target, credentials, self._options, telemetry)
        self._signature = SignatureChoice()

    def encode(
        self,
        histories: Sequence[History],
        *,
        timestamps: Sequence[Moments] | None = None,
        types: Sequence[Types] | None = None,
        values: Sequence[Values] | None = None,
        timeout: float | None = None,
        metadata: Metadata = (),
    ) -> FloatArray:
        """Users to their vectors.

        Args:
            histories: For every user the texts, str or bytes, oldest first; may be empty.
            timestamps: For every user the Unix seconds of the texts, one for each, 0 where it is
                unknown; a model without the channel of time ignores them.
            types: In the same way what kind of event each was, such as "view", None where it is
                unknown; a model without the channel of types ignores them.
            values: In the same way a number of each, such as a price, None where it is unknown; a
                model without the channel of values ignores them.
            timeout: Seconds for each request, instead of the options'.
            metadata: Pairs that are sent in addition.

        Returns:
            float32 [n, d], all of one version of the model.

        Raises:
            ServingError: If the server answers with an error; see its subclasses.
            TypeError: If the arguments are of the wrong kind.
            ValueError: If timestamps, types or values do not fit the histories, or cannot be such.
        """
        outputs = self.outputs(
            histories,
            [USER_VECTOR],
            timestamps=timestamps,
            types=types,
            values=values,
            timeout=timeout,
            metadata=metadata,
        )
        return outputs[USER_VECTOR]

    def predict(
        self,
        histories: Sequence[History],
        tasks: Sequence[str] | None = None,
        *,
        timestamps: Sequence[Moments] | None = None,
        types: Sequence[Types] | None = None,
        values: Sequence[Values] | None = None,
        timeout: float | None = None,
        metadata: Metadata = (),
    ) -> dict[str, FloatArray]:
        """Users to the probabilities of each task.

        Args:
            histories: As for `encode`.
            tasks: Which tasks; by default the server is asked for their names first, which is one
                more call.
            timestamps: As for `encode`.
            types: As for `encode`.
            values: As for `encode`.
            timeout: As for `encode`.
            metadata: As for `encode`.

        Returns:
            Task to float32 [n, classes].

        Raises:
            ServingError: As `encode`.
        """
        if tasks is None:
            tasks = self.metadata(timeout=timeout, metadata=metadata).tasks
        return self.outputs(
            histories,
            tasks,
            timestamps=timestamps,
            types=types,
            values=values,
            timeout=timeout,
            metadata=metadata,
        )

    def outputs(
        self,
        histories: Sequence[History],
        names: Sequence[str],
        *,
        timestamps: Sequence[Moments] | None = None,
        types: Sequence[Types] | None = None,
        values: Sequence[Values] | None = None,
        timeout: float | None = None,
        metadata: Metadata = (),
    ) -> dict[str, FloatArray]:
        """Users to any outputs of the model; only these are computed and sent.

        Args:
            histories: As for `encode`.
            names: Tasks, `user_vector`, and `user_vector_full` if the model has it.
            timestamps: As for `encode`.
            types: As for `encode`.
            values: As for `encode`.
            timeout: As for `encode`.
            metadata: As for `encode`.

        Returns:
            Output to float32 [n, ...], all of one version of the model.

        Raises:
            ServingError: As `encode`.
            ValueError: If `names` is empty.
        """
        events = events_of(timestamps, types, values)
        messages.check_users(histories, events)
        if not names:
            raise ValueError("No output is asked for.")
        if not len(histories):
            return self.metadata(timeout=timeout, metadata=metadata).of_nobody(names)
        requests = list(
            messages.predict_requests(
                histories,
                events,
                self._model,
                self._signature.name(names),
                names,
                self._options.batch_size,
            )
        )
        results = messages.Results(requests)
        pending: Sequence[int] = range(len(requests))
        while pending:
            for index, response in self._answers(requests, pending, timeout, metadata):
                results.add(index, response)
            pending = results.stale()
        return results.arrays()

    def metadata(self, *, timeout: float | None = None, metadata: Metadata = ()) -> ModelMetadata:
        """Version, tasks, inputs and outputs of the served model."""
        request = messages.metadata_request(self._model)
        response = self._call(self._transport.get_metadata, request, timeout, metadata)
        return messages.parse_metadata(response)

    def status(
        self, *, timeout: float | None = None, metadata: Metadata = ()
    ) -> list[VersionStatus]:
        """States of the model's versions (of the one, if the client has a version)."""
        request = messages.status_request(self._model)
        response = self._call(self._transport.get_status, request, timeout, metadata)
        return messages.parse_status(response)

    def wait_until_ready(self, timeout: float = 60.0) -> ModelMetadata:
        """Waits until the server listens and the model's version is AVAILABLE.

        It asks the server itself (`GetModelStatus`), so nothing beside it is needed. Without a
        version any one that is available will do; with a label, the label must be there too.

        Args:
            timeout: seconds.

        Returns:
            The model's metadata.

        Raises:
            NotReadyError: The time is over; the message says what was seen last.
        """
        waiting = Waiting(self._target, str(self._model), timeout)
        while True:
            try:
                if waiting.is_over(self.status(timeout=waiting.timeout_of_question())):
                    return self.metadata(timeout=waiting.timeout_of_question())
            except NotReadyError:
                raise
            except NOT_READY as error:
                waiting.failed(error)
            time.sleep(PAUSE)

    def close(self) -> None:
        """Closes the connection; calls under way are cancelled."""
        self._transport.close()

    def __enter__(self) -> UserEncoderClient:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: types.TracebackType | None,
    ) -> None:
        self.close()

    def _begin(
        self, start: Start, request: Message, timeout: float | None, metadata: Metadata
    ) -> Call:
        return start(request, timeout or self._options.timeout, (*self._metadata, *metadata))

    def _call(
        self, start: Start, request: Message, timeout: float | None, metadata: Metadata
    ) -> Message:
        try:
            return self._begin(start, request, timeout, metadata).result()
        except grpc.RpcError as error:
            raise serving_error(error, self._target, str(self._model)) from error

    def _answers(
        self,
        requests: Sequence[Message],
        indices: Iterable[int],
        timeout: float | None,
        metadata: Metadata,
    ) -> Iterator[tuple[int, Message]]:
        """Pairs of index and response, in order, with several requests under way."""
        calls: collections.deque[tuple[int, Call]] = collections.deque()

        def first() -> tuple[int, Message]:
            index, call = calls[0]
            response = self._answer(call, requests[index], timeout, metadata)
            calls.popleft()
            return index, response

        try:
            for index in indices:
                if len(calls) == self._options.in_flight:
                    yield first()
                call = self._begin(self._transport.predict, requests[index], timeout, metadata)
                calls.append((index, call))
            while calls:
                yield first()
        except grpc.RpcError as error:
            raise serving_error(error, self._target, str(self._model)) from error
        finally:
            for _, call in calls:
                call.cancel()

    def _answer(
        self, call: Call, request: Message, timeout: float | None, metadata: Metadata
    ) -> Message:
        """The answer to a request, by another signature if the model lacks the first."""
        try:
            response = call.result()
        except grpc.RpcError as error:
            if not self._signature.lacks(request, error):
                raise
            again = self._begin(self._transport.predict, request, timeout, metadata)
            response = again.result()
            self._signature.answered_instead(response)
        else:
            self._signature.answered(response)
        return response
