"""ONNX models as they are: a path, the bytes, or a ModelProto."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlpack.errors import FormatError, ModelError
from mlpack.packing.tensors import weights
from mlpack.packing.tensors.example import named_arrays
from mlpack.packing.tensors.study import Arrays, StudyTask

if TYPE_CHECKING:
    import onnx

__all__ = ["tensor_model"]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Onnx:
    """A model in one piece; or, where it is large, the file that it is or is written to."""

    model: bytes
    example: Arrays
    subject: object
    path: Path | None = None
    large: bool = False
    original: str = "onnx.ModelProto"
    child: str = "mlpack.packing.tensors.onnx_child"

    @property
    def routes(self) -> Sequence[str]:
        return ("onnx-canonical",) if self.large else ("onnx-canonical", "onnx-as-is")

    def task(self, route: str, folder: Path) -> StudyTask:
        model: bytes | Path = self.model
        if self.large:
            model = self.path or folder / "given.onnx"
            if self.path is None:
                model.write_bytes(self.model)
        return StudyTask(model=model, example=self.example, positional=0, route=route, folder=folder)


def tensor_model(model: Any, example: object) -> _Onnx:  # noqa: ANN401  (path, bytes or ModelProto)
    """Return a checked ONNX model and its example call, ready for a child process.

    Raises:
        ModelError: It cannot be read, is no ONNX model, or reaches beyond its own bytes and folder.
        ExampleError: The example is no call of tensors.
    """
    import onnx

    from mlpack.runtime._graph import check_graph

    path = Path(model) if isinstance(model, (str, os.PathLike)) else None
    content = _content(model)
    proto = _parsed(content)
    beside = {} if path is None or proto is None else weights.data_files(proto, path)
    try:
        check_graph(content, {name: file.stat().st_size for name, file in beside.items()})
    except FormatError as error:
        raise ModelError(
            error.message, where="model", hint="a model with data in files beside it is packed by its path"
        ) from error
    if proto is None:
        raise ModelError("it is no ONNX model", where="model")
    constants = {item.name for item in proto.graph.initializer}
    names = [item.name for item in proto.graph.input if item.name not in constants]
    arrays, _ = named_arrays(example, lambda count: [*names, *(f"input_{i}" for i in range(count))][:count])
    large = weights.constant_bytes(proto) >= weights.LARGE
    if beside and not large:
        content = _in_one_piece(proto, path)
    return _Onnx(
        model=b"" if large and path is not None else content,
        example=arrays,
        subject=onnx.ModelProto(),
        path=path,
        large=large,
    )


def _parsed(content: bytes) -> onnx.ModelProto | None:
    import onnx
    from google.protobuf.message import DecodeError

    try:
        return onnx.load_model_from_string(content)
    except DecodeError:
        return None


def _in_one_piece(proto: onnx.ModelProto, path: Path | None) -> bytes:
    from onnx import external_data_helper as external

    assert path is not None  # noqa: S101  (only a file has files beside it)
    external.load_external_data_for_model(proto, str(path.parent))
    for tensor in weights.tensors_of(proto.graph):
        tensor.data_location = tensor.DEFAULT
        del tensor.external_data[:]
    content: bytes = proto.SerializeToString(deterministic=True)
    return content


def _content(model: Any) -> bytes:  # noqa: ANN401
    from google.protobuf.message import EncodeError

    if isinstance(model, (bytes, bytearray, memoryview)):
        return bytes(model)
    if isinstance(model, (str, os.PathLike)):
        try:
            return Path(model).read_bytes()
        except OSError as error:
            raise ModelError(f"cannot be read: {error.strerror}", where=str(model)) from error
    try:
        content: bytes = model.SerializeToString(deterministic=True)
    except (EncodeError, ValueError) as error:
        raise ModelError(
            "a ModelProto above 2 GB cannot be serialised",
            where="model",
            hint="save it with its data in files beside it (onnx.save_model(..., "
            "save_as_external_data=True)) and pack the path",
        ) from error
    return content
