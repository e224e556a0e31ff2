"""Servers that answer as they are told, and both clients to ask them."""

import asyncio
import concurrent.futures
import contextlib
import threading

import grpc
import numpy as np

from serving.client import AsyncUserEncoderClient, UserEncoderClient, wire
from serving.client.messages import PREDICT


class Scripted(grpc.GenericRpcHandler):
    """A server that answers Predict with one function after another."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.calls = []
        self._lock = threading.Lock()

    def service(self, details):
        if details.method != PREDICT:
            return None
        return grpc.unary_unary_rpc_method_handler(
            self._answer,
            request_deserializer=wire.PredictRequest.FromString,
            response_serializer=lambda response: response.SerializeToString(),
        )

    def _answer(self, request, context):
        with self._lock:
            self.calls.append((request, dict(context.invocation_metadata())))
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return answer(request, context)


def version(number):
    def answer(request, context):
        response = wire.PredictResponse()
        response.model_spec.version.value = request.model_spec.version.value or number
        rows = request.inputs["examples"].tensor_shape.dim[0].size
        tensor = response.outputs["user_vector"]
        tensor.dtype = wire.DT_FLOAT
        for size in (rows, 2):
            tensor.tensor_shape.dim.add(size=size)
        values = [response.model_spec.version.value] * rows * 2
        tensor.float_val.append(np.float32(values).tobytes())
        return response

    return answer


def fail(code):
    return lambda request, context: context.abort(code, "scripted")


def hang(request, context):
    event = threading.Event()
    # Of a call that is over already there is nothing to wait for.
    if context.add_callback(event.set):
        event.wait(60)
    return wire.PredictResponse()


@contextlib.contextmanager
def scripted_servers(threads=8):
    """Returns a function that starts a server; all are stopped in the end."""
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        servers = []

        def start(*answers, credentials=None, options=()):
            server = grpc.server(pool, options=options)
            handler = Scripted(*answers)
            server.add_generic_rpc_handlers((handler,))
            if credentials is None:
                port = server.add_insecure_port("127.0.0.1:0")
            else:
                port = server.add_secure_port("127.0.0.1:0", credentials)
            server.start()
            servers.append(server)
            return handler, port

        yield start
        for server in servers:
            server.stop(0).wait()


def called(library, target, method, *arguments, timeout=10, **of_client):
    """What a method of the client for `grpc` or `grpc.aio` returns; `target` may be a port."""
    target = f"127.0.0.1:{target}" if isinstance(target, int) else target

    async def run():
        async with AsyncUserEncoderClient(target, "letters", **of_client) as client:
            return await getattr(client, method)(*arguments, timeout=timeout)

    if library == "grpc.aio":
        return asyncio.run(run())
    with UserEncoderClient(target, "letters", **of_client) as client:
        return getattr(client, method)(*arguments, timeout=timeout)
