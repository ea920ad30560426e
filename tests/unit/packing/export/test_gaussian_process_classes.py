"""Gaussian processes for classes, and the error function that they rest on."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
from sklearn.datasets import load_iris
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.gaussian_process.kernels import ConstantKernel, DotProduct, Kernel, Matern, WhiteKernel

from mlpack.packing.export.error_function import erf
from mlpack.packing.export.graph import GraphBuilder, Tensor

X, Y = load_iris(return_X_y=True)
KERNELS: dict[str, Kernel | None] = {
    "default": None,
    "sum": ConstantKernel() * Matern(nu=1.5) + WhiteKernel(),
    "product of rows": DotProduct(),
}


def test_the_error_function_is_that_of_the_mathematics_library() -> None:
    graph = GraphBuilder()
    x = graph.input("x", "float64", 1)
    graph.output("y", Tensor(erf(graph, x.name), "float64", 1))
    session = ort.InferenceSession(graph.model().SerializeToString(), providers=["CPUExecutionProvider"])
    values = np.concatenate([np.linspace(-7, 7, 4001), [0.0, 1e-300, 26.5, 1e200, -np.inf, np.inf, np.nan]])
    (found,) = session.run(None, {"x": values.reshape(-1, 1)})
    np.testing.assert_allclose(found[:, 0], [math.erf(value) for value in values], rtol=0, atol=3e-16)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("classes", [2, 3])
def test_a_process_for_classes_is_a_graph(kernel: str, classes: int, agree: Callable[..., Any]) -> None:
    rows, labels = X[: 50 * classes : 2], Y[: 50 * classes : 2]
    model = GaussianProcessClassifier(KERNELS[kernel], optimizer=None).fit(rows, labels)
    agree(model, rows, rows * 3, rows[:1], tolerance=1e-9)


def test_one_against_one_only_labels(agree: Callable[..., Any]) -> None:
    model = GaussianProcessClassifier(multi_class="one_vs_one", optimizer=None).fit(X[::3], Y[::3])
    agree(model, X[::3], X[1::3], methods=("predict",))
