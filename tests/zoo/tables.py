"""The zoo's own data: real sets that come with scikit-learn, and made frames of all that is awkward."""

# ruff: noqa: ANN401 - a table may be of any library
from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine

__all__ = ["Table", "awkward", "binary", "labels", "numbers", "people", "regression", "three"]


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows to fit on, targets, and rows that the model has not seen."""

    X: Any
    y: Any
    fresh: Any


def _split(X: Any, y: Any, rows: int, seed: int = 0) -> Table:
    order = np.random.default_rng(seed).permutation(len(y))
    kept, rest = order[:rows], order[rows : 2 * rows]
    return Table(X=X[kept], y=y[kept], fresh=X[rest] if len(rest) else X[kept])


@cache
def three() -> Table:
    """Iris: three classes, four positive columns."""
    X, y = load_iris(return_X_y=True)
    return _split(X, y, rows=100)


@cache
def wine() -> Table:
    """Wine: three classes, thirteen columns of very different scale."""
    X, y = load_wine(return_X_y=True)
    return _split(X, y, rows=110)


@cache
def binary() -> Table:
    """Breast cancer: two classes, the first eight columns."""
    X, y = load_breast_cancer(return_X_y=True)
    return _split(X[:, :8], y, rows=180)


@cache
def regression() -> Table:
    """Diabetes: a number to predict, six columns."""
    X, y = load_diabetes(return_X_y=True)
    return _split(X[:, :6], y, rows=180)


def numbers(kind: str = "float64", *, offset: float = 0.0, holes: float = 0.0) -> Table:
    """A made matrix of another element type, far from zero, or with missing values."""
    rng = np.random.default_rng(7)
    X = rng.normal(0, 3, (240, 5)).round(3) * (10 if kind.startswith(("int", "uint")) else 1) + offset
    y = (X[:, 0] + X[:, 1] > 2 * offset).astype(int)
    if holes:
        X[rng.random(X.shape) < holes] = np.nan
    X = np.abs(X) if kind.startswith("uint") else X
    X = X.mean() < X if kind == "bool" else X.astype(kind)
    return Table(X=X[:150], y=y[:150], fresh=X[150:])


def people(library: str = "pandas") -> Table:
    """A made frame as notebooks have them: numbers, integers, booleans, texts, categories, missing values."""
    frame = _people(260, 3)
    y = (
        (frame["age"] + 3 * frame["member"] + frame["income (€)"].fillna(30_000) / 4_000 > 58)
        .astype(int)
        .to_numpy()
    )
    if library == "polars":
        whole = pl.DataFrame(
            {
                name: series.astype(object).where(series.notna(), None).tolist()
                for name, series in frame.items()
            },
            schema_overrides={"income (€)": pl.Float64, "city": pl.String, "note": pl.String},
            strict=False,
        )
        return Table(X=whole[:160], y=y[:160], fresh=whole[160:])
    return Table(X=frame[:160].reset_index(drop=True), y=y[:160], fresh=frame[160:].reset_index(drop=True))


def _people(rows: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "age": rng.integers(18, 90, rows),
            "income (€)": rng.lognormal(10, 1, rows).round(2),
            "height": rng.normal(170, 10, rows).astype(np.float64),
            "member": rng.random(rows) < 0.5,
            "city": rng.choice(["Łódź", "Oslo", "São Paulo", "京都"], rows),
            "note": rng.choice(["a b", "it's", '"quoted"', "straße"], rows),
        }
    )
    frame.loc[rng.random(rows) < 0.1, "income (€)"] = np.nan
    frame.loc[rng.random(rows) < 0.1, "note"] = None
    return frame


def awkward() -> Table:
    """A frame of the types that pandas added: nullable numbers, categories, small floats, ids, odd names."""
    rng = np.random.default_rng(11)
    rows = 260
    frame = _people(rows, 5)
    frame["city"] = pd.Categorical(frame["city"], categories=["京都", "Oslo", "Łódź", "São Paulo"])
    frame["visits"] = pd.array(
        [None if rng.random() < 0.1 else int(rng.integers(0, 9)) for _ in range(rows)], dtype="Int64"
    )
    frame["score"] = pd.array(
        [None if rng.random() < 0.1 else float(rng.normal()) for _ in range(rows)], dtype="Float64"
    )
    frame["small"] = rng.normal(size=rows).astype(np.float32)
    frame["id"] = rng.integers(2**40, 2**41, rows)
    frame["seen at"] = rng.integers(1_700_000_000_000, 1_700_100_000_000, rows)
    frame["X"] = rng.integers(0, 5, rows).astype(np.int8)
    frame[""] = rng.normal(size=rows)
    y = (frame["age"] > 50).astype(int).to_numpy()
    return Table(X=frame[:160].reset_index(drop=True), y=y[:160], fresh=frame[160:].reset_index(drop=True))


def labels(y: Any, kind: str) -> Any:
    """Return class numbers as labels of another type."""
    names = {
        "text": np.array(["no", "yes", "möglich"]),
        "object": np.array(["no", "yes", "möglich"], dtype=object),
        "bool": np.array([False, True]),
        "int8": np.array([-3, 4, 7], dtype=np.int8),
        "large": np.array([2**53 + 1, 2**53 + 3, 2**53 + 5]),
        "negative": np.array([-1, 1, 2]),
    }
    return names[kind][y]
