"""`python -m serving serve`."""

from __future__ import annotations

import argparse
import asyncio
import errno
import logging
import os
import signal
import socket
import sys

from contract import exit_codes
from contract.errors import UsageError
from serving.quiet import quiet_tensorflow
from serving.releases.releases import Releases
from serving.releases.versions import complete_versions, is_complete


def serve(args: argparse.Namespace) -> int:
    """Serves until a signal comes; returns the exit code."""
    model_dir = os.path.abspath(args.model_dir)
    if not os.path.isdir(model_dir):
        raise UsageError(f"{args.model_dir} is no folder")
    if is_complete(model_dir):
        raise UsageError(
            f"{args.model_dir} is one version; give the folder of versions: "
            f"{os.path.dirname(model_dir)}"
        )
    below = [name for name in sorted(os.listdir(model_dir)) if _has_versions(model_dir, name)]
    if below and not _has_versions(model_dir, ""):
        folders = ", ".join(os.path.join(args.model_dir, name) for name in below)
        raise UsageError(
            f"{args.model_dir} has no version, but the folders of models below it have: give "
            f"{folders}"
        )
    if not below and not _has_versions(model_dir, ""):
        print(
            f"{args.model_dir} has no version yet (a folder whose name is a number, with a "
            "saved_model.pb); the server waits for one.",
            file=sys.stderr,
        )
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    quiet_tensorflow()
    from pydantic import ValidationError

    from serving.dev_server.options import ServerOptions

    try:
        options = ServerOptions(
            host=args.host,
            port=args.port,
            rest_api_port=args.rest_api_port,
            poll_seconds=args.poll_seconds,
            enable_batching=not args.no_batching,
            batching={
                "max_batch_size": args.max_batch_size,
                "batch_timeout_micros": args.batch_timeout_micros,
                "num_batch_threads": args.num_batch_threads,
            },
            reload_from_any_folder=args.reload_from_any_folder,
            tls_key=args.tls_key,
            tls_certificate=args.tls_certificate,
        )
    except ValidationError as error:
        raise UsageError(str(error)) from error
    config_file = args.model_config_file
    if config_file is None and os.path.exists(Releases(model_dir).config_file):
        config_file = Releases(model_dir).config_file
    for flag, port in (("--port", args.port), ("--rest-api-port", args.rest_api_port)):
        _check_port(flag, args.host, port)
    try:
        return asyncio.run(_serve(args.model_name, model_dir, config_file, options))
    except (OSError, ValueError) as error:
        raise UsageError(str(error)) from error


def _has_versions(model_dir: str, name: str) -> bool:
    return bool(complete_versions(os.path.join(model_dir, name)))


def _check_port(flag: str, host: str, port: int) -> None:
    """GRPC and REST say in their own ways, one of them in a traceback, that a port is taken."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise UsageError(f"--host {host}: {error.strerror}") from error
    family, kind, protocol, _, address = found[0]
    with socket.socket(family, kind, protocol) as probe:
        # Connections of a server that ended a moment ago do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            remedy = (
                f"Another program has it: end that, or choose another {flag} (0: a free one)."
                if error.errno == errno.EADDRINUSE
                else f"Choose another {flag} or --host."
            )
            raise UsageError(f"{flag} {port} on {host}: {error.strerror}. {remedy}") from error


async def _serve(name: str, model_dir: str, config_file: str | None, options) -> int:
    from serving.dev_server.configs import model_config, single_model_config
    from serving.dev_server.server import DevServer

    config = (
        model_config(config_file, name, model_dir)
        if config_file
        else single_model_config(name, model_dir)
    )
    server = DevServer(config, options, config_file)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, server.stop)
    async with server:
        scheme = "https" if options.tls_key else "http"
        print(
            "A server for development: TF Serving is for production.\n"
            f"Model {name} from {model_dir}\n"
            f"REST {scheme}://{options.host}:{server.rest_api_port}/v1/models/{name}\n"
            f"gRPC {options.host}:{server.port}",
            flush=True,
        )
        await server.wait()
        print("Draining", flush=True)
    return exit_codes.OK
