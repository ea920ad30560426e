"""XGBoost: the emitter against the library, bit for bit, on edges too."""

# ruff: noqa: ANN401 - a fitted model has no type of its own
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xgboost
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.ensemble import BaggingRegressor, StackingRegressor, VotingClassifier
from sklearn.multioutput import MultiOutputRegressor

from mlpack.format.contract import Contract, Input, Output
from mlpack.packing.export.ladder import Refusal, candidates
from mlpack.packing.export.xgboost_model import read_booster
from mlpack.runtime.predictor import Predictor
from mlpack.runtime.session import open_session

Agree = Callable[..., Any]
FAST: dict[str, Any] = {"n_estimators": 25, "max_depth": 5, "n_jobs": 1, "random_state": 0}
BINARY, WINE, NUMBERS = (load(return_X_y=True) for load in (load_breast_cancer, load_wine, load_diabetes))
EXPONENTIALS = 1e-6
"""The C library's expf rounds one value in several hundred another way than a rounded double."""


def edges(rows: np.ndarray, model: Any) -> np.ndarray:
    """Return rows with holes, infinities, numbers beyond float32, and values beside thresholds."""
    odd = rows[:24].copy()
    for row, cell in enumerate((np.nan, np.inf, -np.inf, 1e300, -1e300, 3.5e38, 0.0, -0.0, 1e-310)):
        odd[row, row % odd.shape[1]] = cell
        odd[row + 10] = cell
    booster = read_booster(model.get_booster(), None)
    on = rows[np.zeros(0, dtype=int)]
    for tree in booster.trees[:5]:
        for node in np.flatnonzero(~tree.leaf):
            split = tree.split[node]
            for value in (split, np.nextafter(split, np.float32(9e9)), float(split) * (1 + 1e-9)):
                row = rows[node % len(rows)].copy()
                row[tree.feature[node]] = value
                on = np.vstack([on, row])
    return np.vstack([odd, on, -rows[:9], 1000 * rows[:9]])


CLASSIFIERS: dict[str, tuple[dict[str, Any], Any]] = {
    "two classes": ({}, BINARY),
    "three classes": ({}, WINE),
    "hinge": ({"objective": "binary:hinge"}, BINARY),
    "raw logits": ({"objective": "binary:logitraw"}, BINARY),
    "base score": ({"base_score": 0.3}, BINARY),
    "dropout": ({"booster": "dart", "rate_drop": 0.3}, BINARY),
    "forest of three classes": ({"num_parallel_tree": 4, "subsample": 0.6}, WINE),
}


@pytest.mark.parametrize("case", CLASSIFIERS)
def test_a_classifier_answers_as_the_library_does(case: str, agree: Agree) -> None:
    options, (rows, target) = CLASSIFIERS[case]
    model = xgboost.XGBClassifier(**FAST, **options).fit(rows, target)
    agree(model, rows, edges(rows, model), rows[:1], tolerance=EXPONENTIALS)


IDENTITIES = ("reg:squarederror", "reg:absoluteerror", "reg:pseudohubererror", "reg:squaredlogerror")


@pytest.mark.parametrize("objective", IDENTITIES)
def test_raw_scores_are_the_same_bits(objective: str, agree: Agree) -> None:
    rows, target = NUMBERS
    model = xgboost.XGBRegressor(objective=objective, **FAST).fit(rows, target)
    agree(model, rows, edges(rows, model), rows[:1], tolerance=0)


@pytest.mark.parametrize("objective", ["count:poisson", "reg:gamma", "reg:tweedie", "reg:logistic"])
def test_a_link_is_undone(objective: str, agree: Agree) -> None:
    rows, target = NUMBERS
    model = xgboost.XGBRegressor(objective=objective, **FAST).fit(rows, target / 400)
    agree(model, rows, edges(rows, model), tolerance=EXPONENTIALS)


@pytest.mark.parametrize("strategy", ["one_output_per_tree", "multi_output_tree"])
def test_several_targets_stay_apart(strategy: str, agree: Agree) -> None:
    rows, target = NUMBERS
    model = xgboost.XGBRegressor(multi_strategy=strategy, **FAST).fit(
        rows, np.column_stack([target, -target])
    )
    agree(model, rows, edges(rows, model), tolerance=0)


def test_quantiles_come_side_by_side(agree: Agree) -> None:
    rows, target = NUMBERS
    model = xgboost.XGBRegressor(objective="reg:quantileerror", quantile_alpha=[0.1, 0.9], **FAST)
    agree(model.fit(rows, target), rows, tolerance=0)


def test_a_linear_booster_adds_in_the_order_of_the_columns(agree: Agree) -> None:
    rows, target = NUMBERS
    model = xgboost.XGBRegressor(booster="gblinear", n_estimators=9, n_jobs=1).fit(rows, target)
    holes = rows[:30].copy()
    holes[::2, 1] = np.nan
    agree(model, rows, holes, tolerance=0)


def test_only_the_best_rounds_are_packed(agree: Agree) -> None:
    rows, target = BINARY
    options = {**FAST, "n_estimators": 200, "learning_rate": 0.8}
    model = xgboost.XGBClassifier(early_stopping_rounds=2, **options)
    model.fit(rows[:300], target[:300], eval_set=[(rows[300:], target[300:])], verbose=False)
    assert model.best_iteration + 1 < len(read_booster(model.get_booster(), None).trees)
    agree(model, rows, tolerance=EXPONENTIALS)


@pytest.mark.parametrize("missing", [-999.0, 0.0, 0.1])
def test_a_value_that_stands_for_missing_is_missing(missing: float, agree: Agree) -> None:
    rows, target = NUMBERS
    rows = rows.round(1)
    rows[np.random.default_rng(0).random(rows.shape) < 0.2] = missing
    model = xgboost.XGBRegressor(missing=missing, **FAST).fit(rows, target)
    asked = rows[:50].copy()
    asked[::3, 2] = np.nan
    agree(model, rows, asked, tolerance=0)


@pytest.mark.parametrize("sets", [1, 100])
def test_codes_are_cut_to_integers_and_unknown_ones_are_in_no_set(sets: int, agree: Agree) -> None:
    rng = np.random.default_rng(0)
    rows = np.column_stack([rng.integers(0, 40, 500), rng.normal(size=500)]).astype(float)
    target = (rows[:, 0] % 3) + rows[:, 1]
    model = xgboost.XGBRegressor(
        enable_categorical=True, feature_types=["c", "q"], max_cat_to_onehot=sets, **FAST
    ).fit(rows, target)
    odd = np.array([[value, 0.0] for value in (0.0, 1.9, 39.0, 40.0, 63.0, 64.0, 1e6, -0.0, np.nan)])
    agree(model, rows, odd, tolerance=0)


def test_categories_of_a_frame_need_a_release_that_tells_unknown_ones() -> None:
    frame = pd.DataFrame({"city": pd.Categorical(["Oslo", "Rome", "Lima"] * 40)})
    model = xgboost.XGBRegressor(enable_categorical=True, **FAST).fit(frame, np.arange(120) % 3)
    contract = Contract(
        layout="frame",
        inputs=(Input(name="city", tensor="city", dtype="string", source="category", nulls=True),),
        outputs=(Output(method="predict", tensor="out", dtype="float32", shape=(None,)),),
    )
    (found,) = candidates(model, contract, rungs=["emitters-float64"])
    if tuple(int(part) for part in xgboost.__version__.split(".")[:2]) < (3, 3):
        assert isinstance(found, Refusal)
        assert "unknown category" in found.reason
        return
    assert not isinstance(found, Refusal), found
    loaded = Predictor(contract, open_session(found.model), ranges="ignore")
    np.testing.assert_array_equal(loaded.predict(frame), model.predict(frame))


def test_the_categories_are_read_in_the_order_of_their_codes() -> None:
    frame = pd.DataFrame(
        {"city": pd.Categorical(["Oslo", "Lima"] * 60), "shop": pd.Categorical([3, 40, 7] * 40)}
    )
    model = xgboost.XGBRegressor(enable_categorical=True, **FAST).fit(frame, np.arange(120) % 3)
    assert read_booster(model.get_booster(), None).categories == {0: ["Lima", "Oslo"], 1: [3.0, 7.0, 40.0]}


def test_names_that_the_library_itself_garbles_are_refused() -> None:
    frame = pd.DataFrame({"city": pd.Categorical(["Łódź", "Oslo"] * 60)})
    model = xgboost.XGBRegressor(enable_categorical=True, **FAST).fit(frame, np.arange(120) % 3)
    with pytest.raises(ValueError, match="not ASCII"):
        read_booster(model.get_booster(), None)


def test_a_subclass_is_a_stranger(exported: Callable[..., Any]) -> None:
    class Doubled(xgboost.XGBRegressor):
        def predict(self, *args: Any, **kwargs: Any) -> Any:
            return 2 * super().predict(*args, **kwargs)

    rows, target = NUMBERS
    _, found = exported(Doubled(**FAST).fit(rows, target), rows, methods=["predict"])
    assert isinstance(found, Refusal)


AROUND: dict[str, Callable[[], Any]] = {
    "calibration": lambda: CalibratedClassifierCV(xgboost.XGBClassifier(**FAST), cv=3),
    "voting": lambda: VotingClassifier(
        [("a", xgboost.XGBClassifier(**FAST)), ("b", xgboost.XGBClassifier(base_score=0.2, **FAST))],
        voting="soft",
    ),
    "stacking": lambda: StackingRegressor([("a", xgboost.XGBRegressor(**FAST))], cv=3),
    "bagging": lambda: BaggingRegressor(xgboost.XGBRegressor(**FAST), 3, random_state=0),
    "logarithm": lambda: TransformedTargetRegressor(
        xgboost.XGBRegressor(**FAST), func=np.log1p, inverse_func=np.expm1
    ),
    "one per target": lambda: MultiOutputRegressor(xgboost.XGBRegressor(**FAST)),
}


@pytest.mark.parametrize("case", AROUND)
def test_a_model_around_boosters_keeps_their_precision(case: str, agree: Agree) -> None:
    model = AROUND[case]()
    classifies = case in ("calibration", "voting")
    rows, target = BINARY if classifies else NUMBERS
    if case == "one per target":
        target = np.column_stack([target, -target])
    agree(model.fit(rows, target), rows, tolerance=EXPONENTIALS)
