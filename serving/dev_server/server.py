"""The development server: start, poll, drain."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import ssl

import grpc
import grpc.aio
import tornado.httpserver
import tornado.netutil
from tensorflow_serving.config import model_server_config_pb2

from serving.dev_server import grpc_api, rest
from serving.dev_server.configs import model_config, served_folders
from serving.dev_server.core import ServerCore
from serving.dev_server.errors import StatusError
from serving.dev_server.metrics import Metrics
from serving.dev_server.options import ServerOptions

_log = logging.getLogger(__name__)


class DevServer:
    """A model server in this process, for development and tests; TF Serving is for production.

    >>> config = single_model_config("demo", "runs/demo/serving/demo")  # doctest: +SKIP
    >>> async with DevServer(config) as server:  # doctest: +SKIP
    ...     await server.wait()

    Args:
        config: The models.
        options: Addresses, limits and periods.
        config_file: File that `config`, of one model, came from; it is read again when it changes.
    """

    def __init__(
        self,
        config: model_server_config_pb2.ModelServerConfig,
        options: ServerOptions | None = None,
        config_file: str | None = None,
    ):
        self._config = config
        self._options = options or ServerOptions()
        self._config_file = config_file
        self._stopping = asyncio.Event()

    async def __aenter__(self) -> DevServer:
        options = self._options
        self.core = ServerCore(options, Metrics())
        self._grpc = grpc.aio.server(
            options=[
                ("grpc.max_receive_message_length", options.max_message_bytes),
                ("grpc.max_send_message_length", options.max_message_bytes),
                ("grpc.so_reuseport", 0),
                # Half-open connections are found and closed, clients may ping as often.
                ("grpc.keepalive_time_ms", 30_000),
                ("grpc.keepalive_timeout_ms", 10_000),
                ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
            ],
            maximum_concurrent_rpcs=options.max_concurrent_requests,
        )
        folders = None if options.reload_from_any_folder else served_folders(self._config)
        self._health = grpc_api.add_services(self._grpc, self.core, folders)
        address = f"{options.host}:{options.port}"
        credentials, ssl_context = _tls(options)
        if credentials is None:
            self.port = self._grpc.add_insecure_port(address)
        else:
            self.port = self._grpc.add_secure_port(address, credentials)
        self._http = tornado.httpserver.HTTPServer(
            rest.application(self.core, options.max_message_bytes),
            max_body_size=options.max_message_bytes,
            body_timeout=options.request_timeout_seconds,
            idle_connection_timeout=options.request_timeout_seconds,
            ssl_options=ssl_context,
        )
        sockets = tornado.netutil.bind_sockets(options.rest_api_port, options.host)
        self.rest_api_port = sockets[0].getsockname()[1]
        try:
            await self.core.reload(self._config)
        except StatusError as error:
            _log.error("%s", error.message)
        self._http.add_sockets(sockets)
        await self._grpc.start()
        await self._set_health()
        self._polling = asyncio.create_task(self._poll())
        return self

    async def __aexit__(self, *error) -> None:
        """Drains: no new requests, those under way are answered, then all is closed."""
        options = self._options
        await self._health.enter_graceful_shutdown()
        self._polling.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._polling
        self._http.stop()
        await self._grpc.stop(options.drain_seconds)
        # Tornado ends idle connections at once and waits for requests under way.
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._http.close_all_connections(), options.drain_seconds)
        await self.core.close()

    async def wait(self) -> None:
        """Returns when `stop` is called."""
        await self._stopping.wait()

    def stop(self) -> None:
        """Lets `wait` return; to be called in the server's event loop."""
        self._stopping.set()

    async def _poll(self) -> None:
        seen = _modified(self._config_file)
        while True:
            await asyncio.sleep(self._options.poll_seconds)
            try:
                modified = _modified(self._config_file)
                if self._config_file is not None and modified != seen:
                    seen = modified
                    (model,) = self._config.model_config_list.config
                    await self.core.reload(
                        model_config(self._config_file, model.name, model.base_path)
                    )
                else:
                    await self.core.poll()
            except Exception as error:
                # Whatever is wrong with files, what is loaded is served on.
                _log.error("%s: %s", type(error).__name__, error)
            await self._set_health()

    async def _set_health(self) -> None:
        ready = self.core.is_ready()
        state = grpc_api.SERVING if ready else grpc_api.NOT_SERVING
        for service in grpc_api.HEALTH_SERVICES:
            await self._health.set(service, state)


def _modified(path: str | None) -> int | None:
    return os.stat(path).st_mtime_ns if path and os.path.exists(path) else None


def _tls(options: ServerOptions):
    """Credentials for gRPC and a context for HTTP; None without TLS."""
    if options.tls_key is None or options.tls_certificate is None:
        return None, None
    with open(options.tls_key, "rb") as key, open(options.tls_certificate, "rb") as certificate:
        credentials = grpc.ssl_server_credentials([(key.read(), certificate.read())])
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(options.tls_certificate, options.tls_key)
    return credentials, context
