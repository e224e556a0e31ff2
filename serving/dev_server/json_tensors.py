"""The JSON of TF Serving's REST interface (https://www.tensorflow.org/tfx/serving/api_rest)."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from serving.dev_server.errors import invalid_argument


def parse_body(body: bytes) -> dict[str, Any]:
    """A request's JSON object.

    Raises:
        StatusError: INVALID_ARGUMENT, if it is none, or has not one of `instances` and `inputs`.
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise invalid_argument(f"JSON Parse error: {error}") from error
    if not isinstance(document, dict):
        raise invalid_argument("JSON Parse error: the request must be an object")
    if not isinstance(document.get("signature_name", ""), str):
        raise invalid_argument("'signature_name' key must be a string value.")
    if ("instances" in document) == ("inputs" in document):
        raise invalid_argument("Request must have either 'instances' or 'inputs', not both.")
    return document


def inputs_of(document: Mapping[str, Any], infos: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Arrays for a signature's inputs.

    Args:
        document: As `parse_body` gives it.
        infos: Input to `TensorInfo`.

    Raises:
        StatusError: INVALID_ARGUMENT, if the document does not fit them.
    """
    if "inputs" in document:
        values = document["inputs"]
        if not isinstance(values, dict) or set(values) == {"b64"}:
            values = {_only(infos): values}
    else:
        rows = document["instances"]
        if not isinstance(rows, list) or not rows:
            raise invalid_argument("'instances' must be a list with at least one item.")
        if isinstance(rows[0], dict) and set(rows[0]) != {"b64"}:
            names = set(rows[0])
            if not all(isinstance(row, dict) and set(row) == names for row in rows):
                raise invalid_argument("All instances must have the same inputs.")
            values = {name: [row[name] for row in rows] for name in names}
        else:
            values = {_only(infos): rows}
    if set(values) != set(infos):
        raise invalid_argument(
            f"Inputs are {{{','.join(sorted(values))}}}, the signature needs "
            f"{{{','.join(sorted(infos))}}}."
        )
    return {name: _array(name, values[name], infos[name].dtype) for name in sorted(values)}


def response_of(document: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """The answer, by row or by column as it was asked."""
    lists = {name: array.tolist() for name, array in arrays.items()}
    if "inputs" in document:
        return {"outputs": lists if len(lists) > 1 else next(iter(lists.values()))}
    if len(lists) == 1:
        return {"predictions": next(iter(lists.values()))}
    names = list(lists)
    rows = zip(*lists.values(), strict=True)
    return {"predictions": [dict(zip(names, row, strict=True)) for row in rows]}


def _only(infos: Mapping[str, Any]) -> str:
    if len(infos) != 1:
        raise invalid_argument(
            f"The signature has several inputs: name them: {{{','.join(sorted(infos))}}}."
        )
    return next(iter(infos))


def _array(name: str, value: Any, dtype: int) -> np.ndarray:
    shape, leaves = [], [value]
    while leaves and isinstance(leaves[0], list):
        size = len(leaves[0])
        if not all(isinstance(leaf, list) and len(leaf) == size for leaf in leaves):
            raise invalid_argument(f"Input {name}: rows have different lengths; pad them.")
        shape.append(size)
        leaves = [item for leaf in leaves for item in leaf]
    if dtype == tf.string.as_datatype_enum:
        array = np.empty(len(leaves), object)
        array[:] = [_bytes(name, leaf) for leaf in leaves]
        return array.reshape(shape)
    if any(isinstance(leaf, (str, list, dict)) or leaf is None for leaf in leaves):
        raise invalid_argument(f"Input {name}: a number was expected.")
    return np.array(leaves, tf.as_dtype(dtype).as_numpy_dtype).reshape(shape)


def _bytes(name: str, leaf: Any) -> bytes:
    if isinstance(leaf, str):
        return leaf.encode("utf-8", "surrogatepass")
    if isinstance(leaf, dict) and set(leaf) == {"b64"} and isinstance(leaf["b64"], str):
        try:
            return base64.b64decode(leaf["b64"], validate=True)
        except (binascii.Error, ValueError) as error:
            raise invalid_argument(f"Input {name}: unable to base64 decode") from error
    raise invalid_argument(f"Input {name}: a string or {{'b64': ...}} was expected, not {leaf!r}.")
