"""Large constants of a graph, kept in files beside it: never in one protobuf, never in memory at once.

Which form a graph takes follows from the sizes of its constants alone, so a model in one piece and the same
model with its data in files beside it become the same bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mlpack.errors import ModelError
from mlpack.format.stored import StoredFile, write_hashed

if TYPE_CHECKING:
    import onnx

__all__ = ["LARGE", "constant_bytes", "data_files", "large_canonical", "tensors_of"]

LARGE = 1 << 28
"""Bytes of constants from which on a graph has them in files beside it."""

SMALLEST = 1024
"""Bytes of a constant that leaves the graph; onnxruntime wants the small ones, which are shapes, inside."""

MOST_IN_ONE = 4 << 30
"""Bytes after which another file is begun: an archive holds files up to 8 GB."""

PAGE = 4096
_CHUNK = 1 << 20


def tensors_of(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    """Yield every constant of a graph and its subgraphs, attributes included."""
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            yield from attribute.tensors
            if attribute.HasField("t"):
                yield attribute.t
            for inner in (*((attribute.g,) if attribute.HasField("g") else ()), *attribute.graphs):
                yield from tensors_of(inner)


def constant_bytes(proto: onnx.ModelProto) -> int:
    """Return how many bytes the numbers in a model's constants have, wherever they stand."""
    return sum(map(_size, tensors_of(proto.graph)))


def _size(tensor: onnx.TensorProto) -> int:
    import math

    from onnx import TensorProto, helper

    if tensor.data_type in (TensorProto.STRING, TensorProto.UNDEFINED):
        return 0
    width: int = helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
    count: int = math.prod(tensor.dims)
    return count * width


def data_files(proto: onnx.ModelProto, path: Path) -> dict[str, Path]:
    """Return name -> file of the data that a model keeps beside itself.

    Raises:
        ModelError: Data stands outside the folder of the model, or is not there.
    """
    found = {}
    for tensor in tensors_of(proto.graph):
        if tensor.data_location != tensor.EXTERNAL:
            continue
        name = _place(tensor)[0]
        file = path.parent / name
        if not name or Path(name).name != name or file.is_symlink():
            raise ModelError("its data stands outside its folder", where=str(path))
        if not file.is_file():
            raise ModelError(f"its data is missing: {name}", where=str(path))
        found[name] = file
    return dict(sorted(found.items()))


def _place(tensor: onnx.TensorProto) -> tuple[str, int, int]:
    """Return file, offset and length of data that stands elsewhere."""
    said = {item.key: item.value for item in tensor.external_data}
    try:
        return said.get("location", ""), int(said.get("offset", 0)), int(said.get("length", _size(tensor)))
    except ValueError as error:
        raise ModelError(f"{tensor.name} does not say where its data is", where="model") from error


@dataclass(kw_only=True)
class _Constants:
    """Bytes of the constants that leave the graph, by their digest."""

    folder: Path | None
    found: dict[str, tuple[int, Callable[[], Iterator[bytes]]]] = field(default_factory=dict)

    def take(self, tensor: onnx.TensorProto) -> None:
        """Put a digest in the place of a constant's bytes."""
        chunks = self._chunks(tensor)
        hasher, size = hashlib.sha256(), 0
        for chunk in chunks():
            hasher.update(chunk)
            size += len(chunk)
        if size != _size(tensor) and tensor.data_type not in _PACKED:
            raise ModelError(f"{tensor.name} has {size} bytes, expected {_size(tensor)}", where="model")
        digest = hasher.hexdigest()
        self.found.setdefault(digest, (size, chunks))
        _refer(tensor, {"location": digest})

    def _chunks(self, tensor: onnx.TensorProto) -> Callable[[], Iterator[bytes]]:
        from onnx import numpy_helper

        if tensor.data_location == tensor.EXTERNAL:
            if self.folder is None:
                raise ModelError("its data stands in files beside it", where="model", hint="pass its path")
            name, offset, length = _place(tensor)
            return lambda folder=self.folder: _file_chunks(folder / name, offset, length)  # type: ignore[misc]
        content = tensor.raw_data or numpy_helper.to_array(tensor).tobytes()
        return lambda: iter((content,))


_PACKED = (21, 22, 23, 25, 26)
"""Element types of which several share a byte."""


def _file_chunks(path: Path, offset: int, length: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(offset)
        while length and (chunk := file.read(min(length, _CHUNK))):
            length -= len(chunk)
            yield chunk


def _refer(tensor: onnx.TensorProto, place: Mapping[str, str]) -> None:
    """Put a reference in the place of a constant's bytes."""
    kind, dims, name = tensor.data_type, list(tensor.dims), tensor.name
    tensor.Clear()
    tensor.data_type, tensor.name = kind, name
    tensor.dims.extend(dims)
    tensor.data_location = tensor.EXTERNAL
    for key, value in place.items():
        entry = tensor.external_data.add()
        entry.key, entry.value = key, value


def large_canonical(
    proto: onnx.ModelProto, source: Path | None, folder: Path
) -> tuple[bytes, dict[str, StoredFile]]:
    """Return the canonical bytes of a model without its large constants, and these as files.

    Args:
        proto: The model; it changes.
        source: Folder in which its data is, if that stands in files beside it.
        folder: Where to write the files.

    Returns:
        The graph; path in the bundle -> file.

    Raises:
        ModelError: Data is missing, or changed meanwhile.
        StorageError: The folder cannot be written.
        ValueError: The model has no canonical form.
    """
    import onnx

    from mlpack.packing.export.canonical import canonical_bytes

    constants = _separate(proto, source)
    graph = onnx.load_model_from_string(canonical_bytes(proto))
    stored = _write(graph, constants, folder)
    content: bytes = graph.SerializeToString(deterministic=True)
    return content, stored


def _separate(proto: onnx.ModelProto, folder: Path | None) -> _Constants:
    """Take the large constants out of a model and return where their bytes are; the model changes.

    Args:
        proto: The model.
        folder: Where its data is, if it stands in files beside it.

    Raises:
        ModelError: Data is missing.
    """
    constants = _Constants(folder=folder)
    for graph in _graphs(proto.graph):
        for tensor in graph.initializer:
            if tensor.data_location == tensor.EXTERNAL or _size(tensor) >= SMALLEST:
                constants.take(tensor)
    if any(
        tensor.data_location == tensor.EXTERNAL and _place(tensor)[0] not in constants.found
        for tensor in tensors_of(proto.graph)
    ):
        raise ModelError("an attribute of a node has its data in a file", where="model")
    return constants


def _graphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            for inner in (*((attribute.g,) if attribute.HasField("g") else ()), *attribute.graphs):
                yield from _graphs(inner)


def _write(proto: onnx.ModelProto, constants: _Constants, folder: Path) -> dict[str, StoredFile]:
    """Write the constants in the order in which the model has them; the model then says where they are.

    Returns:
        Path in the bundle -> file.

    Raises:
        StorageError: The folder cannot be written.
    """
    places: dict[str, tuple[int, int]] = {}
    files: list[list[str]] = []
    end = MOST_IN_ONE
    for tensor in tensors_of(proto.graph):
        if tensor.data_location != tensor.EXTERNAL:
            continue
        digest = _place(tensor)[0]
        size = constants.found[digest][0]
        if digest not in places:
            end += -end % PAGE
            if end + size > MOST_IN_ONE:
                files.append([])
                end = 0
            places[digest] = (len(files), end)
            files[-1].append(digest)
            end += size
        number, offset = places[digest]
        place = {"location": _name(number), "offset": str(offset), "length": str(size)}
        _refer(tensor, place)
    return {
        f"model/{_name(number)}": write_hashed(_laid_out(digests, constants), folder / _name(number))
        for number, digests in enumerate(files, 1)
    }


def _name(number: int) -> str:
    return f"weights-{number}.bin"


def _laid_out(digests: list[str], constants: _Constants) -> Iterator[bytes]:
    """Yield constants, each at the beginning of a page.

    Raises:
        ModelError: A file is another one by now.
    """
    end = 0
    for digest in digests:
        yield bytes(-end % PAGE)
        end += -end % PAGE
        hasher = hashlib.sha256()
        for chunk in constants.found[digest][1]():
            hasher.update(chunk)
            end += len(chunk)
            yield chunk
        if hasher.hexdigest() != digest:
            raise ModelError("its data changed while it was packed", where="model")
