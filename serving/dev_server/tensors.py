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
        raise invalid_argument(f"tensor parsing error: {name}: shape {shape}")
    if proto.dtype == types_pb2.DT_STRING and len(proto.string_val) == count:
        values = np.empty(count, object)
        values[:] = proto.string_val
        return values.reshape(shape)
    try:
        array = tf.make_ndarray(proto)
    except (TypeError, ValueError, IndexError, OverflowError) as error:
        raise invalid_argument(f"tensor parsing error: {name}: {error}") from error
    if list(array.shape) != shape:
        raise invalid_argument(f"tensor parsing error: {name}: values do not fill shape {shape}")
    return array


def fill_proto(proto: tensor_pb2.TensorProto, array: np.ndarray) -> None:
    """Writes an output into a response, its values as bytes."""
    if array.dtype == object:
        proto.CopyFrom(tf.make_tensor_proto(array))
        return
    proto.dtype = tf.as_dtype(array.dtype).as_datatype_enum
    for size in array.shape:
        proto.tensor_shape.dim.add(size=size)
    proto.tensor_content = np.ascontiguousarray(array).tobytes()


def check(name: str, array: np.ndarray, info) -> None:
    """Compares an input with what the signature says.

    Args:
        name: Of the input.
        array: As `from_proto` gives it.
        info: The signature's `TensorInfo`.

    Raises:
        StatusError: INVALID_ARGUMENT, if type or shape differ.
    """
    expected = tf.as_dtype(info.dtype)
    actual = tf.string if array.dtype == object else tf.as_dtype(array.dtype)
    if actual != expected:
        raise invalid_argument(
            f"Expects input {name} to be {expected.name} but {actual.name} is provided"
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
