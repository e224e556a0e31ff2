"""Answers of TF Serving's REST interface, to JSON (`MakeJsonFromTensors`)."""

from __future__ import annotations

import base64
import itertools
import json
import re
from collections.abc import Iterator, Mapping

import numpy as np
import tensorflow as tf

from serving.dev_server.errors import invalid_argument
from serving.dev_server.json_body import encode
from serving.dev_server.tensors import type_name

_BYTES_SUFFIX = "_bytes"
"""Outputs of strings whose names end so are written as base64."""


def error_json(message: str) -> bytes:
    """The body of an answer that is an error."""
    text = json.dumps({"error": message}, indent=4, ensure_ascii=False)
    return encode(text)


def answer_json(arrays: Mapping[str, np.ndarray], by_row: bool) -> bytes:
    """The body of an answer to a predict request.

    Args:
        arrays: Output to array.
        by_row: Whether the answer is a list of rows; otherwise every output is a list.

    Raises:
        StatusError: INVALID_ARGUMENT, if the outputs make no rows, or have no form in JSON.
    """
    if by_row:
        rows = ",\n        ".join(_rows(arrays))
        text = f'{{\n    "predictions": [\n        {rows}\n    ]\n}}'
    else:
        columns = {name: _nested(array, _values(name, array)) for name, array in arrays.items()}
        outputs = next(iter(columns.values())) if len(columns) == 1 else _object(columns)
        text = f'{{\n    "outputs": {outputs}\n}}'
    return encode(text)


def _rows(arrays: Mapping[str, np.ndarray]) -> list[str]:
    sizes: set[int] = set()
    for name, array in arrays.items():
        if not array.ndim:
            raise invalid_argument(f"Tensor name: {name} has no shape information ")
        if sizes and len(array) not in sizes:
            raise invalid_argument(
                f"Tensor name: {name} has inconsistent batch size: {len(array)} expecting: "
                f"{sizes.pop()}"
            )
        sizes.add(len(array))
    columns = {}
    for name, array in arrays.items():
        values = iter(_values(name, array))
        columns[name] = [_nested(row, values) for row in array]
    if len(columns) == 1:
        return next(iter(columns.values()))
    rows = zip(*columns.values(), strict=True)
    return [_object(dict(zip(columns, row, strict=True))) for row in rows]


def _object(members: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{json.dumps(name)}: {text}" for name, text in members.items()) + "}"


def _nested(array: np.ndarray, values: Iterator[str] | list[str]) -> str:
    values = iter(values)
    if not np.ndim(array):
        return next(values)
    if array.ndim == 1:
        return "[" + ", ".join(itertools.islice(values, len(array))) + "]"
    return "[" + ", ".join(_nested(each, values) for each in array) + "]"


def _values(name: str, array: np.ndarray) -> list[str]:
    """All values of an array as JSON."""
    values = array.ravel().tolist()
    if array.dtype in (np.float32, np.float64):
        return _decimals(array.ravel())
    if array.dtype == object:
        if name.endswith(_BYTES_SUFFIX):
            return [json.dumps({"b64": base64.b64encode(each).decode()}) for each in values]
        texts = (each.decode("utf-8", "surrogateescape") for each in values)
        return [json.dumps(text, ensure_ascii=False) for text in texts]
    if array.dtype.kind in "biu":
        return [json.dumps(each) for each in values]
    kind = type_name(tf.as_dtype(array.dtype).as_datatype_enum)
    raise invalid_argument(f"Failed to write JSON value for tensor type: {kind}")


def _decimals(values: np.ndarray) -> list[str]:
    """Numbers with six digits, or as many as tell one number of the type from all others."""
    if not len(values):
        return []
    short = _format("%g", values.tolist())
    back = np.array(list(map(float, short)), values.dtype)
    is_exact = (back == values) | ~np.isfinite(values)
    full = "%.9g" if values.dtype == np.float32 else "%.17g"
    long = iter(_format(full, values[~is_exact].tolist()))
    texts = (
        text if exact else next(long) for text, exact in zip(short, is_exact.tolist(), strict=True)
    )
    return [_SPECIAL.get(text) or (text if _POINT.search(text) else f"{text}.0") for text in texts]


def _format(pattern: str, values: list[float]) -> list[str]:
    # One format of all is several times faster than one each.
    return (" ".join([pattern] * len(values)) % tuple(values)).split()


_POINT = re.compile("[.e]")
_SPECIAL = {"nan": "NaN", "-nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
