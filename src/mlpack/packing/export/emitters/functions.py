"""FunctionTransformer: identity, and NumPy functions with an exact double form."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from mlpack.packing.export import formulas
from mlpack.packing.export.graph import Block, Columns, Tensor

if TYPE_CHECKING:
    from mlpack.packing.export.graph import GraphBuilder
    from mlpack.packing.export.registry import Fitted, Scope

__all__ = ["transform"]


def _single(kind: str) -> Callable[[GraphBuilder, str], str]:
    return lambda graph, x: graph.op(kind, x)


_FORMULAS: tuple[tuple[np.ufunc, Callable[[GraphBuilder, str], str]], ...] = (
    (np.log1p, formulas.log1p),
    (np.expm1, formulas.expm1),
    (np.log, _single("Log")),
    (np.exp, _single("Exp")),
    (np.sqrt, _single("Sqrt")),
    (np.abs, _single("Abs")),
    (np.negative, _single("Neg")),
    (np.square, lambda graph, x: graph.op("Mul", x, x)),
    (np.sin, _single("Sin")),
    (np.cos, _single("Cos")),
)


def transform(scope: Scope, model: Fitted, columns: Columns) -> Columns:
    """Emit the function of a FunctionTransformer."""
    if model.func is None:
        return columns
    name = getattr(model.func, "__name__", type(model.func).__name__)
    formula = next((formula for ufunc, formula in _FORMULAS if ufunc is model.func), None)
    if formula is None or model.kw_args:
        known = ", ".join(f"np.{ufunc.__name__}" for ufunc, _ in _FORMULAS)
        raise scope.unsupported(
            model, f"no emitter for the function {name}; {known} have one, or move it out of the pipeline"
        )
    blocks = []
    for block in columns.blocks:
        if block.tensor.kind not in ("float64", "int64"):
            raise scope.unsupported(model, f"{name} on {block.tensor.kind} columns has no exact emitter")
        tensor = scope.graph.cast(block.tensor, "float64")
        blocks.append(Block(Tensor(formula(scope.graph, tensor.name), "float64", tensor.width), block.names))
    return Columns(tuple(blocks))
