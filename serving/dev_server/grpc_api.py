"""TF Serving's gRPC services."""

from __future__ import annotations

import logging
import time

import grpc
import grpc.aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_management_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from serving.dev_server.core import ServerCore
from serving.dev_server.errors import StatusError, unimplemented

_log = logging.getLogger(__name__)


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Predict and GetModelMetadata; the others are UNIMPLEMENTED.

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
        await self._not_built("Classify", request, context)

    async def Regress(self, request, context):  # noqa: N802
        """Fails: the model has no such signature."""
        await self._not_built("Regress", request, context)

    async def MultiInference(self, request, context):  # noqa: N802
        """Fails: the model has no such signature."""
        await self._not_built("MultiInference", request, context)

    async def _not_built(self, method, request, context):
        async with _answer(self._core, method, request, context):
            raise unimplemented(f"{method}: the model has no such signature; call Predict.")


class ModelService(model_service_pb2_grpc.ModelServiceServicer):
    """GetModelStatus and HandleReloadConfigRequest.

    Args:
        core: What answers.
    """

    def __init__(self, core: ServerCore):
        self._core = core

    async def GetModelStatus(self, request, context):  # noqa: N802
        """Answers with the states of a model's versions."""
        response = get_model_status_pb2.GetModelStatusResponse()
        async with _answer(self._core, "GetModelStatus", request, context):
            self._core.status(request, response)
        return response

    async def HandleReloadConfigRequest(self, request, context):  # noqa: N802
        """Serves the models of a new configuration, once they are loaded."""
        async with _answer(self._core, "HandleReloadConfigRequest", request, context):
            await self._core.reload(request.config)
        return model_management_pb2.ReloadConfigResponse()


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
            await self._context.abort(code, message)


def add_services(server: grpc.aio.Server, core: ServerCore) -> health.aio.HealthServicer:
    """Adds all services to a server; returns the health service, to be set."""
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
        PredictionService(core), server
    )
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(ModelService(core), server)
    servicer = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    return servicer


SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
HEALTH_SERVICES = ("", "tensorflow.serving.PredictionService", "tensorflow.serving.ModelService")
