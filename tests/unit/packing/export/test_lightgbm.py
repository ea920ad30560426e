"""LightGBM: the emitter against the library, scores bit for bit, on edges too."""

from __future__ import annotations

from typing import Any, TypeAlias

import lightgbm
import numpy as np
import pandas as pd
import pytest
from lightgbm import LGBMClassifier, LGBMRanker, LGBMRegressor
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine

from mlpack.format.contract import Contract, Input, Label, Output
from mlpack.packing.export.ladder import Candidate, candidates
from mlpack.runtime.predictor import Predictor
from mlpack.runtime.session import open_session

Fitted: TypeAlias = Any
"""A fitted estimator; LightGBM's types do not say what its methods return."""

FAST: dict[str, Any] = {"n_estimators": 20, "verbose": -1, "n_jobs": 1}
BINARY = load_breast_cancer(return_X_y=True)
HOLES = (np.where(np.random.default_rng(0).random(BINARY[0].shape) < 0.1, np.nan, BINARY[0]), BINARY[1])


def array_contract(model: Fitted, rows: np.ndarray, methods: tuple[str, ...]) -> Contract:
    classes = tuple(model.classes_.tolist()) if hasattr(model, "classes_") else None
    return Contract(
        layout="array",
        inputs=tuple(
            Input(name=f"x{i}", tensor="X", dtype="float64", source="float64", nulls=True, infinities=True)
            for i in range(rows.shape[1])
        ),
        outputs=outputs(model, rows, methods, classes),
    )


def outputs(
    model: Fitted,
    rows: pd.DataFrame | np.ndarray,
    methods: tuple[str, ...],
    classes: tuple[Label, ...] | None,
) -> tuple[Output, ...]:
    found = []
    for method in methods:
        answer = getattr(model, method)(rows)
        labels = classes if method != "decision_function" else None
        found.append(
            Output(
                method=method,  # type: ignore[arg-type]
                tensor=f"{method}_out",
                dtype=answer.dtype.name,
                shape=(None, *answer.shape[1:]),
                classes=labels,
            )
        )
    return tuple(found)


def packed(model: Fitted, contract: Contract) -> Predictor:
    candidate = next(candidates(model, contract, rungs=["emitters-float64"]))
    assert isinstance(candidate, Candidate), candidate
    return Predictor(contract, open_session(candidate.model), ranges="ignore")


def beside(rows: np.ndarray) -> np.ndarray:
    """Return rows moved to the neighbouring double, up and down, and some with holes and infinities."""
    odd = rows[:20].copy()
    odd[::2, 0], odd[1::2, 1], odd[::3, 2] = np.nan, np.inf, -np.inf
    return np.vstack([np.nextafter(rows, np.inf), np.nextafter(rows, -np.inf), odd, -rows, 0 * rows])


CLASSIFIERS = {
    "binary": (LGBMClassifier(**FAST), BINARY),
    "missing values": (LGBMClassifier(**FAST), HOLES),
    "softmax": (LGBMClassifier(**FAST), load_wine(return_X_y=True)),
    "one against all": (LGBMClassifier(objective="multiclassova", **FAST), load_wine(return_X_y=True)),
    "random forest": (
        LGBMClassifier(boosting_type="rf", bagging_freq=1, bagging_fraction=0.6, **FAST),
        BINARY,
    ),
    "dart": (LGBMClassifier(boosting_type="dart", **FAST), BINARY),
    "steep sigmoid": (LGBMClassifier(sigmoid=2.0, **FAST), BINARY),
}


@pytest.mark.parametrize("case", CLASSIFIERS)
def test_a_classifier_answers_as_the_library_does(case: str) -> None:
    model, (rows, target) = CLASSIFIERS[case]
    model.fit(rows, target)
    methods = ("predict", "predict_proba", "decision_function")
    found = packed(model, array_contract(model, rows, methods))
    for asked in (rows, beside(rows)):
        assert np.array_equal(found.predict(asked), model.predict(asked))
        assert np.array_equal(found.decision_function(asked), model.decision_function(asked))
        np.testing.assert_allclose(found.predict_proba(asked), model.predict_proba(asked), atol=1e-15)


@pytest.mark.parametrize(
    "objective", ["regression", "mae", "huber", "fair", "quantile", "mape", "poisson", "gamma", "tweedie"]
)
def test_a_regressor_answers_as_the_library_does(objective: str) -> None:
    rows, target = load_diabetes(return_X_y=True)
    model = LGBMRegressor(objective=objective, **FAST).fit(rows, target)
    found = packed(model, array_contract(model, rows, ("predict",)))
    for asked in (rows, beside(rows)):
        np.testing.assert_allclose(found.predict(asked), model.predict(asked), rtol=1e-14)


def test_a_square_root_is_undone() -> None:
    rows, target = load_diabetes(return_X_y=True)
    model = LGBMRegressor(reg_sqrt=True, **FAST).fit(rows, target)
    found = packed(model, array_contract(model, rows, ("predict",)))
    assert np.array_equal(found.predict(rows), model.predict(rows))


def test_only_the_best_iteration_is_packed() -> None:
    rows, target = BINARY
    model = LGBMClassifier(n_estimators=200, early_stopping_rounds=2, verbose=-1, n_jobs=1)
    model.fit(rows[:400], target[:400], eval_X=rows[400:], eval_y=target[400:])
    found = packed(model, array_contract(model, rows, ("decision_function",)))
    assert np.array_equal(found.decision_function(rows), model.decision_function(rows))


def test_categories_of_a_frame_are_coded_in_the_graph() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"two words": rng.normal(size=500)})
    frame["city"] = pd.Series(rng.choice(["x", "ż", "a b"], 500), dtype="category")
    model = LGBMClassifier(**FAST).fit(frame, (frame["two words"] + (frame["city"] == "x")) > 0.5)
    contract = Contract(
        layout="frame",
        inputs=(
            Input(name="two words", tensor="a", dtype="float64", source="float64", nulls=True),
            Input(name="city", tensor="b", dtype="string", source="category", nulls=True),
        ),
        outputs=outputs(model, frame, ("decision_function",), None),
    )
    asked = frame.head(8).copy()
    asked["city"] = pd.Categorical(["x", "ż", "a b", None, "new", "x", "ż", None])
    known = asked.assign(city=asked["city"].cat.set_categories(frame["city"].cat.categories))
    found = packed(model, contract)
    assert np.array_equal(found.decision_function(asked), model.decision_function(known))


def test_numeric_categories_are_cut_to_integers() -> None:
    rng = np.random.default_rng(0)
    rows = np.column_stack([rng.normal(size=600), rng.integers(0, 6, 600)])
    model = LGBMRegressor(**FAST)
    model.fit(rows, rows[:, 1] % 3 + rows[:, 0], categorical_feature=[1])
    found = packed(model, array_contract(model, rows, ("predict",)))
    odd = np.array([[0.0, value] for value in (1.9, 2.0, -0.5, -1.0, 99.0, np.nan)])
    assert np.array_equal(found.predict(odd), model.predict(odd))


@pytest.mark.parametrize("option", ["linear_tree", "zero_as_missing", "use_missing"])
def test_ways_with_missing_values(option: str) -> None:
    rows, target = load_diabetes(return_X_y=True)
    chosen = np.random.default_rng(0).random(rows.shape) < 0.2
    rows = np.where(chosen, 0.0 if option == "zero_as_missing" else np.nan, rows)
    model = LGBMRegressor(**{**FAST, option: option != "use_missing"}).fit(rows, target)
    found = packed(model, array_contract(model, rows, ("predict",)))
    zeros = rows[:9].copy()
    zeros[:, 2], zeros[::2, 3] = 1e-35, -1e-36
    for asked in (rows, beside(rows), zeros, rows[:1]):
        assert np.array_equal(found.predict(asked), model.predict(asked), equal_nan=True)


@pytest.mark.parametrize("objective", ["cross_entropy", "cross_entropy_lambda"])
def test_shares_as_targets(objective: str) -> None:
    rows, target = load_diabetes(return_X_y=True)
    model = LGBMRegressor(objective=objective, **FAST).fit(rows, target / 400)
    found = packed(model, array_contract(model, rows, ("predict",)))
    np.testing.assert_allclose(found.predict(rows), model.predict(rows), rtol=1e-14)


def test_a_ranker_gives_raw_scores() -> None:
    rows, target = load_diabetes(return_X_y=True)
    model = LGBMRanker(**FAST).fit(rows, (target > 100).astype(int), group=[34] * 13)
    found = packed(model, array_contract(model, rows, ("predict",)))
    assert np.array_equal(found.predict(rows), model.predict(rows))


def test_a_bare_booster_answers_in_the_units_of_its_objective() -> None:
    rows, target = load_wine(return_X_y=True)
    options = {"objective": "multiclass", "num_class": 3, "verbose": -1, "num_threads": 1}
    model = lightgbm.train(options, lightgbm.Dataset(rows, target), 10)
    found = packed(model, array_contract(model, rows, ("predict",)))
    np.testing.assert_allclose(found.predict(rows), model.predict(rows), atol=1e-15)


@pytest.mark.filterwarnings("ignore:Cannot compute class probabilities")
def test_an_objective_of_ones_own_gives_raw_scores() -> None:
    rows, target = BINARY

    def logistic(true: Fitted, scores: Fitted) -> tuple[np.ndarray, np.ndarray]:
        share = 1 / (1 + np.exp(-scores))
        return share - true, share * (1 - share)

    model = LGBMClassifier(objective=logistic, **FAST).fit(rows, target)
    contract = Contract(
        layout="array",
        inputs=array_contract(model, rows, ()).inputs,
        outputs=outputs(model, rows, ("predict", "predict_proba"), None),
    )
    found = packed(model, contract)
    assert np.array_equal(found.predict(rows), model.predict(rows))
    assert np.array_equal(found.predict_proba(rows), model.predict_proba(rows))


def test_categories_that_are_numbers_are_coded_too() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"age": rng.normal(size=500)})
    frame["shop"] = pd.Categorical(rng.choice([3, 7, 40], 500))
    frame["rate"] = pd.Categorical(rng.choice([0.5, 1.25], 500))
    model = LGBMRegressor(**FAST).fit(frame, frame["age"] + (frame["shop"] == 40) - (frame["rate"] == 0.5))
    contract = Contract(
        layout="frame",
        inputs=(
            Input(name="age", tensor="a", dtype="float64", source="float64", nulls=True),
            Input(name="shop", tensor="b", dtype="float64", source="category", nulls=True),
            Input(name="rate", tensor="c", dtype="float64", source="category", nulls=True),
        ),
        outputs=outputs(model, frame, ("predict",), None),
    )
    asked = {"age": [0.1] * 5, "shop": [3, 7, 40, None, 5], "rate": [0.5, 1.25, 9.0, None, 0.5]}
    known = frame.head(5).assign(
        age=0.1,
        shop=pd.Categorical([3, 7, 40, None, None], categories=[3, 7, 40]),
        rate=pd.Categorical([0.5, 1.25, None, None, 0.5], categories=[0.5, 1.25]),
    )
    assert np.array_equal(packed(model, contract).predict(asked), model.predict(known))
