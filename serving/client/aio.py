"""The client for asyncio."""

from __future__ import annotations

import asyncio
import collections
import types
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import TYPE_CHECKING

import grpc

from contract.signatures import USER_VECTOR
from serving.client import messages
from serving.client.aio_calls import AioCall, AioStart
from serving.client.aio_transport import AioTransport
from serving.client.calls import Metadata
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
from serving.client.wire import Message

if TYPE_CHECKING:
    from serving.client.telemetry import Telemetry


class AsyncUserEncoderClient:
    """As `UserEncoderClient`, with coroutines; belongs to the event loop it is made in.

    >>> client = AsyncUserEncoderClient("localhost:8500", model="demo")  # doctest: +SKIP
    >>> async with client:  # doctest: +SKIP
    ...     vectors = await client.encode([["hiking boots", "trail maps"]])

    Args:
        target: As `UserEncoderClient`; so are all others.
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
        self._transport = AioTransport(target, credentials, self._options, telemetry)
        self._signature = SignatureChoice()

    async def encode(
        self,
        histories: Sequence[History],
        *,
        timestamps: Sequence[Moments] | None = None,
        types: Sequence[Types] | None = None,
        values: Sequence[Values] | None = None,
        timeout: float | None = None,
        metadata: Metadata = (),
    ) -> FloatArray:
        """Users to their vectors; see `UserEncoderClient.encode`."""
        outputs = await self.outputs(
            histories,
            [USER_VECTOR],
            timestamps=timestamps,
            types=types,
            values=values,
            timeout=timeout,
            metadata=metadata,
        )
        return outputs[USER_VECTOR]

    async def predict(
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
        """Users to the probabilities of each task; see `UserEncoderClient.predict`."""
        if tasks is None:
            tasks = (await self.metadata(timeout=timeout, metadata=metadata)).tasks
        return await self.outputs(
            histories,
            tasks,
            timestamps=timestamps,
            types=types,
            values=values,
            timeout=timeout,
            metadata=metadata,
        )

    async def outputs(
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
        """Users to any outputs of the model; see `UserEncoderClient.outputs`."""
        events = events_of(timestamps, types, values)
        messages.check_users(histories, events)
        if not names:
            raise ValueError("No output is asked for.")
        if not len(histories):
            model = await self.metadata(timeout=timeout, metadata=metadata)
            return model.of_nobody(names)
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
            async for index, response in self._answers(requests, pending, timeout, metadata):
                results.add(index, response)
            pending = results.stale()
        return results.arrays()

    async def metadata(
        self, *, timeout: float | None = None, metadata: Metadata = ()
    ) -> ModelMetadata:
        """Version, tasks, inputs and outputs of the served model."""
        request = messages.metadata_request(self._model)
        response = await self._call(self._transport.get_metadata, request, timeout, metadata)
        return messages.parse_metadata(response)

    async def status(
        self, *, timeout: float | None = None, metadata: Metadata = ()
    ) -> list[VersionStatus]:
        """States of the model's versions (of the one, if the client has a version)."""
        request = messages.status_request(self._model)
        response = await self._call(self._transport.get_status, request, timeout, metadata)
        return messages.parse_status(response)

    async def wait_until_ready(self, timeout: float = 60.0) -> ModelMetadata:
        """Waits for the model; see `UserEncoderClient.wait_until_ready`."""
        waiting = Waiting(self._target, str(self._model), timeout)
        while True:
            try:
                if waiting.is_over(await self.status(timeout=waiting.timeout_of_question())):
                    return await self.metadata(timeout=waiting.timeout_of_question())
            except NotReadyError:
                raise
            except NOT_READY as error:
                waiting.failed(error)
            await asyncio.sleep(PAUSE)

    async def close(self) -> None:
        """Closes the connection; calls under way are cancelled."""
        await self._transport.close()

    async def __aenter__(self) -> AsyncUserEncoderClient:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: types.TracebackType | None,
    ) -> None:
        await self.close()

    def _begin(
        self, start: AioStart, request: Message, timeout: float | None, metadata: Metadata
    ) -> AioCall:
        return start(request, timeout or self._options.timeout, (*self._metadata, *metadata))

    async def _call(
        self, start: AioStart, request: Message, timeout: float | None, metadata: Metadata
    ) -> Message:
        try:
            return await self._begin(start, request, timeout, metadata)
        except grpc.RpcError as error:
            raise serving_error(error, self._target, str(self._model)) from error

    async def _answers(
        self,
        requests: Sequence[Message],
        indices: Iterable[int],
        timeout: float | None,
        metadata: Metadata,
    ) -> AsyncIterator[tuple[int, Message]]:
        """Pairs of index and response, in order, with several requests under way."""
        calls: collections.deque[tuple[int, AioCall]] = collections.deque()

        async def first() -> tuple[int, Message]:
            index, call = calls[0]
            response = await self._answer(call, requests[index], timeout, metadata)
            calls.popleft()
            return index, response

        try:
            for index in indices:
                if len(calls) == self._options.in_flight:
                    yield await first()
                call = self._begin(self._transport.predict, requests[index], timeout, metadata)
                calls.append((index, call))
            while calls:
                yield await first()
        except grpc.RpcError as error:
            raise serving_error(error, self._target, str(self._model)) from error
        finally:
            for _, call in calls:
                call.cancel()

    async def _answer(
        self, call: AioCall, request: Message, timeout: float | None, metadata: Metadata
    ) -> Message:
        """The answer to a request, by another signature if the model lacks the first."""
        try:
            response = await call
        except grpc.RpcError as error:
            if not self._signature.lacks(request, error):
                raise
            response = await self._begin(self._transport.predict, request, timeout, metadata)
            self._signature.answered_instead(response)
        else:
            self._signature.answered(response)
        return response
