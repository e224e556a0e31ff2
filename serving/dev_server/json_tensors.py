"""The tensors of TF Serving's REST interface, from JSON (`FillPredictRequestFromJson`).

https://www.tensorflow.org/tfx/serving/api_rest describes it; the checks, their order and their
texts are those of `tensorflow_serving/util/json_tensor.cc`.
"""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import types_pb2

from serving.dev_server.errors import StatusError, invalid_argument, unimplemented
from serving.dev_server.json_body import debug_string, encode, type_name
from serving.dev_server.tensors import type_name as tensor_type

_NO_BASE64 = re.compile(r"[^A-Za-z0-9+/]")


def signature_name(document: Mapping[str, Any]) -> str:
    """The name of the signature; empty for the default.

    Raises:
        StatusError: INVALID_ARGUMENT, if it is no string.
    """
    name = document.get("signature_name", "")
    if not isinstance(name, str):
        raise invalid_argument(
            f"JSON Value: {debug_string(document)} not formatted correctly. 'signature_name' key "
            "must be a string value."
        )
    return name


def is_by_row(document: Mapping[str, Any]) -> bool:
    """Whether the request has `instances`, and the answer is a list of rows too."""
    return "instances" in document


def inputs_of(document: Mapping[str, Any], infos: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Arrays for a signature's inputs.

    Args:
        document: The request.
        infos: Input to `TensorInfo`.

    Raises:
        StatusError: INVALID_ARGUMENT, if the document does not fit them.
    """
    # A map of protobuf raises where it is asked for a name that is no UTF-8.
    infos = dict(infos)
    if not is_by_row(document):
        if "inputs" not in document:
            raise invalid_argument("Missing 'inputs' or 'instances' key")
        return _from_columns(document["inputs"], infos)
    rows = document["instances"]
    mistake = None
    if "inputs" in document:
        mistake = (
            "Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist "
        )
    elif not isinstance(rows, list):
        mistake = "Expecting 'instances' to be an list/array"
    elif not rows:
        mistake = "No values in 'instances' array"
    if mistake:
        raise invalid_argument(f"JSON Value: {debug_string(document)} {mistake}")
    return _from_rows(rows, infos)


def is_base64(value: Any) -> bool:
    """Whether a value is an object that stands for bytes."""
    return isinstance(value, dict) and len(value) == 1 and isinstance(value.get("b64"), str)


def decode_base64(value: Any) -> bytes:
    """The bytes of `{"b64": ...}`, with or without padding, as `absl::Base64Unescape` reads it.

    Raises:
        StatusError: INVALID_ARGUMENT, if it is no such object or no base64.
    """
    if not is_base64(value):
        raise invalid_argument(
            f"JSON Value: {debug_string(value)} not formatted correctly for base64 data"
        )
    text = re.sub(r"[ \t-\r]", "", value["b64"])
    digits = text.rstrip("=.")
    missing = -len(digits) % 4
    if _NO_BASE64.search(digits) or missing == 3 or len(text) - len(digits) not in (0, missing):
        raise invalid_argument("Unable to base64 decode")
    return base64.b64decode(digits + "=" * missing)


def _from_columns(values: Any, infos: Mapping[str, Any]) -> dict[str, np.ndarray]:
    if not isinstance(values, dict) or is_base64(values):
        if len(infos) > 1:
            raise invalid_argument(
                "inputs is a plain value/list, but expecting an object as multiple input tensors "
                "required as per tensorinfo_map"
            )
        values = {next(iter(infos)): values}
    arrays = {}
    for name in sorted(infos):
        if name not in values:
            raise invalid_argument(f"Missing named input: {name} in 'inputs' object.")
        tensor = _Tensor(infos[name].dtype, values[name])
        arrays[name] = tensor.array(tensor.shape)
    return arrays


def _from_rows(rows: list[Any], infos: Mapping[str, Any]) -> dict[str, np.ndarray]:
    if not isinstance(rows[0], dict) and len(infos) > 1:
        raise invalid_argument(
            "instances is a plain list, but expecting list of objects as multiple input tensors "
            "required as per tensorinfo_map"
        )
    are_objects = isinstance(rows[0], dict) and not is_base64(rows[0])
    tensors: dict[str, _Tensor] = {}
    for index, row in enumerate(rows):
        is_object = isinstance(row, dict) and not is_base64(row)
        if are_objects and not is_object:
            raise invalid_argument(f"Expecting object but got list at item {index} of input list")
        if is_object and not are_objects:
            raise invalid_argument(
                f"Expecting value/list but got object at item {index} of input list"
            )
        values = row if are_objects else {next(iter(infos)): row}
        for name, value in values.items():
            try:
                _add_row(tensors, name, value, infos)
            except StatusError as error:
                key = f" key: {name}" if are_objects else ""
                raise invalid_argument(
                    f"Failed to process element: {index}{key} of 'instances' list. Error: "
                    f"{error.code.name}: {error.message}"
                ) from error
        if set(values) != set(infos):
            raise invalid_argument(
                f"Failed to process element: {index} of 'instances' list. JSON object: "
                f"{debug_string(row)} keys must be equal to: {','.join(sorted(infos))}"
            )
    return {
        name: tensors[name].array([len(rows), *tensors[name].shape]) for name in sorted(tensors)
    }


def _add_row(tensors: dict[str, _Tensor], name: str, value: Any, infos: Mapping[str, Any]) -> None:
    if name not in infos:
        raise invalid_argument(f"JSON object: does not have named input: {name}")
    if name not in tensors:
        tensors[name] = _Tensor(infos[name].dtype, value)
        return
    first = tensors[name]
    row = _Tensor(infos[name].dtype, value)
    if len(row.values) != math.prod(first.shape):
        raise invalid_argument(
            f"Expecting tensor size: {math.prod(first.shape)} but got: {len(row.values)}"
        )
    if row.shape != first.shape:
        raise invalid_argument(
            f"Expecting shape {_shape(first.shape)} but got: {_shape(row.shape)}"
        )
    first.values += row.values


def _shape(sizes: list[int]) -> str:
    return f"[{','.join(map(str, sizes))}]"


class _Tensor:
    """The values of a nested list.

    Args:
        dtype: The input's `DataType`.
        value: Lists of the same lengths, or one value.

    Attributes:
        shape: As the first elements have it.
        values: All values.
    """

    def __init__(self, dtype: int, value: Any):
        self._dtype = dtype
        self._convert = _CONVERSIONS.get(dtype, _no_conversion)
        self.shape: list[int] = []
        self.values: list[Any] = []
        first = value
        while isinstance(first, list):
            self.shape.append(len(first))
            first = first[0] if first else None
        self._fill(value, 0)

    def array(self, shape: list[int]) -> np.ndarray:
        """All values as an array."""
        if self._dtype == types_pb2.DT_STRING:
            array = np.empty(len(self.values), object)
            array[:] = self.values
        else:
            # Integers out of the type's range lose their upper bits there too; floats are infinite.
            with np.errstate(over="ignore"):
                array = np.array(self.values).astype(tf.as_dtype(self._dtype).as_numpy_dtype)
        return array.reshape(shape)

    def _fill(self, value: Any, level: int) -> None:
        rank = len(self.shape)
        if not isinstance(value, list):
            if level != rank:
                raise invalid_argument(
                    f"JSON Value: {debug_string(value)} found at incorrect level: {level + 1} in "
                    f"the JSON DOM. Expected at level: {rank}"
                )
            self.values.append(self._convert(value, self._dtype))
            return
        if level >= rank:
            raise invalid_argument(
                f"Encountered list at unexpected level: {level} expected < {rank}"
            )
        if len(value) != self.shape[level]:
            raise invalid_argument(
                f"Encountered list at unexpected size: {len(value)} at level: {level} expected "
                f"size: {self.shape[level]}"
            )
        for item in value:
            self._fill(item, level + 1)


def _type_error(value: Any, dtype: int) -> StatusError:
    return invalid_argument(
        f"JSON Value: {debug_string(value)} Type: {type_name(value)} is not of expected type: "
        f"{tensor_type(dtype)}"
    )


def _string(value: Any, dtype: int) -> bytes:
    if isinstance(value, str):
        return encode(value)
    if isinstance(value, dict):
        return decode_base64(value)
    raise _type_error(value, dtype)


def _number(value: Any, dtype: int) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _type_error(value, dtype)
    return float(value)


def _bool(value: Any, dtype: int) -> bool:
    if not isinstance(value, bool):
        raise _type_error(value, dtype)
    return value


def _integer(low: int, high: int) -> Callable[[Any, int], int]:
    def convert(value: Any, dtype: int) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value < high:
            raise _type_error(value, dtype)
        return value

    return convert


def _no_conversion(value: Any, dtype: int) -> Any:
    if isinstance(value, dict):
        raise _type_error(value, dtype)
    raise unimplemented(
        f"Conversion of JSON Value: {debug_string(value)} to type: {tensor_type(dtype)}"
    )


_CONVERSIONS: dict[int, Callable[[Any, int], Any]] = {
    types_pb2.DT_STRING: _string,
    types_pb2.DT_FLOAT: _number,
    types_pb2.DT_DOUBLE: _number,
    types_pb2.DT_BOOL: _bool,
    types_pb2.DT_INT32: _integer(-(1 << 31), 1 << 31),
    types_pb2.DT_INT16: _integer(-(1 << 31), 1 << 31),
    types_pb2.DT_INT8: _integer(-(1 << 31), 1 << 31),
    types_pb2.DT_UINT8: _integer(-(1 << 31), 1 << 31),
    types_pb2.DT_INT64: _integer(-(1 << 63), 1 << 63),
    types_pb2.DT_UINT32: _integer(0, 1 << 32),
    types_pb2.DT_UINT64: _integer(0, 1 << 64),
}
