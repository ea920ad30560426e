"""CatBoost's models and bare boosters: what they say of themselves, and how they are asked."""

from __future__ import annotations

from typing import Any

import catboost
import lightgbm
import numpy as np
import pandas as pd
import pytest
import xgboost
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import LogisticRegression

from mlpack.errors import ModelError
from mlpack.packing.adapters import find_adapter

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 3))
Y = (X[:, 0] + X[:, 1] > 0).astype(int)
FRAME = pd.DataFrame(X, columns=["a", "b b", "ü"])
CAT: dict[str, Any] = {"iterations": 4, "verbose": 0, "allow_writing_files": False}


def test_catboost_names_its_columns_and_classes() -> None:
    model = catboost.CatBoostClassifier(**CAT).fit(FRAME, np.array(["no", "yes"])[Y])
    found = find_adapter(model).describe(model)
    assert found.columns == ("a", "b b", "ü")
    assert found.classes is not None
    assert found.classes.tolist() == ["no", "yes"]
    assert found.methods == ("predict", "predict_proba", "predict_log_proba")
    assert found.framework == ("catboost", catboost.__version__)


def test_catboost_on_an_array_names_none() -> None:
    model = catboost.CatBoostRegressor(**CAT).fit(X, X[:, 0])
    found = find_adapter(model).describe(model)
    assert (found.columns, found.width, found.methods, found.classes) == (None, 3, ("predict",), None)


def test_an_unfitted_catboost_is_refused() -> None:
    model = catboost.CatBoostRegressor(**CAT)
    with pytest.raises(ModelError, match="not fitted"):
        find_adapter(model).describe(model)


def test_catboost_answers_through_its_adapter() -> None:
    model = catboost.CatBoostClassifier(**CAT).fit(X, Y)
    answer = find_adapter(model).call(model, "predict_proba", X)
    np.testing.assert_array_equal(answer, model.predict_proba(X))


def test_a_booster_of_xgboost_takes_rows() -> None:
    booster = xgboost.train({"objective": "binary:logistic"}, xgboost.DMatrix(FRAME, Y), 3)
    adapter = find_adapter(booster)
    found = adapter.describe(booster)
    assert (found.columns, found.width, found.precision) == (("a", "b b", "ü"), 3, "float32")
    answer = adapter.call(booster, "predict", FRAME)
    np.testing.assert_array_equal(answer, booster.predict(xgboost.DMatrix(FRAME)))


def test_a_booster_of_xgboost_keeps_the_types_of_an_array() -> None:
    rows = np.column_stack([RNG.integers(0, 5, 120), X[:, 0]]).astype(float)
    data = xgboost.DMatrix(rows, Y, feature_types=["c", "q"], enable_categorical=True)
    booster = xgboost.train({"max_cat_to_onehot": 1}, data, 3)
    answer = find_adapter(booster).call(booster, "predict", rows)
    np.testing.assert_array_equal(answer, booster.predict(data))


def test_a_booster_of_lightgbm_takes_rows() -> None:
    booster = lightgbm.train({"objective": "binary", "verbose": -1}, lightgbm.Dataset(X, Y), 3)
    adapter = find_adapter(booster)
    found = adapter.describe(booster)
    assert (found.columns, found.width, found.precision) == (None, 3, "float64")
    np.testing.assert_array_equal(adapter.call(booster, "predict", X), booster.predict(X))


def test_single_precision_is_found_inside_a_model() -> None:
    inner = xgboost.XGBClassifier(n_estimators=2)
    for model, precision in (
        (CalibratedClassifierCV(inner, cv=2), "float32"),
        (LogisticRegression(), "float64"),
    ):
        model.fit(X, Y)
        assert find_adapter(model).describe(model).precision == precision


def test_a_ranker_gives_numbers() -> None:
    model = xgboost.XGBRanker(n_estimators=2).fit(X, Y, qid=np.arange(120) // 10)
    found = find_adapter(model).describe(model)
    assert (found.task, found.framework[0]) == ("regression", "xgboost")
