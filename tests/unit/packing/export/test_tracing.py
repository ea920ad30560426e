"""Functions of NumPy arrays become graphs, or say why they do not."""

# ruff: noqa: ANN401 - functions take and give anything
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, RobustScaler, StandardScaler

HALF = np.array([0.5, 1.5, 2.5])


def _in_place(X: Any) -> Any:
    X = X.copy()
    X[:, 0] = np.sqrt(np.abs(X[:, 1]))
    X[np.isnan(X)] = -1
    X *= 2
    X[:, 2] = 7.0
    return X


def _method_by_method(X: Any) -> Any:
    return np.hstack([X.clip(0, 3), X.abs(), X.astype(float), X.fillna(9) if hasattr(X, "fillna") else X])


FOLLOWED: dict[str, Callable[[Any], Any]] = {
    "clip": lambda X: np.clip(X, -1, 2),
    "clip below": lambda X: np.clip(X, 0, None),
    "log1p of absolutes": lambda X: np.log1p(np.abs(X)),
    "expm1": lambda X: np.expm1(X / 10),
    "powers": lambda X: X**3 + X**2 - 1 / X,
    "root": lambda X: np.abs(X) ** 0.5,
    "a row of numbers": lambda X: (X - HALF) * HALF,
    "from the left": lambda X: 3 - X,
    "negation": lambda X: -X,
    "chosen": lambda X: np.where(X > 1, X, -1.0),
    "chosen by two": lambda X: np.where((X > 0) & ~(X >= 2), X, np.minimum(X, 0.25)),
    "truth": lambda X: (X != 0).astype(float),
    "extremes": lambda X: np.maximum(X, X[:, [1]]),
    "a ratio": lambda X: np.column_stack([X[:, 0] / X[:, 1], X[:, 2] * 2]),
    "side by side": lambda X: np.concatenate([np.sin(X), np.cos(X)], axis=1),
    "a slice": lambda X: X[:, 1:],
    "the last": lambda X: X[:, -1].reshape(-1, 1),
    "another axis": lambda X: X[:, 0][:, np.newaxis] + X[:, [2]],
    "sums of rows": lambda X: X.sum(axis=1, keepdims=True),
    "means of rows": lambda X: np.mean(X, axis=1, keepdims=True),
    "no holes": lambda X: np.nan_to_num(X, nan=-5.0),
    "whole": lambda X: np.floor(X) + np.ceil(X) + np.rint(X) + np.sign(X),
    "logarithms": lambda X: np.log2(np.abs(X)) + np.log10(np.abs(X)),
    "in place": _in_place,
}

REFUSED: dict[str, tuple[Callable[[Any], Any], str]] = {
    "the batch's mean": (lambda X: X - X.mean(axis=0), "rows together"),
    "the whole mean": (lambda X: X - np.mean(X), "rows together"),
    "a branch": (lambda X: X if X[:, 0] > 0 else -X, "decides by the values"),
    "some rows": (lambda X: X[:5], "single rows"),
    "a loop": (lambda X: np.array([row * 2 for row in X]), "row by row"),
    "the number of rows": (lambda X: X * len(X), "number of rows"),
    "its shape": (lambda X: X / X.shape[0], "number of rows"),
    "another type": (lambda X: X.astype("float32"), "converts to float32"),
    "an array": (lambda X: np.asarray(X) * 2, "makes an array"),
    "unknown": (np.cbrt, "np.cbrt"),
    "an unknown function": (lambda X: np.sort(X, axis=1), "np.sort"),
    "a reduction": (lambda X: np.add.reduce(X, axis=0), "np.add.reduce"),
    "something else": (lambda X: 3, "not a table"),  # noqa: ARG005
    "one column": (lambda X: X[:, 0], "not a table"),
    "a missing method": (lambda X: X.cumsum(axis=1), "cannot be followed"),
}


def numbers(rows: int = 30) -> Any:
    X = np.random.default_rng(0).normal(0, 3, (rows, 3))
    X[0, 0] = np.nan
    return X


@pytest.mark.parametrize("name", FOLLOWED)
def test_a_function_is_followed(name: str, agree: Callable[..., Any]) -> None:
    with np.errstate(all="ignore"):
        agree(FunctionTransformer(FOLLOWED[name]).fit(numbers()), numbers(), numbers(1))


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_followed_says_why(name: str, exported: Callable[..., Any]) -> None:
    function, reason = REFUSED[name]
    model = FunctionTransformer(function)
    _, refused = exported(model, numbers(), methods=["transform"]) if _is_table(function) else (None, None)
    found = refused.reason if refused is not None else _reason(function)
    assert reason in found


def _is_table(function: Callable[[Any], Any]) -> bool:
    """Whether the original itself gives a table for which a contract can be written."""
    try:
        return bool(np.ndim(function(numbers())) == 2 and np.shape(function(numbers()))[0] == 30)
    except ValueError:
        return False


def _reason(function: Callable[[Any], Any]) -> str:
    from mlpack.packing.export.graph import Columns, GraphBuilder, Unsupported
    from mlpack.packing.export.tracing import trace

    graph = GraphBuilder()
    with pytest.raises(Unsupported) as refused:
        trace(graph, function, {}, Columns.of(graph.input("X", "float64", 3)))
    return refused.value.reason


def test_arguments_of_the_function_are_handed_on(agree: Callable[..., Any]) -> None:
    model = FunctionTransformer(lambda X, by: X / by, kw_args={"by": 7.0}).fit(numbers())
    agree(model, numbers(), tolerance=0)


def test_whole_numbers_stay_whole_as_in_numpy(agree: Callable[..., Any]) -> None:
    X = np.arange(-6, 6).reshape(-1, 3)
    agree(FunctionTransformer(lambda X: X * 2 + 1).fit(X), X, tolerance=0)
    agree(FunctionTransformer(lambda X: X / 2).fit(X), X, tolerance=0)
    agree(FunctionTransformer(lambda X: X * 0.5).fit(X), X, tolerance=0)


def test_a_frame_s_columns_are_found_by_name(agree: Callable[..., Any]) -> None:
    frame = pd.DataFrame({"a": [1.0, 2.0, 4.0], "b": [3.0, 5.0, 9.0]})

    def ratio(X: Any) -> Any:
        X = X.copy()
        X["ratio"] = X["a"] / X["b"]
        X["a"] = np.log(X["a"])
        return X

    agree(FunctionTransformer(ratio).fit(frame), frame, frame * 1.5)


@pytest.mark.parametrize(
    "options",
    [
        {"func": np.sqrt, "inverse_func": np.square},
        {"func": lambda y: y * 2, "inverse_func": lambda y: y / 2},
        {"transformer": StandardScaler()},
        {"transformer": MinMaxScaler((1, 3))},
        {"transformer": RobustScaler()},
    ],
)
@pytest.mark.parametrize("targets", [1, 2])
def test_a_target_is_turned_back(options: dict[str, Any], targets: int, agree: Callable[..., Any]) -> None:
    X = numbers(40)[1:]
    y = np.abs(X @ np.array([1.0, 2.0, 3.0])) + 1
    model = TransformedTargetRegressor(LinearRegression(), check_inverse=False, **options)
    agree(model.fit(X, y if targets == 1 else np.c_[y, y * 2]), X, X[:1])
