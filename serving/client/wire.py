"""The messages that a client of TF Serving exchanges, without TensorFlow.

`tensorflow-serving-api` has them too, but its modules import `tensorflow.core`, and thereby all of
TensorFlow: seconds of start-up and a gigabyte on disk for a client that only sends strings and
gets floats. So the fields that the client uses are declared here, by name, number and type. They
are a subset of the official messages (protobuf readers skip unknown fields); the tests compare
every one with `tensorflow-serving-api`, and know of the one whose type is another. The classes live
in a descriptor pool of their own, so a process may also import TensorFlow.

Source: `tensorflow_serving/apis/*.proto`, `tensorflow/core/{example,framework,protobuf}/*.proto`.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool, message_factory, wrappers_pb2

Message: TypeAlias = Any
"""A message of a class below. These are made at run time, so no linter knows their fields."""

_LABELS = {"repeated": descriptor_pb2.FieldDescriptorProto.LABEL_REPEATED}
_OPTIONAL = descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL

ENUMS = {
    "tensorflow.DataType": {
        "DT_INVALID": 0,
        "DT_FLOAT": 1,
        "DT_DOUBLE": 2,
        "DT_INT32": 3,
        "DT_STRING": 7,
        "DT_INT64": 9,
        "DT_BOOL": 10,
        "DT_HALF": 19,
    },
    "tensorflow.error.Code": {"OK": 0, "CANCELLED": 1, "UNKNOWN": 2},
    "tensorflow.serving.ModelVersionStatus.State": {
        "UNKNOWN": 0,
        "START": 10,
        "LOADING": 20,
        "AVAILABLE": 30,
        "UNLOADING": 40,
        "END": 50,
    },
}
"""Enumerations: full name to values. Values that are not named here still arrive, as numbers."""

MESSAGES = {
    "tensorflow.TensorShapeProto": {
        "dim": (2, "repeated .tensorflow.TensorShapeProto.Dim"),
        "unknown_rank": (3, "bool"),
    },
    "tensorflow.TensorShapeProto.Dim": {"size": (1, "int64")},
    "tensorflow.TensorProto": {
        "dtype": (1, "enum .tensorflow.DataType"),
        "tensor_shape": (2, ".tensorflow.TensorShapeProto"),
        "tensor_content": (4, "bytes"),
        # A packed list of floats, which on the wire is their bytes: so they are read as one array
        # and not one by one, which for 64 users takes a millisecond and a half.
        "float_val": (5, "repeated bytes"),
        "string_val": (8, "repeated bytes"),
    },
    "tensorflow.Example": {"features": (1, ".tensorflow.Features")},
    "tensorflow.Features": {"feature": (1, "map .tensorflow.Feature")},
    "tensorflow.Feature": {
        "bytes_list": (1, ".tensorflow.BytesList"),
        "float_list": (2, ".tensorflow.FloatList"),
        "int64_list": (3, ".tensorflow.Int64List"),
    },
    "tensorflow.BytesList": {"value": (1, "repeated bytes")},
    "tensorflow.FloatList": {"value": (1, "repeated float")},
    "tensorflow.Int64List": {"value": (1, "repeated int64")},
    "tensorflow.SignatureDef": {
        "inputs": (1, "map .tensorflow.TensorInfo"),
        "outputs": (2, "map .tensorflow.TensorInfo"),
        "method_name": (3, "string"),
    },
    "tensorflow.TensorInfo": {
        "name": (1, "string"),
        "dtype": (2, "enum .tensorflow.DataType"),
        "tensor_shape": (3, ".tensorflow.TensorShapeProto"),
    },
    "tensorflow.serving.ModelSpec": {
        "name": (1, "string"),
        "version": (2, ".google.protobuf.Int64Value"),
        "version_label": (4, "string"),
        "signature_name": (3, "string"),
    },
    "tensorflow.serving.PredictRequest": {
        "model_spec": (1, ".tensorflow.serving.ModelSpec"),
        "inputs": (2, "map .tensorflow.TensorProto"),
        "output_filter": (3, "repeated string"),
    },
    "tensorflow.serving.PredictResponse": {
        "model_spec": (2, ".tensorflow.serving.ModelSpec"),
        "outputs": (1, "map .tensorflow.TensorProto"),
    },
    "tensorflow.serving.GetModelStatusRequest": {
        "model_spec": (1, ".tensorflow.serving.ModelSpec")
    },
    "tensorflow.serving.GetModelStatusResponse": {
        "model_version_status": (1, "repeated .tensorflow.serving.ModelVersionStatus")
    },
    "tensorflow.serving.ModelVersionStatus": {
        "version": (1, "int64"),
        "state": (2, "enum .tensorflow.serving.ModelVersionStatus.State"),
        "status": (3, ".tensorflow.serving.StatusProto"),
    },
    "tensorflow.serving.StatusProto": {
        "error_code": (1, "enum .tensorflow.error.Code"),
        "error_message": (2, "string"),
    },
    "tensorflow.serving.GetModelMetadataRequest": {
        "model_spec": (1, ".tensorflow.serving.ModelSpec"),
        "metadata_field": (2, "repeated string"),
    },
    "tensorflow.serving.GetModelMetadataResponse": {
        "model_spec": (1, ".tensorflow.serving.ModelSpec"),
        "metadata": (2, "map .google.protobuf.Any"),
    },
    "tensorflow.serving.SignatureDefMap": {"signature_def": (1, "map .tensorflow.SignatureDef")},
}
"""Messages: full name to the number and type of every field; a map's keys are strings."""


def _pool() -> descriptor_pool.DescriptorPool:
    pool = descriptor_pool.DescriptorPool()
    files: dict[str, descriptor_pb2.FileDescriptorProto] = {}
    for module in (any_pb2, wrappers_pb2):
        pool.AddSerializedFile(module.DESCRIPTOR.serialized_pb)
    holders: dict[str, descriptor_pb2.FileDescriptorProto | descriptor_pb2.DescriptorProto] = {}

    def holder(
        full_name: str,
    ) -> descriptor_pb2.FileDescriptorProto | descriptor_pb2.DescriptorProto:
        """What a type of this name is declared in: another message, or its package's file."""
        scope = full_name.rpartition(".")[0]
        if scope in holders:
            return holders[scope]
        if scope not in files:
            files[scope] = descriptor_pb2.FileDescriptorProto(
                name=f"client/{scope}.proto", package=scope, syntax="proto3"
            )
        return files[scope]

    for full_name, fields in MESSAGES.items():
        scope = holder(full_name)
        is_file = isinstance(scope, descriptor_pb2.FileDescriptorProto)
        message = (scope.message_type if is_file else scope.nested_type).add(
            name=full_name.rpartition(".")[2]
        )
        holders[full_name] = message
        for name, (number, kind) in fields.items():
            _add_field(message, full_name, name, number, kind)
    for full_name, values in ENUMS.items():
        enum = holder(full_name).enum_type.add(name=full_name.rpartition(".")[2])
        for name, number in values.items():
            enum.value.add(name=name, number=number)

    files["tensorflow"].dependency.append("client/tensorflow.error.proto")
    files["tensorflow.serving"].dependency.extend(
        [
            "google/protobuf/any.proto",
            "google/protobuf/wrappers.proto",
            "client/tensorflow.proto",
            "client/tensorflow.error.proto",
        ]
    )
    for package in sorted(
        files, key=("tensorflow.error", "tensorflow", "tensorflow.serving").index
    ):
        pool.AddSerializedFile(files[package].SerializeToString())
    return pool


def _add_field(
    message: descriptor_pb2.DescriptorProto, full_name: str, name: str, number: int, kind: str
) -> None:
    *prefixes, kind = kind.split()
    field = message.field.add(name=name, number=number, label=_OPTIONAL)
    if "map" in prefixes:
        entry_name = "".join(word.capitalize() for word in name.split("_")) + "Entry"
        entry = message.nested_type.add(name=entry_name)
        entry.options.map_entry = True
        _add_field(entry, "", "key", 1, "string")
        _add_field(entry, "", "value", 2, kind)
        prefixes, kind = ["repeated"], f".{full_name}.{entry_name}"
    if "repeated" in prefixes:
        field.label = _LABELS["repeated"]
    if kind.startswith("."):
        field.type_name = kind
        is_enum = "enum" in prefixes
        field.type = field.TYPE_ENUM if is_enum else field.TYPE_MESSAGE
    else:
        field.type = field.Type.Value(f"TYPE_{kind.upper()}")


_POOL = _pool()


def _message_class(full_name: str) -> Any:
    descriptor = _POOL.FindMessageTypeByName(full_name)
    if hasattr(message_factory, "GetMessageClass"):
        return message_factory.GetMessageClass(descriptor)
    return message_factory.MessageFactory(_POOL).GetPrototype(descriptor)


Example = _message_class("tensorflow.Example")
TensorProto = _message_class("tensorflow.TensorProto")
PredictRequest = _message_class("tensorflow.serving.PredictRequest")
PredictResponse = _message_class("tensorflow.serving.PredictResponse")
GetModelStatusRequest = _message_class("tensorflow.serving.GetModelStatusRequest")
GetModelStatusResponse = _message_class("tensorflow.serving.GetModelStatusResponse")
GetModelMetadataRequest = _message_class("tensorflow.serving.GetModelMetadataRequest")
GetModelMetadataResponse = _message_class("tensorflow.serving.GetModelMetadataResponse")
SignatureDefMap = _message_class("tensorflow.serving.SignatureDefMap")

DT_FLOAT = ENUMS["tensorflow.DataType"]["DT_FLOAT"]
DT_STRING = ENUMS["tensorflow.DataType"]["DT_STRING"]
