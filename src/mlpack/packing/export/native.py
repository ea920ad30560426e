"""The safe native form: a fitted model as a canonical skops archive, under the loader's own list of names.

Source: the archive's layout is that of skops 0.16, protocol 2.
"""

from __future__ import annotations

import io
import json
import sys
import warnings
import zipfile
from dataclasses import dataclass, field
from importlib import metadata
from types import FunctionType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from mlpack.errors import MlpackError, ModelError
from mlpack.format.artifact import Artifact
from mlpack.format.documents import canonical_json
from mlpack.packing.code_capture import is_own
from mlpack.packing.export.graph import Unsupported
from mlpack.runtime.engines._archive import read_archive, write_archive
from mlpack.runtime.engines._native import DESCRIPTION, NATIVE_VERSION
from mlpack.runtime.engines._rows import SPARSE, ColumnForm, RowForm
from mlpack.runtime.engines.skops import ARCHIVE, OWN, load_archive

if TYPE_CHECKING:
    from mlpack.packing.example import Column, Example

__all__ = ["Own", "make_archive", "native_artifact", "row_form", "versions_of"]

_SHARED = (
    "DefaultDictNode",
    "DictNode",
    "ListNode",
    "NdArrayNode",
    "ObjectNode",
    "SparseMatrixNode",
    "TreeNode",
)
"""Kinds whose identity matters. Whether two equal numbers or texts are one object is chance."""


def native_artifact(model: object, example: Example | None) -> Artifact:
    """Return a model as data that its own library reads again.

    Raises:
        Unsupported: It holds something that is not on the reviewed list, or does not come back.
    """
    name = type(model).__name__
    if example is None:
        raise Unsupported(name, "no example says how it takes its rows")
    try:
        archive = make_archive(model)
        load_archive(archive)
    except MlpackError as error:
        raise Unsupported(name, f"{error.message} ({error.where})") from error
    description = {"version": NATIVE_VERSION, "rows": row_form(example).to_document()}
    distributions = ["scikit-learn", "skops", *_more_distributions(archive, example)]
    return Artifact(
        format="data-only",
        path=DESCRIPTION,
        files={DESCRIPTION: canonical_json(description), ARCHIVE: archive},
        requires=("skops",),
        runtime=versions_of(*distributions),
    )


def versions_of(*distributions: str) -> dict[str, str]:
    """Return what serving needs of these distributions: the very versions that are installed."""
    return {name: f"=={metadata.version(name)}" for name in sorted(distributions)}


def _more_distributions(archive: bytes, example: Example) -> list[str]:
    found: list[str] = [example.library] if example.library in ("pandas", "polars", "scipy") else []
    schema = read_archive(archive, where=ARCHIVE)["schema.json"]
    provided = metadata.packages_distributions()
    libraries = [name for name in ("lightgbm", "xgboost") if f'"{name}.'.encode() in schema]
    return [*found, *(min(provided[name]) for name in libraries)]


def row_form(example: Example) -> RowForm:
    """Return how the original takes its rows.

    Raises:
        Unsupported: As a sparse matrix of a class that is not SciPy's.
    """
    if example.labels is not None:
        raise Unsupported("rows", "columns named by numbers; name them by texts and fit again")
    if example.flat:
        dtype = "" if example.library in ("list", "polars") else f" {example.native.dtype}"
        return RowForm(library="texts", dtype=example.library + dtype)
    if example.library == "scipy":
        kind = type(example.native).__name__
        if kind not in SPARSE:
            raise Unsupported("rows", f"no form rebuilds a {kind}")
        return RowForm(library="scipy", dtype=f"{kind} {example.native.dtype.str}")
    if example.library == "numpy":
        return RowForm(library="numpy", dtype=example.native.dtype.str)
    library: Literal["pandas", "polars"] = "pandas" if example.library == "pandas" else "polars"
    return RowForm(library=library, columns=tuple(_column_form(example, item) for item in example.columns))


def _column_form(example: Example, column: Column) -> ColumnForm:
    series = example.native[column.name]
    if example.library == "polars" or not hasattr(series.dtype, "categories"):
        holds_none = example.library == "polars" or any(value is None for value in series)
        none = column.kind == "text" and (str(series.dtype) != "object" or holds_none)
        return ColumnForm(dtype=str(series.dtype), kind=column.kind, missing="none" if none else "nan")
    return ColumnForm(
        dtype=str(series.cat.categories.dtype),
        kind=column.kind,
        categories=tuple(series.cat.categories.tolist()),
        ordered=bool(series.cat.ordered),
    )


@dataclass
class Own:
    """The author's own classes and functions in an archive, as they are found.

    Attributes:
        names: Name -> what it is.
        distributions: Further libraries that the rest of the archive needs.
    """

    names: dict[str, FunctionType | type] = field(default_factory=dict)
    distributions: list[str] = field(default_factory=lambda: ["scikit-learn"])

    def items(self) -> list[FunctionType | type]:
        """Return them in the order of their names."""
        return [self.names[name] for name in sorted(self.names)]

    def renamed(self, module: str, name: str) -> str:
        """Return the module that an archive names for something: `OWN` for what is the author's."""
        home = sys.modules.get(module)
        item = getattr(home, name, None)
        if not isinstance(item, (FunctionType, type)) or not is_own(item):
            return module
        if self.names.setdefault(name, item) is not item:
            raise ModelError(
                f"two different things are called {name!r}", where=module, hint="rename one of them"
            )
        return OWN


def make_archive(model: object, own: Own | None = None) -> bytes:
    """Return the canonical archive of a model: the same bytes in every process.

    Args:
        model: The fitted model.
        own: Gathers what is the author's own; None leaves its names as they are.

    Raises:
        Unsupported: skops cannot write it.
    """
    from skops.io import dumps
    from skops.io.exceptions import UnsupportedTypeException

    name = type(model).__name__
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            written = dumps(model)
        except (UnsupportedTypeException, TypeError, ValueError, AttributeError, RecursionError) as error:
            reason = " ".join(str(error).split())[:200]
            raise Unsupported(name, f"skops cannot write it: {reason}") from error
    with zipfile.ZipFile(io.BytesIO(written)) as archive:
        files = {item: archive.read(item) for item in archive.namelist()}
    canonical = _Canonical(files, own)
    schema = canonical.node(json.loads(files["schema.json"]))
    document = json.dumps(schema, separators=(",", ":"), allow_nan=False).encode()
    return write_archive({"schema.json": document, **canonical.entries})


class _Canonical:
    """Renumbers objects and entries in the order of their first mention, and drops what is chance."""

    def __init__(self, files: dict[str, bytes], own: Own | None) -> None:
        self._files = files
        self._own = own
        self._numbers: dict[int, int] = {}
        self._names: dict[bytes, str] = {}
        self.entries: dict[str, bytes] = {}

    def node(self, node: dict[str, Any]) -> dict[str, Any]:
        """Return the canonical form of a node."""
        identity = node.get("__id__")
        if node["__loader__"] not in _SHARED or _is_scalar(node):
            identity = None
        elif identity in self._numbers:
            return {"__id__": self._numbers[identity]}
        found = {key: self._value(key, value) for key, value in node.items() if key != "__id__"}
        if self._own is not None and node["__loader__"] in ("ObjectNode", "TypeNode", "FunctionNode"):
            found["__module__"] = self._own.renamed(node["__module__"], node["__class__"])
        if node["__loader__"] == "SetNode":
            found["content"] = sorted(found["content"], key=json.dumps)
        if identity is not None:
            # A number is given once the object is complete: what is inside cannot refer to it.
            self._numbers[identity] = found["__id__"] = len(self._numbers) + 1
        return found

    def _value(self, key: str, value: Any) -> Any:  # noqa: ANN401  (JSON is any of six types)
        if key == "file":
            return self._file(value)
        if isinstance(value, dict):
            if "__loader__" in value:
                return self.node(value)
            return {name: self._value("", item) for name, item in value.items()}
        if isinstance(value, list):
            return [self._value("", item) for item in value]
        return value

    def _file(self, name: str) -> str:
        data = self._files[name]
        suffix = name.rpartition(".")[2]
        if suffix == "npz":
            data = _plain_npz(data)
        elif suffix == "npy":
            data = _without_padding(data)
        key = suffix.encode() + data
        if key not in self._names:
            self._names[key] = f"{len(self._names)}.{suffix}"
            self.entries[self._names[key]] = data
        return self._names[key]


def _without_padding(data: bytes) -> bytes:
    """Return an array's file with zeros between the fields of its records, where memory was left as found."""
    array = np.load(io.BytesIO(data), allow_pickle=False)
    if array.dtype.names is None:
        return data
    clean = np.zeros(array.shape, dtype=array.dtype)
    for name in array.dtype.names:
        clean[name] = array[name]
    stream = io.BytesIO()
    np.save(stream, clean, allow_pickle=False)
    return stream.getvalue()


def _is_scalar(node: dict[str, Any]) -> bool:
    return bool(node["__loader__"] == "NdArrayNode" and node["__class__"] != "ndarray")


def _plain_npz(data: bytes) -> bytes:
    """Return a sparse matrix's file without compression: deflate differs between libraries."""
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        entries = {}
        for name in sorted(arrays.files):
            stream = io.BytesIO()
            np.save(stream, arrays[name], allow_pickle=False)
            entries[f"{name}.npy"] = stream.getvalue()
    return write_archive(entries)
