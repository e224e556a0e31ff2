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
import re
from typing import NamedTuple

import pytest
import tensorflow as tf

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
    Rest("half a surrogate pair", f"{JSON} ParseJson", PREDICT, b'{"a": "\\ud800"}', 400, "JSON Parse error: The surrogate pair in string is invalid. at offset: 7"),
    Rest("a line break in a string", f"{JSON} ParseJson", PREDICT, b'{"a": "b\nc"}', 400, "JSON Parse error: Invalid escape character in string. at offset: 8"),
    Rest("a number without its fraction", f"{JSON} ParseJson", PREDICT, b'{"a": 1.}', 400, "JSON Parse error: Miss fraction part in number. at offset: 8"),
    Rest("a number without its exponent", f"{JSON} ParseJson", PREDICT, b'{"a": 1e}', 400, "JSON Parse error: Miss exponent in number. at offset: 8"),
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
