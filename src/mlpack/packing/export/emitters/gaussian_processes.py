"""GaussianProcessRegressor: the mean; GaussianProcessClassifier: labels and probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlpack.packing.export.error_function import erf
from mlpack.packing.export.graph import Columns, Tensor
from mlpack.packing.export.kernels import column_distances

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlpack.format.contract import Method
    from mlpack.packing.export.registry import Fitted, Scope

__all__ = ["respond"]


def respond(scope: Scope, model: Fitted, columns: Columns, method: Method) -> Tensor:
    """Emit `predict` of a regressor, `predict` and `predict_proba` of a classifier."""
    graph = scope.graph
    if type(model).__name__ == "GaussianProcessClassifier":
        return scope.inner("base_estimator_").respond(model.base_estimator_, columns, method)
    if type(model).__name__ == "_BinaryGaussianProcessClassifierLaplace":
        return _of_two(scope, model, columns, method)
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


_SLOPES = (0.41, 0.4, 0.37, 0.44, 0.39)
_SHARES = (-1854.8214151, 3516.89893646, 221.29346712, 128.12323805, -2010.49422654)
"""The original's: a sigmoid as a sum of error functions (Williams and Barber, 1998, appendix A)."""


def _of_two(scope: Scope, model: Fitted, columns: Columns, method: Method) -> Tensor:
    """Emit a classifier of two classes.

    Source: Rasmussen and Williams, Gaussian Processes for Machine Learning, 2006, algorithm 3.2.
    """
    graph = scope.graph
    if method not in ("predict", "predict_proba"):
        raise scope.unsupported(model, f"{method} has no emitter")
    x, points = scope.doubles(model, columns), np.asarray(model.X_train_, dtype=np.float64)
    kernel = _kernel(scope, model, model.kernel_, x, points)
    apart = np.asarray(model.y_train_ - model.pi_, dtype=np.float64).reshape(-1, 1)
    latent = graph.op("MatMul", kernel, graph.doubles(apart))
    if method == "predict":
        above = graph.op("Greater", latent, graph.doubles(0.0))
        return graph.flat(Tensor(graph.op("Cast", above, to=_INT64), "int64", 1))
    solved = np.linalg.solve(np.asarray(model.L_), np.diag(np.asarray(model.W_sr_)))
    spread = graph.op("MatMul", kernel, graph.doubles(solved.T))
    lost = graph.op("ReduceSum", graph.op("Mul", spread, spread), graph.ints([1]), keepdims=1)
    variance = graph.op("Sub", _diagonal(scope, model, model.kernel_, x), lost)
    alpha = graph.op("Div", graph.doubles(1.0), graph.op("Mul", graph.doubles(2.0), variance))
    slopes = np.array([_SLOPES])
    reach = graph.op("Sqrt", graph.op("Div", alpha, graph.op("Add", alpha, graph.doubles(slopes**2))))
    waves = erf(graph, graph.op("Mul", graph.op("Mul", graph.doubles(slopes), latent), reach))
    height = graph.op("Sqrt", graph.op("Div", graph.doubles(np.pi), alpha))
    root = graph.op(
        "Sqrt", graph.op("Mul", graph.op("Mul", variance, graph.doubles(2.0)), graph.doubles(np.pi))
    )
    integrals = graph.op("Div", graph.op("Mul", height, waves), graph.op("Mul", graph.doubles(2.0), root))
    shares = graph.op("Mul", graph.doubles([_SHARES]), integrals)
    total = graph.op("ReduceSum", shares, graph.ints([1]), keepdims=1)
    second = graph.op("Add", total, graph.doubles(0.5 * np.sum(_SHARES)))
    first = graph.op("Sub", graph.doubles(1.0), second)
    return graph.concat([Tensor(first, "float64", 1), Tensor(second, "float64", 1)])


_INT64 = 7


def _diagonal(scope: Scope, model: Fitted, kernel: Fitted, x: str) -> str:
    """Return the kernel of each row with itself, `(N, 1)` or `(1, 1)`."""
    graph, name = scope.graph, type(kernel).__name__
    if name in ("Sum", "Product"):
        parts = (_diagonal(scope, model, part, x) for part in (kernel.k1, kernel.k2))
        return graph.op("Add" if name == "Sum" else "Mul", *parts)
    if name == "Exponentiation":
        inner = _diagonal(scope, model, kernel.kernel, x)
        return graph.op("Pow", inner, graph.doubles(float(kernel.exponent)))
    if name == "DotProduct":
        own = graph.op("ReduceSum", graph.op("Mul", x, x), graph.ints([1]), keepdims=1)
        return graph.op("Add", own, graph.doubles(float(kernel.sigma_0**2)))
    value = {"ConstantKernel": "constant_value", "WhiteKernel": "noise_level"}.get(name)
    return graph.doubles([[1.0 if value is None else float(getattr(kernel, value))]])


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
