"""The messages of the Open Inference Protocol over gRPC, made from the table below when the server starts.

No generated code: that would tie the server to one major version of protobuf. The pool is private, so that a
client library in the same process, which registers the same names, does no harm.

Source: Open Inference Protocol, specification/protocol/open_inference_grpc.proto (field numbers and types).
"""

from __future__ import annotations

from functools import cache
from typing import Any

__all__ = ["METHODS", "SERVICE", "message"]

PACKAGE = "inference"
SERVICE = f"{PACKAGE}.GRPCInferenceService"

METHODS = ("ServerLive", "ServerReady", "ModelReady", "ServerMetadata", "ModelMetadata", "ModelInfer")
"""Each takes NAMERequest and returns NAMEResponse."""

_NAMED = ("name string", "version string")
_TENSOR = (
    "name string",
    "datatype string",
    "shape int64*",
    "parameters map InferParameter",
    "contents InferTensorContents",
)

_MESSAGES: dict[str, tuple[str, ...]] = {
    "ServerLiveRequest": (),
    "ServerLiveResponse": ("live bool",),
    "ServerReadyRequest": (),
    "ServerReadyResponse": ("ready bool",),
    "ModelReadyRequest": _NAMED,
    "ModelReadyResponse": ("ready bool",),
    "ServerMetadataRequest": (),
    "ServerMetadataResponse": ("name string", "version string", "extensions string*"),
    "ModelMetadataRequest": _NAMED,
    "ModelMetadataResponse": (
        "name string",
        "versions string*",
        "platform string",
        "inputs ModelMetadataResponse.TensorMetadata*",
        "outputs ModelMetadataResponse.TensorMetadata*",
    ),
    "ModelMetadataResponse.TensorMetadata": ("name string", "datatype string", "shape int64*"),
    "ModelInferRequest": (
        "model_name string",
        "model_version string",
        "id string",
        "parameters map InferParameter",
        "inputs ModelInferRequest.InferInputTensor*",
        "outputs ModelInferRequest.InferRequestedOutputTensor*",
        "raw_input_contents bytes*",
    ),
    "ModelInferRequest.InferInputTensor": _TENSOR,
    "ModelInferRequest.InferRequestedOutputTensor": ("name string", "parameters map InferParameter"),
    "ModelInferResponse": (
        "model_name string",
        "model_version string",
        "id string",
        "parameters map InferParameter",
        "outputs ModelInferResponse.InferOutputTensor*",
        "raw_output_contents bytes*",
    ),
    "ModelInferResponse.InferOutputTensor": _TENSOR,
    "InferParameter": (
        "bool_param bool",
        "int64_param int64",
        "string_param string",
        "double_param double",
        "uint64_param uint64",
    ),
    "InferTensorContents": (
        "bool_contents bool*",
        "int_contents int32*",
        "int64_contents int64*",
        "uint_contents uint32*",
        "uint64_contents uint64*",
        "fp32_contents float*",
        "fp64_contents double*",
        "bytes_contents bytes*",
    ),
}
"""Message -> its fields, numbered from 1: name, type, and * where it repeats."""

_ONE_OF = {"InferParameter": "parameter_choice"}


def message(name: str) -> Any:  # noqa: ANN401  (protobuf makes the class)
    """Return the class of a message of the protocol, such as `ModelInferRequest`."""
    from google.protobuf.message_factory import GetMessageClass

    return GetMessageClass(_pool().FindMessageTypeByName(f"{PACKAGE}.{name}"))


@cache
def _pool() -> Any:  # noqa: ANN401  (a google.protobuf.descriptor_pool.DescriptorPool)
    from google.protobuf.descriptor_pb2 import FileDescriptorProto
    from google.protobuf.descriptor_pool import DescriptorPool

    file = FileDescriptorProto(name="open_inference_grpc.proto", package=PACKAGE, syntax="proto3")
    for name, fields in _MESSAGES.items():
        outer, _, inner = name.rpartition(".")
        siblings = (
            next(item for item in file.message_type if item.name == outer).nested_type if outer else None
        )
        made = (file.message_type if siblings is None else siblings).add(name=inner)
        if name in _ONE_OF:
            made.oneof_decl.add(name=_ONE_OF[name])
        for number, field in enumerate(fields, 1):
            _add(made, name, number, field.split())
    service = file.service.add(name=SERVICE.rpartition(".")[2])
    for method in METHODS:
        service.method.add(
            name=method,
            input_type=f".{PACKAGE}.{method}Request",
            output_type=f".{PACKAGE}.{method}Response",
        )
    pool = DescriptorPool()
    pool.Add(file) if hasattr(pool, "Add") else pool.AddSerializedFile(file.SerializeToString())
    return pool


def _add(made: Any, owner: str, number: int, words: list[str]) -> None:  # noqa: ANN401  (a DescriptorProto)
    from google.protobuf.descriptor_pb2 import FieldDescriptorProto as Field

    name, kind, *value = words

    repeated = kind.endswith("*") or kind == "map"
    label = Field.LABEL_REPEATED if repeated else Field.LABEL_OPTIONAL
    field = made.field.add(name=name, number=number, label=label)
    kind = kind.removesuffix("*")
    if kind == "map":
        # A map is a repeated message of a key and a value, named after the field.
        entry = made.nested_type.add(name=f"{name.title().replace('_', '')}Entry")
        entry.options.map_entry = True
        entry.field.add(name="key", number=1, label=Field.LABEL_OPTIONAL, type=Field.TYPE_STRING)
        entry.field.add(
            name="value",
            number=2,
            label=Field.LABEL_OPTIONAL,
            type=Field.TYPE_MESSAGE,
            type_name=f".{PACKAGE}.{value[0]}",
        )
        field.type, field.type_name = Field.TYPE_MESSAGE, f".{PACKAGE}.{owner}.{entry.name}"
    elif kind[0].isupper():
        field.type, field.type_name = Field.TYPE_MESSAGE, f".{PACKAGE}.{kind}"
    else:
        field.type = getattr(Field, f"TYPE_{kind.upper()}")
    if owner in _ONE_OF:
        field.oneof_index = 0
