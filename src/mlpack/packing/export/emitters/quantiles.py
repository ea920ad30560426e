"""QuantileTransformer: the share of the training values below, uniform or on a normal scale."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlpack.packing.export import formulas
from mlpack.packing.export.graph import Columns, Tensor
from mlpack.packing.export.interpolation import interpolate

if TYPE_CHECKING:
    from mlpack.packing.export.graph import GraphBuilder
    from mlpack.packing.export.registry import Fitted, Scope

__all__ = ["transform"]

_NEAR = 1e-7
"""What the original takes for the edge of the scale, on the way to a normal one."""


def transform(scope: Scope, model: Fitted, columns: Columns) -> Columns:
    """Emit `transform`; each column has quantiles of its own."""
    graph = scope.graph
    whole = Tensor(scope.doubles(model, columns), "float64", columns.width)
    parts = [
        Tensor(_column(graph, model, graph.pick(whole, [index]).name, quantiles), "float64", 1)
        for index, quantiles in enumerate(np.asarray(model.quantiles_).T)
    ]
    return Columns.of(graph.concat(parts))


def _column(graph: GraphBuilder, model: Fitted, x: str, quantiles: np.ndarray) -> str:
    # From both sides, and the middle of the two: repeated quantiles make a step.
    references = np.asarray(model.references_)
    up = interpolate(graph, x, quantiles, references)
    down = interpolate(graph, graph.op("Neg", x), -quantiles[::-1], -references[::-1])
    share = graph.op("Mul", graph.doubles(0.5), graph.op("Sub", up, down))
    low, high = graph.doubles(quantiles[0]), graph.doubles(quantiles[-1])
    normal = model.output_distribution == "normal"
    if normal:
        at_top = graph.op("Greater", graph.op("Add", x, graph.doubles(_NEAR)), high)
        at_bottom = graph.op("Less", graph.op("Sub", x, graph.doubles(_NEAR)), low)
    else:
        at_top, at_bottom = graph.op("Equal", x, high), graph.op("Equal", x, low)
    share = graph.op("Where", at_top, graph.doubles(1.0), share)
    share = graph.op("Where", at_bottom, graph.doubles(0.0), share)
    if not normal:
        return share
    from scipy.stats import norm

    edge = _NEAR - np.spacing(1)
    limits = (graph.doubles(float(norm.ppf(value))) for value in (edge, 1 - edge))
    return formulas.clip(graph, _normal_quantile(graph, share), *limits)


def _normal_quantile(graph: GraphBuilder, share: str) -> str:
    """Return the quantile function of the normal distribution.

    Source: Moshier, Cephes mathematical library, ndtri: rational approximations about the middle and in
        the tails.
    """
    one, tail = graph.doubles(1.0), graph.doubles(_TAIL)
    upper = graph.op("Greater", share, graph.op("Sub", one, tail))
    y = graph.op("Where", upper, graph.op("Sub", one, share), share)
    middle = graph.op("Sub", y, graph.doubles(0.5))
    square = graph.op("Mul", middle, middle)
    curve = graph.op("Div", _polynomial(graph, square, _P0), _polynomial(graph, square, _Q0))
    inner = graph.op("Add", middle, graph.op("Mul", middle, graph.op("Mul", square, curve)))
    inner = graph.op("Mul", inner, graph.doubles(np.sqrt(2 * np.pi)))
    x = graph.op("Sqrt", graph.op("Mul", graph.doubles(-2.0), graph.op("Log", y)))
    start = graph.op("Sub", x, graph.op("Div", graph.op("Log", x), x))
    z = graph.op("Div", one, x)
    near, far = (
        graph.op("Div", graph.op("Mul", z, _polynomial(graph, z, top)), _polynomial(graph, z, bottom))
        for top, bottom in ((_P1, _Q1), (_P2, _Q2))
    )
    step = graph.op("Where", graph.op("Less", x, graph.doubles(8.0)), near, far)
    outer = graph.op("Sub", start, step)
    outer = graph.op("Where", upper, outer, graph.op("Neg", outer))
    value = graph.op("Where", graph.op("Greater", y, tail), inner, outer)
    value = graph.op("Where", graph.op("Equal", share, graph.doubles(0.0)), graph.doubles(-np.inf), value)
    return graph.op("Where", graph.op("Equal", share, one), graph.doubles(np.inf), value)


def _polynomial(graph: GraphBuilder, x: str, coefficients: tuple[float, ...]) -> str:
    value = graph.doubles(coefficients[0])
    for coefficient in coefficients[1:]:
        value = graph.op("Add", graph.op("Mul", value, x), graph.doubles(coefficient))
    return value


_TAIL = 0.13533528323661269189  # exp(-2)
_P0 = (
    -5.99633501014107895267e1, 9.80010754185999661536e1, -5.66762857469070293439e1,
    1.39312609387279679503e1, -1.23916583867381258016e0,
)  # fmt: skip
_Q0 = (
    1.0, 1.95448858338141759834e0, 4.67627912898881538453e0, 8.63602421390890590575e1,
    -2.25462687854119370527e2, 2.00260212380060660359e2, -8.20372256168333339912e1,
    1.59056225126211695515e1, -1.18331621121330003142e0,
)  # fmt: skip
_P1 = (
    4.05544892305962419923e0, 3.15251094599893866154e1, 5.71628192246421288162e1,
    4.40805073893200834700e1, 1.46849561928858024014e1, 2.18663306850790267539e0,
    -1.40256079171354495875e-1, -3.50424626827848203418e-2, -8.57456785154685413611e-4,
)  # fmt: skip
_Q1 = (
    1.0, 1.57799883256466749731e1, 4.53907635128879210584e1, 4.13172038254672030440e1,
    1.50425385692907503408e1, 2.50464946208309415979e0, -1.42182922854787788574e-1,
    -3.80806407691578277194e-2, -9.33259480895457427372e-4,
)  # fmt: skip
_P2 = (
    3.23774891776946035970e0, 6.91522889068984211695e0, 3.93881025292474443415e0,
    1.33303460815807542389e0, 2.01485389549179081538e-1, 1.23716634817820021358e-2,
    3.01581553508235416007e-4, 2.65806974686737550832e-6, 6.23974539184983293730e-9,
)  # fmt: skip
_Q2 = (
    1.0, 6.02427039364742014255e0, 3.67983563856160859403e0, 1.37702099489081330271e0,
    2.16236993594496635890e-1, 1.34204006088543189037e-2, 3.28014464682127739104e-4,
    2.89247864745380683936e-6, 6.79019408009981274425e-9,
)  # fmt: skip
