"""Sessions over a model that is a Python object again: the original's methods, behind the contract."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlpack.errors import FormatError, InputError, MissingExtraError, MlpackError, UsageError
from mlpack.format.artifact import Artifact
from mlpack.format.contract import Contract, Output
from mlpack.format.documents import Fields, parse_json
from mlpack.runtime._outputs import label_array, native_dtype
from mlpack.runtime.engines._rows import RowForm
from mlpack.runtime.notices import RuntimeVersionWarning

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "DESCRIPTION",
    "NATIVE_VERSION",
    "NativeSession",
    "Node",
    "check_versions",
    "on_threads",
    "read_description",
]

DESCRIPTION = "model/native.json"
"""What a native form is made of; the file to load first."""

NATIVE_VERSION = "1.0"

_TYPES = {"float64": "tensor(double)", "float32": "tensor(float)", "int64": "tensor(int64)"}
_KINDS = {"f": "tensor(double)", "i": "tensor(int64)", "u": "tensor(int64)", "b": "tensor(bool)"}
_INPUTS = {**_TYPES, "bool": "tensor(bool)", "string": "tensor(string)", "datetime": "tensor(int64)"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Node:
    """An input or output, as a graph would have it."""

    name: str
    type: str
    shape: list[Any]


def read_description(artifact: Artifact) -> Fields:
    """Return what a native form says of itself, its version checked.

    Raises:
        FormatError: It breaks the format.
    """
    top = Fields(parse_json(artifact.entry, where=artifact.path), artifact.path)
    if (version := top.text("version")) != NATIVE_VERSION:
        raise FormatError(
            f"this reader knows version {NATIVE_VERSION}, found {version[:40]!r}",
            where=f"{top.where}.version",
        )
    return top


def check_versions(artifact: Artifact) -> None:
    """Warn about libraries of another version than the model was made with: the golden rows decide then.

    Raises:
        MissingExtraError: A library is not installed.
    """
    from importlib import metadata

    others = []
    for name, need in artifact.runtime.items():
        try:
            found = metadata.version(name)
        except metadata.PackageNotFoundError as error:
            raise MissingExtraError(
                f"this bundle runs in {name}, which is not installed",
                where=name,
                hint=f"install {name}{need}",
            ) from error
        if need.startswith("==") and found != need[2:]:
            others.append(f"{name} {found}, packed with {need[2:]}")
    if others:
        warnings.warn("; ".join(others), RuntimeVersionWarning, stacklevel=4)


class NativeSession:
    """Calls the original's methods for what a contract names as tensors."""

    def __init__(
        self,
        contract: Contract,
        rows: RowForm,
        call: Callable[[str, Any], Any],
        *,
        title: str,
        around: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        """Bind a model.

        Args:
            contract: Its inputs and outputs.
            rows: How it takes its rows.
            call: Method and rows -> what the method answers.
            title: What runs it, with its version, for messages.
            around: What holds while the model is asked, such as a number of threads.
        """
        self.title = title
        self._contract = contract
        self._rows = rows
        self._call = call
        self._outputs = {item.tensor: item for item in contract.outputs}
        self._around = around

    def get_inputs(self) -> Sequence[Node]:
        """Return what it reads: what the contract says."""
        names = {item.tensor: _INPUTS[item.dtype] for item in self._contract.inputs}
        return [Node(name=name, type=kind, shape=[None, None]) for name, kind in names.items()]

    def get_outputs(self) -> Sequence[Node]:
        """Return what it offers: what the contract says."""
        return [
            Node(name=item.tensor, type=_output_type(item), shape=list(item.shape))
            for item in self._contract.outputs
        ]

    def run(self, output_names: Sequence[str], input_feed: Mapping[str, Any], /) -> Sequence[Any]:
        """Return the outputs asked for.

        Raises:
            InputError: The original refuses the rows.
            MlpackError: It answers in another shape than it did when it was packed.
        """
        rows = self._built(input_feed)
        count = len(next(iter(input_feed.values())))
        with warnings.catch_warnings(), np.errstate(all="ignore"), self._around():
            warnings.simplefilter("ignore")
            return [self._answer(self._outputs[name], rows, count) for name in output_names]

    def _built(self, feeds: Mapping[str, Any]) -> Any:  # noqa: ANN401  (a frame or an array)
        try:
            return self._rows.build(self._contract, feeds)
        except MlpackError:
            raise
        except (TypeError, ValueError, OverflowError) as error:
            # Half a visit, for a column of whole numbers: the original's frame cannot hold it either.
            raise InputError(
                f"the original's columns cannot hold these rows ({type(error).__name__})", where="rows"
            ) from error

    def _answer(self, output: Output, rows: Any, count: int) -> NDArray[Any]:  # noqa: ANN401
        try:
            answer = self._call(output.method, rows)
        except MemoryError:
            raise
        except Exception as error:
            # A refusal may be any exception of any library; its text may quote the row.
            raise InputError(
                f"the original refuses these rows ({type(error).__name__})", where=f"rows: {output.method}"
            ) from error
        array = np.asarray(answer.toarray() if hasattr(answer, "toarray") else answer)
        expected = (count, *(size or 0 for size in output.shape[1:]))
        if array.shape != expected:
            raise MlpackError(
                f"expected an answer of shape {expected}, found {array.shape}",
                code="engine",
                where=output.method,
            )
        return _as_tensor(output, array)


def on_threads(threads: int) -> Callable[[], AbstractContextManager[object]]:
    """Return what keeps scikit-learn and the numeric libraries below it to a number of threads.

    Raises:
        UsageError: `threads` is no positive integer.
    """
    import joblib
    from threadpoolctl import ThreadpoolController

    if type(threads) is not int or threads < 1:
        raise UsageError("expected a positive number of threads", where="threads")
    pools = ThreadpoolController()

    @contextmanager
    def limited() -> Iterator[None]:
        with joblib.parallel_config(backend="sequential"), pools.limit(limits=threads):
            yield

    return limited


def _output_type(output: Output) -> str:
    if output.method == "predict" and output.classes is not None:
        return "tensor(int64)"
    dtype = native_dtype(output)
    return _TYPES.get(str(dtype)) or _KINDS.get(dtype.kind, "tensor(string)")


def _as_tensor(output: Output, array: NDArray[Any]) -> NDArray[Any]:
    """Return an answer as a graph would give it: labels as indices of their class."""
    if output.method != "predict" or output.classes is None:
        widened = {"f": np.float64, "i": np.int64, "u": np.int64, "U": object}.get(array.dtype.kind)
        return array if str(array.dtype) in _TYPES or widened is None else array.astype(widened)
    labels = label_array(output.classes, native_dtype(output))
    order = np.argsort(labels, kind="stable")
    places = np.searchsorted(labels, array, sorter=order).clip(max=len(labels) - 1)
    found: NDArray[Any] = order[places]
    if (labels[found] != array).any():
        raise MlpackError("a label that the contract does not name", code="engine", where=output.method)
    return found
