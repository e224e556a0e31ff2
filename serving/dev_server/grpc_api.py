"""TF Serving's gRPC services."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection

import grpc
import grpc.aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_management_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from serving.dev_server import inference
from serving.dev_server.core import ServerCore
from serving.dev_server.errors import StatusError, invalid_argument

_log = logging.getLogger(__name__)

_MAX_MESSAGE_BYTES = 1024
_SERVICES = ("tensorflow.serving.PredictionService", "tensorflow.serving.ModelService")


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Predict and GetModelMetadata; the others say that the model has no such signature.

    Args:
        core: What answers.
    """

    def __init__(self, core: ServerCore):
        self._core = core

    async def Predict(self, request, context):  # noqa: N802 - the protocol's name
        """Answers with the outputs of a signature."""
        response = predict_pb2.PredictResponse()
        async with _answer(self._core, "Predict", request, context):
            await self._core.predict(request, response)
        return response

    async def GetModelMetadata(self, request, context):  # noqa: N802
        """Answers with the model's signatures."""
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        async with _answer(self._core, "GetModelMetadata", request, context):
            self._core.metadata(request, response)
        return response

    async def Classify(self, request, context):  # noqa: N802
        """Fails: the model has no such signature."""
        async with _answer(self._core, "Classify", request, context):
            raise self._refuse(inference.CLASSIFY, request)

    async def Regress(self, request, context):  # noqa: N802
        """Fails: the model has no such signature."""
        async with _answer(self._core, "Regress", request, context):
            raise self._refuse(inference.REGRESS, request)

    async def MultiInference(self, request, context):  # noqa: N802
        """Fails: the model has no such signature."""
        async with _answer(self._core, "MultiInference", request, context):
            raise self._core.refuse_tasks(request.tasks)

    def _refuse(self, method, request) -> StatusError:
        if not request.HasField("model_spec"):
            raise invalid_argument("Missing ModelSpec")
        return self._core.refuse(method, request.model_spec)


class ModelService(model_service_pb2_grpc.ModelServiceServicer):
    """GetModelStatus and HandleReloadConfigRequest.

    Args:
        core: What answers.
        folders: Those from which a new configuration may serve; None: all.
    """

    def __init__(self, core: ServerCore, folders: Collection[str] | None):
        self._core = core
        self._folders = folders

    async def GetModelStatus(self, request, context):  # noqa: N802
        """Answers with the states of a model's versions."""
        response = get_model_status_pb2.GetModelStatusResponse()
        async with _answer(self._core, "GetModelStatus", request, context):
            self._core.status(request, response)
        return response

    async def HandleReloadConfigRequest(self, request, context):  # noqa: N802
        """Serves the models of a new configuration, once they are loaded."""
        async with _answer(self._core, "HandleReloadConfigRequest", request, context):
            if request.config.WhichOneof("config") != "model_config_list":
                raise invalid_argument(
                    "ServerModelConfig type not supported by HandleReloadConfigRequest. Only "
                    "ModelConfigList is currently supported"
                )
            await self._core.reload(request.config, self._folders)
        response = model_management_pb2.ReloadConfigResponse()
        response.status.SetInParent()
        for name in sorted(set(request.metric_names)):
            # What a server does not count has not increased.
            response.metric.add(name=name, int64_value_increase=0)
        return response


class _answer:  # noqa: N801 - used like a function
    """Turns errors into gRPC's, and counts and times the request."""

    def __init__(self, core: ServerCore, method: str, request, context: grpc.aio.ServicerContext):
        self._core, self._method, self._context = core, method, context
        spec = getattr(request, "model_spec", None)
        self._model = core.known(spec.name) if spec is not None else "unknown"

    async def __aenter__(self):
        self._start = time.perf_counter()

    async def __aexit__(self, kind, error, traceback):
        code, message = grpc.StatusCode.OK, ""
        if isinstance(error, StatusError):
            code, message = error.code, error.message
        elif isinstance(error, Exception):
            _log.error("%s failed", self._method, exc_info=error)
            code, message = grpc.StatusCode.INTERNAL, f"{type(error).__name__}: {error}"
        elif error is not None:
            code = grpc.StatusCode.CANCELLED
        metrics = self._core.metrics
        metrics.requests.labels("grpc", self._method, self._model, code.name).inc()
        metrics.latency.labels("grpc", self._method).observe(time.perf_counter() - self._start)
        if isinstance(error, Exception):
            await self._context.abort(code, _shortened(message))


def _shortened(message: str) -> str:
    """The message as TF Serving's `ToGRPCStatus` cuts it."""
    data = message.encode("utf-8", "replace")
    if len(data) <= _MAX_MESSAGE_BYTES:
        return message
    return data[:_MAX_MESSAGE_BYTES].decode(errors="ignore") + "...TRUNCATED"


def add_services(
    server: grpc.aio.Server, core: ServerCore, folders: Collection[str] | None
) -> health.aio.HealthServicer:
    """Adds all services to a server.

    Args:
        server: The server.
        core: What answers.
        folders: See `ModelService`.

    Returns:
        The health service, to be set.
    """
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
        PredictionService(core), server
    )
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(ModelService(core, folders), server)
    # TF Serving links gRPC's reflection too: tools such as grpcurl ask it for the messages.
    reflection.enable_server_reflection(
        [*_SERVICES, health.SERVICE_NAME, reflection.SERVICE_NAME], server
    )
    servicer = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    return servicer


SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
HEALTH_SERVICES = (
    "",
    # As TF Serving names them, with --enable_grpc_healthcheck_service.
    "ModelService",
    "PredictionService",
    *_SERVICES,
)
