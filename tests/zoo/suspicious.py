"""What a suspicious user tries: odd shapes, odd values, odd labels, models inside models inside models."""

# ruff: noqa: ANN401 - a fitted model has no type of its own
from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn import (
    calibration,
    compose,
    ensemble,
    feature_selection,
    impute,
    linear_model,
    metrics,
    model_selection,
    multioutput,
    naive_bayes,
    neighbors,
    pipeline,
    preprocessing,
    svm,
    tree,
)
from tests.zoo import tables
from tests.zoo.case import Case, Fitted

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["cases"]

make_pipeline, make_columns = pipeline.make_pipeline, compose.make_column_transformer
OneHot = preprocessing.OneHotEncoder
logistic = partial(linear_model.LogisticRegression, max_iter=500)
RNG = np.random.default_rng(7)


def _numbers(model: Any, X: Any, y: Any, fresh: Any = None, **fitting: Any) -> Fitted:
    model.fit(X, y, **fitting)
    return Fitted(model=model, example=X, fresh=X[: min(len(X), 40)] if fresh is None else fresh)


def _three(
    model: Any, change: Callable[[Any], Any] = lambda X: X, labels: Any = None, **fitting: Any
) -> Fitted:
    table = tables.three()
    y = table.y if labels is None else np.asarray(labels)[table.y]
    return _numbers(model, change(table.X), y, change(table.fresh), **fitting)


def _people(make: Callable[[], Any], change: Callable[[Any], Any] = lambda X: X, y: Any = None) -> Fitted:
    table = tables.people()
    X, fresh = change(table.X), change(table.fresh)
    model = make().fit(X, table.y if y is None else y(table))
    return Fitted(model=model, example=X, fresh=fresh)


def _mixed(last: Any, **options: Any) -> Any:
    numbers = make_pipeline(impute.SimpleImputer(), preprocessing.StandardScaler())
    texts = make_pipeline(
        impute.SimpleImputer(strategy="most_frequent"), OneHot(handle_unknown="ignore", sparse_output=False)
    )
    columns = make_columns(
        (numbers, ["age", "income (€)", "height"]), (texts, ["city", "note"]), remainder="drop", **options
    )
    return make_pipeline(columns, last)


def _with_zeros(X: Any) -> Any:
    changed = np.array(X)
    changed[::3, 0], changed[1::3, 0], changed[::5, 1] = -0.0, 0.0, 5e-324
    return changed


def _weights(table: tables.Table) -> Any:
    return np.linspace(0.1, 3.0, len(table.y))


def _names(X: pd.DataFrame, names: list[Any]) -> pd.DataFrame:
    return X.set_axis(names, axis=1)


def _numeric(X: pd.DataFrame) -> pd.DataFrame:
    return X[["age", "income (€)", "height"]].fillna(1.0)


def _large() -> Fitted:
    X = RNG.normal(size=(100_000, 4))
    y = (X[:, 0] + X[:, 1] * X[:, 2] > 0).astype(int)
    return _numbers(ensemble.HistGradientBoostingClassifier(max_iter=10), X, y, X[:200] + 0.01)


def _cached() -> Fitted:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        model = pipeline.Pipeline([("a", preprocessing.StandardScaler()), ("b", logistic())], memory=folder)
        return _three(model)


ARRAYS: dict[str, Callable[[], Fitted]] = {
    "negative zero and denormals, tree": lambda: _three(
        tree.DecisionTreeClassifier(random_state=0), _with_zeros
    ),
    "negative zero and denormals, logistic": lambda: _three(logistic(), _with_zeros),
    "negative zero, binarizer": lambda: _three(
        make_pipeline(preprocessing.Binarizer(threshold=0.0), logistic()), _with_zeros
    ),
    "duplicate columns, forest": lambda: _three(
        ensemble.RandomForestClassifier(10, random_state=0), lambda X: np.hstack([X, X])
    ),
    "one column, boosting": lambda: _three(
        ensemble.GradientBoostingClassifier(n_estimators=5), lambda X: X[:, :1]
    ),
    "one column, spline ridge": lambda: _three(
        make_pipeline(preprocessing.SplineTransformer(), linear_model.Ridge()), lambda X: X[:, :1]
    ),
    "one class, tree": lambda: _three(tree.DecisionTreeClassifier(), labels=[1, 1, 1]),
    "one class, forest": lambda: _three(ensemble.RandomForestClassifier(5), labels=["a", "a", "a"]),
    "one class, Bayes": lambda: _three(naive_bayes.GaussianNB(), labels=[0, 0, 0]),
    "constant target, forest": lambda: _three(ensemble.RandomForestRegressor(5), labels=[2.5, 2.5, 2.5]),
    "constant target, ridge": lambda: _three(linear_model.Ridge(), labels=[2.5, 2.5, 2.5]),
    "constant target, histogram": lambda: _three(
        ensemble.HistGradientBoostingRegressor(max_iter=3), labels=[0.0, 0.0, 0.0]
    ),
    "constant columns, scaled": lambda: _three(
        make_pipeline(preprocessing.StandardScaler(), logistic()),
        lambda X: np.hstack([X, np.ones((len(X), 1))]),
    ),
    "five rows, logistic": lambda: _numbers(logistic(), np.arange(10.0).reshape(5, 2), [0, 1, 0, 1, 1]),
    "two rows, tree": lambda: _numbers(tree.DecisionTreeClassifier(), np.eye(2), ["no", "yes"]),
    "one row, nearest centroid": lambda: _numbers(
        preprocessing.StandardScaler(), np.array([[1.0, 2.0]]), None
    ),
    "a hundred thousand rows, histogram": _large,
    "weights, forest": lambda: _three(
        ensemble.RandomForestClassifier(8, random_state=0), sample_weight=_weights(tables.three())
    ),
    "weights, ridge": lambda: _three(linear_model.Ridge(), sample_weight=_weights(tables.three())),
    "float labels": lambda: _three(tree.DecisionTreeClassifier(), labels=[1.0, 2.0, -3.0]),
    "labels with blanks": lambda: _three(logistic(), labels=["", " ", "a b"]),
    "labels of zero width": lambda: _three(logistic(), labels=["a", "a\u200b", "á"]),
    "cached steps": _cached,
    "none and passthrough steps": lambda: _three(
        pipeline.Pipeline([("a", "passthrough"), ("b", None), ("c", logistic())])
    ),
    "pipeline in pipeline in pipeline": lambda: _three(
        make_pipeline(
            make_pipeline(make_pipeline(preprocessing.StandardScaler()), preprocessing.MinMaxScaler()),
            make_pipeline(preprocessing.PolynomialFeatures(), logistic()),
        )
    ),
    "union of pipelines, weighted": lambda: _three(
        make_pipeline(
            pipeline.FeatureUnion(
                [
                    ("a", make_pipeline(preprocessing.StandardScaler(), feature_selection.SelectKBest(k=2))),
                    ("b", "passthrough"),
                    ("c", preprocessing.KBinsDiscretizer(3, quantile_method="averaged_inverted_cdf")),
                ],
                transformer_weights={"a": 0.5},
            ),
            logistic(),
        )
    ),
    "search with a custom scorer": lambda: _three(
        model_selection.GridSearchCV(
            make_pipeline(preprocessing.StandardScaler(), svm.SVC()),
            {"svc__C": [0.1, 1.0]},
            scoring=metrics.make_scorer(lambda y, p: float(np.mean(y == p))),
            cv=3,
        )
    ),
    "search with two metrics": lambda: _three(
        model_selection.RandomizedSearchCV(
            tree.DecisionTreeClassifier(random_state=0),
            {"max_depth": [2, 3]},
            n_iter=2,
            scoring=["accuracy", "f1_macro"],
            refit="f1_macro",
            cv=3,
        )
    ),
    "search over which scaler": lambda: _three(
        model_selection.GridSearchCV(
            pipeline.Pipeline([("s", preprocessing.StandardScaler()), ("m", logistic())]),
            {"s": ["passthrough", preprocessing.RobustScaler()]},
            cv=3,
        )
    ),
    "stacking of stacking": lambda: _three(
        ensemble.StackingClassifier(
            [
                ("a", ensemble.StackingClassifier([("x", naive_bayes.GaussianNB())], logistic(), cv=3)),
                ("b", tree.DecisionTreeClassifier(max_depth=2)),
            ],
            ensemble.RandomForestClassifier(5, random_state=0),
            cv=3,
        )
    ),
    "voting of calibrated boosters": lambda: _three(
        ensemble.VotingClassifier(
            [
                ("a", calibration.CalibratedClassifierCV(svm.LinearSVC(), cv=3)),
                ("b", ensemble.HistGradientBoostingClassifier(max_iter=5)),
                ("c", "drop"),
            ],
            voting="soft",
        )
    ),
    "bagging of pipelines, drawn columns": lambda: _three(
        ensemble.BaggingClassifier(
            make_pipeline(preprocessing.StandardScaler(), logistic()), 4, max_features=2, random_state=0
        )
    ),
    "chain of boosters": lambda: _several(
        multioutput.RegressorChain(ensemble.HistGradientBoostingRegressor(max_iter=4))
    ),
    "target scaled back": lambda: _three(
        compose.TransformedTargetRegressor(linear_model.Ridge(), transformer=preprocessing.StandardScaler())
    ),
    "huge scale, tree": lambda: _three(tree.DecisionTreeClassifier(), lambda X: X * 1e30),
    "tiny scale, logistic": lambda: _three(
        make_pipeline(preprocessing.StandardScaler(), logistic()), lambda X: X * 1e-30
    ),
    "fortran order": lambda: _three(logistic(), np.asfortranarray),
    "read only rows": lambda: _three(ensemble.HistGradientBoostingClassifier(max_iter=4), _frozen),
    "half floats": lambda: _three(tree.DecisionTreeClassifier(), lambda X: X.astype(np.float16)),
    "integers as objects": lambda: _three(logistic(), lambda X: X.astype(int).astype(object)),
    "one tree of one leaf": lambda: _three(tree.DecisionTreeClassifier(min_samples_leaf=1000)),
    "linear with a zero": lambda: _three(linear_model.Lasso(alpha=1e6)),
    "random answers": lambda: _three(Shaky()),
    "answers by batch": lambda: _three(Batchy()),
    "writes into its rows": lambda: _three(Greedy()),
    "neighbours of duplicates": lambda: _three(neighbors.KNeighborsClassifier(3), np.round),
    "isotonic of one column": lambda: _three(
        make_pipeline(preprocessing.KBinsDiscretizer(2, encode="ordinal", strategy="uniform"), logistic())
    ),
}


def _frozen(X: Any) -> Any:
    X = np.array(X)
    X.setflags(write=False)
    return X


def _several(model: Any) -> Fitted:
    table = tables.regression()
    return _numbers(model, table.X, np.column_stack([table.y, -table.X[:, 0]]), table.fresh)


class Shaky(linear_model.Ridge):  # type: ignore[misc]
    """A model whose answers are drawn anew."""

    def predict(self, X: Any) -> Any:
        """Return answers with noise."""
        return super().predict(X) + np.random.default_rng().normal(size=len(X))


class Batchy(linear_model.Ridge):  # type: ignore[misc]
    """A model whose answer for a row depends on the rows beside it."""

    def predict(self, X: Any) -> Any:
        """Return answers less their mean."""
        answers = super().predict(X)
        return answers - answers.mean()


class Greedy(linear_model.Ridge):  # type: ignore[misc]
    """A model that changes the rows it is given."""

    def predict(self, X: Any) -> Any:
        """Return answers, and leave nothing of the rows."""
        answers = super().predict(X)
        X[:] = 0.0
        return answers


FRAMES: dict[str, Callable[[], Fitted]] = {
    "mixed, forest of frames": lambda: _people(
        lambda: _mixed(ensemble.RandomForestClassifier(6, random_state=0))
    ),
    "columns in another order": lambda: _people(
        lambda: _mixed(logistic()), lambda X: X[list(reversed(X.columns))]
    ),
    "no names in front": lambda: _people(lambda: _mixed(logistic(), verbose_feature_names_out=False)),
    "pandas inside": lambda: _people(lambda: _mixed(logistic()).set_output(transform="pandas")),
    "polars inside": lambda: _people(lambda: _mixed(logistic()).set_output(transform="polars")),
    "remainder passes": lambda: _people(
        lambda: make_pipeline(
            make_columns((OneHot(handle_unknown="ignore"), ["city", "note"]), remainder="passthrough"),
            make_pipeline(impute.SimpleImputer(), preprocessing.MaxAbsScaler(), logistic()),
        ),
    ),
    "remainder scaled": lambda: _people(
        lambda: make_pipeline(
            make_columns(
                (OneHot(handle_unknown="ignore"), ["city", "note"]),
                remainder=make_pipeline(impute.SimpleImputer(), preprocessing.StandardScaler()),
            ),
            logistic(),
        )
    ),
    "chosen by type": lambda: _people(
        lambda: make_pipeline(
            make_columns(
                (
                    make_pipeline(impute.SimpleImputer(), preprocessing.StandardScaler()),
                    compose.make_column_selector(dtype_include=np.number),
                ),
                (
                    OneHot(handle_unknown="ignore"),
                    compose.make_column_selector(dtype_exclude=[np.number, "bool"]),
                ),
            ),
            logistic(),
        )
    ),
    "chosen by place and slice": lambda: _people(
        lambda: make_pipeline(
            make_columns((make_pipeline(impute.SimpleImputer(), preprocessing.StandardScaler()), [0, -1])),
            logistic(),
        ),
        _numeric,
    ),
    "one column twice": lambda: _people(
        lambda: make_pipeline(
            make_columns(
                (preprocessing.StandardScaler(), ["age"]),
                (preprocessing.KBinsDiscretizer(3, strategy="uniform"), ["age"]),
                ("passthrough", ["height"]),
            ),
            logistic(),
        ),
        _numeric,
    ),
    "integer names": lambda: _people(
        lambda: make_pipeline(preprocessing.StandardScaler(), logistic()),
        lambda X: _names(_numeric(X), [0, 1, 2]),
    ),
    "names that look alike": lambda: _people(
        lambda: make_pipeline(make_columns((preprocessing.StandardScaler(), ["a", "A", "a "])), logistic()),
        lambda X: _names(_numeric(X), ["a", "A", "a "]),
    ),
    "names of odd characters": lambda: _people(
        lambda: make_pipeline(
            make_columns((preprocessing.StandardScaler(), ["/t0", "v0", "Ω\n"])), logistic()
        ),
        lambda X: _names(_numeric(X), ["/t0", "v0", "Ω\n"]),
    ),
    "a name twice": lambda: _people(
        lambda: make_pipeline(preprocessing.StandardScaler(), logistic()),
        lambda X: _names(_numeric(X), ["a", "a", "b"]),
    ),
    "text labels of a frame": lambda: _people(
        lambda: _mixed(logistic()), y=lambda table: np.where(table.y == 1, "ja", "nein").astype(object)
    ),
    "categories of a frame": lambda: _people(
        lambda: _mixed(logistic()), lambda X: X.assign(city=X["city"].astype("category"))
    ),
    "infrequent and dropped": lambda: _people(
        lambda: make_pipeline(
            make_columns(
                (OneHot(drop="if_binary", max_categories=3, handle_unknown="infrequent_if_exist"), ["city"])
            ),
            logistic(),
        )
    ),
    "given categories": lambda: _people(
        lambda: make_pipeline(
            make_columns(
                (OneHot(categories=[["Ulm", "Köln", "Wien", "other"]], handle_unknown="ignore"), ["city"])
            ),
            logistic(),
        )
    ),
    "indicator only": lambda: _people(
        lambda: make_pipeline(
            make_columns((impute.MissingIndicator(features="all"), ["age", "income (€)"])), logistic()
        )
    ),
    "imputer keeps empty columns": lambda: _people(
        lambda: make_pipeline(
            make_columns((impute.SimpleImputer(keep_empty_features=True), ["age", "empty"])), logistic()
        ),
        lambda X: X.assign(empty=np.nan),
    ),
    "search over a frame": lambda: _people(
        lambda: model_selection.GridSearchCV(_mixed(svm.SVC()), {"svc__C": [0.5, 1.0]}, scoring="f1", cv=3)
    ),
    "voting of mixed pipelines": lambda: _people(
        lambda: ensemble.VotingClassifier(
            [("a", _mixed(logistic())), ("b", _mixed(ensemble.RandomForestClassifier(5, random_state=0)))],
            voting="soft",
        )
    ),
    "stacking of mixed pipelines": lambda: _people(
        lambda: ensemble.StackingClassifier(
            [("a", _mixed(logistic())), ("b", _mixed(naive_bayes.GaussianNB()))], logistic(), cv=3
        )
    ),
    "target of a frame": lambda: _people(
        lambda: compose.TransformedTargetRegressor(
            _mixed(linear_model.Ridge()), func=np.log1p, inverse_func=np.expm1
        ),
        y=lambda table: np.abs(np.nan_to_num(table.X["age"].to_numpy(dtype=float))),
    ),
}


def cases() -> Iterator[Case]:
    """Yield them all."""
    for name, make in {**ARRAYS, **FRAMES}.items():
        yield Case(group="suspicious", name=name, make=make)
