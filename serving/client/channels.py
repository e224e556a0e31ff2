"""A server's connections: one, or a pool that requests take in turns."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import Any

import grpc

from serving.client.options import ClientOptions


class Channels:
    """Connections to one target.

    A connection carries as many requests at once as its server allows, which behind proxies often
    is 100 (`SETTINGS_MAX_CONCURRENT_STREAMS`); further ones wait for it. A pool helps a client with
    more under way, and where a balancer gives each connection, not each request, to a server.

    Args:
        library: `grpc`, or `grpc.aio` for channels of asyncio.
        target: Host and port, or any other target of gRPC.
        credentials: For TLS; None: no encryption.
        options: How many there are, and what each does.
    """

    def __init__(
        self,
        library: ModuleType,
        target: str,
        credentials: grpc.ChannelCredentials | None,
        options: ClientOptions,
    ):
        arguments = options.channel_arguments()
        self.target = target
        self.all: Sequence[Any] = [
            library.insecure_channel(target, arguments)
            if credentials is None
            else library.secure_channel(target, credentials, arguments)
            for _ in range(options.channels)
        ]

    def methods(self, path: str, response: Any) -> Iterator[Any]:
        """The method of each connection in turn, without end; threads may share it.

        Args:
            path: Of the method, `/package.Service/Method`.
            response: Class of its answers.
        """
        # One step of `itertools.cycle` is atomic.
        return itertools.cycle(
            [
                channel.unary_unary(
                    path,
                    request_serializer=lambda request: request.SerializeToString(),
                    response_deserializer=response.FromString,
                )
                for channel in self.all
            ]
        )
