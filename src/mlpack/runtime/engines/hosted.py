"""ONNX graphs behind host steps: the interpreter prepares what the graph cannot compute itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlpack.errors import FormatError, MlpackError
from mlpack.format.artifact import Artifact
from mlpack.format.contract import Contract
from mlpack.format.host import HOST_PATH, HostProgram
from mlpack.runtime._tensors import ELEMENTS
from mlpack.runtime.hosting.interpreter import Interpreter
from mlpack.runtime.hosting.sparse import SparseRows
from mlpack.runtime.session import NodeArg, Session, engine_errors, engine_title, open_session

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["open_engine"]

_CELLS = 1 << 22
"""Cells that a dense layout may have at once: 32 MiB of doubles."""

_ENTRIES = 1 << 18
"""Entries, padding included, that a layout by indices and values may have at once."""


@dataclass(slots=True)
class _Input:
    """An input as onnxruntime would describe it."""

    name: str
    type: str
    shape: list[Any]


def open_engine(artifact: Artifact, contract: Contract, *, threads: int) -> Session:
    """Open the graph and make its host steps ready.

    Raises:
        UsageError: `threads` is no positive integer.
        FormatError: The steps break their format, or the graph does not fit them.
        MlpackError: onnxruntime refuses the graph.
    """
    if HOST_PATH not in artifact.files:
        raise FormatError("required, but missing", where=HOST_PATH)
    program = HostProgram.from_bytes(artifact.files[HOST_PATH], contract)
    return _Hosted(program, contract, open_session(artifact.entry, threads=threads))


class _Hosted:
    """A session that takes the contract's inputs and hands the graph what the steps make of them."""

    def __init__(self, program: HostProgram, contract: Contract, session: Session) -> None:
        """Fit steps and graph together.

        Raises:
            FormatError: They do not fit.
        """
        self._interpreter = Interpreter(program)
        self._session = session
        self._errors = engine_errors(session)
        self.title = engine_title(session)
        types = {item.name: item.type for item in session.get_inputs()}
        fed = {feed.tensor: ELEMENTS[feed.kind] for feed in program.feeds}
        given = {item.tensor: ELEMENTS[item.dtype] for item in contract.inputs}
        if wrong := [name for name, kind in fed.items() if types.get(name) != kind or name in given]:
            raise FormatError(f"the graph has no such input {wrong[0][:80]!r}", where=f"{HOST_PATH}.feeds")
        read = {source for step in program.steps for source in step.of}
        self._direct = [name for name in types if name not in fed]
        self._read = [name for name in given if name in read]
        inputs = {**given, **{name: types[name] for name in self._direct}}
        self._inputs = [_Input(name, kind, ["N", 1]) for name, kind in inputs.items()]

    def get_inputs(self) -> Sequence[NodeArg]:
        """Return what the steps and the graph read, as the contract knows it."""
        return self._inputs

    def get_outputs(self) -> Sequence[NodeArg]:
        """Return what the graph offers."""
        return self._session.get_outputs()

    def run(self, output_names: Sequence[str], input_feed: Mapping[str, Any], /) -> Sequence[Any]:
        """Return the outputs asked for; large batches go through the graph in parts.

        Raises:
            InputError: A step refuses a row.
            MlpackError: onnxruntime failed.
        """
        values = self._interpreter.run({name: input_feed[name].reshape(-1) for name in self._read})
        rows = len(next(iter(input_feed.values())))
        parts = [
            self._part(output_names, input_feed, values, start, stop, whole=stop - start == rows)
            for start, stop in self._spans(values, rows)
        ]
        return (
            parts[0] if len(parts) == 1 else [np.concatenate(answers) for answers in zip(*parts, strict=True)]
        )

    def _part(
        self,
        names: Sequence[str],
        feed: Mapping[str, Any],
        values: Mapping[str, Any],
        start: int,
        stop: int,
        *,
        whole: bool,
    ) -> Sequence[NDArray[Any]]:
        feeds: dict[str, Any] = {
            name: feed[name] if whole else feed[name][start:stop] for name in self._direct
        }
        for item in self._interpreter.feeds:
            value = values[item.value]
            feeds[item.tensor] = self._interpreter.laid_out(item, value if whole else value[start:stop])
        try:
            return self._session.run(names, feeds)
        except self._errors as error:
            raise MlpackError(
                f"onnxruntime failed on these rows ({type(error).__name__})", code="engine", where="rows"
            ) from error

    def _spans(self, values: Mapping[str, Any], rows: int) -> Iterator[tuple[int, int]]:
        """Yield the parts of a batch, small enough for what the layouts take in memory."""
        size = rows
        for item in self._interpreter.feeds:
            value = values[item.value]
            if isinstance(value, SparseRows):
                per_row = value.width if item.form == "dense" else value.longest
                limit = _CELLS if item.form == "dense" else _ENTRIES
                size = min(size, max(1, limit // max(per_row, 1)))
        for start in range(0, rows, size):
            yield start, min(start + size, rows)
