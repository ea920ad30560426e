"""NumPy's universal functions in double, as far as a graph has the same formula."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from mlpack.packing.export import formulas
from mlpack.packing.export.graph import Tensor, Unsupported

if TYPE_CHECKING:
    from mlpack.packing.export.graph import GraphBuilder

__all__ = ["BINARY", "UNARY"]


def _double(formula: Callable[[GraphBuilder, str], str]) -> Callable[[GraphBuilder, Tensor], Tensor]:
    """Return a step whose result is a double whatever it is given."""

    def step(graph: GraphBuilder, x: Tensor) -> Tensor:
        return Tensor(formula(graph, graph.cast(x, "float64").name), "float64", x.width)

    return step


def _same(operator: str) -> Callable[[GraphBuilder, Tensor], Tensor]:
    """Return a step that keeps whole numbers whole."""

    def step(graph: GraphBuilder, x: Tensor) -> Tensor:
        if x.kind == "bool":
            raise Unsupported("its function", "computes with truth values")
        return Tensor(graph.op(operator, x.name), x.kind, x.width)

    return step


def _operator(kind: str) -> Callable[[GraphBuilder, str], str]:
    return lambda graph, x: graph.op(kind, x)


def _square(graph: GraphBuilder, x: Tensor) -> Tensor:
    return _arithmetic("Mul")(graph, x, x)


def _question(operator: str) -> Callable[[GraphBuilder, Tensor], Tensor]:
    def step(graph: GraphBuilder, x: Tensor) -> Tensor:
        return Tensor(graph.op(operator, graph.cast(x, "float64").name), "bool", x.width)

    return step


def _finite(graph: GraphBuilder, x: Tensor) -> Tensor:
    value = graph.cast(x, "float64").name
    odd = graph.op("Or", graph.op("IsNaN", value), graph.op("IsInf", value))
    return Tensor(graph.op("Not", odd), "bool", x.width)


def _not(graph: GraphBuilder, x: Tensor) -> Tensor:
    return Tensor(graph.op("Not", graph.cast(x, "bool").name), "bool", x.width)


def _sign(graph: GraphBuilder, x: str) -> str:
    return graph.op("Where", graph.op("IsNaN", x), x, graph.op("Sign", x))


UNARY: dict[np.ufunc, Callable[[GraphBuilder, Tensor], Tensor]] = {
    np.log1p: _double(formulas.log1p),
    np.expm1: _double(formulas.expm1),
    np.log: _double(_operator("Log")),
    np.exp: _double(_operator("Exp")),
    np.sqrt: _double(_operator("Sqrt")),
    np.sin: _double(_operator("Sin")),
    np.cos: _double(_operator("Cos")),
    np.tanh: _double(_operator("Tanh")),
    np.log2: _double(lambda graph, x: graph.op("Div", graph.op("Log", x), graph.doubles(np.log(2.0)))),
    np.log10: _double(lambda graph, x: graph.op("Div", graph.op("Log", x), graph.doubles(np.log(10.0)))),
    np.reciprocal: _double(lambda graph, x: graph.op("Div", graph.doubles(1.0), x)),
    np.floor: _double(_operator("Floor")),
    np.ceil: _double(_operator("Ceil")),
    np.rint: _double(_operator("Round")),
    np.sign: _double(_sign),
    np.absolute: _same("Abs"),
    np.fabs: _double(_operator("Abs")),
    np.negative: _same("Neg"),
    np.positive: lambda _, x: x,
    np.square: _square,
    np.isnan: _question("IsNaN"),
    np.isinf: _question("IsInf"),
    np.isfinite: _finite,
    np.logical_not: _not,
    np.invert: _not,
}


def _aligned(graph: GraphBuilder, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Return both in the type in which NumPy computes: whole numbers among themselves, else doubles."""
    whole = {a.kind, b.kind} == {"int64"} or {a.kind, b.kind} == {"int64", "bool"}
    kind = "int64" if whole else "float64"
    return graph.cast(a, kind), graph.cast(b, kind)  # type: ignore[arg-type]


def _arithmetic(operator: str) -> Callable[[GraphBuilder, Tensor, Tensor], Tensor]:
    def step(graph: GraphBuilder, a: Tensor, b: Tensor) -> Tensor:
        if {a.kind, b.kind} == {"bool"}:
            raise Unsupported("its function", "computes with truth values")
        a, b = _aligned(graph, a, b)
        return Tensor(graph.op(operator, a.name, b.name), a.kind, a.width)

    return step


def _divide(graph: GraphBuilder, a: Tensor, b: Tensor) -> Tensor:
    names = (graph.cast(item, "float64").name for item in (a, b))
    return Tensor(graph.op("Div", *names), "float64", a.width)


def _power(graph: GraphBuilder, a: Tensor, b: Tensor) -> Tensor:
    if {a.kind, b.kind} <= {"int64", "bool"}:
        raise Unsupported("its function", "raises whole numbers to a power")
    names = [graph.cast(item, "float64").name for item in (a, b)]
    for exponent, formula in ((2.0, ("Mul", names[0], names[0])), (0.5, ("Sqrt", names[0]))):
        if names[1] == graph.doubles(exponent):
            return Tensor(graph.op(*formula), "float64", a.width)
    return Tensor(graph.op("Pow", *names), "float64", a.width)


def _extreme(operator: str) -> Callable[[GraphBuilder, Tensor, Tensor], Tensor]:
    """Return a step for np.maximum or np.minimum, in which NaN wins."""

    def step(graph: GraphBuilder, a: Tensor, b: Tensor) -> Tensor:
        a, b = _aligned(graph, a, b)
        value = graph.op("Where", graph.op(operator, a.name, b.name), a.name, b.name)
        if a.kind == "float64":
            value = graph.op("Where", graph.op("IsNaN", a.name), a.name, value)
        return Tensor(value, a.kind, a.width)

    return step


def _compared(operator: str, *, negated: bool = False) -> Callable[[GraphBuilder, Tensor, Tensor], Tensor]:
    def step(graph: GraphBuilder, a: Tensor, b: Tensor) -> Tensor:
        a, b = _aligned(graph, a, b)
        name = graph.op(operator, a.name, b.name)
        return Tensor(graph.op("Not", name) if negated else name, "bool", a.width)

    return step


def _joined(operator: str) -> Callable[[GraphBuilder, Tensor, Tensor], Tensor]:
    def step(graph: GraphBuilder, a: Tensor, b: Tensor) -> Tensor:
        if {a.kind, b.kind} != {"bool"}:
            raise Unsupported("its function", "joins numbers as if they were truth values")
        return Tensor(graph.op(operator, a.name, b.name), "bool", a.width)

    return step


BINARY: dict[np.ufunc, Callable[[GraphBuilder, Tensor, Tensor], Tensor]] = {
    np.add: _arithmetic("Add"),
    np.subtract: _arithmetic("Sub"),
    np.multiply: _arithmetic("Mul"),
    np.true_divide: _divide,
    np.power: _power,
    np.float_power: _power,
    np.maximum: _extreme("GreaterOrEqual"),
    np.minimum: _extreme("LessOrEqual"),
    np.greater: _compared("Greater"),
    np.greater_equal: _compared("GreaterOrEqual"),
    np.less: _compared("Less"),
    np.less_equal: _compared("LessOrEqual"),
    np.equal: _compared("Equal"),
    np.not_equal: _compared("Equal", negated=True),
    np.logical_and: _joined("And"),
    np.logical_or: _joined("Or"),
    np.logical_xor: _joined("Xor"),
    np.bitwise_and: _joined("And"),
    np.bitwise_or: _joined("Or"),
    np.bitwise_xor: _joined("Xor"),
}
