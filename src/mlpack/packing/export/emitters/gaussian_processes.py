"""GaussianProcessRegressor: the mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlpack.packing.export.graph import Columns, Tensor
from mlpack.packing.export.kernels import column_distances

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlpack.format.contract import Method
    from mlpack.packing.export.registry import Fitted, Scope

__all__ = ["respond"]


def respond(scope: Scope, model: Fitted, columns: Columns, method: Method) -> Tensor:
    """Emit `predict`."""
    graph = scope.graph
    if method != "predict" or not hasattr(model, "X_train_"):
        raise scope.unsupported(model, f"{method} has no emitter, or the process is not fitted")
    x = scope.doubles(model, columns)
    alpha = np.asarray(model.alpha_)
    weights = alpha.reshape(len(alpha), -1)
    kernel = _kernel(scope, model, model.kernel_, x, np.asarray(model.X_train_, dtype=np.float64))
    mean = graph.op("MatMul", kernel, graph.doubles(weights))
    scale, shift = (np.reshape(value, (1, -1)) for value in (model._y_train_std, model._y_train_mean))  # noqa: SLF001
    mean = graph.op("Add", graph.op("Mul", graph.doubles(scale), mean), graph.doubles(shift))
    result = Tensor(mean, "float64", weights.shape[1])
    return graph.flat(result) if weights.shape[1] == 1 else result


def _kernel(scope: Scope, model: Fitted, kernel: Fitted, x: str, points: NDArray[np.float64]) -> str:
    """Return the kernel `(N, points)`; kernels are made of kernels."""
    graph, name = scope.graph, type(kernel).__name__
    if type(kernel).__module__ != "sklearn.gaussian_process.kernels":
        raise scope.unsupported(model, f"a kernel of its own, {name}")
    if name in ("Sum", "Product"):
        parts = (_kernel(scope, model, part, x, points) for part in (kernel.k1, kernel.k2))
        return graph.op("Add" if name == "Sum" else "Mul", *parts)
    if name == "Exponentiation":
        inner = _kernel(scope, model, kernel.kernel, x, points)
        return graph.op("Pow", inner, graph.doubles(float(kernel.exponent)))
    if name in ("ConstantKernel", "WhiteKernel"):
        value = kernel.constant_value if name == "ConstantKernel" else 0.0
        return graph.doubles(np.full((1, len(points)), value))
    if name == "DotProduct":
        product = graph.op("MatMul", x, graph.doubles(points.T))
        return graph.op("Add", product, graph.doubles(float(kernel.sigma_0**2)))
    return _stationary(scope, model, kernel, x, points)


def _stationary(scope: Scope, model: Fitted, kernel: Fitted, x: str, points: NDArray[np.float64]) -> str:
    """Return a kernel of distances `(N, points)`."""
    graph, name = scope.graph, type(kernel).__name__
    if name in ("RBF", "Matern"):
        scale = np.broadcast_to(np.asarray(kernel.length_scale, dtype=np.float64), points.shape[1:]).reshape(
            1, -1
        )
        apart = column_distances(
            graph, graph.op("Div", x, graph.doubles(scale)), points / scale, squared=True
        )
        nu = float("inf") if name == "RBF" else float(kernel.nu)
        return _matern(scope, model, apart, nu)
    apart = column_distances(graph, x, points, squared=True)
    if name == "RationalQuadratic":
        width = graph.doubles(2 * float(kernel.alpha) * float(kernel.length_scale) ** 2)
        base = graph.op("Add", graph.doubles(1.0), graph.op("Div", apart, width))
        return graph.op("Pow", base, graph.doubles(-float(kernel.alpha)))
    if name == "ExpSineSquared":
        turns = graph.op("Mul", graph.doubles(np.pi / float(kernel.periodicity)), graph.op("Sqrt", apart))
        wave = graph.op("Div", graph.op("Sin", turns), graph.doubles(float(kernel.length_scale)))
        return graph.op("Exp", graph.op("Mul", graph.doubles(-2.0), graph.op("Mul", wave, wave)))
    raise scope.unsupported(model, f"kernel {name} has no emitter")


def _matern(scope: Scope, model: Fitted, squares: str, nu: float) -> str:
    """Return the Matern kernel of scaled squared distances, for the smoothnesses with a closed form.

    Source: Rasmussen and Williams, Gaussian Processes for Machine Learning, 2006, section 4.2.1.
    """
    graph = scope.graph
    if np.isinf(nu):
        return graph.op("Exp", graph.op("Mul", graph.doubles(-0.5), squares))
    apart, one = graph.op("Sqrt", squares), graph.doubles(1.0)
    if nu == 0.5:
        return graph.op("Exp", graph.op("Neg", apart))
    if nu not in (1.5, 2.5):
        raise scope.unsupported(model, f"Matern with nu={nu} has no closed form")
    reach = graph.op("Mul", apart, graph.doubles(np.sqrt(3.0 if nu == 1.5 else 5.0)))
    fall = graph.op("Exp", graph.op("Neg", reach))
    bracket = graph.op("Add", one, reach)
    if nu == 2.5:
        bracket = graph.op("Add", bracket, graph.op("Div", graph.op("Mul", reach, reach), graph.doubles(3.0)))
    return graph.op("Mul", bracket, fall)
