"""Pipelines as notebooks have them, over frames of mixed columns."""

# ruff: noqa: ANN401 - a fitted model has no type of its own
from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
from sklearn import (
    calibration,
    compose,
    decomposition,
    ensemble,
    feature_selection,
    impute,
    linear_model,
    model_selection,
    naive_bayes,
    neighbors,
    neural_network,
    pipeline,
    preprocessing,
    svm,
    tree,
)
from sklearn.base import BaseEstimator, TransformerMixin
from tests.zoo import tables
from tests.zoo.case import Case, Fitted

__all__ = ["cases"]

Make = Callable[[], Any]
NUMBERS = ["age", "income (€)", "height"]
TEXTS = ["city", "note"]


class Ratio(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """A transformer of a notebook's own."""

    def fit(self, X: Any, y: Any = None) -> Ratio:  # noqa: ARG002 - scikit-learn's signature
        """Learn nothing."""
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X: Any) -> Any:
        """Return the first column over the second."""
        values = np.asarray(X, dtype=float)
        return values[:, :1] / (1 + np.abs(values[:, 1:2]))


class Counting(linear_model.LogisticRegression):  # type: ignore[misc]
    """A model that changes whenever it is asked."""

    def predict(self, X: Any) -> Any:
        """Return the labels, and make the next answer another one."""
        self.intercept_: Any = self.intercept_ + 0.5
        return super().predict(X)


def _last() -> dict[str, Make]:
    return {
        "logistic": lambda: linear_model.LogisticRegression(max_iter=1000),
        "ridge classifier": linear_model.RidgeClassifier,
        "forest": lambda: ensemble.RandomForestClassifier(10, random_state=0),
        "boosting": lambda: ensemble.GradientBoostingClassifier(n_estimators=8, random_state=0),
        "histogram": lambda: ensemble.HistGradientBoostingClassifier(max_iter=10),
        "neighbours": neighbors.KNeighborsClassifier,
        "SVC": svm.SVC,
        "MLP": lambda: neural_network.MLPClassifier((6,), max_iter=60, random_state=0),
        "Bayes": naive_bayes.GaussianNB,
        "calibrated": lambda: calibration.CalibratedClassifierCV(
            linear_model.LogisticRegression(max_iter=500), cv=3
        ),
        "voting": lambda: ensemble.VotingClassifier(
            [
                ("a", linear_model.LogisticRegression(max_iter=500)),
                ("b", tree.DecisionTreeClassifier(max_depth=3)),
            ],
            voting="soft",
        ),
        "stacking": lambda: ensemble.StackingClassifier(
            [("a", linear_model.LogisticRegression(max_iter=500)), ("b", naive_bayes.GaussianNB())], cv=3
        ),
    }


def _front() -> dict[str, Make]:
    one_hot = partial(preprocessing.OneHotEncoder, handle_unknown="ignore")
    most = partial(impute.SimpleImputer, strategy="most_frequent")
    return {
        "scaled, one-hot": lambda: _columns(
            pipeline.make_pipeline(impute.SimpleImputer(), preprocessing.StandardScaler()), one_hot()
        ),
        "median, indicator, one-hot dense": lambda: _columns(
            impute.SimpleImputer(strategy="median", add_indicator=True), one_hot(sparse_output=False)
        ),
        "imputed texts, dropped first": lambda: _columns(
            impute.SimpleImputer(),
            pipeline.make_pipeline(
                impute.SimpleImputer(strategy="constant", fill_value="?"), one_hot(drop="first")
            ),
        ),
        "ordinal": lambda: _columns(
            impute.SimpleImputer(),
            preprocessing.OrdinalEncoder(
                handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2
            ),
        ),
        "target encoded": lambda: _columns(
            impute.SimpleImputer(), preprocessing.TargetEncoder(random_state=0)
        ),
        "rare together": lambda: _columns(
            impute.SimpleImputer(), one_hot(min_frequency=40, handle_unknown="infrequent_if_exist")
        ),
        "strict one-hot": lambda: _columns(
            impute.SimpleImputer(), pipeline.make_pipeline(most(), preprocessing.OneHotEncoder())
        ),
        "yeo-johnson": lambda: _columns(
            pipeline.make_pipeline(impute.SimpleImputer(), preprocessing.PowerTransformer()), one_hot()
        ),
        "quantiles": lambda: _columns(
            pipeline.make_pipeline(
                impute.SimpleImputer(), preprocessing.QuantileTransformer(n_quantiles=20, random_state=0)
            ),
            one_hot(),
        ),
        "splines": lambda: _columns(
            pipeline.make_pipeline(impute.SimpleImputer(), preprocessing.SplineTransformer(n_knots=4)),
            one_hot(),
        ),
        "binned": lambda: _columns(
            pipeline.make_pipeline(
                impute.SimpleImputer(),
                preprocessing.KBinsDiscretizer(4, quantile_method="averaged_inverted_cdf"),
            ),
            one_hot(),
        ),
        "log1p": lambda: _columns(
            pipeline.make_pipeline(impute.SimpleImputer(), preprocessing.FunctionTransformer(np.log1p)),
            one_hot(),
        ),
        "neighbours impute": lambda: _columns(impute.KNNImputer(), one_hot()),
        "own transformer": lambda: _columns(
            pipeline.make_pipeline(impute.SimpleImputer(), Ratio()), one_hot()
        ),
    }


def _columns(numbers: Any, texts: Any) -> Any:
    return compose.make_column_transformer((numbers, NUMBERS), (texts, TEXTS), ("passthrough", ["member"]))


def _made(front: Make, last: Make, library: str = "pandas", *, middle: Make | None = None) -> Fitted:
    table = tables.people(library)
    steps = [front(), *([middle()] if middle else []), last()]
    model = pipeline.make_pipeline(*steps).fit(table.X, table.y)
    return Fitted(model=model, example=table.X, fresh=table.fresh)


def cases() -> Iterator[Case]:
    """Yield every front with three ends, every end with one front, and the particular ones."""
    front, last = _front(), _last()
    for name, make in front.items():
        for end in ("logistic", "forest", "histogram"):
            if end == "histogram" and name not in (
                "ordinal",
                "target encoded",
                "median, indicator, one-hot dense",
            ):
                continue
            yield Case(
                group="pipelines",
                name=f"{name} + {end}",
                make=partial(_made, make, last[end]),
                quick=end == "logistic" and name in ("scaled, one-hot", "target encoded", "splines"),
            )
    for name, make in last.items():
        if name not in ("logistic", "forest", "histogram"):
            yield Case(
                group="pipelines",
                name=f"scaled, one-hot + {name}",
                make=partial(_made, front["scaled, one-hot"], make),
            )
    for name in ("scaled, one-hot", "ordinal", "imputed texts, dropped first"):
        yield Case(
            group="pipelines",
            name=f"{name} + logistic, polars",
            make=partial(_made, front[name], last["logistic"], "polars"),
        )
    for name, middle in _middles().items():
        make = partial(_made, front["median, indicator, one-hot dense"], last["logistic"], middle=middle)
        yield Case(group="pipelines", name=f"{name} in the middle", make=make)
    for name, build in PARTICULAR.items():
        yield Case(
            group="pipelines", name=name, make=build, quick=name in ("awkward frame", "categories, histogram")
        )


def _middles() -> dict[str, Make]:
    return {
        "PCA": lambda: decomposition.PCA(4, svd_solver="full"),
        "select k best": lambda: feature_selection.SelectKBest(k=4),
        "select from model": lambda: feature_selection.SelectFromModel(
            tree.DecisionTreeClassifier(random_state=0)
        ),
        "polynomial": lambda: preprocessing.PolynomialFeatures(2, interaction_only=True),
        "variance": lambda: feature_selection.VarianceThreshold(0.1),
        "max-abs": preprocessing.MaxAbsScaler,
        "truncated SVD": lambda: decomposition.TruncatedSVD(3, random_state=0),
    }


def _awkward() -> Fitted:
    table = tables.awkward()
    columns = compose.make_column_transformer(
        (
            pipeline.make_pipeline(impute.SimpleImputer(), preprocessing.StandardScaler()),
            ["age", "income (€)", "visits", "score", "small", "seen at", "X", ""],
        ),
        (preprocessing.OneHotEncoder(handle_unknown="ignore"), TEXTS),
    )
    model = pipeline.make_pipeline(columns, linear_model.LogisticRegression(max_iter=500)).fit(
        table.X, table.y
    )
    return Fitted(model=model, example=table.X, fresh=table.fresh)


def _categories() -> Fitted:
    table = tables.awkward()
    wanted = ["age", "city", "income (€)", "small"]
    X, fresh = table.X[wanted], table.fresh[wanted]
    model = ensemble.HistGradientBoostingClassifier(categorical_features="from_dtype", max_iter=10).fit(
        X, table.y
    )
    return Fitted(model=model, example=X, fresh=fresh)


def _numeric_frame(last: Make, wanted: list[str], *, into: str = "") -> Fitted:
    table = tables.awkward()
    X, fresh = table.X[wanted], table.fresh[wanted]
    if into:
        X, fresh = X.astype(into), fresh.astype(into)
    model = last().fit(X, table.y)
    return Fitted(model=model, example=X, fresh=fresh)


def _searched() -> Fitted:
    table = tables.people()
    inner = pipeline.make_pipeline(
        _front()["scaled, one-hot"](), linear_model.LogisticRegression(max_iter=500)
    )
    model = model_selection.GridSearchCV(inner, {"logisticregression__C": [0.1, 1]}, cv=3).fit(
        table.X, table.y
    )
    return Fitted(model=model, example=table.X, fresh=table.fresh)


def _around(kind: Callable[[Any], Any]) -> Fitted:
    table = tables.people()
    inner = pipeline.make_pipeline(
        _front()["scaled, one-hot"](), linear_model.LogisticRegression(max_iter=500)
    )
    return Fitted(model=kind(inner).fit(table.X, table.y), example=table.X, fresh=table.fresh)


def _pandas_out() -> Fitted:
    table = tables.people()
    front = _front()["median, indicator, one-hot dense"]()
    model = pipeline.make_pipeline(front, linear_model.LogisticRegression(max_iter=500)).set_output(
        transform="pandas"
    )
    return Fitted(model=model.fit(table.X, table.y), example=table.X, fresh=table.fresh)


def _only_front(name: str) -> Fitted:
    table = tables.people()
    return Fitted(model=_front()[name]().fit(table.X, table.y), example=table.X, fresh=table.fresh)


def _target() -> Fitted:
    table = tables.people()
    inner = pipeline.make_pipeline(_front()["scaled, one-hot"](), linear_model.Ridge())
    model = compose.TransformedTargetRegressor(inner, func=np.log1p, inverse_func=np.expm1)
    return Fitted(model=model.fit(table.X, table.X["age"]), example=table.X, fresh=table.fresh)


def _counting() -> Fitted:
    table = tables.binary()
    return Fitted(model=Counting(max_iter=2000).fit(table.X, table.y), example=table.X, fresh=table.fresh)


def _clipped(X: Any) -> Any:
    return np.clip(X, 0, 50)


def _functions(function: Callable[..., Any]) -> Fitted:
    table = tables.binary()
    model = pipeline.make_pipeline(
        preprocessing.FunctionTransformer(function), linear_model.LogisticRegression(max_iter=3000)
    )
    return Fitted(model=model.fit(table.X, table.y), example=table.X, fresh=table.fresh)


PARTICULAR: dict[str, Callable[[], Fitted]] = {
    "awkward frame": _awkward,
    "categories, histogram": _categories,
    "numeric frame, logistic": partial(
        _numeric_frame, lambda: linear_model.LogisticRegression(max_iter=500), ["age", "height", ""]
    ),
    "numeric frame, forest": partial(
        _numeric_frame, lambda: ensemble.RandomForestClassifier(8, random_state=0), ["age", "height", "small"]
    ),
    "frame of ids, tree": partial(
        _numeric_frame, lambda: tree.DecisionTreeClassifier(random_state=0), ["id", "seen at", "age"]
    ),
    "nullable frame, histogram": partial(
        _numeric_frame,
        lambda: ensemble.HistGradientBoostingClassifier(max_iter=8),
        ["age", "visits", "score"],
    ),
    "float32 frame, tree": partial(
        _numeric_frame,
        lambda: tree.DecisionTreeClassifier(random_state=0),
        ["small", "height"],
        into="float32",
    ),
    "float32 frame, scaler": partial(
        _numeric_frame, preprocessing.StandardScaler, ["small", "height"], into="float32"
    ),
    "int32 frame, min-max": partial(_numeric_frame, preprocessing.MinMaxScaler, ["age", "X"], into="int32"),
    "search over a pipeline": _searched,
    "bagging around a pipeline": partial(
        _around, lambda inner: ensemble.BaggingClassifier(inner, 3, random_state=0)
    ),
    "calibration around a pipeline": partial(
        _around, lambda inner: calibration.CalibratedClassifierCV(inner, cv=3)
    ),
    "voting around pipelines": partial(
        _around, lambda inner: ensemble.VotingClassifier([("a", inner), ("b", inner)])
    ),
    "threshold around a pipeline": partial(
        _around, lambda inner: model_selection.FixedThresholdClassifier(inner, threshold=0.3)
    ),
    "tuned threshold around a pipeline": partial(
        _around,
        lambda inner: model_selection.TunedThresholdClassifierCV(inner),  # noqa: PLW0108 - not before 1.5
    ),
    "pandas output": _pandas_out,
    "sparse transformer alone": partial(_only_front, "scaled, one-hot"),
    "dense transformer alone": partial(_only_front, "median, indicator, one-hot dense"),
    "ordinal transformer alone": partial(_only_front, "ordinal"),
    "target transformed": _target,
    "changes when asked": _counting,
    "clip by function": partial(_functions, _clipped),
    "mean of the batch": partial(_functions, lambda X: X - X.mean(axis=0)),
}
