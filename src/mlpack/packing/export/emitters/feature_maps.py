"""Maps whose inner product is a kernel: chi-squared samplers and the polynomial count sketch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlpack.packing.export.graph import Columns, Tensor

if TYPE_CHECKING:
    from mlpack.packing.export.registry import Fitted, Scope

__all__ = ["transform"]


def transform(scope: Scope, model: Fitted, columns: Columns) -> Columns:
    """Emit `transform`."""
    x = scope.doubles(model, columns)
    step = {
        "AdditiveChi2Sampler": _additive,
        "SkewedChi2Sampler": _skewed,
        "PolynomialCountSketch": _sketched,
    }[type(model).__name__]
    return Columns.of(step(scope, model, Tensor(x, "float64", columns.width)))


def _additive(scope: Scope, model: Fitted, x: Tensor) -> Tensor:
    """Emit the sampled Fourier series.

    Source: Vedaldi and Zisserman, Efficient Additive Kernels via Explicit Feature Maps, 2012, section 4.
    """
    graph = scope.graph
    interval = getattr(model, "sample_interval_", None) or model.sample_interval
    interval = interval or {1: 0.8, 2: 0.5, 3: 0.4}[model.sample_steps]
    negative = graph.op("Cast", graph.op("Less", x.name, graph.doubles(0.0)), to=7)
    most = graph.op("ReduceMax", negative, graph.ints([1]), keepdims=0)
    graph.guards.append(graph.op("Greater", most, graph.ints(0)))
    empty = graph.op("Equal", x.name, graph.doubles(0.0))
    safe = graph.op("Where", empty, graph.doubles(1.0), x.name)
    parts = [graph.op("Sqrt", graph.op("Mul", x.name, graph.doubles(interval)))]
    turns = graph.op("Mul", graph.doubles(interval), graph.op("Log", safe))
    doubled = graph.op("Mul", graph.op("Mul", graph.doubles(2.0), safe), graph.doubles(interval))
    for step in range(1, model.sample_steps):
        height = graph.op("Sqrt", graph.op("Div", doubled, graph.doubles(np.cosh(np.pi * step * interval))))
        angle = graph.op("Mul", graph.doubles(float(step)), turns)
        parts += [graph.op("Mul", height, graph.op(wave, angle)) for wave in ("Cos", "Sin")]
    kept = [graph.op("Where", empty, graph.doubles(0.0), part) for part in parts]
    return graph.concat([Tensor(part, "float64", x.width) for part in kept])


def _skewed(scope: Scope, model: Fitted, x: Tensor) -> Tensor:
    graph, weights = scope.graph, np.asarray(model.random_weights_)
    skew = graph.doubles(float(model.skewedness))
    low = graph.op("Cast", graph.op("LessOrEqual", x.name, graph.op("Neg", skew)), to=7)
    graph.guards.append(
        graph.op("Greater", graph.op("ReduceMax", low, graph.ints([1]), keepdims=0), graph.ints(0))
    )
    logs = graph.op("Log", graph.op("Add", x.name, skew))
    turns = graph.op("MatMul", logs, graph.doubles(weights))
    turns = graph.op("Add", turns, graph.doubles(np.reshape(model.random_offset_, (1, -1))))
    height = graph.doubles(np.sqrt(2.0) / np.sqrt(model.n_components))
    return Tensor(graph.op("Mul", graph.op("Cos", turns), height), "float64", weights.shape[1])


def _sketched(scope: Scope, model: Fitted, x: Tensor) -> Tensor:
    """Emit the sketch: a circular convolution of `degree` hashed copies of the row.

    Source: Pham and Pagh, Fast and Scalable Polynomial Kernels via Explicit Feature Maps, KDD 2013. The
    original multiplies Fourier transforms; here each is a matrix product with cosines and sines.
    """
    graph, width = scope.graph, int(model.n_components)
    scaled = Tensor(graph.op("Mul", graph.doubles(np.sqrt(model.gamma)), x.name), "float64", x.width)
    if model.coef0 != 0:
        one = graph.op("Mul", graph.doubles(0.0), graph.pick(scaled, [0]).name)
        constant = graph.op("Add", one, graph.doubles(np.sqrt(model.coef0)))
        scaled = graph.concat([scaled, Tensor(constant, "float64", 1)])
    turns = 2 * np.pi * np.outer(np.arange(width), np.arange(width)) / width
    real, imaginary = "", ""
    for degree in range(model.degree):
        hashed = np.zeros((scaled.width or 0, width))
        for column, (place, sign) in enumerate(
            zip(model.indexHash_[degree], model.bitHash_[degree], strict=True)
        ):
            hashed[column, place] += sign
        cos, sin = (
            graph.op("MatMul", scaled.name, graph.doubles(hashed @ wave))
            for wave in (np.cos(turns), -np.sin(turns))
        )
        if not real:
            real, imaginary = cos, sin
            continue
        real, imaginary = (
            graph.op("Sub", graph.op("Mul", real, cos), graph.op("Mul", imaginary, sin)),
            graph.op("Add", graph.op("Mul", real, sin), graph.op("Mul", imaginary, cos)),
        )
    back = graph.op(
        "Sub",
        graph.op("MatMul", real, graph.doubles(np.cos(turns) / width)),
        graph.op("MatMul", imaginary, graph.doubles(np.sin(turns) / width)),
    )
    return Tensor(back, "float64", width)
