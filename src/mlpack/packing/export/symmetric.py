"""Symmetric trees without walking: every level of every tree is compared at once, for all rows.

The bits that a tree's comparisons give are the number of its leaf. A thousand rows take a fifth of the time
that onnxruntime's tree operator needs to walk the same trees, and the sums are the same to the last bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlpack.packing.export.graph import GraphBuilder, Tensor

__all__ = ["FEW_ROWS", "MAX_LEVELS", "SymmetricTree", "symmetric_sums"]

FEW_ROWS = 16
"""Up to here walking is faster: it does nothing that does not lead to a leaf."""

MAX_LEVELS = 8
"""What one byte of comparisons can hold."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SymmetricTree:
    """One tree: its splits, lowest bit of the leaf's number first, and its leaves.

    Attributes:
        feature: Column of every split `(L,)`.
        border: float32 `(L,)`; a value above it sets the split's bit.
        value: float64 `(2**L,)`.
    """

    feature: NDArray[np.int64]
    border: NDArray[np.float32]
    value: NDArray[np.float64]


def symmetric_sums(
    graph: GraphBuilder, rows: Tensor, trees: Sequence[SymmetricTree], *, above: NDArray[np.bool_]
) -> str:
    """Return the sums over all trees `(N, 1)`, added in their order.

    Args:
        graph: Where to.
        rows: float32 `(N, width)`.
        trees: At least one, of at most `MAX_LEVELS` levels.
        above: Columns in which a missing value counts as above every border `(width,)`.
    """
    levels = max(1, *(len(tree.feature) for tree in trees))
    feature = np.zeros((levels, len(trees)), dtype=np.int64)
    border = np.full((levels, len(trees)), np.inf, dtype=np.float32)  # nothing is above: the bit stays 0
    value = np.zeros((len(trees), 1 << levels))
    for number, tree in enumerate(trees):
        feature[: len(tree.feature), number] = tree.feature
        border[: len(tree.border), number] = tree.border
        value[number, : len(tree.value)] = tree.value
    x = rows.name
    if above.any():
        missing = graph.op("And", graph.op("IsNaN", x), graph.const(above.reshape(1, -1)))
        x = graph.op("Where", missing, graph.const(np.array(np.inf, dtype=np.float32)), x)
    # onnxruntime adds up a single row in another order than each of several. So there is always one more.
    several = graph.op("Concat", x, graph.const(np.zeros((1, len(above)), dtype=np.float32)), axis=0)
    asked = graph.op(
        "Gather", graph.op("Transpose", several, perm=[1, 0]), graph.ints(feature.ravel()), axis=0
    )
    bits = graph.op("Cast", graph.op("Greater", asked, graph.const(border.reshape(-1, 1))), to=2)
    weights = graph.const((1 << np.arange(levels)).astype(np.uint8).reshape(1, -1))
    leaf = graph.op("MatMulInteger", weights, graph.op("Reshape", bits, graph.ints([levels, -1])))
    leaf = graph.op("Reshape", leaf, graph.ints([len(trees), -1]))
    found = graph.op("GatherElements", graph.doubles(value), leaf, axis=1)
    sums = graph.op("ReduceSum", found, graph.ints([0]), keepdims=0)
    return graph.op(
        "Reshape", graph.op("Slice", sums, graph.ints([0]), graph.ints([-1])), graph.ints([-1, 1])
    )
