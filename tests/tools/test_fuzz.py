"""The fuzzer: what it found once is refused properly, and what it tries is the same each time."""

import random

import pytest

from serving.dev_server.errors import StatusError
from serving.dev_server.json_answers import error_json
from tools import fuzz


@pytest.mark.parametrize(
    "data",
    [
        # An input whose name is no UTF-8: protobuf's map raised UnicodeEncodeError.
        b'{"instances": [{"\xe2ehaviors": ["a"]}]}',
        # The answer to half of a surrogate pair could not be encoded.
        b'"\\ude00"',
    ],
)
def test_what_was_found_is_refused(data):
    with pytest.raises(StatusError) as caught:
        fuzz.rest_body(data)
    assert b'"error"' in error_json(caught.value.message)


def test_a_tensor_of_resources_is_refused():
    """TensorFlow's own conversion raises KeyError."""
    request = fuzz.predict_pb2.PredictRequest()
    request.inputs["behaviors"].dtype = 20
    request.inputs["behaviors"].tensor_shape.SetInParent()
    with pytest.raises(StatusError, match="tensor parsing error: behaviors"):
        fuzz.grpc_predict(request.SerializeToString())


@pytest.mark.parametrize("name", fuzz.TARGETS)
def test_changed_requests_are_answered(name):
    found = []
    counts = fuzz.fuzz(name, 3000, 1, lambda data, error: found.append((data, error)))
    assert found == []
    assert counts["accepted"] > 0
    assert counts["refused"] > 0
    assert counts["kinds"] > 2


def test_a_mistake_of_a_parser_is_found(monkeypatch):
    def parser(data):
        if b"x" in data:
            raise KeyError(data)
        return "read"

    monkeypatch.setitem(fuzz.TARGETS, "mine", (parser, [b"abc", b"x"]))
    found = []
    counts = fuzz.fuzz("mine", 200, 1, lambda data, error: found.append(data))
    assert counts["crashed"] == len(found) > 10
    assert all(b"x" in data for data in found)


def test_the_same_seed_tries_the_same_inputs():
    first, second = (
        [fuzz.mutated(random_, [b"abc", b"defg"]) for _ in range(100)]
        for random_ in (random.Random(3), random.Random(3))
    )
    assert first == second
