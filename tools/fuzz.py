"""Feeds the development server's parsers what nobody should send: `python -m tools.fuzz --help`."""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
import traceback
from collections.abc import Callable, Sequence

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import model_pb2, predict_pb2

from serving.dev_server import json_tensors, rest_paths, tensors
from serving.dev_server.errors import StatusError
from serving.dev_server.json_answers import error_json
from serving.dev_server.json_body import parse_object

_MAX_BYTES = 4096
_PROGRESS_SECONDS = 30.0

_BODIES = [
    b'{"inputs": [["a", "b"], ["c", ""]]}',
    b'{"instances": [["a", "b"], ["c", ""]], "signature_name": "encode"}',
    b'{"instances": [{"behaviors": ["a", {"b64": "aGk="}]}]}',
    b'{"inputs": {"behaviors": [["\\ud83d\\ude00", "\\u0000"]]}}',
    b'{"instances": [1, -2.5e300, NaN, Infinity, true, null]}',
    b'{"inputs": {"numbers": [[1, 2], [3, 4]], "behaviors": []}}',
    "{'inputs': 'é'}".encode(),
]
_PATHS = [
    b"/v1/models/shop:predict",
    b"/v1/models/shop/versions/17:predict",
    b"/v1/models/shop/labels/stable/metadata",
    b"/v1/models/%E5%BA%97?x=1#y",
]
_TOKENS = [
    *(b"{", b"}", b"[", b"]", b'"', b"\\", b":", b",", b"\\u", b"\\ud800", b"e999", b"-", b"0"),
    *(b"null", b"NaN", b"-Infinity", b'{"b64":"', b'"inputs"', b'"instances"', b"\x00", b"\xff"),
    *(b"\xef\xbb\xbf", b"%", b"%ff", b"/", b"/versions/", b"99999999999999999999", b"\xe2\x80\xa8"),
    *(b"\x80\x80\x80\x80\x10", b"\x08\x07", b"\x12\x00", b"\x1a\xff\xff\xff\xff\x0f"),
]


def _signature(**inputs: tuple[tf.DType, list[int]]):
    """A `SignatureDef` with inputs of types and shapes."""
    signature = meta_graph_pb2.SignatureDef()
    for name, (dtype, shape) in inputs.items():
        signature.inputs[name].dtype = dtype.as_datatype_enum
        for size in shape:
            signature.inputs[name].tensor_shape.dim.add(size=size)
    return signature


_SIGNATURES = [
    _signature(behaviors=(tf.string, [-1, -1])),
    _signature(numbers=(tf.float32, [-1, 2]), behaviors=(tf.string, [-1])),
    _signature(numbers=(tf.int64, [-1])),
    _signature(flags=(tf.bool, [])),
    _signature(halves=(tf.half, [2, -1])),
]


def rest_body(data: bytes) -> str:
    """Reads the body of a REST request, for several signatures.

    Returns:
        What kind of request it is, as the others do.

    Raises:
        StatusError: As it should, if the body is wrong.
    """
    document = parse_object(data)
    json_tensors.signature_name(document)
    mistake, kind = None, ""
    for signature in _SIGNATURES:
        try:
            for name, array in json_tensors.inputs_of(document, signature.inputs).items():
                tensors.check(name, 0, array, signature.inputs[name])
                kind += f"{name}{array.ndim}"
        except StatusError as error:
            mistake = error
    if mistake and not kind:
        raise mistake
    return kind


def rest_path(data: bytes) -> str:
    """Reads the address of a REST request.

    Raises:
        StatusError: As it should, if the address is wrong.
    """
    # As Tornado hands it on.
    path = data.decode("latin-1")
    if rest_paths.is_uri(path) and rest_paths.is_rest(path):
        mistake = None
        for method in ("GET", "POST", "DELETE"):
            try:
                rest_paths.parse(method, path).fill(model_pb2.ModelSpec())
            except StatusError as error:
                mistake = error
        if mistake:
            raise mistake
        return "path"
    return "page"


def grpc_predict(data: bytes) -> str:
    """Reads a serialised `PredictRequest`.

    Raises:
        StatusError: As it should, if its tensors are wrong.
    """
    try:
        request = predict_pb2.PredictRequest.FromString(data)
    except DecodeError:
        # gRPC answers by itself.
        return "no message"
    kind = "message"
    for name, proto in request.inputs.items():
        array = tensors.from_proto(name, proto)
        for signature in _SIGNATURES:
            for info in signature.inputs.values():
                try:
                    tensors.check(name, 0, array, info)
                except StatusError as error:
                    error_json(error.message)
        kind += f" {proto.dtype} {array.ndim} {bool(array.size)}"
    return kind


def _requests() -> list[bytes]:
    requests = []
    for values in ([[b"a", b""]], [[1.5, 2.5]], [1, 2, 3], True, [[[]]]):
        request = predict_pb2.PredictRequest()
        request.model_spec.name = "shop"
        request.model_spec.version.value = 17
        request.inputs["behaviors"].CopyFrom(tf.make_tensor_proto(values))
        request.output_filter.append("user_vector")
        requests.append(request.SerializeToString())
        half = request.inputs["behaviors"]
        half.ClearField("tensor_content")
        half.dtype = tf.half.as_datatype_enum
        half.half_val.extend([1, 70000])
        requests.append(request.SerializeToString())
    return requests


TARGETS: dict[str, tuple[Callable[[bytes], str], list[bytes]]] = {
    "rest-body": (rest_body, _BODIES),
    "rest-path": (rest_path, _PATHS),
    "grpc-predict": (grpc_predict, _requests()),
}
"""Name to what reads an input, and the valid inputs from which others are made."""


def mutated(random_: random.Random, corpus: Sequence[bytes]) -> bytes:
    """An input of the corpus with some changes."""
    data = bytearray(random_.choice(corpus))
    for _ in range(random_.choice((1, 1, 2, 4, 16))):
        position = random_.randrange(len(data) + 1)
        end = min(len(data), position + random_.choice((1, 1, 2, 8, 64)))
        kind = random_.randrange(6)
        if kind == 0 and position < len(data):
            data[position] ^= 1 << random_.randrange(8)
        elif kind == 1:
            del data[position:end]
        elif kind == 2:
            data[position:position] = random_.choice(_TOKENS)
        elif kind == 3:
            data[position:end] = random_.choice(_TOKENS)
        elif kind == 4:
            data[position:position] = data[position:end] * random_.choice((1, 3, 30))
        else:
            other = random_.choice(corpus)
            start = random_.randrange(len(other) + 1)
            data[position:] = other[start:]
    return bytes(data[:_MAX_BYTES])


def fuzz(
    name: str, inputs: int, seed: int, found: Callable[[bytes, BaseException], None]
) -> dict[str, int]:
    """Tries many inputs on one target.

    What is new, by the text of the answer without digits and quoted parts, joins the corpus.

    Args:
        name: Of the target.
        inputs: How many.
        seed: The same seed tries the same inputs.
        found: Is told of each input that raises anything but `StatusError`.

    Returns:
        Counts: `accepted`, `refused`, `crashed`, `kinds` of answers.
    """
    target, seeds = TARGETS[name]
    corpus = list(seeds)
    random_ = random.Random(seed)
    counts = {"accepted": 0, "refused": 0, "crashed": 0}
    kinds: set[str] = set()
    told = time.monotonic()
    for number in range(inputs):
        # Most of what is new is refused early: what is valid must not drown in it.
        data = mutated(random_, random_.choice((seeds, corpus)))
        try:
            kind = target(data)
            counts["accepted"] += 1
        except StatusError as error:
            error_json(error.message)
            counts["refused"] += 1
            kind = _kind(error.message)
        except Exception as error:
            found(data, error)
            counts["crashed"] += 1
            kind = f"{type(error).__name__}: {_kind(str(error))}"
        if kind not in kinds and len(kinds) < 1000:
            kinds.add(kind)
            corpus.append(data)
        if time.monotonic() - told > _PROGRESS_SECONDS:
            told = time.monotonic()
            print(f"{name}: {number + 1:,} of {inputs:,} {counts}", file=sys.stderr, flush=True)
    return {**counts, "kinds": len(kinds)}


def _kind(message: str) -> str:
    letters = "".join(letter for letter in message if letter.isalpha())
    return letters[:16] + letters[-16:]


def main() -> int:
    """Parses the command line, fuzzes, prints what was found; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.fuzz",
        description="Feeds the parsers of the development server changed requests. Exit code 1: "
        "one of them raised what is no answer; the input and the traceback are printed.",
    )
    parser.add_argument("--target", choices=sorted(TARGETS), action="append", help="(default: all)")
    parser.add_argument("--inputs", type=int, default=100_000, help="each (default: 100000)")
    parser.add_argument("--seed", type=int, default=0, help="(default: 0)")
    args = parser.parse_args()
    places: set[str] = set()

    def found(data: bytes, error: BaseException) -> None:
        lines = traceback.format_exception(error)
        place = lines[-2] if len(lines) > 1 else ""
        if place not in places:
            places.add(place)
            print(f"{data!r}\n{''.join(lines)}", flush=True)

    for name in args.target or sorted(TARGETS):
        started = time.monotonic()
        counts = fuzz(name, args.inputs, args.seed, found)
        print(f"{name}: {args.inputs:,} inputs, {time.monotonic() - started:.0f} s, {counts}")
    return 1 if places else 0


if __name__ == "__main__":
    sys.exit(main())
