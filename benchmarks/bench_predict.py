"""What a prediction costs: against the bare onnxruntime session, and against the scikit-learn original.

Every ratio comes from rounds of both contestants in turn, in one process, so that a busy machine slows both.
"""

from __future__ import annotations

import timeit
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from mlpack.format.contract import CategoricalProfile, Contract, Input, NumericProfile, Output
from mlpack.packing.export.emission import emit
from mlpack.runtime.predictor import Predictor
from mlpack.runtime.session import Session, open_session

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

Anything: TypeAlias = Any
Contestant: TypeAlias = tuple[Callable[[], object], int]

ROWS = 10_000
CITIES = ("amsterdam", "berlin", "copenhagen", "dublin", "edinburgh")


@dataclass(frozen=True)
class Case:
    """One model in three forms."""

    original: Any
    session: Session
    model: Predictor
    rows: Any


def contest(ours: Callable[[], object], peer: Callable[[], object], number: int) -> tuple[float, float]:
    """Return the best microseconds per call of both, measured in turn."""
    both: tuple[list[float], list[float]] = ([], [])
    for _ in range(15):
        for times, function in zip(both, (ours, peer), strict=True):
            times.append(timeit.timeit(function, number=number))
    return min(both[0]) / number * 1e6, min(both[1]) / number * 1e6


def report(
    benchmark: BenchmarkFixture, title: str, ours: Callable[[], object], **peers: Contestant
) -> dict[str, float]:
    """Measure one subject against its peers: name -> (function, calls per round); return ours / theirs."""
    benchmark(ours)
    ratios = {}
    for name, (peer, number) in peers.items():
        mine, theirs = contest(ours, peer, number)
        ratios[name] = mine / theirs
        benchmark.extra_info[name] = f"{mine:.1f} us against {theirs:.1f} us: ratio {ratios[name]:.3f}"
        print(f"\n{title}: {mine:.1f} us, {name}: {theirs:.1f} us, ratio {ratios[name]:.3f}", end="")
    return ratios


def best(benchmark: Anything) -> float:
    """Return the best time of the subject, in microseconds."""
    return float(benchmark.stats["min"]) * 1e6


def profile_of(column: Anything) -> NumericProfile:
    low, high = float(column.min()) - 1, float(column.max()) + 1
    return NumericProfile(minimum=low, maximum=high, edges=(low, high), shares=(1.0,), null_share=0.0)


OUTPUT = Output(
    method="predict_proba", tensor="probabilities", dtype="float64", shape=(None, 2), classes=(0, 1)
)


def loaded(original: Anything, contract: Contract, rows: Anything) -> Case:
    session = open_session(emit(original, contract))
    model = Predictor(contract, session)
    np.testing.assert_allclose(model.predict_proba(rows), original.predict_proba(rows), rtol=1e-9)
    return Case(original, session, model, rows)


@pytest.fixture(scope="module")
def array() -> Case:
    """Scaling and logistic regression over 30 numbers."""
    X = np.random.default_rng(0).normal(size=(ROWS, 30))
    original = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, X[:, 0] + X[:, 1] > 0)
    inputs = tuple(
        Input(
            name=f"x{index}", tensor="x", dtype="float64", source="float64", profile=profile_of(X[:, index])
        )
        for index in range(30)
    )
    return loaded(original, Contract(layout="array", inputs=inputs, outputs=(OUTPUT,)), X)


def table() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {f"number {index}": rng.normal(size=ROWS) for index in range(7)}
        | {f"count {index}": rng.integers(0, 10, ROWS) for index in range(3)}
        | {f"city {index}": pd.Series(rng.choice(CITIES, ROWS)) for index in range(5)}
    )


@pytest.fixture(scope="module")
def frame() -> Case:
    """Imputation, scaling, one-hot encoding and logistic regression over 15 columns of three types."""
    X = table()
    numbers = [name for name in X if not str(name).startswith("city")]
    cities = [name for name in X if str(name).startswith("city")]
    original = Pipeline(
        [
            (
                "columns",
                ColumnTransformer(
                    [
                        ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), numbers),
                        ("cities", OneHotEncoder(handle_unknown="ignore"), cities),
                    ]
                ),
            ),
            ("model", LogisticRegression()),
        ]
    ).fit(X, (X["number 0"] > 0).astype(int))
    seen = CategoricalProfile(categories=CITIES, shares=(0.2,) * 5, other_share=0.0, null_share=0.0)
    inputs = []
    for index, name in enumerate(X):
        if str(name).startswith("city"):
            item = Input(name=str(name), tensor=f"in_{index}", dtype="string", source="str", profile=seen)
        else:
            item = Input(
                name=str(name),
                tensor=f"in_{index}",
                dtype="int64" if str(name).startswith("count") else "float64",
                source=str(X[name].dtype),
                nulls=str(name).startswith("number"),
                profile=profile_of(X[name]),
            )
        inputs.append(item)
    return loaded(original, Contract(layout="frame", inputs=tuple(inputs), outputs=(OUTPUT,)), X)


def fed(frame: Case, rows: Anything) -> dict[str, Any]:
    """The shortest conversion that works: what a careful caller of onnxruntime would write."""
    feeds = {}
    for item in frame.model.inputs:
        column = rows[item.name]
        if isinstance(column, pl.Series):
            values = np.array(column.to_list(), dtype=object) if item.dtype == "string" else column.to_numpy()
        else:
            values = column.to_numpy(dtype=object if item.dtype == "string" else None)
        feeds[item.tensor] = values.reshape(-1, 1)
    return feeds


NAMES = [OUTPUT.tensor]


def test_one_row_of_an_array(benchmark: BenchmarkFixture, array: Case) -> None:
    row, run = array.rows[:1].copy(), array.session.run
    ratios = report(
        benchmark,
        "array, 1 row",
        lambda: array.model.predict_proba(row),
        session=(lambda: run(NAMES, {"x": row}), 500),
        sklearn=(lambda: array.original.predict_proba(row), 100),
    )
    assert ratios["session"] <= 3
    assert ratios["sklearn"] <= 0.1


def test_ten_thousand_rows_of_an_array(benchmark: BenchmarkFixture, array: Case) -> None:
    run = array.session.run
    ratios = report(
        benchmark,
        "array, 10,000 rows",
        lambda: array.model.predict_proba(array.rows),
        session=(lambda: run(NAMES, {"x": array.rows}), 10),
        sklearn=(lambda: array.original.predict_proba(array.rows), 10),
    )
    assert ratios["session"] <= 1.5


@pytest.mark.parametrize("form", ["dict", "pandas", "polars"])
def test_one_row_of_a_table(benchmark: BenchmarkFixture, frame: Case, form: str) -> None:
    one = frame.rows.iloc[[7]]
    row = {"dict": one.iloc[0].to_dict(), "pandas": one, "polars": pl.from_pandas(one)}[form]
    feeds, run = fed(frame, one), frame.session.run
    ratios = report(
        benchmark,
        f"{form}, 1 row",
        lambda: frame.model.predict_proba(row),
        session=(lambda: run(NAMES, feeds), 200),
        sklearn=(lambda: frame.original.predict_proba(one), 5),
    )
    assert best(benchmark) <= 100
    assert ratios["sklearn"] <= 0.1


@pytest.mark.parametrize("form", ["pandas", "pandas categories", "polars"])
def test_ten_thousand_rows_of_a_table(benchmark: BenchmarkFixture, frame: Case, form: str) -> None:
    cities = {name: "category" for name in frame.rows if name.startswith("city")}
    rows = {
        "pandas": frame.rows,
        "pandas categories": frame.rows.astype(cities),
        "polars": pl.from_pandas(frame.rows),
    }[form]
    run = frame.session.run
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ratios = report(
            benchmark,
            f"{form}, 10,000 rows",
            lambda: frame.model.predict_proba(rows),
            session=(lambda: run(NAMES, fed(frame, rows)), 3),
            sklearn=(lambda: frame.original.predict_proba(frame.rows), 3),
        )
    assert ratios["session"] <= 1.5
