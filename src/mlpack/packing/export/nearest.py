"""Finding the nearest of stored points, with the very distances that scikit-learn's trees compute.

Ties decide which points count as nearest, so distances are added up column by column, in the order of the
original: a matrix product would be faster, and would break exact ties by its rounding.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from mlpack.packing.export import formulas
from mlpack.packing.export.graph import Tensor
from mlpack.packing.export.visits import outside_ball, outside_box, visiting_order

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlpack.packing.export.graph import Columns, GraphBuilder
    from mlpack.packing.export.registry import Fitted, Scope

__all__ = ["Distances", "nearest", "reduced_distances"]

_SAME = {"l2": "euclidean", "l1": "manhattan", "cityblock": "manhattan"}


@dataclass(frozen=True, slots=True)
class Distances:
    """Distances from every row to every stored point, before the last monotonic step.

    Attributes:
        reduced: `(N, points)`; squares for Euclidean distances, p-th powers for Minkowski's.
        power: The distance is `reduced ** (1 / power)`.
        order: Row of the training data of every column.
        largest: What the original starts from: a distance that is not below it does not count as near.
        visits: Position `(N, points)` at which the original looks at each point; empty for column order.
    """

    reduced: str
    power: float
    order: NDArray[np.int64]
    largest: float
    visits: str = ""

    def radius(self, radius: float) -> float:
        """Return a distance in the reduced form."""
        return radius**self.power if self.power != 2 else radius * radius

    def full(self, graph: GraphBuilder, reduced: str) -> str:
        """Return reduced distances as distances."""
        if self.power == 1:
            return reduced
        if self.power == 2:
            return graph.op("Sqrt", reduced)
        return graph.op("Pow", reduced, graph.doubles(1.0 / self.power))


def nearest(scope: Scope, model: Fitted, columns: Columns, count: int) -> tuple[str, str]:
    """Return the distances `(N, count)` and the rows of the training data `(N, count)`, nearest first.

    Of equally near points those count that the original visits first.
    """
    graph, apart = scope.graph, reduced_distances(scope, model, columns)
    size = len(apart.order)
    order = apart.visits
    if not order:
        row = graph.doubles(np.arange(float(size)).reshape(1, -1))
        order = formulas.each_row(graph, apart.reduced, row, size)
    found, _ = graph.ops("TopK", apart.reduced, graph.ints([count]), outputs=2, axis=1, largest=0, sorted=1)
    last = graph.op("Gather", found, graph.ints([count - 1]), axis=1)
    queue = graph.op("Where", graph.op("Greater", apart.reduced, last), graph.doubles(np.inf), order)
    _, places = graph.ops("TopK", queue, graph.ints([count]), outputs=2, axis=1, largest=0, sorted=1)
    places = _as_heaped(graph, apart.reduced, order, places, last, count=count, size=size)
    kept = graph.op("GatherElements", apart.reduced, places, axis=1)
    found, by_distance = graph.ops("TopK", kept, graph.ints([count]), outputs=2, axis=1, largest=0, sorted=1)
    places = graph.op("GatherElements", places, by_distance, axis=1)
    rows = graph.op("Gather", graph.ints(apart.order), places)
    # The original's heap starts full of its largest number and of row 0: what is not less stays out.
    far = graph.op("GreaterOrEqual", found, graph.doubles(apart.largest))
    rows = graph.op("Where", far, graph.ints(0), rows)
    found = graph.op("Where", far, graph.doubles(apart.largest), found)
    return apart.full(graph, found), rows


def _as_heaped(
    graph: GraphBuilder, reduced: str, order: str, places: str, last: str, *, count: int, size: int
) -> str:
    """Return the places of the nearest points where a heap decides between ties.

    A nearer point that comes when the heap is full of points as near as the last one drops one of those by
    where it lies in the heap. Such rows are rare, and only theirs is the heap worked through.
    """
    kept = graph.op("GatherElements", reduced, places, axis=1)
    nearer = [
        graph.op(
            "ReduceSum", graph.op("Cast", graph.op("Less", values, last), to=7), graph.ints([1]), keepdims=0
        )
        for values in (reduced, kept)
    ]
    which = graph.op("Reshape", graph.op("NonZero", graph.op("Greater", *nearer)), graph.ints([-1]))
    mine, ranks = (graph.op("Gather", values, which, axis=0) for values in (reduced, order))
    some = graph.op("Min", graph.op("Size", which), graph.ints(1))
    whole = graph.op("Concat", graph.op("Shape", which), graph.ints([size]), axis=0)
    nothing = Tensor(graph.op("Expand", graph.ints([[0]]), whole), "int64", size)

    def sort(inner: GraphBuilder, _round: str, _visits: str) -> tuple[str, ...]:
        return inner.ops("TopK", ranks, inner.ints([size]), outputs=2, axis=1, largest=0, sorted=1)[1:]

    # Only where there are rows: before 1.31, onnxruntime ends the process when TopK gets none.
    (visits,) = graph.repeat(some, [nothing], sort)
    times = graph.op("Mul", graph.ints(size), some)
    shape = graph.op("Concat", graph.op("Shape", which), graph.ints([count]), axis=0)
    state = [
        Tensor(graph.op("Expand", graph.doubles([[np.inf]]), shape), "float64", count),
        Tensor(graph.op("Expand", graph.ints([[0]]), shape), "int64", count),
    ]
    values = graph.op("GatherElements", mine, visits, axis=1)

    def push(inner: GraphBuilder, round_: str, heap: str, held: str) -> tuple[str, str]:
        at = inner.op("Reshape", round_, inner.ints([1]))
        new = inner.op("Gather", values, at, axis=1)
        return _push(inner, (new, inner.op("Gather", visits, at, axis=1)), (heap, held), count)

    _, heaped = graph.repeat(times, state, push)
    return graph.op("ScatterND", places, graph.op("Unsqueeze", which, graph.ints([1])), heaped)


def _push(
    graph: GraphBuilder, offered: tuple[str, str], heaps: tuple[str, str], count: int
) -> tuple[str, str]:
    """Return the heaps `(R, count)` and the places that they hold after values `(R, 1)` were offered."""
    (new, place), (heap, held) = offered, heaps
    top = graph.op("Gather", heap, graph.ints([0]), axis=1)
    taken = graph.op("Less", new, top)
    slots, last = graph.ints([list(range(count))]), graph.ints(count - 1)
    at, going = graph.op("Sub", graph.op("Cast", taken, to=7), graph.op("Cast", taken, to=7)), taken
    for _ in range(count.bit_length() - 1):
        left = graph.op("Add", graph.op("Mul", at, graph.ints(2)), graph.ints(1))
        right = graph.op("Add", left, graph.ints(1))
        first, second = (
            graph.op(
                "Where",
                graph.op("LessOrEqual", child, last),
                graph.op("GatherElements", heap, graph.op("Min", child, last), axis=1),
                graph.doubles(-np.inf),
            )
            for child in (left, right)
        )
        by_left = graph.op("GreaterOrEqual", first, second)
        larger = graph.op("Where", by_left, first, second)
        child = graph.op("Min", graph.op("Where", by_left, left, right), last)
        going = graph.op("And", going, graph.op("Less", new, larger))
        hole = graph.op("And", graph.op("Equal", slots, at), going)
        up = graph.op("GatherElements", held, child, axis=1)
        heap, held = graph.op("Where", hole, larger, heap), graph.op("Where", hole, up, held)
        at = graph.op("Where", going, child, at)
    hole = graph.op("And", graph.op("Equal", slots, at), taken)
    return graph.op("Where", hole, new, heap), graph.op("Where", hole, place, held)


def reduced_distances(scope: Scope, model: Fitted, columns: Columns) -> Distances:
    """Return the distances from every row to every point that a model of neighbours keeps."""
    name = _SAME.get(model.effective_metric_, model.effective_metric_)
    if not isinstance(name, str) or hasattr(model._fit_X, "toarray"):  # noqa: SLF001 - the stored points
        raise scope.unsupported(model, "a metric of its own, or points in a sparse matrix")
    points = np.asarray(model._fit_X)  # noqa: SLF001
    brute = model._fit_method == "brute"  # noqa: SLF001
    if points.dtype == np.float32 and brute:
        raise scope.unsupported(model, "computes in float32; train on float64 for an exact export")
    x = scope.doubles(model, columns, single=True)
    points = points.astype(np.float64)
    order = np.arange(len(points))
    if not brute:
        order = np.asarray(model._tree.get_arrays()[1], dtype=np.int64)  # noqa: SLF001 - as the tree visits them
    points = points[order]
    largest = float(np.finfo(np.float64).max) if brute else np.inf
    if name == "cosine":
        return Distances(_cosine(scope.graph, x, points), 1, order, np.inf)
    if brute and name == "euclidean" and model.effective_metric_ != "l2":
        return Distances(formulas.expanded_squares(scope.graph, x, points), 2, order, largest)
    reduced, power = _by_column(scope, model, x, points, name)
    apart = Distances(reduced, power, order, largest)
    return apart if brute else replace(apart, visits=_visits(scope, model, x, name, apart))


def _visits(scope: Scope, model: Fitted, x: str, name: str, apart: Distances) -> str:
    """Return the order in which a model's tree visits its points; empty for the tree's own order."""
    graph, tree = scope.graph, model._tree  # noqa: SLF001
    _, _, nodes, bounds = (np.asarray(part) for part in tree.get_arrays())
    if len(nodes) == 1:
        return ""
    power = np.inf if name == "chebyshev" else apart.power
    if len(bounds) == 2:
        return visiting_order(graph, tree, outside_box(graph, x, bounds[0], bounds[1], power))
    centre, _ = _by_column(scope, model, x, bounds[0], name)
    return visiting_order(graph, tree, outside_ball(graph, apart.full(graph, centre), nodes["radius"], power))


def _by_column(
    scope: Scope, model: Fitted, x: str, points: NDArray[np.float64], name: str
) -> tuple[str, float]:
    """Return distances added up column by column, and the power that they are of."""
    graph, total, sizes = scope.graph, "", ""
    parameters = model.effective_metric_params_ or {}
    power = float(parameters.get("p", 2)) if name == "minkowski" else 2.0 if name == "euclidean" else 1.0
    if name not in _METRICS:
        raise scope.unsupported(model, f"metric {name!r} has no emitter")
    if parameters.get("w") is not None:
        raise scope.unsupported(model, "weights of the metric have no emitter")
    for index in range(points.shape[1]):
        column = graph.op("Gather", x, graph.ints([index]), axis=1)
        row = graph.doubles(points[:, index].reshape(1, -1))
        part = _METRICS[name](graph, column, row)
        if name == "minkowski":
            part = graph.op("Pow", part, graph.doubles(power))
        if name == "braycurtis":
            size = _size(graph, column, row)
            sizes = graph.op("Add", sizes, size) if sizes else size
        total = graph.op("Max" if name == "chebyshev" else "Add", total, part) if total else part
    if name == "hamming":
        total = graph.op("Div", total, graph.doubles(float(points.shape[1])))
    return (graph.op("Div", total, sizes) if sizes else total), power


def _step(graph: GraphBuilder, column: str, row: str) -> str:
    return graph.op("Abs", graph.op("Sub", column, row))


def _square(graph: GraphBuilder, column: str, row: str) -> str:
    step = graph.op("Sub", column, row)
    return graph.op("Mul", step, step)


def _unequal(graph: GraphBuilder, column: str, row: str) -> str:
    return graph.op("Cast", graph.op("Not", graph.op("Equal", column, row)), to=11)


def _size(graph: GraphBuilder, column: str, row: str) -> str:
    return graph.op("Add", graph.op("Abs", column), graph.op("Abs", row))


def _share(graph: GraphBuilder, column: str, row: str) -> str:
    """Return the step over the size, 0 where both are 0."""
    size, zero = _size(graph, column, row), graph.doubles(0.0)
    return graph.op(
        "Where", graph.op("Greater", size, zero), graph.op("Div", _step(graph, column, row), size), zero
    )


_METRICS = {
    "euclidean": _square,
    "manhattan": _step,
    "chebyshev": _step,
    "minkowski": _step,
    "braycurtis": _step,
    "canberra": _share,
    "hamming": _unequal,
}
"""Metric -> what one column adds to it."""


def _cosine(graph: GraphBuilder, x: str, points: NDArray[np.float64]) -> str:
    """Return 1 - cosine, as scikit-learn does: both sides to length one, limited to [0, 2]."""
    norms = np.sqrt(np.einsum("ij,ij->i", points, points))
    unit = points / np.where(norms < 10 * np.finfo(np.float64).eps, 1.0, norms)[:, None]
    length = graph.op("Sqrt", graph.op("ReduceSum", graph.op("Mul", x, x), graph.ints([1]), keepdims=1))
    tiny = graph.op("Less", length, graph.doubles(10 * np.finfo(np.float64).eps))
    mine = graph.op("Div", x, graph.op("Where", tiny, graph.doubles(1.0), length))
    share = graph.op("MatMul", mine, graph.doubles(unit.T))
    apart = graph.op("Sub", graph.doubles(1.0), share)
    return formulas.clip(graph, apart, graph.doubles(0.0), graph.doubles(2.0))
