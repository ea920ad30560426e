"""PowerTransformer: Yeo-Johnson and Box-Cox."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlpack.packing.export import formulas
from mlpack.packing.export.graph import Columns, Tensor

if TYPE_CHECKING:
    from mlpack.packing.export.registry import Fitted, Scope

__all__ = ["transform"]


def transform(scope: Scope, model: Fitted, columns: Columns) -> Columns:
    """Emit `transform`; each column has a power of its own."""
    graph = scope.graph
    formula = _yeo_johnson if model.method == "yeo-johnson" else _box_cox
    whole = Tensor(scope.doubles(model, columns), "float64", columns.width)
    parts = [
        Tensor(formula(scope, graph.pick(whole, [index]).name, float(power)), "float64", 1)
        for index, power in enumerate(model.lambdas_)
    ]
    x = graph.concat(parts)
    if model.standardize:
        graph.guard(x, nulls=True)  # the scaler inside checks its input
        scaler = model._scaler  # noqa: SLF001 - the fitted scaler
        x = Tensor(
            graph.op("Sub", x.name, graph.doubles(np.reshape(scaler.mean_, (1, -1)))), "float64", x.width
        )
        x = Tensor(
            graph.op("Div", x.name, graph.doubles(np.reshape(scaler.scale_, (1, -1)))), "float64", x.width
        )
    return Columns.of(x)


def _box_cox(scope: Scope, x: str, power: float) -> str:
    """Return the transform of `(N, 1)`; rows that hold a number not above zero are refused.

    Source: Box and Cox, An Analysis of Transformations, 1964.
    """
    graph = scope.graph
    low = graph.op("LessOrEqual", x, graph.doubles(0.0))
    graph.guards.append(graph.flat(Tensor(low, "bool", 1)).name)
    logarithm = graph.op("Log", x)
    if abs(power) < 1e-19:
        return logarithm
    grown = formulas.expm1(graph, graph.op("Mul", graph.doubles(power), logarithm))
    return graph.op("Div", grown, graph.doubles(power))


def _yeo_johnson(scope: Scope, x: str, power: float) -> str:
    """Return the transform of `(N, 1)`; NaN stays NaN.

    Source: Yeo and Johnson, A New Family of Power Transformations, Biometrika 2000, equation 2.1.
    """
    graph, zero = scope.graph, scope.graph.doubles(0.0)
    below = graph.op("Less", x, zero)
    # Each side sees a value that it takes, so that the other side's rows cannot make it overflow.
    up = _one_side(scope, graph.op("Where", below, zero, x), power)
    down = graph.op("Neg", _one_side(scope, graph.op("Where", below, graph.op("Neg", x), zero), 2.0 - power))
    return graph.op("Where", graph.op("IsNaN", x), x, graph.op("Where", below, down, up))


def _one_side(scope: Scope, x: str, power: float) -> str:
    graph = scope.graph
    logarithm = formulas.log1p(graph, x)
    if abs(power) < np.finfo(np.float64).eps:
        return logarithm
    grown = formulas.expm1(graph, graph.op("Mul", graph.doubles(power), logarithm))
    return graph.op("Div", grown, graph.doubles(power))
