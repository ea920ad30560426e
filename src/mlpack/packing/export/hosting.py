"""Host steps beside a graph under construction: what they compute, and the graph inputs that carry it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlpack.format.documents import compact_json
from mlpack.format.host import Feed, FeedForm, HostProgram, Step
from mlpack.packing.export.tensors import Tensor

if TYPE_CHECKING:
    from mlpack.packing.export.graph import Columns, GraphBuilder, Kind

__all__ = ["Hosting", "SparseForm"]


@dataclass(frozen=True, slots=True)
class SparseForm:
    """A sparse matrix that the host computes, and the graph inputs that would carry it.

    Attributes:
        value: The host's value.
        kind: Element type of the values.
        width: Number of columns.
        indices: Graph input of the columns, `[N, m]`.
        values: Graph input of the values, `[N, m]`.
    """

    value: str
    kind: Kind
    width: int
    indices: str
    values: str


@dataclass(slots=True)
class Hosting:
    """Collects host steps; equal steps are shared, and what the graph does not use in the end is dropped.

    Attributes:
        columns: Tensor of the graph -> name of the host's value with the same cells.
        sparse: Dense tensor of the graph -> the sparse rows that it spells out.
        natives: Host's value -> what pandas has there for the rows of the example, and whether cells may be
            missing for other rows.
        asked: Whether any step of the model looked for help here.
    """

    columns: dict[str, str] = field(default_factory=dict)
    sparse: dict[str, SparseForm] = field(default_factory=dict)
    natives: dict[str, tuple[Any, bool]] = field(default_factory=dict)
    asked: bool = False
    _steps: dict[bytes, Step] = field(default_factory=dict)
    _feeds: dict[str, Feed] = field(default_factory=dict)

    def step(self, operation: str, *of: str, **parameters: Any) -> str:  # noqa: ANN401 (JSON of any type)
        """Add an operation on earlier values and return the name of its result."""
        key = compact_json([operation, list(of), parameters])
        if key not in self._steps:
            name = f"host.{len(self._steps)}"
            self._steps[key] = Step(name=name, operation=operation, of=of, parameters=parameters)
        return self._steps[key].name

    def sparse_tensor(self, graph: GraphBuilder, value: str, width: int, kind: Kind) -> Tensor:
        """Return a sparse value of the host as a dense tensor; emitters find its rows in `sparse`."""
        dense, indices, values = (f"{value}.{form}" for form in ("dense", "indices", "values"))
        if dense not in self.sparse:
            graph.input(dense, kind, width)
            graph.input(indices, "int64", f"{value}.length")
            graph.input(values, kind, f"{value}.length")
            self._feed(dense, value, "dense", kind)
            self._feed(indices, value, "indices", "int64")
            self._feed(values, value, "values", kind)
            self.sparse[dense] = SparseForm(value, kind, width, indices, values)
        return Tensor(dense, kind, width)

    def column_tensor(self, graph: GraphBuilder, value: str, kind: Kind) -> Tensor:
        """Return a column of the host as a tensor `[N, 1]`."""
        name = f"{value}.column"
        if name not in self.columns:
            graph.input(name, kind, 1)
            if kind in ("float64", "float32"):
                graph.finite.discard(name)  # a function may make anything of the finite values it is given
            self._feed(name, value, "column", kind)
            self.columns[name] = value
        return Tensor(name, kind, 1)

    def rows_of(self, columns: Columns) -> SparseForm | None:
        """Return the sparse rows that some columns are, or None when they are anything else."""
        if len(columns.blocks) != 1:
            return None
        return self.sparse.get(columns.blocks[0].tensor.name)

    def picked(self, graph: GraphBuilder, tensor: Tensor, indices: Sequence[int]) -> Tensor | None:
        """Return some columns of sparse rows, still sparse; None for other tensors and other orders."""
        rows = self.sparse.get(tensor.name)
        if rows is None or list(indices) != sorted(set(indices)):
            return None
        value = self.step("pick-columns", rows.value, columns=[int(index) for index in indices])
        return self.sparse_tensor(graph, value, len(indices), rows.kind)

    def _feed(self, tensor: str, value: str, form: FeedForm, kind: str) -> None:
        self._feeds[tensor] = Feed(tensor=tensor, value=value, form=form, kind=kind)

    def is_date(self, tensor: str) -> bool:
        """Return whether a name is that of instants, which no graph can take."""
        value = self.columns.get(tensor)
        native = self.natives.get(value or "")
        return native is not None and getattr(native[0].dtype, "kind", "") == "M"

    def knows(self, tensor: str) -> bool:
        """Return whether the host reads or fills a graph input, so that the graph need not have it."""
        return tensor in self._feeds or any(tensor in step.of for step in self._steps.values())

    def program(self, used: Sequence[str]) -> HostProgram:
        """Return the steps that the graph's inputs rest on.

        Args:
            used: Names of the graph inputs that some node reads.
        """
        feeds = tuple(feed for tensor, feed in self._feeds.items() if tensor in set(used))
        wanted = {feed.value for feed in feeds}
        steps = []
        for step in reversed(list(self._steps.values())):
            if step.name in wanted:
                steps.append(step)
                wanted.update(step.of)
        return HostProgram(steps=tuple(reversed(steps)), feeds=feeds)
