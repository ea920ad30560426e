"""What boosters and forests cost once packed: a row, ten thousand rows, and the packing itself.

Every ratio comes from rounds of both contestants in turn, in one process and on one thread, so that a busy
machine slows both. Run with `python -m pytest benchmarks/bench_boosters.py -s`.
"""

from __future__ import annotations

import os
import timeit
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import catboost
import lightgbm
import numpy as np
import pytest
import xgboost
from sklearn.ensemble import GradientBoostingRegressor, HistGradientBoostingRegressor, RandomForestClassifier
from threadpoolctl import threadpool_limits

from mlpack.packing.adapters import find_adapter
from mlpack.packing.evidence.native import NativeModel
from mlpack.packing.evidence.rules import learn_rules
from mlpack.packing.example import read_example
from mlpack.packing.export.emission import emit
from mlpack.packing.profile import infer_contract
from mlpack.packing.proving import prove
from mlpack.runtime.predictor import Predictor
from mlpack.runtime.session import Session, open_session

ROWS, COLUMNS = 10_000, 20
SLOWER = {"XGBoost": 3.5, "gradient boosting": 3.5, "CatBoost": 3.5}
"""Largest ratio to the original for ten thousand rows; 1 for the others."""

MODELS: dict[str, Callable[[], Any]] = {
    "XGBoost": lambda: xgboost.XGBRegressor(n_estimators=100, max_depth=6, n_jobs=1),
    "LightGBM": lambda: lightgbm.LGBMRegressor(n_estimators=100, n_jobs=1, verbose=-1),
    "CatBoost": lambda: catboost.CatBoostRegressor(
        iterations=100, depth=6, thread_count=1, verbose=0, allow_writing_files=False
    ),
    "gradient boosting": lambda: GradientBoostingRegressor(n_estimators=100),
    "histogram boosting": lambda: HistGradientBoostingRegressor(max_iter=100),
}


@dataclass(frozen=True)
class Contestants:
    """One model in three forms."""

    name: str
    original: Any
    session: Session
    packed: Predictor
    rows: np.ndarray


def _data(rows: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(rows, COLUMNS))
    return X, X[:, 0] * X[:, 1] + np.sin(3 * X[:, 2]) + rng.normal(0, 0.2, rows)


@pytest.fixture(scope="module", params=MODELS)
def contestants(request: pytest.FixtureRequest) -> Contestants:
    X, y = _data(ROWS)
    model = MODELS[request.param]().fit(X, y)
    adapter, example = find_adapter(model), read_example(X[:500])
    description = adapter.describe(model)
    native = NativeModel(adapter=adapter, model=model, example=example, methods=description.methods)
    answers = native.answer({column.name: column.values for column in example.columns})
    assert not isinstance(answers, Exception)
    contract = infer_contract(example, learn_rules(native), description, answers)
    session = open_session(emit(model, contract), by_row=True)
    return Contestants(request.param, model, session, Predictor(contract, session, ranges="ignore"), X)


def _best(functions: list[Callable[[], object]], number: int, rounds: int = 9) -> list[float]:
    """Return the best microseconds per call of each, measured in turn."""
    times: list[list[float]] = [[] for _ in functions]
    with threadpool_limits(1):
        for _ in range(rounds):
            for found, function in zip(times, functions, strict=True):
                found.append(timeit.timeit(function, number=number) / number * 1e6)
    return [min(found) for found in times]


def test_a_row_costs_little_more_than_the_bare_session(contestants: Contestants) -> None:
    row = contestants.rows[:1].copy()
    record = {f"x{index}": float(value) for index, value in enumerate(row[0])}
    asked = [item.name for item in contestants.session.get_outputs()[:1]]
    bare, array, dictionary, native = _best(
        [
            lambda: contestants.session.run(asked, {"X": row}),
            lambda: contestants.packed.predict(row),
            lambda: contestants.packed.predict(record),
            lambda: contestants.original.predict(row),
        ],
        number=60,
    )
    print(
        f"\n{contestants.name}: bare session {bare:.1f} us, array {array:.1f}, dict {dictionary:.1f}, "
        f"original {native:.0f}"
    )
    assert array - bare < 15
    assert dictionary - bare < 15


def test_many_rows_cost_no_more_than_the_original_takes(contestants: Contestants) -> None:
    packed, native = _best(
        [
            lambda: contestants.packed.predict(contestants.rows),
            lambda: contestants.original.predict(contestants.rows),
        ],
        number=1,
    )
    print(f"\n{contestants.name}: {ROWS} rows {packed / 1e3:.1f} ms, original {native / 1e3:.1f} ms")
    assert packed <= SLOWER.get(contestants.name, 1.0) * native


def test_a_forest_of_deep_trees_is_packed_within_seconds() -> None:
    X, y = _data(3000)
    model = RandomForestClassifier(100, random_state=0).fit(X, np.digitize(y, [-0.5, 0.5]))
    start = sum(os.times()[:4])
    proof = prove(model, X)
    seconds = sum(os.times()[:4]) - start  # of the processor, children included: others may be at work too
    print(f"\nforest of 100 trees: {seconds:.1f} s, {proof.parity.certificate}")
    assert seconds < 5
