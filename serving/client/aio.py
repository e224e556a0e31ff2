"""The client for asyncio."""

from __future__ import annotations

import asyncio
import collections
import time
import types
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any

import grpc
import grpc.aio

from contract.signatures import USER_VECTOR
from serving.client import messages, wire
from serving.client.client import NOT_READY, Metadata
from serving.client.errors import serving_error
from serving.client.messages import (
    FloatArray,
    History,
    ModelMetadata,
    ModelVersion,
    Moments,
    VersionStatus,
)
from serving.client.options import ClientOptions
from serving.client.wire import Message


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
    ):
        self._model = ModelVersion(model, version, label)
        self._target = target
        self._metadata = tuple(metadata)
        self._options = options or ClientOptions()
        arguments = self._options.channel_arguments()
        if credentials is None:
            self._channel = grpc.aio.insecure_channel(target, arguments)
        else:
            self._channel = grpc.aio.secure_channel(target, credentials, arguments)
        self._predict = self._method(messages.PREDICT, wire.PredictResponse)
        self._get_metadata = self._method(
            messages.GET_MODEL_METADATA, wire.GetModelMetadataResponse
        )
        self._get_status = self._method(messages.GET_MODEL_STATUS, wire.GetModelStatusResponse)

    async def encode(
        self,
        histories: Sequence[History],
        *,
        timestamps: Sequence[Moments] | None = None,
        timeout: float | None = None,
        metadata: Metadata = (),
    ) -> FloatArray:
        """Users to their vectors; see `UserEncoderClient.encode`."""
        outputs = await self.outputs(
            histories, [USER_VECTOR], timestamps=timestamps, timeout=timeout, metadata=metadata
        )
        return outputs[USER_VECTOR]

    async def predict(
        self,
        histories: Sequence[History],
        tasks: Sequence[str] | None = None,
        *,
        timestamps: Sequence[Moments] | None = None,
        timeout: float | None = None,
        metadata: Metadata = (),
    ) -> dict[str, FloatArray]:
        """Users to the probabilities of each task; see `UserEncoderClient.predict`."""
        if tasks is None:
            tasks = (await self.metadata(timeout=timeout, metadata=metadata)).tasks
        return await self.outputs(
            histories, tasks, timestamps=timestamps, timeout=timeout, metadata=metadata
        )

    async def outputs(
        self,
        histories: Sequence[History],
        names: Sequence[str],
        *,
        timestamps: Sequence[Moments] | None = None,
        timeout: float | None = None,
        metadata: Metadata = (),
    ) -> dict[str, FloatArray]:
        """Users to any outputs of the model; see `UserEncoderClient.outputs`."""
        messages.check_users(histories, timestamps)
        if not names:
            raise ValueError("No output is asked for.")
        if not len(histories):
            model = await self.metadata(timeout=timeout, metadata=metadata)
            return model.of_nobody(names)
        requests = list(
            messages.predict_requests(
                histories, timestamps, self._model, names, self._options.batch_size
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
        response = await self._call(self._get_metadata, request, timeout, metadata)
        return messages.parse_metadata(response)

    async def status(
        self, *, timeout: float | None = None, metadata: Metadata = ()
    ) -> list[VersionStatus]:
        """States of the model's versions (of the one, if the client has a version)."""
        request = messages.status_request(self._model)
        response = await self._call(self._get_status, request, timeout, metadata)
        return messages.parse_status(response)

    async def wait_until_ready(self, timeout: float = 60.0) -> ModelMetadata:
        """Waits for the model; see `UserEncoderClient.wait_until_ready`."""
        deadline = time.monotonic() + timeout
        while True:
            left = max(deadline - time.monotonic(), 0.1)
            try:
                return await self.metadata(timeout=min(left, 5.0))
            except NOT_READY:
                if time.monotonic() + 0.2 > deadline:
                    raise
            await asyncio.sleep(0.2)

    async def close(self) -> None:
        """Closes the connection; calls under way are cancelled."""
        await self._channel.close()

    async def __aenter__(self) -> AsyncUserEncoderClient:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: types.TracebackType | None,
    ) -> None:
        await self.close()

    def _method(self, path: str, response: Any) -> grpc.aio.UnaryUnaryMultiCallable:
        return self._channel.unary_unary(
            path,
            request_serializer=lambda request: request.SerializeToString(),
            response_deserializer=response.FromString,
        )

    def _start(
        self,
        method: grpc.aio.UnaryUnaryMultiCallable,
        request: Message,
        timeout: float | None,
        metadata: Metadata,
    ) -> grpc.aio.UnaryUnaryCall:
        return method(
            request,
            timeout=timeout or self._options.timeout,
            metadata=(*self._metadata, *metadata),
        )

    async def _call(
        self,
        method: grpc.aio.UnaryUnaryMultiCallable,
        request: Message,
        timeout: float | None,
        metadata: Metadata,
    ) -> Message:
        try:
            return await self._start(method, request, timeout, metadata)
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
        calls: collections.deque[tuple[int, grpc.aio.UnaryUnaryCall]] = collections.deque()
        try:
            for index in indices:
                if len(calls) == self._options.in_flight:
                    yield calls[0][0], await calls[0][1]
                    calls.popleft()
                call = self._start(self._predict, requests[index], timeout, metadata)
                calls.append((index, call))
            while calls:
                yield calls[0][0], await calls[0][1]
                calls.popleft()
        except grpc.RpcError as error:
            raise serving_error(error, self._target, str(self._model)) from error
        finally:
            for _, call in calls:
                call.cancel()
