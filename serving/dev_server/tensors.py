"""Tensors of the protocol to arrays and back."""

from __future__ import annotations

import math

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2, types_pb2

from serving.dev_server.errors import invalid_argument

_MAX_ELEMENTS = 1 << 24
"""A tensor may stand for more elements than it holds; this many are unfolded at most."""


def from_proto(name: str, proto: tensor_pb2.TensorProto) -> np.ndarray:
    """A request's tensor as an array; strings are bytes objects.

    Args:
        name: Of the input, for errors.
        proto: What a client sent; nothing in it is trusted.

    Raises:
        StatusError: INVALID_ARGUMENT, if it is not a tensor.
    """
    shape = [dim.size for dim in proto.tensor_shape.dim]
    count = math.prod(shape)
    if proto.tensor_shape.unknown_rank or min(shape, default=0) < 0 or count > _MAX_ELEMENTS:
        raise invalid_argument(f"tensor parsing error: {name}")
    if proto.dtype == types_pb2.DT_STRING and len(proto.string_val) == count:
        values = np.empty(count, object)
        values[:] = proto.string_val
        return values.reshape(shape)
    try:
        array = tf.make_ndarray(proto)
    except (TypeError, ValueError, LookupError, OverflowError) as error:
        raise invalid_argument(f"tensor parsing error: {name}") from error
    if list(array.shape) != shape:
        raise invalid_argument(f"tensor parsing error: {name}")
    return array


def fill_proto(proto: tensor_pb2.TensorProto, array: np.ndarray) -> None:
    """Writes an output into a response, its values as a list, as TF Serving does by default."""
    if array.dtype == object:
        proto.CopyFrom(tf.make_tensor_proto(array))
        return
    dtype = tf.as_dtype(array.dtype)
    if dtype == tf.float32:
        # A packed list is the array's own bytes; to append values one by one costs ten times more.
        data = np.ascontiguousarray(array, "<f4").tobytes()
        if data:
            proto.MergeFromString(_FLOAT_VAL + _varint(len(data)) + data)
    else:
        values = array.ravel()
        if dtype in (tf.half, tf.bfloat16):
            values = values.view(np.uint16)
        getattr(proto, _FIELDS[dtype]).extend(values.tolist())
    proto.dtype = dtype.as_datatype_enum
    for size in array.shape:
        proto.tensor_shape.dim.add(size=size)
    if not array.ndim:
        proto.tensor_shape.SetInParent()


_FLOAT_VAL = bytes([tensor_pb2.TensorProto.FLOAT_VAL_FIELD_NUMBER << 3 | 2])
_FIELDS = {
    tf.float64: "double_val",
    tf.half: "half_val",
    tf.bfloat16: "half_val",
    tf.int8: "int_val",
    tf.int16: "int_val",
    tf.int32: "int_val",
    tf.uint8: "int_val",
    tf.uint16: "int_val",
    tf.uint32: "uint32_val",
    tf.int64: "int64_val",
    tf.uint64: "uint64_val",
    tf.bool: "bool_val",
}


def _varint(number: int) -> bytes:
    """A length as the wire format has it: seven bits a byte, the lowest first."""
    parts = bytearray()
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*parts, number])


def type_name(dtype: int) -> str:
    """A `DataType` as TF Serving's errors name it."""
    name = types_pb2.DataType.Name(dtype).removeprefix("DT_").lower()
    return str(name)


def check(name: str, index: int, array: np.ndarray, info) -> None:
    """Compares an input with what the signature says.

    Args:
        name: Of the input.
        index: Of the input among all that are fed, for errors.
        array: As `from_proto` gives it.
        info: The signature's `TensorInfo`.

    Raises:
        StatusError: INVALID_ARGUMENT, if type or shape differ.
    """
    expected = tf.as_dtype(info.dtype)
    actual = tf.string if array.dtype == object else tf.as_dtype(array.dtype)
    if actual != expected:
        raise invalid_argument(
            f"Expects arg[{index}] to be {type_name(expected.as_datatype_enum)} but "
            f"{type_name(actual.as_datatype_enum)} is provided"
        )
    if info.tensor_shape.unknown_rank:
        return
    sizes = [dim.size for dim in info.tensor_shape.dim]
    fits = len(sizes) == array.ndim and all(
        size in (-1, given) for size, given in zip(sizes, array.shape, strict=True)
    )
    if not fits:
        raise invalid_argument(
            f"Expects input {name} to have shape {sizes} but {list(array.shape)} is provided"
        )
