"""TF Serving's REST interface, and the metrics for Prometheus.

What is answered to which request is that of `tensorflow_serving/model_servers/http_server.cc` and
`http_rest_api_handler.cc`, and of libevent, on which they stand.
"""

from __future__ import annotations

import http
import json
import logging
import re
import time
import zlib

import tornado.web
from google.protobuf import json_format
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_pb2,
)

from serving.dev_server import inference, json_tensors, rest_paths
from serving.dev_server.core import ServerCore
from serving.dev_server.errors import StatusError, failed_precondition, invalid_argument
from serving.dev_server.json_answers import answer_json, error_json
from serving.dev_server.json_body import parse_object
from serving.dev_server.metrics import CONTENT_TYPE

_log = logging.getLogger(__name__)

METRICS_PATH = "/monitoring/prometheus/metrics"
"""TF Serving's own default."""


def application(core: ServerCore, max_body_bytes: int) -> tornado.web.Application:
    """The web application.

    Args:
        core: What answers.
        max_body_bytes: Of a request's body once it is inflated.
    """
    arguments = {"core": core, "max_body_bytes": max_body_bytes}
    return tornado.web.Application(
        [(r".*", _Handler, arguments)], log_function=lambda handler: None
    )


class _Handler(tornado.web.RequestHandler):
    """Answers every request, by path and method."""

    def initialize(self, core: ServerCore, max_body_bytes: int):
        self.core = core
        self.max_body_bytes = max_body_bytes
        self.model = "unknown"
        self.name = ""
        self.start = time.perf_counter()
        # Else Tornado reads the body as a form, where the client says that it is one: curl does.
        self.request.headers.pop("Content-Type", None)

    def compute_etag(self):
        return None

    async def prepare(self):
        # Here, and not in a method for each of HTTP's: the path decides first.
        path = self.request.uri or ""
        if not rest_paths.is_uri(path):
            self.send_page(http.HTTPStatus.BAD_REQUEST)
        elif self.request.path == METRICS_PATH:
            self.metrics_page(path)
        elif not rest_paths.is_rest(path):
            self.send_page(http.HTTPStatus.NOT_FOUND)
        elif self.request.method == "OPTIONS":
            self.preflight()
        else:
            self.set_header("Content-Type", "application/json")
            self.finish(await self.answer(path))

    def metrics_page(self, path: str):
        if path != METRICS_PATH:
            self.set_status(http.HTTPStatus.BAD_REQUEST)
            self.set_header("Content-Type", "text/plain")
            self.finish(f"Unexpected path: {path}. Should be {METRICS_PATH}")
            return
        self.set_header("Content-Type", CONTENT_TYPE)
        self.finish(self.core.metrics.text())

    async def answer(self, path: str) -> bytes:
        method = self.request.method or ""
        asked = rest_paths.parse(method, path)
        self.model = self.core.known(asked.model)
        spec = model_pb2.ModelSpec()
        asked.fill(spec)
        if method == "GET":
            if not asked.model:
                raise invalid_argument("Missing model name in request.")
            if asked.method == "metadata":
                self.name = "GetModelMetadata"
                return self.metadata(spec)
            self.name = "GetModelStatus"
            return self.status(spec)
        if asked.method == "predict":
            self.name = "Predict"
            return await self.predict(spec)
        if asked.method in ("classify", "regress"):
            self.name = asked.method.capitalize()
            return self.infer(spec, asked.method)
        raise rest_paths.malformed(method, path)

    async def predict(self, spec) -> bytes:
        document = parse_object(self.body())
        spec.signature_name = json_tensors.signature_name(document)
        arrays = await self.core.predict_json(spec, document)
        return answer_json(arrays, json_tensors.is_by_row(document))

    def infer(self, spec, method: str) -> bytes:
        document = parse_object(self.body())
        spec.signature_name = json_tensors.signature_name(document)
        inference.check_examples(document)
        kind = inference.CLASSIFY if method == "classify" else inference.REGRESS
        raise self.core.refuse(kind, spec)

    def metadata(self, spec) -> bytes:
        request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
        request.model_spec.CopyFrom(spec)
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        self.core.metadata(request, response)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        response.metadata["signature_def"].Unpack(signatures)
        return _as_json(
            {
                "model_spec": _as_dict(response.model_spec),
                "metadata": {"signature_def": _as_dict(signatures)},
            }
        )

    def status(self, spec) -> bytes:
        request = get_model_status_pb2.GetModelStatusRequest(model_spec=spec)
        response = get_model_status_pb2.GetModelStatusResponse()
        self.core.status(request, response)
        return _as_json(_as_dict(response))

    def body(self) -> bytes:
        """The request's body, inflated; empty if that fails, as there."""
        body = self.request.body
        if not body or "gzip" not in self.request.headers.get("Content-Encoding", ""):
            return body
        inflater = zlib.decompressobj(zlib.MAX_WBITS | 16)
        try:
            inflated = inflater.decompress(body, self.max_body_bytes)
        except zlib.error:
            return b""
        return inflated if inflater.eof and not inflater.unused_data else b""

    def preflight(self):
        """The browser's question before a request to another site; its answer has no body."""
        if not re.search("https?://", self.request.headers.get("Origin", "")):
            self.set_status(failed_precondition("").http_status)
        self.clear_header("Content-Type")
        self.finish()

    def send_page(self, status: http.HTTPStatus):
        """The page of the HTTP library for what never comes to the REST interface."""
        self.set_status(status)
        self.set_header("Content-Type", "text/html")
        self.set_header("Connection", "close")
        self.finish(
            f"<HTML><HEAD>\n<TITLE>{status} {status.phrase}</TITLE>\n</HEAD><BODY>\n"
            f"<H1>{status.phrase}</H1>\n</BODY></HTML>\n"
        )

    def write_error(self, status_code, **kwargs):
        error = kwargs.get("exc_info", (None, None, None))[1]
        if isinstance(error, tornado.web.HTTPError):
            # A method that is none of HTTP's; libevent says so in other words.
            status = http.HTTPStatus(501 if status_code == 405 else status_code)
            self.send_page(status)
            return
        self.set_header("Content-Type", "application/json")
        if isinstance(error, StatusError):
            self.set_status(error.http_status)
            has_body = not isinstance(error, rest_paths.BadVersionError)
            self.finish(error_json(error.message) if has_body else b"")
        else:
            self.finish(error_json(f"{type(error).__name__}: {error}"))

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


def _as_json(document) -> bytes:
    return f"{json.dumps(document, indent=1)}\n".encode()


def _as_dict(message) -> dict:
    # Newer protobuf has another name for "write zeros and empty strings too".
    for option in ("including_default_value_fields", "always_print_fields_with_no_presence"):
        try:
            return json_format.MessageToDict(
                message, preserving_proto_field_name=True, **{option: True}
            )
        except TypeError:
            continue
    raise TypeError("json_format.MessageToDict has neither option.")
