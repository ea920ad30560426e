"""Notebook pipelines that end in a booster, models made of boosters, and scikit-learn's histograms."""

# ruff: noqa: ANN401 - a fitted model has no type of its own
from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import catboost
import lightgbm
import numpy as np
import xgboost
from sklearn import (
    calibration,
    compose,
    ensemble,
    feature_selection,
    impute,
    linear_model,
    model_selection,
    multiclass,
    multioutput,
    pipeline,
    preprocessing,
)
from tests.zoo import tables
from tests.zoo.case import Fitted

__all__ = ["QUICK", "pipelines"]

NUMBERS, TEXTS = ["age", "income (€)", "height"], ["city", "note"]

QUICK = {"pipeline: one-hot, XGBoost", "around: calibrated XGBoost", "histogram: categories, three classes"}


def pipelines(
    xgb: dict[str, Any], lgbm: dict[str, Any], cat: dict[str, Any]
) -> dict[str, Callable[[], Fitted]]:
    """Return name -> what makes the case."""
    few = {**xgb, "n_estimators": 8}
    light = {**lgbm, "n_estimators": 8}
    lasts: dict[str, Callable[[], Any]] = {
        "XGBoost": lambda: xgboost.XGBClassifier(**few),
        "LightGBM": lambda: lightgbm.LGBMClassifier(**light),
        "CatBoost": lambda: catboost.CatBoostClassifier(**cat),
    }
    made: dict[str, Callable[[], Fitted]] = {}
    for name, last in lasts.items():
        made[f"pipeline: one-hot, {name}"] = partial(_people, last, _one_hot)
        made[f"pipeline: target encoded, {name}"] = partial(_people, last, _target_encoded)
    made["around: calibrated XGBoost"] = partial(
        _binary, lambda: calibration.CalibratedClassifierCV(xgboost.XGBClassifier(**few), cv=3)
    )
    made["around: calibrated LightGBM, isotonic"] = partial(
        _binary,
        lambda: calibration.CalibratedClassifierCV(lightgbm.LGBMClassifier(**light), method="isotonic", cv=3),
    )

    def members() -> list[tuple[str, Any]]:
        return [("a", lasts["XGBoost"]()), ("b", lasts["LightGBM"]())]

    made["around: voting"] = partial(_binary, lambda: ensemble.VotingClassifier(members(), voting="soft"))
    made["around: voting of XGBoost"] = partial(
        _binary,
        lambda: ensemble.VotingClassifier(
            [("a", lasts["XGBoost"]()), ("b", lasts["XGBoost"]())], voting="soft"
        ),
    )
    made["around: stacking"] = partial(
        _binary, lambda: ensemble.StackingClassifier(members(), linear_model.LogisticRegression(), cv=3)
    )
    made["around: stacking of XGBoost"] = partial(
        _regression, lambda: ensemble.StackingRegressor([("a", xgboost.XGBRegressor(**few))], cv=3)
    )
    made["around: search"] = partial(
        _binary,
        lambda: model_selection.GridSearchCV(xgboost.XGBClassifier(**few), {"max_depth": [2, 3]}, cv=3),
    )
    made["around: logarithm of the target"] = partial(
        _regression,
        lambda: compose.TransformedTargetRegressor(
            xgboost.XGBRegressor(**few), func=np.log1p, inverse_func=np.expm1
        ),
    )
    made["around: one regressor per number"] = partial(
        _several, lambda: multioutput.MultiOutputRegressor(xgboost.XGBRegressor(**few))
    )
    made["around: one against rest of LightGBM"] = partial(
        _three, lambda: multiclass.OneVsRestClassifier(lightgbm.LGBMClassifier(**light))
    )
    made["around: bagging of XGBoost"] = partial(
        _three, lambda: ensemble.BaggingClassifier(xgboost.XGBClassifier(**few), 3, random_state=0)
    )
    made["around: selected by XGBoost"] = partial(
        _three,
        lambda: pipeline.make_pipeline(
            feature_selection.SelectFromModel(xgboost.XGBClassifier(**few)), lasts["LightGBM"]()
        ),
    )
    made["histogram: categories, three classes"] = _categories
    histogram = ensemble.HistGradientBoostingRegressor
    monotonic = {"monotonic_cst": [1, 0, -1, 0, 0, 0], "interaction_cst": [{0, 1}, {2, 3, 4, 5}]}
    made["histogram: constrained"] = partial(_regression, lambda: histogram(max_iter=15, **monotonic))
    made["histogram: stopped early"] = partial(
        _regression, lambda: histogram(early_stopping=True, max_iter=60, random_state=0)
    )
    made["histogram: started warm"] = _warm
    return made


def _one_hot() -> Any:
    numbers = pipeline.make_pipeline(impute.SimpleImputer(), preprocessing.StandardScaler())
    texts = preprocessing.OneHotEncoder(handle_unknown="ignore")
    return compose.make_column_transformer((numbers, NUMBERS), (texts, TEXTS))


def _target_encoded() -> Any:
    return compose.make_column_transformer(
        ("passthrough", NUMBERS), (preprocessing.TargetEncoder(random_state=0), TEXTS)
    )


def _people(last: Callable[[], Any], front: Callable[[], Any]) -> Fitted:
    table = tables.people()
    model = pipeline.make_pipeline(front(), last()).fit(table.X, table.y)
    return Fitted(model=model, example=table.X, fresh=table.fresh)


def _on(table: tables.Table, model: Any, y: Any = None) -> Fitted:
    return Fitted(model=model.fit(table.X, table.y if y is None else y), example=table.X, fresh=table.fresh)


def _binary(make: Callable[[], Any]) -> Fitted:
    return _on(tables.binary(), make())


def _three(make: Callable[[], Any]) -> Fitted:
    return _on(tables.three(), make())


def _regression(make: Callable[[], Any]) -> Fitted:
    return _on(tables.regression(), make())


def _several(make: Callable[[], Any]) -> Fitted:
    table = tables.regression()
    return _on(table, make(), np.column_stack([table.y, table.X[:, 0] * 100 - table.y]))


def _categories() -> Fitted:
    table = tables.awkward()
    wanted = ["age", "city", "income (€)", "small"]
    model = ensemble.HistGradientBoostingClassifier(categorical_features="from_dtype", max_iter=10)
    y = table.X["city"].cat.codes.to_numpy() % 3
    model.fit(table.X[wanted], y)
    return Fitted(model=model, example=table.X[wanted], fresh=table.fresh[wanted])


def _warm() -> Fitted:
    table = tables.regression()
    model = ensemble.HistGradientBoostingRegressor(max_iter=5, warm_start=True, random_state=0).fit(
        table.X, table.y
    )
    model.set_params(max_iter=12)
    return _on(table, model)
