"""In which order a tree of points visits them: it decides which of equally near points count."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlpack.packing.export.graph import GraphBuilder

__all__ = ["outside_ball", "outside_box", "visiting_order"]


def visiting_order(graph: GraphBuilder, tree: Any, near: str) -> str:  # noqa: ANN401
    """Return the position `(N, points)` at which each point is visited, points in the tree's own order.

    A query goes down depth first, into the nearer half first and into the left one of equally near halves.

    Args:
        graph: The graph.
        tree: scikit-learn's KDTree or BallTree, of more than one leaf.
        near: How far every node is, `(N, nodes)`.
    """
    _, order, nodes, _ = (np.asarray(part) for part in tree.get_arrays())
    inner = [int(node) for node in np.flatnonzero(nodes["is_leaf"] == 0)]
    left, right = (
        graph.op("Gather", near, graph.ints([2 * node + side for node in inner]), axis=1) for side in (1, 2)
    )
    left_first = graph.op("Cast", graph.op("LessOrEqual", left, right), to=11)
    leaves = [int(node) for node in np.flatnonzero(nodes["is_leaf"])]
    start, steps = _leaf_starts(nodes, inner, leaves)
    first = graph.op("Add", graph.op("MatMul", left_first, graph.doubles(steps)), graph.doubles(start))
    home = np.zeros(len(order), dtype=np.int64)
    within = np.zeros(len(order))
    for number, leaf in enumerate(leaves):
        rows = slice(int(nodes["idx_start"][leaf]), int(nodes["idx_end"][leaf]))
        home[rows] = number
        within[rows] = np.arange(rows.stop - rows.start)
    return graph.op(
        "Add", graph.op("Gather", first, graph.ints(home), axis=1), graph.doubles(within.reshape(1, -1))
    )


def _leaf_starts(
    nodes: NDArray[Any], inner: list[int], leaves: list[int]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return how many points come before each leaf `(1, leaves)`, and how going left first moves it."""
    size = nodes["idx_end"] - nodes["idx_start"]
    place = {node: index for index, node in enumerate(inner)}
    start = np.zeros((1, len(leaves)))
    steps = np.zeros((len(inner), len(leaves)))
    for number, leaf in enumerate(leaves):
        node = leaf
        while node:
            parent = (node - 1) // 2
            if node == 2 * parent + 1:
                start[0, number] += size[node + 1]
                steps[place[parent], number] = -size[node + 1]
            else:
                steps[place[parent], number] = size[node - 1]
            node = parent
    return start, steps


def outside_box(
    graph: GraphBuilder, x: str, low: NDArray[np.float64], high: NDArray[np.float64], power: float
) -> str:
    """Return the reduced distance `(N, nodes)` to every node's box, column by column as the original."""
    total, half = "", graph.doubles(0.5)
    for index in range(low.shape[1]):
        column = graph.op("Gather", x, graph.ints([index]), axis=1)
        below = graph.op("Sub", graph.doubles(low[:, index].reshape(1, -1)), column)
        above = graph.op("Sub", column, graph.doubles(high[:, index].reshape(1, -1)))
        both = graph.op(
            "Add",
            graph.op("Add", below, graph.op("Abs", below)),
            graph.op("Add", above, graph.op("Abs", above)),
        )
        part = _powered(graph, graph.op("Mul", half, both), power)
        total = part if not total else graph.op("Max" if np.isinf(power) else "Add", total, part)
    return total


def outside_ball(graph: GraphBuilder, apart: str, radius: NDArray[np.float64], power: float) -> str:
    """Return the reduced distance `(N, nodes)` to every node's ball, given the distance to its centre."""
    outside = graph.op("Sub", apart, graph.doubles(radius.reshape(1, -1)))
    zero = graph.doubles(0.0)
    return _powered(graph, graph.op("Where", graph.op("Less", outside, zero), zero, outside), power)


def _powered(graph: GraphBuilder, x: str, power: float) -> str:
    if power == 2:
        return graph.op("Mul", x, x)
    return x if power == 1 or np.isinf(power) else graph.op("Pow", x, graph.doubles(power))
