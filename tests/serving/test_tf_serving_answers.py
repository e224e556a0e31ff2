"""Requests of many kinds, and what TF Serving answers to each, to the letter.

Every row names the function of TF Serving's sources (release 2.x, `tensorflow_serving/`) from which
its answer was read. Where an answer is a `re.Pattern`, TF Serving's own depends on TensorFlow or on
the order of a map; everything else is compared whole.
"""

# ruff: noqa: E501 - a row of the table is a line
import base64
import contextlib
import gzip
import http.client
import json
import math
import re
from typing import NamedTuple

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.framework import types_pb2
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
    regression_pb2,
)

from contract.signatures import USER_VECTOR
from serving.dev_server import inference, json_answers, json_body, json_tensors, tensors
from serving.dev_server.errors import StatusError

HANDLER = "model_servers/http_rest_api_handler.cc"
PATHS = "model_servers/http_rest_api_util.cc ParseModelInfo"
SERVER = "model_servers/http_server.cc"
NET = "util/net_http/server/internal"
JSON = "util/json_tensor.cc"
CORE = "model_servers/server_core.cc"
SERVABLES = "servables/tensorflow"

PREDICT = "POST /v1/models/letters:predict"
ENCODE = "encode"
VECTOR = [1.0, 5.0, 1.0]
"""Of the history ["boots"]: one text, five bytes, scale 1."""
BOTH = {"user_vector": VECTOR, "short": [0.0, 1.0]}


def example(*texts):
    message = tf.train.Example()
    message.features.feature["behaviors"].bytes_list.value.extend(texts)
    return message.SerializeToString()


def b64(data, padded=True):
    text = base64.b64encode(data).decode()
    return {"b64": text if padded else text.rstrip("=")}


BOOTS = example(b"boots")
UNEVEN = next(each for each in (BOOTS, example(b"shoe")) if len(each) % 3)


class Rest(NamedTuple):
    """One request by HTTP.

    Attributes:
        kind: What it is about.
        source: Where TF Serving's answer was read.
        line: Method and path.
        body: Bytes, or what becomes JSON.
        code: HTTP status.
        answer: A string is the text of the error, a dictionary the JSON, bytes the body.
        headers: Of the request.
    """

    kind: str
    source: str
    line: str
    body: object
    code: int
    answer: object
    headers: dict | None = None


def element(text):
    return f"Failed to process element: 0 of 'instances' list. Error: INVALID_ARGUMENT: {text}"


def encode(**document):
    return {"signature_name": ENCODE, **document}


PAGE_404 = (
    b"<HTML><HEAD>\n<TITLE>404 Not Found</TITLE>\n</HEAD><BODY>\n<H1>Not Found</H1>\n"
    b"</BODY></HTML>\n"
)
ONE_ROW = {"predictions": [BOTH]}
STATUS = {
    "model_version_status": [
        {
            "version": "1",
            "state": "AVAILABLE",
            "status": {"error_code": "OK", "error_message": ""},
        }
    ]
}
DEBUG = '{\n    "signature_name": "encode",\n    '

# fmt: off
REST = [
    # Paths and methods.
    Rest("status", f"{HANDLER} ProcessModelStatusRequest", "GET /v1/models/letters", None, 200, STATUS),
    Rest("status, version", f"{HANDLER} ProcessModelStatusRequest", "GET /v1/models/letters/versions/1", None, 200, STATUS),
    Rest("status, a label counts for nothing", "model_servers/get_model_status_impl.cc", "GET /v1/models/letters/labels/none", None, 200, STATUS),
    Rest("status, letters of any case", PATHS, "GET /V1/Models/letters", None, 200, STATUS),
    Rest("status, METADATA", f"{HANDLER} ProcessRequest", "GET /v1/models/letters/METADATA", None, 200, STATUS),
    Rest("status, escaped name", f"{PATHS}, DecodeArg", "GET /v1/models/l%65tters", None, 200, STATUS),
    Rest("status, other model", "model_servers/get_model_status_impl.cc", "GET /v1/models/other", None, 404, "Could not find any versions of model other"),
    Rest("status, other version", "model_servers/get_model_status_impl.cc", "GET /v1/models/letters/versions/7", None, 404, "Could not find version 7 of model letters"),
    Rest("status, query is part of the name", f"{NET}/evhttp_request.cc uri_path", "GET /v1/models/letters?a=1", None, 404, "Could not find any versions of model letters?a=1"),
    Rest("status, no model", f"{HANDLER} ProcessModelStatusRequest", "GET /v1/models", None, 400, "Missing model name in request."),
    Rest("status, no model but a version", f"{HANDLER} ProcessModelStatusRequest", "GET /v1/models/versions/1", None, 400, "Missing model name in request."),
    Rest("status, escaped slash", f"{PATHS}, DecodeArg", "GET /v1/models/a%2Fb", None, 404, "Could not find any versions of model a/b"),
    Rest("status, version no number", PATHS, "GET /v1/models/letters/versions/x", None, 400, "Malformed request: GET /v1/models/letters/versions/x"),
    Rest("status, version too large", f"{HANDLER} ProcessRequest", "GET /v1/models/letters/versions/9223372036854775808", None, 400, b""),
    Rest("status, largest version", PATHS, "GET /v1/models/letters/versions/9223372036854775807", None, 404, "Could not find version 9223372036854775807 of model letters"),
    Rest("status, trailing slash", PATHS, "GET /v1/models/letters/", None, 400, "Malformed request: GET /v1/models/letters/"),
    Rest("metadata, no model", f"{HANDLER} ProcessModelMetadataRequest", "GET /v1/models//metadata", None, 400, "Malformed request: GET /v1/models//metadata"),
    Rest("metadata, other model", f"{SERVABLES}/get_model_metadata_impl.cc", "GET /v1/models/other/metadata", None, 404, "Servable not found for request: Latest(other)"),
    Rest("metadata, other version", f"{SERVABLES}/get_model_metadata_impl.cc", "GET /v1/models/letters/versions/7/metadata", None, 404, "Servable not found for request: Specific(letters, 7)"),
    Rest("metadata, other label", f"{CORE} GetModelVersionForLabel", "GET /v1/models/letters/labels/x/metadata", None, 400, "Unrecognized servable version label: x"),
    Rest("GET of predict", f"{HANDLER} ProcessRequest", "GET /v1/models/letters:predict", None, 400, "Malformed request: GET /v1/models/letters:predict"),
    Rest("POST to the status", f"{HANDLER} ProcessRequest", "POST /v1/models/letters", {}, 400, "Malformed request: POST /v1/models/letters"),
    Rest("POST of another method", PATHS, "POST /v1/models/letters:explain", {}, 400, "Malformed request: POST /v1/models/letters:explain"),
    Rest("POST of PREDICT", f"{HANDLER} ProcessRequest", "POST /v1/models/letters:PREDICT", {}, 400, "Malformed request: POST /v1/models/letters:PREDICT"),
    Rest("predict, no model", PATHS, "POST /v1/models/:predict", {}, 400, "Malformed request: POST /v1/models/:predict"),
    Rest("PUT", f"{HANDLER} ProcessRequest", "PUT /v1/models/letters:predict", {}, 400, "Malformed request: PUT /v1/models/letters:predict"),
    Rest("DELETE", f"{HANDLER} ProcessRequest", "DELETE /v1/models/letters", None, 400, "Malformed request: DELETE /v1/models/letters"),
    Rest("PATCH", f"{HANDLER} ProcessRequest", "PATCH /v1/models/letters", {}, 400, "Malformed request: PATCH /v1/models/letters"),
    Rest("HEAD", f"{HANDLER} ProcessRequest", "HEAD /v1/models/letters", None, 400, b""),
    Rest("TRACE", f"{NET}/evhttp_server.cc evhttp_set_allowed_methods", "TRACE /v1/models/letters", None, 501, re.compile(b"<TITLE>501 Not Implemented</TITLE>")),
    Rest("OPTIONS, origin", f"{SERVER} RestApiRequestDispatcher::ProcessRequest", "OPTIONS /v1/models/letters:predict", None, 200, b"", {"Origin": "http://somewhere"}),
    Rest("OPTIONS, no origin", f"{SERVER} RestApiRequestDispatcher::ProcessRequest", "OPTIONS /v1/models/letters:predict", None, 400, b""),
    Rest("root", f"{NET}/evhttp_server.cc DispatchEvRequest", "GET /", None, 404, PAGE_404),
    Rest("health", f"{NET}/evhttp_server.cc DispatchEvRequest", "GET /healthz", None, 404, PAGE_404),
    Rest("v2", f"{SERVER} RestApiRequestDispatcher::Dispatch", "POST /v2/models/letters/infer", {}, 404, PAGE_404),
    Rest("under v1, nothing", f"{HANDLER} ProcessRequest", "GET /v1/health", None, 400, "Malformed request: GET /v1/health"),
    Rest("metrics, query", f"{SERVER} ProcessPrometheusRequest", "GET /monitoring/prometheus/metrics?a", None, 400, b"Unexpected path: /monitoring/prometheus/metrics?a. Should be /monitoring/prometheus/metrics"),
    Rest("an address that is none", f"{NET}/evhttp_request.cc decode", "GET /v1/models/%zz", None, 400, re.compile(b"<H1>Bad Request</H1>")),
    # Which model and signature.
    Rest("predict, other model", f"{HANDLER} GetInfoMap", "POST /v1/models/other:predict", {}, 404, "Servable not found for request: Latest(other)"),
    Rest("predict, other version", f"{HANDLER} GetInfoMap", "POST /v1/models/letters/versions/7:predict", {}, 404, "Servable not found for request: Specific(letters, 7)"),
    Rest("predict, other label", f"{CORE} GetModelVersionForLabel", "POST /v1/models/letters/labels/x:predict", {}, 400, "Unrecognized servable version label: x"),
    Rest("predict, label of other model", f"{CORE} ServableRequestFromModelSpec", "POST /v1/models/other/labels/x:predict", {}, 400, "Unrecognized servable version label: x"),
    Rest("predict, version too large", f"{HANDLER} ProcessRequest", "POST /v1/models/letters/versions/99999999999999999999:predict", {}, 400, b""),
    Rest("other model and no JSON", f"{HANDLER} ProcessPredictRequest", "POST /v1/models/other:predict", b"nope", 400, "JSON Parse error: Invalid value. at offset: 1"),
    Rest("other signature", f"{HANDLER} GetInfoMap", PREDICT, {"signature_name": "x", "instances": []}, 400, 'Serving signature name: "x" not found in signature def'),
    Rest("empty signature is the default", f"{HANDLER} GetInfoMap", PREDICT, {"signature_name": "", "inputs": [b64(BOOTS)]}, 200, {"outputs": {"user_vector": [VECTOR], "short": [[0.0, 1.0]]}}),
    Rest("signature no string", f"{JSON} FillSignature", PREDICT, {"signature_name": 3}, 400, "JSON Value: {\n    \"signature_name\": 3\n} not formatted correctly. 'signature_name' key must be a string value."),
    Rest("signature null", f"{JSON} FillSignature", PREDICT, {"signature_name": None}, 400, "JSON Value: {\n    \"signature_name\": null\n} not formatted correctly. 'signature_name' key must be a string value."),
    # JSON.
    Rest("no body", f"{JSON} ParseJson", PREDICT, b"", 400, "JSON Parse error: The document is empty"),
    Rest("white space", f"{JSON} ParseJson", PREDICT, b"  \n", 400, "JSON Parse error: The document is empty. at offset: 3"),
    Rest("half an object", f"{JSON} ParseJson", PREDICT, b"{", 400, "JSON Parse error: Missing a name for object member. at offset: 1"),
    Rest("trailing comma in an object", f"{JSON} ParseJson", PREDICT, b'{"instances": ["a"],}', 400, "JSON Parse error: Missing a name for object member. at offset: 20"),
    Rest("trailing comma in a list", f"{JSON} ParseJson", PREDICT, b'{"instances": ["a",]}', 400, "JSON Parse error: Invalid value. at offset: 19"),
    Rest("no colon", f"{JSON} ParseJson", PREDICT, b'{"instances" 1}', 400, "JSON Parse error: Missing a colon after a name of object member. at offset: 13"),
    Rest("no comma in an object", f"{JSON} ParseJson", PREDICT, b'{"a": 1 "b": 2}', 400, "JSON Parse error: Missing a comma or '}' after an object member. at offset: 8"),
    Rest("no comma in a list", f"{JSON} ParseJson", PREDICT, '{"a": ["é" "b"]}'.encode(), 400, "JSON Parse error: Missing a comma or ']' after an array element. at offset: 12"),
    Rest("open string", f"{JSON} ParseJson", PREDICT, b'{"a": "b', 400, "JSON Parse error: Missing a closing quotation mark in string. at offset: 8"),
    Rest("bad escape", f"{JSON} ParseJson", PREDICT, b'{"a": "\\x"}', 400, "JSON Parse error: Invalid escape character in string. at offset: 7"),
    Rest("bad hexadecimals", f"{JSON} ParseJson", PREDICT, b'{"a": "\\u12g4"}', 400, "JSON Parse error: Incorrect hex digit after \\u escape in string. at offset: 7"),
    Rest("a string that ends after an escape", f"{JSON} ParseJson", PREDICT, b'{"a": "\\u00e9', 400, "JSON Parse error: Missing a closing quotation mark in string. at offset: 13"),
    Rest("half a surrogate pair", f"{JSON} ParseJson", PREDICT, b'{"a": "\\ud800"}', 400, "JSON Parse error: The surrogate pair in string is invalid. at offset: 7"),
    Rest("a line break in a string", f"{JSON} ParseJson", PREDICT, b'{"a": "b\nc"}', 400, "JSON Parse error: Invalid escape character in string. at offset: 8"),
    Rest("a number without its fraction", f"{JSON} ParseJson", PREDICT, b'{"a": 1.}', 400, "JSON Parse error: Miss fraction part in number. at offset: 8"),
    Rest("a number without its exponent", f"{JSON} ParseJson", PREDICT, b'{"a": 1e}', 400, "JSON Parse error: Miss exponent in number. at offset: 8"),
    Rest("a number with two exponents", f"{JSON} ParseJson", PREDICT, b'{"a": 1e3e}', 400, "JSON Parse error: Missing a comma or '}' after an object member. at offset: 9"),
    Rest("a number too large", f"{JSON} ParseJson", PREDICT, b'{"a": 1e400}', 400, re.compile("^JSON Parse error: Number too big to be stored in double.")),
    Rest("half a word", f"{JSON} ParseJson", PREDICT, b'{"a": tru}', 400, "JSON Parse error: Invalid value. at offset: 9"),
    Rest("a list", f"{JSON} ParseJson", PREDICT, [], 400, "JSON Value: [] Is not object"),
    Rest("a string", f"{JSON} ParseJson", PREDICT, b'"a"', 400, 'JSON Value: "a" Is not object'),
    Rest("null", f"{JSON} ParseJson", PREDICT, b"null", 400, "JSON Value: null Is not object"),
    Rest("what follows is ignored", f"{JSON} ParseJson kParseStopWhenDoneFlag", PREDICT, b'{"signature_name": "encode", "instances": [["boots"]]} and more', 200, ONE_ROW),
    Rest("byte order mark", f"{JSON} ParseJson EncodedInputStream", PREDICT, b'\xef\xbb\xbf{"signature_name": "encode", "instances": [["boots"]]}', 200, ONE_ROW),
    Rest("of two equal names the first", f"{JSON} FindMember", PREDICT, b'{"signature_name": "encode", "signature_name": "x", "instances": [["boots"]]}', 200, ONE_ROW),
    Rest("bytes that are no UTF-8", f"{JSON} ParseJson", PREDICT, b'{"signature_name": "encode", "instances": [["\xff\xfe..."]]}', 200, ONE_ROW),
    Rest("unknown names", f"{JSON} FillPredictRequestFromJson", PREDICT, encode(instances=[["boots"]], more=1), 200, ONE_ROW),
    # Instances and inputs.
    Rest("neither", f"{JSON} FillPredictRequestFromJson", PREDICT, {}, 400, "Missing 'inputs' or 'instances' key"),
    Rest("both", f"{JSON} FillPredictRequestFromJson", PREDICT, encode(instances=[], inputs=[]), 400, "JSON Value: " + DEBUG + "\"instances\": [],\n    \"inputs\": []\n} Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist "),
    Rest("instances no list", f"{JSON} FillPredictRequestFromJson", PREDICT, encode(instances="a"), 400, "JSON Value: " + DEBUG + '"instances": "a"\n} Expecting \'instances\' to be an list/array'),
    Rest("no instances", f"{JSON} FillPredictRequestFromJson", PREDICT, encode(instances=[]), 400, "JSON Value: " + DEBUG + "\"instances\": []\n} No values in 'instances' array"),
    Rest("instances, named", f"{JSON} FillTensorMapFromInstancesList", PREDICT, encode(instances=[{"behaviors": ["boots"]}]), 200, ONE_ROW),
    Rest("instances, other name", f"{JSON} AddInstanceItem", PREDICT, encode(instances=[{"texts": ["boots"]}]), 400, "Failed to process element: 0 key: texts of 'instances' list. Error: INVALID_ARGUMENT: JSON object: does not have named input: texts"),
    Rest("instances, a name too many", f"{JSON} AddInstanceItem", PREDICT, encode(instances=[{"behaviors": ["boots"], "age": 3}]), 400, "Failed to process element: 0 key: age of 'instances' list. Error: INVALID_ARGUMENT: JSON object: does not have named input: age"),
    Rest("instances, no name", f"{JSON} FillTensorMapFromInstancesList", PREDICT, encode(instances=[{}]), 400, "Failed to process element: 0 of 'instances' list. JSON object: {} keys must be equal to: behaviors"),
    Rest("instances, list among objects", f"{JSON} FillTensorMapFromInstancesList", PREDICT, encode(instances=[{"behaviors": ["a"]}, ["b"]]), 400, "Expecting object but got list at item 1 of input list"),
    Rest("instances, object among lists", f"{JSON} FillTensorMapFromInstancesList", PREDICT, encode(instances=[["a"], {"behaviors": ["b"]}]), 400, "Expecting value/list but got object at item 1 of input list"),
    Rest("instances, different widths", f"{JSON} AddInstanceItem", PREDICT, encode(instances=[["a"], ["b", "c"]]), 400, "Failed to process element: 1 of 'instances' list. Error: INVALID_ARGUMENT: Expecting tensor size: 1 but got: 2"),
    Rest("instances, different ranks", f"{JSON} AddInstanceItem", PREDICT, encode(instances=[["a"], [["b"]]]), 400, "Failed to process element: 1 of 'instances' list. Error: INVALID_ARGUMENT: Expecting shape [1] but got: [1,1]"),
    Rest("instances, a number", f"{JSON} AddValueToTensor", PREDICT, {"instances": [1]}, 400, element("JSON Value: 1 Type: Number is not of expected type: string")),
    Rest("instances, NaN", f"{JSON} ParseJson kParseNanAndInfFlag", PREDICT, b'{"instances": [NaN]}', 400, element("JSON Value:  Type: Number is not of expected type: string")),
    Rest("instances, -Infinity", f"{JSON} ParseJson kParseNanAndInfFlag", PREDICT, b'{"instances": [-Infinity]}', 400, element("JSON Value:  Type: Number is not of expected type: string")),
    Rest("instances, a large integer", f"{JSON} AddValueToTensor", PREDICT, b'{"instances": [18446744073709551615]}', 400, element("JSON Value: 18446744073709551615 Type: Number is not of expected type: string")),
    Rest("instances, true", f"{JSON} AddValueToTensor", PREDICT, {"instances": [True]}, 400, element("JSON Value: true Type: True is not of expected type: string")),
    Rest("instances, null", f"{JSON} AddValueToTensor", PREDICT, {"instances": [None]}, 400, element("JSON Value: null Type: Null is not of expected type: string")),
    Rest("instances, value beside a list", f"{JSON} FillTensorProto", PREDICT, encode(instances=[["a", ["b"]]]), 400, element("Encountered list at unexpected level: 1 expected < 1")),
    Rest("instances, list beside a value", f"{JSON} FillTensorProto", PREDICT, encode(instances=[[["a"], "b"]]), 400, element('JSON Value: "b" found at incorrect level: 2 in the JSON DOM. Expected at level: 2')),
    Rest("instances, base64", f"{JSON} JsonDecodeBase64Object", PREDICT, {"instances": [b64(BOOTS)]}, 200, ONE_ROW),
    Rest("instances, base64 in lists", f"{JSON} FillTensorProto", PREDICT, encode(instances=[[b64(b"boots")]]), 200, ONE_ROW),
    Rest("instances, base64 without padding", "absl::Base64Unescape", PREDICT, {"instances": [b64(UNEVEN, padded=False)]}, 200, re.compile(b'"user_vector": ')),
    Rest("instances, base64 with line breaks", "absl::Base64Unescape", PREDICT, encode(instances=[[{"b64": "Ym9v\ndHM ="}]]), 200, ONE_ROW),
    Rest("instances, base64 with half its padding", "absl::Base64Unescape", PREDICT, encode(instances=[[{"b64": "Ym9vdA="}]]), 400, element("Unable to base64 decode")),
    Rest("instances, web-safe base64", "absl::Base64Unescape", PREDICT, encode(instances=[[{"b64": "_-_-"}]]), 400, element("Unable to base64 decode")),
    Rest("instances, one letter of base64", "absl::Base64Unescape", PREDICT, encode(instances=[[{"b64": "Y"}]]), 400, element("Unable to base64 decode")),
    Rest("instances, base64 no string", f"{JSON} IsValBase64Object", PREDICT, encode(instances=[[{"b64": 3}]]), 400, element('JSON Value: {\n    "b64": 3\n} not formatted correctly for base64 data')),
    Rest("inputs, list", f"{JSON} FillTensorMapFromInputsMap", PREDICT, encode(inputs=[["boots"]]), 200, {"outputs": {"user_vector": [VECTOR], "short": [[0.0, 1.0]]}}),
    Rest("inputs, named", f"{JSON} FillTensorMapFromInputsMap", PREDICT, encode(inputs={"behaviors": [["boots"]]}), 200, {"outputs": {"user_vector": [VECTOR], "short": [[0.0, 1.0]]}}),
    Rest("inputs, a name too many", f"{JSON} FillTensorMapFromInputsMap", PREDICT, encode(inputs={"behaviors": [["boots"]], "age": [3]}), 200, {"outputs": {"user_vector": [VECTOR], "short": [[0.0, 1.0]]}}),
    Rest("inputs, other name", f"{JSON} FillTensorMapFromInputsMap", PREDICT, encode(inputs={"texts": [["boots"]]}), 400, "Missing named input: behaviors in 'inputs' object."),
    Rest("inputs, different widths", f"{JSON} FillTensorProto", PREDICT, encode(inputs=[["a"], ["b", "c"]]), 400, "Encountered list at unexpected size: 2 at level: 1 expected size: 1"),
    Rest("inputs, empty list", f"{JSON} FillTensorMapFromInputsMap", PREDICT, {"inputs": []}, 200, {"outputs": {"user_vector": [], "short": []}}),
    Rest("an example that is none", f"{SERVABLES}/predict_util.cc RunPredict", PREDICT, {"instances": [b64(b"\xff\xff")]}, 400, re.compile("Could not parse example")),
    # Bodies.
    Rest("gzip", f"{NET}/evhttp_request.cc NeedUncompressGzipContent", PREDICT, gzip.compress(json.dumps(encode(instances=[["boots"]])).encode()), 200, ONE_ROW, {"Content-Encoding": "gzip"}),
    Rest("gzip among others", f"{NET}/evhttp_request.cc NeedUncompressGzipContent", PREDICT, gzip.compress(json.dumps(encode(instances=[["boots"]])).encode()), 200, ONE_ROW, {"Content-Encoding": "x-gzip"}),
    Rest("gzip that is none", f"{NET}/evhttp_request.cc ReadRequestGzipBytes", PREDICT, {"instances": [1]}, 400, "JSON Parse error: The document is empty", {"Content-Encoding": "gzip"}),
    Rest("gzip cut off", f"{NET}/evhttp_request.cc ReadRequestGzipBytes", PREDICT, gzip.compress(b'{"instances": [1]}')[:-9], 400, "JSON Parse error: The document is empty", {"Content-Encoding": "gzip"}),
    Rest("gzip that is not named", f"{JSON} ParseJson", PREDICT, gzip.compress(b"{}", mtime=0), 400, "JSON Parse error: Invalid value. at offset: 0"),
    Rest("the content's type counts for nothing", f"{SERVER} RestApiRequestDispatcher::ProcessRequest", PREDICT, encode(instances=[["boots"]]), 200, ONE_ROW, {"Content-Type": "multipart/form-data"}),
    Rest("gzip, sent as a form", f"{SERVER} RestApiRequestDispatcher::ProcessRequest", PREDICT, gzip.compress(json.dumps(encode(instances=[["boots"]])).encode()), 200, ONE_ROW, {"Content-Encoding": "gzip", "Content-Type": "application/x-www-form-urlencoded"}),
    # Classify and regress.
    Rest("classify, no examples", f"{JSON} FillClassifyRegressRequestFromJson", "POST /v1/models/letters:classify", {}, 400, "JSON Value: {} When method is classify, key 'examples' is expected and was not found"),
    Rest("classify, no list", f"{JSON} FillClassifyRegressRequestFromJson", "POST /v1/models/letters:classify", {"examples": 1}, 400, "JSON Value: {\n    \"examples\": 1\n} Expecting 'examples' value to be an list/array"),
    Rest("classify, empty list", f"{JSON} FillClassifyRegressRequestFromJson", "POST /v1/models/letters:classify", {"examples": []}, 400, "JSON Value: {\n    \"examples\": []\n} 'examples' value is an empty array"),
    Rest("classify, example no object", f"{JSON} MakeExampleFromJsonObject", "POST /v1/models/letters:classify", {"examples": ["a"]}, 400, "Example must be JSON object but got JSON String"),
    Rest("classify, feature of two kinds", f"{JSON} AddValueToFeature", "POST /v1/models/letters:classify", {"examples": [{"age": [3, 3.5]}]}, 400, "Unexpected element type in feature: age expecting type: int64"),
    Rest("classify, feature null", f"{JSON} AddValueToFeature", "POST /v1/models/letters:classify", {"examples": [{"age": None}]}, 400, "Feature: age has element with unexpected JSON type: Null"),
    Rest("classify, context no object", f"{JSON} FillClassifyRegressRequestFromJson", "POST /v1/models/letters:classify", {"context": 1}, 400, "Example must be JSON object but got JSON Number"),
    Rest("classify, other model", f"{SERVABLES}/classification_service.cc", "POST /v1/models/other:classify", {"examples": [{}]}, 404, "Servable not found for request: Latest(other)"),
    Rest("classify, other signature", f"{SERVABLES}/classifier.cc GetClassificationSignatureDef", "POST /v1/models/letters:classify", {"signature_name": "x", "examples": [{}]}, 400, "No signature was found with the name: x"),
    Rest("classify, no such signature", f"{SERVABLES}/classifier.cc PreProcessClassification", "POST /v1/models/letters:classify", {"examples": [{"behaviors": ["boots"]}]}, 400, re.compile("^No classification inputs found in SignatureDef: ")),
    Rest("regress, no such signature", f"{SERVABLES}/regressor.cc PreProcessRegression", "POST /v1/models/letters:regress", {"examples": [{"behaviors": ["boots"]}]}, 400, "Expected one output Tensor."),
]
# fmt: on


@contextlib.contextmanager
def _asked(server, row):
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=30)
    method, path = row.line.split()
    body = row.body
    if body is not None and not isinstance(body, bytes):
        body = json.dumps(body).encode()
    connection.request(method, path, body, row.headers or {})
    yield connection.getresponse()
    connection.close()


@pytest.mark.parametrize("row", REST, ids=lambda row: row.kind)
def test_rest(shared_server, row):
    with _asked(shared_server, row) as response:
        body = response.read()
        kind = response.headers["Content-Type"]
    assert response.status == row.code, body
    if isinstance(row.answer, bytes):
        assert body == row.answer
    elif isinstance(row.answer, re.Pattern) and isinstance(row.answer.pattern, bytes):
        assert row.answer.search(body)
    else:
        assert kind == "application/json"
        document = json.loads(body)
        if isinstance(row.answer, dict):
            assert document == row.answer
        elif isinstance(row.answer, re.Pattern):
            assert row.answer.search(document.pop("error"))
            assert not document
        else:
            assert document == {"error": row.answer}


def _predict(inputs=None, signature="", name="letters", version=None, label=None, outputs=()):
    request = predict_pb2.PredictRequest(output_filter=outputs)
    request.model_spec.name = name
    request.model_spec.signature_name = signature
    if version is not None:
        request.model_spec.version.value = version
    if label is not None:
        request.model_spec.version_label = label
    for key, value in ({"examples": [BOOTS]} if inputs is None else inputs).items():
        request.inputs[key].CopyFrom(tf.make_tensor_proto(value))
    return request


def _of(request, **spec):
    """A request with this `ModelSpec`."""
    request.model_spec.SetInParent()
    for name, value in spec.items():
        if name == "version":
            request.model_spec.version.value = value
        else:
            setattr(request.model_spec, name, value)
    return request


def _tasks(*tasks):
    request = inference_pb2.MultiInferenceRequest()
    for name, signature, method in tasks:
        task = request.tasks.add(method_name=method)
        task.model_spec.name = name
        task.model_spec.signature_name = signature
    return request


def _config(**model):
    request = model_management_pb2.ReloadConfigRequest()
    request.config.model_config_list.SetInParent()
    for name in model.pop("names", ("letters",)):
        model = {"base_path": "/models/letters", "model_platform": "tensorflow", **model}
        request.config.model_config_list.config.add(name=name, **model)
    return request


class Grpc(NamedTuple):
    """One request by gRPC.

    Attributes:
        kind: What it is about.
        source: Where TF Serving's answer was read.
        call: Stub and method.
        request: The message.
        code: gRPC's.
        details: The error's text.
    """

    kind: str
    source: str
    call: tuple
    request: object
    code: str
    details: object


class Stub(NamedTuple):
    """Classes of stubs, to be made on a channel."""

    predictions: type = prediction_service_pb2_grpc.PredictionServiceStub
    models: type = model_service_pb2_grpc.ModelServiceStub


S = Stub()
P = (S.predictions, "Predict")
M = (S.predictions, "GetModelMetadata")
C = (S.predictions, "Classify")
R = (S.predictions, "Regress")
I = (S.predictions, "MultiInference")  # noqa: E741
G = (S.models, "GetModelStatus")
H = (S.models, "HandleReloadConfigRequest")
CLASSIFY, REGRESS = inference.CLASSIFY, inference.REGRESS
BAD, LOST = "INVALID_ARGUMENT", "NOT_FOUND"

# fmt: off
GRPC = [
    Grpc("predict, no spec", f"{SERVABLES}/predict_impl.cc Predict", P, predict_pb2.PredictRequest(), BAD, "Missing ModelSpec"),
    Grpc("predict, no name", f"{CORE} ServableRequestFromModelSpec", P, _predict(name=""), BAD, "ModelSpec has no name specified."),
    Grpc("predict, no name but a label", f"{CORE} ServableRequestFromModelSpec", P, _predict(name="", label="x"), BAD, "ModelSpec has no name specified."),
    Grpc("predict, other model", "core/basic_manager.cc", P, _predict(name="other"), LOST, "Servable not found for request: Latest(other)"),
    Grpc("predict, other model and version", "core/basic_manager.cc", P, _predict(name="other", version=3), LOST, "Servable not found for request: Specific(other, 3)"),
    Grpc("predict, other version", "core/basic_manager.cc", P, _predict(version=9), LOST, "Servable not found for request: Specific(letters, 9)"),
    Grpc("predict, version 0", f"{CORE} ServableRequestFromModelSpec", P, _predict(version=0), LOST, "Servable not found for request: Specific(letters, 0)"),
    Grpc("predict, other label", f"{CORE} GetModelVersionForLabel", P, _predict(label="beta"), BAD, "Unrecognized servable version label: beta"),
    Grpc("predict, label of other model", f"{CORE} GetModelVersionForLabel", P, _predict(name="other", label="beta"), BAD, "Unrecognized servable version label: beta"),
    Grpc("predict, other signature", f"{SERVABLES}/predict_util.cc RunPredict", P, _predict(signature="x"), "FAILED_PRECONDITION", 'Serving signature key "x" not found.'),
    Grpc("predict, no inputs", f"{SERVABLES}/predict_util.cc VerifyRequestInputsSize", P, _predict({}), BAD, "input size does not match signature: 0!=1 len({}) != len({examples}). Sent extra: {}. Missing but required: {examples}."),
    Grpc("predict, an input too many", f"{SERVABLES}/predict_util.cc VerifyRequestInputsSize", P, _predict({"examples": [BOOTS], "age": [3]}), BAD, "input size does not match signature: 2!=1 len({age,examples}) != len({examples}). Sent extra: {age}. Missing but required: {}."),
    Grpc("predict, other input", "tensorflow/cc/saved_model/util.cc GetInputValues", P, _predict({"texts": ["a"]}), BAD, "Signature input alias: examples(feed name: serving_default_examples:0) not found in request and no default value provided. Inputs expected to be in the request {texts}, or default input alias set: "),
    Grpc("predict, other output", f"{SERVABLES}/predict_util.cc PreProcessPrediction", P, _predict(outputs=["age"]), BAD, "output tensor alias not found in signature: age Outputs expected to be in the set {short,user_vector}."),
    Grpc("predict, the same output twice", f"{SERVABLES}/predict_util.cc PreProcessPrediction", P, _predict(outputs=["short", "short"]), BAD, "duplicate output tensor alias: short"),
    Grpc("predict, other type", "tensorflow/core/framework/function.cc SetArgs", P, _predict({"examples": [1.0]}), BAD, "Expects arg[0] to be string but float is provided"),
    Grpc("predict, an example that is none", f"{SERVABLES}/predict_util.cc RunPredict", P, _predict({"examples": [b"\xff\xff"]}), BAD, re.compile("Could not parse example")),
    Grpc("predict, an error of kilobytes", "model_servers/grpc_status_util.cc ToGRPCStatus", P, _predict(name="n" * 2000), LOST, f"Servable not found for request: Latest({'n' * 985}...TRUNCATED"),
    Grpc("metadata, no spec", f"{SERVABLES}/get_model_metadata_impl.cc", M, get_model_metadata_pb2.GetModelMetadataRequest(), BAD, "Missing ModelSpec"),
    Grpc("metadata, no field", f"{SERVABLES}/get_model_metadata_impl.cc", M, _of(get_model_metadata_pb2.GetModelMetadataRequest(), name="letters"), BAD, "GetModelMetadataRequest must specify at least one metadata_field"),
    Grpc("metadata, other field", f"{SERVABLES}/get_model_metadata_impl.cc", M, _of(get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def", "shape"]), name="other"), BAD, "Metadata field shape is not supported"),
    Grpc("metadata, no name", f"{CORE} ServableRequestFromModelSpec", M, _of(get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])), BAD, "ModelSpec has no name specified."),
    Grpc("metadata, other version", "core/basic_manager.cc", M, _of(get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"]), name="letters", version=9), LOST, "Servable not found for request: Specific(letters, 9)"),
    Grpc("status, no spec", "model_servers/get_model_status_impl.cc", G, get_model_status_pb2.GetModelStatusRequest(), BAD, "Missing ModelSpec"),
    Grpc("status, no name", "model_servers/get_model_status_impl.cc", G, _of(get_model_status_pb2.GetModelStatusRequest()), LOST, "Could not find any versions of model "),
    Grpc("status, other model", "model_servers/get_model_status_impl.cc", G, _of(get_model_status_pb2.GetModelStatusRequest(), name="other"), LOST, "Could not find any versions of model other"),
    Grpc("status, other version", "model_servers/get_model_status_impl.cc", G, _of(get_model_status_pb2.GetModelStatusRequest(), name="letters", version=9), LOST, "Could not find version 9 of model letters"),
    Grpc("classify, no spec", f"{SERVABLES}/classification_service.cc", C, classification_pb2.ClassificationRequest(), BAD, "Missing ModelSpec"),
    Grpc("classify, other model", "core/basic_manager.cc", C, _of(classification_pb2.ClassificationRequest(), name="other"), LOST, "Servable not found for request: Latest(other)"),
    Grpc("classify, other signature", f"{SERVABLES}/classifier.cc GetClassificationSignatureDef", C, _of(classification_pb2.ClassificationRequest(), name="letters", signature_name="x"), BAD, "No signature was found with the name: x"),
    Grpc("classify, no such signature", f"{SERVABLES}/classifier.cc PreProcessClassification", C, _of(classification_pb2.ClassificationRequest(), name="letters"), BAD, re.compile("^No classification inputs found in SignatureDef: ")),
    Grpc("regress, no spec", f"{SERVABLES}/regression_service.cc", R, regression_pb2.RegressionRequest(), BAD, "Missing ModelSpec"),
    Grpc("regress, other signature", f"{SERVABLES}/regressor.cc GetRegressionSignatureDef", R, _of(regression_pb2.RegressionRequest(), name="letters", signature_name="x"), BAD, "No signature was found with the name: x"),
    Grpc("regress, no such signature", f"{SERVABLES}/regressor.cc PreProcessRegression", R, _of(regression_pb2.RegressionRequest(), name="letters"), BAD, "Expected one output Tensor."),
    Grpc("several, no tasks", f"{SERVABLES}/multi_inference_helper.cc GetModelSpecFromRequest", I, _tasks(), BAD, "ModelSpec has no name specified."),
    Grpc("several, other model", f"{SERVABLES}/multi_inference_helper.cc", I, _tasks(("other", "", CLASSIFY)), LOST, "Servable not found for request: Latest(other)"),
    Grpc("several, other signature", f"{SERVABLES}/multi_inference.cc Infer", I, _tasks(("letters", "x", CLASSIFY)), BAD, "Requested signature not found in model graph: x"),
    Grpc("several, other method", f"{SERVABLES}/multi_inference.cc Infer", I, _tasks(("letters", "", "predict")), "UNIMPLEMENTED", "Unsupported signature method_name: predict"),
    Grpc("several, regress", f"{SERVABLES}/multi_inference.cc Infer", I, _tasks(("letters", "", REGRESS), ("letters", "", CLASSIFY)), BAD, "Expected one output Tensor."),
    Grpc("configuration, none", "model_servers/model_service_impl.cc HandleReloadConfigRequest", H, model_management_pb2.ReloadConfigRequest(), BAD, "ServerModelConfig type not supported by HandleReloadConfigRequest. Only ModelConfigList is currently supported"),
    Grpc("configuration, the same name twice", f"{CORE} ValidateModelConfigList", H, _config(names=("a", "a")), BAD, "Illegal to list model a multiple times in config list"),
    Grpc("configuration, relative path", f"{CORE} ValidateModelConfigList", H, _config(base_path="letters"), BAD, "Expected model letters to have an absolute path or URI; got base_path()=letters"),
    Grpc("configuration, no platform", f"{CORE} GetPlatform", H, _config(model_platform=""), BAD, "Illegal setting neither ModelServerConfig::model_type (deprecated) nor ModelServerConfig::model_platform, model name is letters"),
    Grpc("configuration, other platform", f"{CORE} CreateStoragePathRoutes", H, _config(model_platform="caffe"), BAD, "Model letters requests unsupported platform caffe"),
]
# fmt: on


def _called(server, call, request):
    stub, method = call
    with grpc.insecure_channel(server.target) as channel:
        return getattr(stub(channel), method)(request, timeout=20)


@pytest.mark.parametrize("row", GRPC, ids=lambda row: row.kind)
def test_grpc(shared_server, row):
    with pytest.raises(grpc.RpcError) as error:
        _called(shared_server, row.call, row.request)
    assert error.value.code().name == row.code
    if isinstance(row.details, re.Pattern):
        assert row.details.search(error.value.details())
    else:
        assert error.value.details() == row.details


@pytest.mark.parametrize(
    "method",
    [
        "/tensorflow.serving.SessionService/SessionRun",
        "/tensorflow.serving.PredictionService/Explain",
    ],
)
def test_methods_that_are_none(shared_server, method):
    """`Server::BuildAndStart` registers the services of predictions and of models, and no other."""
    with (
        grpc.insecure_channel(shared_server.target) as channel,
        pytest.raises(grpc.RpcError) as error,
    ):
        channel.unary_unary(method)(b"", timeout=20)
    assert error.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_numbers_come_as_lists(shared_server):
    """`predict_response_tensor_serialization_option` is `kAsProtoField` by default."""
    response = _called(shared_server, P, _predict({"examples": [BOOTS, BOOTS]}))
    tensor = response.outputs[USER_VECTOR]
    assert list(tensor.float_val) == VECTOR * 2
    assert not tensor.tensor_content
    assert [dim.size for dim in tensor.tensor_shape.dim] == [2, 3]
    spec = response.model_spec
    assert (spec.name, spec.version.value, spec.signature_name) == ("letters", 1, "serving_default")


@pytest.mark.parametrize(
    "dtype",
    ["float32", "float64", "float16", "int8", "uint8", "int16", "int32", "int64", "uint32",
     "uint64", "bool", "bfloat16"],
)  # fmt: skip
@pytest.mark.parametrize("shape", [(), (0, 3), (2, 3)])
def test_outputs_of_every_type(dtype, shape):
    values = tf.cast(tf.reshape(tf.range(np.prod(shape, dtype=int)), shape), dtype).numpy()
    proto = tf.make_tensor_proto([0])
    proto.Clear()
    tensors.fill_proto(proto, values)
    assert not proto.tensor_content
    assert proto.tensor_shape.ByteSize() == tf.make_tensor_proto(values).tensor_shape.ByteSize()
    back = tf.make_ndarray(proto)
    assert back.dtype == values.dtype
    np.testing.assert_array_equal(back, values)


def test_metadata_by_rest(shared_server):
    """`ToJsonString` writes the model and the signatures without the `Any` around them."""
    row = Rest("", "", "GET /v1/models/letters/versions/1/metadata", None, 200, {})
    with _asked(shared_server, row) as response:
        document = json.load(response)
    assert document["model_spec"] == {"name": "letters", "signature_name": "", "version": "1"}
    assert list(document["metadata"]) == ["signature_def"]
    signatures = document["metadata"]["signature_def"]["signature_def"]
    assert signatures["encode"]["inputs"]["behaviors"] == {
        "dtype": "DT_STRING",
        "tensor_shape": {
            "dim": [{"size": "-1", "name": ""}, {"size": "-1", "name": ""}],
            "unknown_rank": False,
        },
        "name": "encode_behaviors:0",
    }


@pytest.mark.parametrize(
    ("dtype", "value", "expected"),
    [
        ("float", "1", 1.0),
        ("float", "1e39", math.inf),
        ("float", "NaN", math.nan),
        ("float", "-Infinity", -math.inf),
        ("float", "true", "JSON Value: true Type: True is not of expected type: float"),
        ("double", "18446744073709551616", 18446744073709551616.0),
        ("int32", "2147483647", 2147483647),
        ("int32", "2147483648", "JSON Value: 2147483648 Type: Number is not of expected type: int32"),
        ("int32", "1.0", "JSON Value: 1.0 Type: Number is not of expected type: int32"),
        ("int64", "9223372036854775808", "JSON Value: 9223372036854775808 Type: Number is not of expected type: int64"),
        ("uint8", "300", 44),
        ("uint32", "-1", "JSON Value: -1 Type: Number is not of expected type: uint32"),
        ("uint64", "18446744073709551615", 18446744073709551615),
        ("bool", "1", "JSON Value: 1 Type: Number is not of expected type: bool"),
        ("bool", "true", True),
        ("int32", '{"b64": "AQ=="}', 'JSON Value: {\n    "b64": "AQ=="\n} Type: Object is not of expected type: int32'),
        ("half", "1", "Conversion of JSON Value: 1 to type: half"),
    ],
)  # fmt: skip
def test_numbers_in_json(dtype, value, expected):
    """`AddValueToTensor`, for inputs that the served models have not, but others may."""
    document = json_body.parse_object(b'{"inputs": [%s]}' % value.encode())
    info = meta_graph_pb2.TensorInfo(dtype=tf.as_dtype(dtype).as_datatype_enum)
    if isinstance(expected, str):
        with pytest.raises(StatusError) as error:
            json_tensors.inputs_of(document, {"a": info})
        assert error.value.message == expected
    else:
        array = json_tensors.inputs_of(document, {"a": info})["a"]
        assert array.dtype == tf.as_dtype(dtype).as_numpy_dtype
        np.testing.assert_array_equal(array, np.array([expected], array.dtype))


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.2, "0.2"), (1.0, "1.0"), (-0.0, "-0.0"), (9000000, "9e+06"), (0.00003, "3e-05"),
        (1 / 3, "0.333333343"), (16777217.0, "16777216.0"), (math.nan, "NaN"),
        (math.inf, "Infinity"), (-math.inf, "-Infinity"),
    ],
)  # fmt: skip
def test_numbers_in_answers(number, text):
    """`WriteDecimal`: six digits, nine where six would be another number."""
    body = json_answers.answer_json({"a": np.array([number], np.float32)}, by_row=True)
    assert body.decode().split() == ["{", '"predictions":', "[", text, "]", "}"]


@pytest.mark.parametrize(
    ("arrays", "by_row", "expected"),
    [
        ({"a": np.zeros([])}, True, "Tensor name: a has no shape information "),
        (
            {"a": np.zeros([2]), "b": np.zeros([3])},
            True,
            "Tensor name: b has inconsistent batch size: 3 expecting: 2",
        ),
        (
            {"a": np.zeros([1], np.float16)},
            True,
            "Failed to write JSON value for tensor type: half",
        ),
        ({"a": np.zeros([])}, False, {"outputs": 0.0}),
        ({"a": np.arange(4).reshape(2, 1, 2)}, True, {"predictions": [[[0, 1]], [[2, 3]]]}),
        ({"a": np.array([b"\xc3\xa9"], object)}, True, {"predictions": ["é"]}),
        ({"a_bytes": np.array([b"\xff"], object)}, True, {"predictions": [{"b64": "/w=="}]}),
        ({"a": np.array([[True]])}, False, {"outputs": [[True]]}),
    ],
)
def test_outputs_in_json(arrays, by_row, expected):
    """`MakeJsonFromTensors`, for outputs that the served models have not, but others may."""
    if isinstance(expected, str):
        with pytest.raises(StatusError) as error:
            json_answers.answer_json(arrays, by_row)
        assert error.value.message == expected
    else:
        assert json.loads(json_answers.answer_json(arrays, by_row)) == expected


def test_several_inputs_in_json():
    """`FillTensorMapFromInstancesList` and `FillTensorMapFromInputsMap` of several inputs."""
    infos = {
        "a": meta_graph_pb2.TensorInfo(dtype=types_pb2.DT_INT32),
        "b": meta_graph_pb2.TensorInfo(dtype=types_pb2.DT_STRING),
    }
    for document in (
        {"instances": [{"b": ["x"], "a": 1}, {"a": 2, "b": ["y"]}]},
        {"inputs": {"a": [1, 2], "b": [["x"], ["y"]]}},
    ):
        arrays = json_tensors.inputs_of(document, infos)
        assert arrays["a"].tolist() == [1, 2]
        assert arrays["b"].tolist() == [[b"x"], [b"y"]]
    for document, message in (
        ({"instances": [1]}, "instances is a plain list, but expecting list of objects"),
        ({"inputs": [1]}, "inputs is a plain value/list, but expecting an object"),
        ({"instances": [{"a": 1}]}, "keys must be equal to: a,b"),
    ):
        with pytest.raises(StatusError, match=message):
            json_tensors.inputs_of(document, infos)
