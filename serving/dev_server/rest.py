"""TF Serving's REST interface, and the metrics for Prometheus."""

from __future__ import annotations

import json
import logging
import time

import tornado.web
from google.protobuf import json_format
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    predict_pb2,
)

from serving.dev_server import json_tensors
from serving.dev_server.core import ServerCore
from serving.dev_server.errors import StatusError, invalid_argument, unimplemented
from serving.dev_server.metrics import CONTENT_TYPE

_log = logging.getLogger(__name__)

METRICS_PATH = "/monitoring/prometheus/metrics"
"""TF Serving's own default."""

_MODEL = (
    r"(?i:/v1/models)/(?P<model>[^/:]+)(?:/versions/(?P<version>\d+)|/labels/(?P<label>[^/:]+))?"
)


def application(core: ServerCore) -> tornado.web.Application:
    """The web application."""
    arguments = {"core": core}
    return tornado.web.Application(
        [
            (METRICS_PATH, _Metrics, arguments),
            (rf"{_MODEL}:(?P<method>predict|classify|regress)", _Predict, arguments),
            (rf"{_MODEL}/metadata", _Metadata, arguments),
            (_MODEL, _Status, arguments),
        ],
        default_handler_class=_Malformed,
        default_handler_args=arguments,
        log_function=lambda handler: None,
    )


class _Handler(tornado.web.RequestHandler):
    name = ""

    def initialize(self, core: ServerCore):
        self.core = core
        self.model = "unknown"
        self.start = time.perf_counter()

    def fill(self, spec, model, version, label):
        self.model = self.core.known(model)
        spec.name = model
        if version is not None:
            if int(version) >= 1 << 63:
                raise invalid_argument(f"Failed to convert version: {version} to numeric.")
            spec.version.value = int(version)
        elif label is not None:
            spec.version_label = label

    def write_json(self, text: str):
        self.set_header("Content-Type", "application/json")
        self.finish(text + "\n")

    def write_error(self, status_code, **kwargs):
        error = kwargs.get("exc_info", (None, None, None))[1]
        if isinstance(error, StatusError):
            self.set_status(error.http_status)
            message = error.message
        elif isinstance(error, tornado.web.HTTPError):
            message = f"Malformed request: {self.request.method} {self.request.path}"
        else:
            message = f"{type(error).__name__}: {error}"
        self.write_json(json.dumps({"error": message}))

    def log_exception(self, kind, error, traceback):
        if not isinstance(error, (StatusError, tornado.web.HTTPError)):
            _log.error("%s failed", self.request.path, exc_info=(kind, error, traceback))

    def on_finish(self):
        if self.name:
            metrics = self.core.metrics
            code = str(self.get_status())
            metrics.requests.labels("rest", self.name, self.model, code).inc()
            seconds = time.perf_counter() - self.start
            metrics.latency.labels("rest", self.name).observe(seconds)


class _Predict(_Handler):
    name = "Predict"

    async def post(self, model, version, label, method):
        if method != "predict":
            raise unimplemented(f"{method}: the model has no such signature; call predict.")
        document = json_tensors.parse_body(self.request.body)
        request = predict_pb2.PredictRequest()
        self.fill(request.model_spec, model, version, label)
        request.model_spec.signature_name = document.get("signature_name", "")
        arrays = await self.core.predict_json(request.model_spec, document)
        self.write_json(json.dumps(json_tensors.response_of(document, arrays)))


class _Metadata(_Handler):
    name = "GetModelMetadata"

    def get(self, model, version, label):
        request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
        self.fill(request.model_spec, model, version, label)
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        self.core.metadata(request, response)
        self.write_json(_as_json(response))


class _Status(_Handler):
    name = "GetModelStatus"

    def get(self, model, version, label):
        request = get_model_status_pb2.GetModelStatusRequest()
        self.fill(request.model_spec, model, version, label)
        response = get_model_status_pb2.GetModelStatusResponse()
        self.core.status(request, response)
        self.write_json(_as_json(response))


class _Metrics(_Handler):
    def get(self):
        self.set_header("Content-Type", CONTENT_TYPE)
        self.finish(self.core.metrics.text())


class _Malformed(_Handler):
    def prepare(self):
        raise invalid_argument(f"Malformed request: {self.request.method} {self.request.path}")


def _as_json(message) -> str:
    # Newer protobuf has another name for "write zeros and empty strings too".
    for option in ("including_default_value_fields", "always_print_fields_with_no_presence"):
        try:
            return json_format.MessageToJson(
                message, preserving_proto_field_name=True, **{option: True}
            )
        except TypeError:
            continue
    raise TypeError("json_format.MessageToJson has neither option.")
