"""The three boosting libraries: awkward options, objectives, categories."""

# ruff: noqa: ANN401 - a fitted model has no type of its own
from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import catboost
import lightgbm
import numpy as np
import pandas as pd
import xgboost
from tests.zoo import booster_pipelines, tables
from tests.zoo.case import Case, Fitted

if TYPE_CHECKING:
    from tests.zoo.tables import Table

__all__ = ["cases"]

Make = Callable[[], Fitted]
XGB: dict[str, Any] = {"n_estimators": 20, "max_depth": 4, "n_jobs": 1, "random_state": 0}
LGBM: dict[str, Any] = {
    "n_estimators": 20,
    "n_jobs": 1,
    "verbose": -1,
    "random_state": 0,
    "min_child_samples": 5,
}
CAT: dict[str, Any] = {
    "iterations": 20, "depth": 4, "thread_count": 1, "random_seed": 0, "verbose": 0,
    "allow_writing_files": False,
}  # fmt: skip


class Asked:
    """A bare booster of XGBoost behind a `predict` that takes rows, as a notebook would call it."""

    def __init__(self, booster: Any) -> None:
        """Keep the booster."""
        self.booster = booster

    def predict(self, rows: Any) -> Any:
        """Return the booster's answer."""
        return self.booster.predict(xgboost.DMatrix(rows, enable_categorical=True, nthread=1))


def _fit(
    model: Any, table: Callable[[], Table], y: Callable[[Table], Any] | None = None, **more: Any
) -> Fitted:
    found = table()
    model.fit(found.X, found.y if y is None else y(found), **more)
    return Fitted(model=model, example=found.X, fresh=found.fresh)


def _stopped(model: Any, **more: Any) -> Fitted:
    found = tables.binary()
    model.fit(found.X[:120], found.y[:120], eval_set=[(found.X[120:], found.y[120:])], **more)
    return Fitted(model=model, example=found.X, fresh=found.fresh)


def _two(table: Table) -> Any:
    return np.column_stack([table.y, table.X[:, 0] * 100 - table.y])


def _two_labels(table: Table) -> Any:
    return np.column_stack([table.y == 1, table.X[:, 0] > 5.8]).astype(int)


def _share(table: Table) -> Any:
    return table.y / 400


def _grades(table: Table) -> Any:
    return np.digitize(table.y, [100, 200])


def _names(table: Table) -> Any:
    return tables.labels(table.y, "text")


def _flags(table: Table) -> Any:
    return tables.labels(table.y, "bool")


def _squared(true: Any, found: Any) -> tuple[Any, Any]:
    return found - true, np.ones_like(true)


def _logistic(true: Any, found: Any) -> tuple[Any, Any]:
    share = 1 / (1 + np.exp(-found))
    return share - true, share * (1 - share)


def _holes() -> Table:
    return tables.numbers(holes=0.1)


def _sentinels() -> Table:
    found = _holes()
    return tables.Table(
        X=np.nan_to_num(found.X, nan=-999.0), y=found.y, fresh=np.nan_to_num(found.fresh, nan=-999.0)
    )


def _zeros() -> Table:
    found = _holes()
    return tables.Table(X=np.nan_to_num(found.X), y=found.y, fresh=np.nan_to_num(found.fresh))


def _coded() -> Table:
    """Numbers of which the first column is a category's code."""
    found = tables.regression()
    rng = np.random.default_rng(4)
    X, fresh = found.X.copy(), found.fresh.copy()
    X[:, 0], fresh[:, 0] = rng.integers(0, 9, len(X)), rng.integers(0, 9, len(fresh))
    return tables.Table(X=X, y=found.y + 80 * (X[:, 0] % 3), fresh=fresh)


def _category_frame(*, numbers: bool = False, letters: bool = True) -> Table:
    """A frame with columns of categories: text, and numbers if asked for."""
    rng = np.random.default_rng(8)
    rows = 260
    cities = ["Oslo", "Lodz", "Rome", "Kyoto", "Lima"] if letters else ["Łódź", "Oslo", "São Paulo", "京都"]
    frame = pd.DataFrame({"age": rng.integers(18, 90, rows), "height": rng.normal(170, 10, rows)})
    frame["city"] = pd.Categorical(rng.choice(cities, rows), categories=cities)
    frame.loc[rng.random(rows) < 0.05, "city"] = None
    if numbers:
        frame["shop"] = pd.Categorical(rng.choice([3, 7, 11, 40], rows))
    y = (frame["age"] / 30 + 2 * (frame["city"] == cities[0]) - (frame["city"] == cities[2])).to_numpy(
        dtype=float
    )
    return tables.Table(
        X=frame[:160].reset_index(drop=True), y=y[:160], fresh=frame[160:].reset_index(drop=True)
    )


def _xgboost() -> dict[str, Make]:
    Classifier, Regressor = xgboost.XGBClassifier, xgboost.XGBRegressor
    made: dict[str, Make] = {}
    made["two classes"] = partial(_fit, Classifier(**XGB), tables.binary)
    made["three classes"] = partial(_fit, Classifier(**XGB), tables.three)
    made["softmax"] = partial(_fit, Classifier(objective="multi:softmax", **XGB), tables.three)
    made["hinge"] = partial(_fit, Classifier(objective="binary:hinge", **XGB), tables.binary)
    made["raw logits"] = partial(_fit, Classifier(objective="binary:logitraw", **XGB), tables.binary)
    made["stopped early"] = partial(_stopped, Classifier(early_stopping_rounds=2, **XGB), verbose=False)
    made["dropout"] = partial(_fit, Classifier(booster="dart", rate_drop=0.3, **XGB), tables.binary)
    made["linear, regression"] = partial(_fit, Regressor(booster="gblinear", **XGB), tables.regression)
    made["linear, three classes"] = partial(_fit, Classifier(booster="gblinear", **XGB), tables.three)
    made["forest, classes"] = partial(_fit, xgboost.XGBRFClassifier(**XGB), tables.three)
    made["forest, regression"] = partial(_fit, xgboost.XGBRFRegressor(**XGB), tables.regression)
    made["ranker"] = partial(
        _fit, xgboost.XGBRanker(**XGB), tables.regression, _grades, qid=np.arange(180) // 18
    )
    for objective in (
        "squarederror",
        "absoluteerror",
        "pseudohubererror",
        "squaredlogerror",
        "gamma",
        "tweedie",
    ):
        model = Regressor(objective=f"reg:{objective}", **XGB)
        made[objective] = partial(_fit, model, tables.regression)
    made["poisson"] = partial(_fit, Regressor(objective="count:poisson", **XGB), tables.regression)
    made["logistic regression"] = partial(
        _fit, Regressor(objective="reg:logistic", **XGB), tables.regression, _share
    )
    quantiles = Regressor(objective="reg:quantileerror", quantile_alpha=[0.1, 0.5, 0.9], **XGB)
    made["three quantiles"] = partial(_fit, quantiles, tables.regression)
    made["two numbers"] = partial(_fit, Regressor(**XGB), tables.regression, _two)
    vectors = Regressor(multi_strategy="multi_output_tree", **XGB)
    made["two numbers in one tree"] = partial(_fit, vectors, tables.regression, _two)
    made["two labels"] = partial(_fit, Classifier(**XGB), tables.three, _two_labels)
    made["base score"] = partial(_fit, Classifier(base_score=0.3, **XGB), tables.binary)
    made["missing is -999"] = partial(_fit, Classifier(missing=-999, **XGB), _sentinels)
    made["with holes"] = partial(_fit, Classifier(**XGB), _holes)
    made["float32 rows"] = partial(_fit, Classifier(**XGB), partial(tables.numbers, "float32"))
    made["integer rows"] = partial(_fit, Classifier(**XGB), partial(tables.numbers, "int64"))
    made["far from zero"] = partial(_fit, Classifier(**XGB), partial(tables.numbers, offset=1.7e9))
    made["objective of one's own"] = partial(_fit, Regressor(objective=_squared, **XGB), tables.regression)
    made["leaves first, monotonic"] = partial(
        _fit,
        Regressor(grow_policy="lossguide", max_leaves=9, monotone_constraints=(1, 0, 0, 0, 0, 0), **XGB),
        tables.regression,
    )
    made["categories"] = partial(_fit, Regressor(enable_categorical=True, **XGB), _category_frame)
    made["categories in sets"] = partial(
        _fit,
        Regressor(enable_categorical=True, max_cat_to_onehot=1, **XGB),
        partial(_category_frame, numbers=True),
    )
    made["categories beyond ASCII"] = partial(
        _fit, Regressor(enable_categorical=True, **XGB), partial(_category_frame, letters=False)
    )
    made["codes"] = partial(
        _fit,
        Regressor(enable_categorical=True, feature_types=["c", *["q"] * 5], **XGB),
        _coded,
    )
    made["bare booster"] = partial(_bare, {"objective": "binary:logistic"}, tables.binary)
    made["bare booster, survival"] = partial(_bare, {"objective": "survival:aft"}, tables.regression)
    made["bare booster, softmax"] = partial(
        _bare, {"objective": "multi:softmax", "num_class": 3}, tables.three
    )
    return made


def _bare(parameters: dict[str, Any], table: Callable[[], Table]) -> Fitted:
    found = table()
    data = xgboost.DMatrix(found.X, found.y)
    if parameters["objective"] == "survival:aft":
        data.set_float_info("label_lower_bound", found.y)
        data.set_float_info("label_upper_bound", found.y * 1.2)
    booster = xgboost.train({"max_depth": 4, "nthread": 1, **parameters}, data, 15)
    return Fitted(model=booster, asked=Asked(booster), example=found.X, fresh=found.fresh)


def _lightgbm() -> dict[str, Make]:
    Classifier, Regressor = lightgbm.LGBMClassifier, lightgbm.LGBMRegressor
    made: dict[str, Make] = {}
    made["two classes"] = partial(_fit, Classifier(**LGBM), tables.binary)
    made["three classes, text labels"] = partial(_fit, Classifier(**LGBM), tables.three, _names)
    made["one against all"] = partial(_fit, Classifier(objective="multiclassova", **LGBM), tables.three)
    forest: dict[str, Any] = {"boosting_type": "rf", "bagging_freq": 1, "bagging_fraction": 0.7}
    made["forest"] = partial(_fit, Classifier(**forest, **LGBM), tables.binary)
    made["forest, regression"] = partial(_fit, Regressor(**forest, **LGBM), tables.regression)
    made["dropout"] = partial(_fit, Classifier(boosting_type="dart", **LGBM), tables.three)
    made["linear leaves"] = partial(_fit, Regressor(linear_tree=True, **LGBM), tables.regression)
    made["linear leaves with holes"] = partial(_fit, Classifier(linear_tree=True, **LGBM), _holes)
    made["zeros are missing"] = partial(_fit, Classifier(zero_as_missing=True, **LGBM), _zeros)
    made["nothing is missing"] = partial(_fit, Classifier(use_missing=False, **LGBM), _holes)
    for objective in ("poisson", "gamma", "tweedie", "quantile", "huber"):
        made[objective] = partial(_fit, Regressor(objective=objective, **LGBM), tables.regression)
    for objective in ("cross_entropy", "cross_entropy_lambda"):
        made[objective] = partial(_fit, Regressor(objective=objective, **LGBM), tables.regression, _share)
    made["square roots"] = partial(_fit, Regressor(reg_sqrt=True, **LGBM), tables.regression)
    made["ranker"] = partial(_fit, lightgbm.LGBMRanker(**LGBM), tables.regression, _grades, group=[18] * 10)
    made["objective of one's own"] = partial(_fit, Classifier(objective=_logistic, **LGBM), tables.binary)
    made["stopped early"] = partial(
        _stopped, Classifier(**LGBM), callbacks=[lightgbm.early_stopping(2, verbose=False)]
    )
    made["few bins"] = partial(_fit, Classifier(max_bin=7, **LGBM), tables.three)
    made["codes"] = partial(_fit, Regressor(categorical_feature=[0], min_data_per_group=5, **LGBM), _coded)
    made["categories"] = partial(
        _fit, Regressor(min_data_per_group=5, cat_smooth=1, **LGBM), partial(_category_frame, numbers=True)
    )
    made["categories beyond ASCII"] = partial(
        _fit, Regressor(min_data_per_group=5, cat_smooth=1, **LGBM), partial(_category_frame, letters=False)
    )
    made["bare booster"] = _bare_lightgbm
    return made


def _bare_lightgbm() -> Fitted:
    found = tables.three()
    options = {
        "objective": "multiclass",
        "num_class": 3,
        "verbose": -1,
        "num_threads": 1,
        "min_data_in_leaf": 5,
    }
    booster = lightgbm.train(options, lightgbm.Dataset(found.X, found.y), 10)
    return Fitted(model=booster, example=found.X, fresh=found.fresh)


def _catboost() -> dict[str, Make]:
    Classifier, Regressor = catboost.CatBoostClassifier, catboost.CatBoostRegressor
    made: dict[str, Make] = {}
    made["two classes"] = partial(_fit, Classifier(**CAT), tables.binary)
    made["two classes, boolean labels"] = partial(_fit, Classifier(**CAT), tables.binary, _flags)
    made["three classes, text labels"] = partial(_fit, Classifier(**CAT), tables.three, _names)
    made["one against all"] = partial(
        _fit, Classifier(loss_function="MultiClassOneVsAll", **CAT), tables.three
    )
    made["two labels"] = partial(
        _fit, Classifier(loss_function="MultiLogloss", **CAT), tables.three, _two_labels
    )
    made["cross-entropy"] = partial(_fit, Classifier(loss_function="CrossEntropy", **CAT), tables.binary)
    for loss in (
        "RMSE",
        "MAE",
        "Quantile:alpha=0.9",
        "Poisson",
        "Tweedie:variance_power=1.5",
        "RMSEWithUncertainty",
    ):
        made[loss.partition(":")[0]] = partial(_fit, Regressor(loss_function=loss, **CAT), tables.regression)
    made["two numbers"] = partial(_fit, Regressor(loss_function="MultiRMSE", **CAT), tables.regression, _two)
    for policy in ("Depthwise", "Lossguide"):
        made[policy.lower()] = partial(_fit, Classifier(grow_policy=policy, **CAT), tables.three)
    for mode in ("Min", "Max"):
        made[f"missing is {mode.lower()}"] = partial(_fit, Classifier(nan_mode=mode, **CAT), _holes)
    made["nothing missing allowed"] = partial(_fit, Classifier(nan_mode="Forbidden", **CAT), tables.binary)
    made["ranker"] = partial(
        _fit, catboost.CatBoostRanker(**CAT), tables.regression, _grades, group_id=np.arange(180) // 18
    )
    made["base class"] = partial(_fit, catboost.CatBoost({"loss_function": "Logloss", **CAT}), tables.binary)
    made["category columns"] = partial(_fit, Regressor(cat_features=["city"], **CAT), _text_frame)
    return made


def _text_frame() -> Table:
    found = _category_frame()
    texts = [
        frame.assign(city=frame["city"].astype(object).fillna("none")) for frame in (found.X, found.fresh)
    ]
    return tables.Table(X=texts[0], y=found.y, fresh=texts[1])


QUICK = {
    "XGBoost: two classes", "XGBoost: categories in sets", "XGBoost: linear, three classes",
    "LightGBM: linear leaves with holes", "LightGBM: categories", "CatBoost: three classes, text labels",
    "CatBoost: missing is max",
}  # fmt: skip


def cases() -> Iterator[Case]:
    """Yield the cases of all libraries, then those of pipelines around them."""
    for library, made in (("XGBoost", _xgboost()), ("LightGBM", _lightgbm()), ("CatBoost", _catboost())):
        for name, make in made.items():
            title = f"{library}: {name}"
            yield Case(group="boosters", name=title, make=make, quick=title in QUICK)
    for name, make in booster_pipelines.pipelines(XGB, LGBM, CAT).items():
        yield Case(group="boosters", name=name, make=make, quick=name in booster_pipelines.QUICK)
