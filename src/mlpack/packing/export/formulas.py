"""Formulas in double that several emitter families share. Every function takes and returns value names."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from mlpack.format.contract import NULL_TEXT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlpack.packing.export.graph import GraphBuilder, Tensor

__all__ = [
    "argmax",
    "argmax_or_nan",
    "category_codes",
    "clip",
    "each_row",
    "expanded_squares",
    "expm1",
    "log1p",
    "log_shares",
    "log_softmax",
    "log_sum_exp",
    "logit",
    "nearest_point",
    "pair",
    "positive",
    "rows_to_one",
    "sigmoid",
    "softmax",
    "squared_distances",
]


def sigmoid(graph: GraphBuilder, x: str) -> str:
    """Return 1 / (1 + exp(-x)) with full relative precision in both tails.

    The operator Sigmoid loses small probabilities to a subtraction from 1.
    """
    small = graph.op("Exp", graph.op("Neg", graph.op("Abs", x)))
    one = graph.doubles(1.0)
    top = graph.op("Where", graph.op("GreaterOrEqual", x, graph.doubles(0.0)), one, small)
    return graph.op("Div", top, graph.op("Add", one, small))


def softmax(graph: GraphBuilder, x: str) -> str:
    """Return the row-wise softmax of `(N, k)`, shifted by the row's largest value."""
    shifted = graph.op("Sub", x, graph.op("ReduceMax", x, graph.ints([1]), keepdims=1))
    powers = graph.op("Exp", shifted)
    return graph.op("Div", powers, graph.op("ReduceSum", powers, graph.ints([1]), keepdims=1))


def log_softmax(graph: GraphBuilder, x: str) -> str:
    """Return the row-wise logarithm of the softmax of `(N, k)`."""
    return graph.op("Sub", x, log_sum_exp(graph, x))


def log_shares(graph: GraphBuilder, x: str) -> str:
    """Return the logarithm of the softmax of `(N, k)` as discriminant analysis computes it.

    The largest value is taken off first: of equal huge scores each gets its share.
    """
    shifted = graph.op("Sub", x, graph.op("ReduceMax", x, graph.ints([1]), keepdims=1))
    total = graph.op("ReduceSum", graph.op("Exp", shifted), graph.ints([1]), keepdims=1)
    return graph.op("Sub", shifted, graph.op("Log", total))


def log_sum_exp(graph: GraphBuilder, x: str) -> str:
    """Return the logarithm of the sum of exponentials `(N, 1)` of each row; minus infinity where all are."""
    top = graph.op("ReduceMax", x, graph.ints([1]), keepdims=1)
    top = graph.op("Where", graph.op("IsInf", top), graph.doubles(0.0), top)
    powers = graph.op("Exp", graph.op("Sub", x, top))
    total = graph.op("ReduceSum", powers, graph.ints([1]), keepdims=1)
    return graph.op("Add", graph.op("Log", total), top)


def squared_distances(graph: GraphBuilder, x: str, centres: np.ndarray) -> str:
    """Return `(N, k)` of |x|^2 - 2 x.c + |c|^2, added up in scikit-learn's order and never below zero."""
    product = graph.op("Mul", graph.op("MatMul", x, graph.doubles(centres.T)), graph.doubles(-2.0))
    own = graph.op("ReduceSum", graph.op("Mul", x, x), graph.ints([1]), keepdims=1)
    theirs = graph.doubles(np.einsum("ij,ij->i", centres, centres).reshape(1, -1))
    total = graph.op("Add", graph.op("Add", product, own), theirs)
    zero = graph.doubles(0.0)
    return graph.op("Where", graph.op("Less", total, zero), zero, total)


def expanded_squares(graph: GraphBuilder, x: str, points: np.ndarray) -> str:
    """Return squared distances `(N, k)` as scikit-learn's reductions give them.

    They are `|x|^2 - 2 x.c + |c|^2` from left to right, and 0 where that is negative or, among huge values,
    not a number.
    """
    product = graph.op("Mul", graph.op("MatMul", x, graph.doubles(points.T)), graph.doubles(-2.0))
    own = graph.op("ReduceSum", graph.op("Mul", x, x), graph.ints([1]), keepdims=1)
    theirs = graph.doubles(np.einsum("ij,ij->i", points, points).reshape(1, -1))
    total = graph.op("Add", graph.op("Add", own, product), theirs)
    zero = graph.doubles(0.0)
    return graph.op("Where", graph.op("Greater", total, zero), total, zero)


def nearest_point(graph: GraphBuilder, x: str, points: np.ndarray) -> str:
    """Return the int64 position `(N,)` of the nearest point; the first when all are too far for a double."""
    return graph.op("ArgMin", expanded_squares(graph, x, points), axis=1, keepdims=0, select_last_index=0)


def log1p(graph: GraphBuilder, x: str) -> str:
    """Return log(1 + x), compensated: ONNX has no log1p and Log(1 + x) loses small values."""
    one = graph.doubles(1.0)
    u = graph.op("Add", one, x)
    compensated = graph.op("Div", graph.op("Mul", graph.op("Log", u), x), graph.op("Sub", u, one))
    value = graph.op("Where", graph.op("Equal", u, one), x, compensated)
    # Far from zero the plain logarithm is exact, and the compensation would overflow.
    return graph.op("Where", graph.op("Greater", x, graph.doubles(1e16)), graph.op("Log", u), value)


def expm1(graph: GraphBuilder, x: str) -> str:
    """Return exp(x) - 1, compensated near zero."""
    one = graph.doubles(1.0)
    u = graph.op("Exp", x)
    less = graph.op("Sub", u, one)
    compensated = graph.op("Div", graph.op("Mul", less, x), graph.op("Log", u))
    value = graph.op("Where", graph.op("Equal", u, one), x, compensated)
    # Far from zero the plain difference is exact enough, and the compensation overflows.
    far = graph.op("Greater", graph.op("Abs", x), graph.doubles(1.0))
    return graph.op("Where", far, less, value)


def logit(graph: GraphBuilder, p: str) -> str:
    """Return log(p / (1 - p))."""
    return graph.op("Log", graph.op("Div", p, graph.op("Sub", graph.doubles(1.0), p)))


def pair(graph: GraphBuilder, positive_share: str) -> str:
    """Return `(N, 2)` of 1 - p and p from `(N, 1)`."""
    rest = graph.op("Sub", graph.doubles(1.0), positive_share)
    return graph.op("Concat", rest, positive_share, axis=1)


def rows_to_one(graph: GraphBuilder, x: str, width: int) -> str:
    """Return `(N, k)` divided by its row sums; a row of zeros becomes uniform."""
    total = graph.op("ReduceSum", x, graph.ints([1]), keepdims=1)
    empty = graph.op("Equal", total, graph.doubles(0.0))
    ratio = graph.op("Div", x, total)
    return graph.op("Where", empty, graph.doubles(np.full((1, width), 1.0 / width)), ratio)


def argmax(graph: GraphBuilder, x: str) -> str:
    """Return the int64 position `(N,)` of the first largest value of each row."""
    return graph.op("ArgMax", x, axis=1, keepdims=0, select_last_index=0)


def argmax_or_nan(graph: GraphBuilder, x: str) -> str:
    """Return the int64 position `(N,)` of the first NaN of each row, else of the largest.

    So does numpy.argmax; the operator passes over such values.
    """
    return argmax(graph, graph.op("Where", graph.op("IsNaN", x), graph.doubles(np.inf), x))


def positive(graph: GraphBuilder, x: str, *, or_zero: bool = False) -> str:
    """Return int64 1 where x > 0 (or x >= 0), else 0."""
    return graph.op("Cast", graph.op("GreaterOrEqual" if or_zero else "Greater", x, graph.doubles(0.0)), to=7)


def clip(graph: GraphBuilder, x: str, low: str, high: str) -> str:
    """Return x limited to [low, high]; NaN stays NaN, which the operator Clip does not promise."""
    x = graph.op("Where", graph.op("Less", x, low), low, x)
    return graph.op("Where", graph.op("Greater", x, high), high, x)


def each_row(graph: GraphBuilder, like: str, row: str, width: int) -> str:
    """Return the constant `(1, k)` repeated for every row of `like`."""
    rows = graph.op("Gather", graph.op("Shape", like), graph.ints([0]))
    return graph.op("Expand", row, graph.op("Concat", rows, graph.ints([width]), axis=0))


def category_codes(
    graph: GraphBuilder,
    column: Tensor,
    known: Sequence[str] | Sequence[float],
    codes: Sequence[float],
    *,
    unknown: float,
) -> Tensor:
    """Return the codes `(N, 1)` in double of a column of category names or numbers; missing becomes NaN."""
    from onnx import helper

    keys, kind, values = list[Any](known), 11, list(codes)
    if column.kind == "string":
        keys = [*(text.encode() for text in keys), NULL_TEXT.encode()]
        kind, values = 8, [*values, np.nan]
    else:
        column = graph.cast(column, "float64")
    name = graph.op(
        "LabelEncoder",
        column.name,
        domain="ai.onnx.ml",
        keys_tensor=helper.make_tensor("keys", kind, [len(keys)], keys),
        values_tensor=helper.make_tensor("values", 11, [len(values)], values),
        default_tensor=helper.make_tensor("default", 11, [1], [unknown]),
    )
    if column.kind != "string" and not np.isnan(unknown):
        name = graph.op("Where", graph.op("IsNaN", column.name), graph.doubles(np.nan), name)
    return dataclasses.replace(column, name=name, kind="float64")
