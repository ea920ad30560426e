"""The error function in double, which onnxruntime has in single precision only."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlpack.packing.export.graph import GraphBuilder

__all__ = ["erf"]

_NEAR = (
    (1.85777706184603153e-1, 3.16112374387056560, 1.13864154151050156e2, 3.77485237685302021e2,
     3.20937758913846947e3),
    (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3),
)  # fmt: skip
_MIDDLE = (
    (2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594, 6.61191906371416295e1,
     2.98635138197400131e2, 8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3,
     1.23033935479799725e3),
    (1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3,
     3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3, 1.23033935480374942e3),
)  # fmt: skip
_FAR = (
    (1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1, 1.25781726111229246e-1,
     1.60837851487422766e-2, 6.58749161529837803e-4),
    (1.0, 2.56852019228982242, 1.87295284992346725, 5.27905102951428412e-1, 6.05183413124413191e-2,
     2.33520497626869185e-3),
)  # fmt: skip


def erf(graph: GraphBuilder, x: str) -> str:
    """Return the error function of doubles of any shape; measured against libm: 2.2e-16 at most.

    Source: Cody, Rational Chebyshev approximations for the error function (1969), three intervals.
    """
    size = graph.op("Abs", x)
    square = graph.op("Mul", size, size)
    near = graph.op("Mul", x, _ratio(graph, square, *_NEAR))
    fall = graph.op("Exp", graph.op("Neg", square))
    middle = _ratio(graph, size, *_MIDDLE)
    # Where the far formula is not taken, its argument is kept away from a division by zero.
    inverse = graph.op("Div", graph.doubles(1.0), graph.op("Max", square, graph.doubles(16.0)))
    bend = graph.op("Mul", inverse, _ratio(graph, inverse, *_FAR))
    root = graph.op("Max", size, graph.doubles(4.0))
    far = graph.op("Div", graph.op("Sub", graph.doubles(1 / math.sqrt(math.pi)), bend), root)
    tail = graph.op("Where", graph.op("LessOrEqual", size, graph.doubles(4.0)), middle, far)
    beyond = graph.op("Sub", graph.doubles(1.0), graph.op("Mul", fall, tail))
    signed = graph.op("Mul", graph.op("Sign", x), beyond)
    found = graph.op("Where", graph.op("LessOrEqual", size, graph.doubles(0.46875)), near, signed)
    # Infinity times zero in the middle formula is not a number; far out the answer is the sign.
    certain = graph.op("Where", graph.op("Greater", size, graph.doubles(26.0)), graph.op("Sign", x), found)
    return graph.op("Where", graph.op("IsNaN", x), x, certain)


def _ratio(graph: GraphBuilder, x: str, top: Sequence[float], bottom: Sequence[float]) -> str:
    """Return a quotient of polynomials, coefficients of the highest power first."""
    return graph.op("Div", _polynomial(graph, x, top), _polynomial(graph, x, bottom))


def _polynomial(graph: GraphBuilder, x: str, coefficients: Sequence[float]) -> str:
    value = graph.op(
        "Add", graph.op("Mul", x, graph.doubles(coefficients[0])), graph.doubles(coefficients[1])
    )
    for coefficient in coefficients[2:]:
        value = graph.op("Add", graph.op("Mul", value, x), graph.doubles(coefficient))
    return value
