"""ONNX models as they are: a path, the bytes, or a ModelProto."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlpack.errors import FormatError, ModelError
from mlpack.packing.tensors.example import named_arrays
from mlpack.packing.tensors.study import Arrays, StudyTask

__all__ = ["tensor_model"]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Onnx:
    model: bytes
    example: Arrays
    subject: object
    original: str = "onnx.ModelProto"
    child: str = "mlpack.packing.tensors.onnx_child"
    routes: Sequence[str] = ("onnx-canonical", "onnx-as-is")

    def task(self, route: str) -> StudyTask:
        return StudyTask(model=self.model, example=self.example, positional=0, route=route)


def tensor_model(model: Any, example: object) -> _Onnx:  # noqa: ANN401  (path, bytes or ModelProto)
    """Return a checked ONNX model and its example call, ready for a child process.

    Raises:
        ModelError: It cannot be read, is no ONNX model, or reaches beyond its own bytes.
        ExampleError: The example is no call of tensors.
    """
    import onnx
    from google.protobuf.message import DecodeError

    from mlpack.runtime._graph import check_graph

    content = _content(model)
    try:
        check_graph(content)
        proto = onnx.load_model_from_string(content)
    except (FormatError, DecodeError) as error:
        said = error.message if isinstance(error, FormatError) else "it is no ONNX model"
        raise ModelError(
            said, where="model", hint="a model with data in files beside it is packed by its path"
        ) from error
    constants = {item.name for item in proto.graph.initializer}
    names = [item.name for item in proto.graph.input if item.name not in constants]
    arrays, _ = named_arrays(example, lambda count: [*names, *(f"input_{i}" for i in range(count))][:count])
    return _Onnx(model=content, example=arrays, subject=onnx.ModelProto())


MOST_BYTES = (1 << 31) - 1
"""Size that a model in one piece may have: protobuf's limit."""


def _whole(path: Path) -> bytes:
    """Return a file's model in one piece, with the data that stands in files beside it.

    Raises:
        ModelError: Data stands outside the folder of the model, or is too large for one piece.
    """
    import onnx
    from onnx import external_data_helper as external

    content = path.read_bytes()
    if b"location" not in content:
        return content
    try:
        proto = onnx.load_model_from_string(content)
    except Exception:  # noqa: BLE001  (not a model: said by the check that follows)
        return content
    outside = [item for item in external._get_all_tensors(proto) if external.uses_external_data(item)]  # noqa: SLF001  (there is no public walk)
    if not outside:
        return content
    for item in outside:
        name = external.ExternalDataInfo(item).location
        if Path(name).name != name or (path.parent / name).is_symlink():
            raise ModelError("its data stands outside its folder", where=str(path))
    size = sum(
        (path.parent / name).stat().st_size
        for name in {external.ExternalDataInfo(item).location for item in outside}
    )
    if size + len(content) > MOST_BYTES:
        raise ModelError(
            f"it has {size + len(content)} bytes: models above 2 GB cannot be packed yet", where=str(path)
        )
    external.load_external_data_for_model(proto, str(path.parent))
    for item in outside:
        item.data_location = onnx.TensorProto.DEFAULT
        del item.external_data[:]
    whole: bytes = proto.SerializeToString()
    return whole


def _content(model: Any) -> bytes:  # noqa: ANN401
    if isinstance(model, (bytes, bytearray, memoryview)):
        return bytes(model)
    if isinstance(model, (str, os.PathLike)):
        try:
            return _whole(Path(model))
        except OSError as error:
            raise ModelError(f"cannot be read: {error.strerror}", where=str(model)) from error
    content: bytes = model.SerializeToString()
    return content
