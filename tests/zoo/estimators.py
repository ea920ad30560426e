"""Every estimator that scikit-learn has, fitted sensibly on data that it takes."""

# ruff: noqa: ANN401 - a fitted model has no type of its own
from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import is_classifier
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils import all_estimators
from tests.zoo import tables
from tests.zoo.case import Case, Fitted, fit

__all__ = ["cases"]

LOGISTIC = LogisticRegression(max_iter=2000)

ARGUMENTS: dict[str, Callable[[], dict[str, Any]]] = {
    "ClassifierChain": lambda: {"estimator": LOGISTIC},
    "ColumnTransformer": lambda: {
        "transformers": [("a", StandardScaler(), [0, 1]), ("b", "passthrough", [2])]
    },
    "FeatureUnion": lambda: {"transformer_list": [("a", StandardScaler()), ("b", FunctionTransformer())]},
    "FixedThresholdClassifier": lambda: {"estimator": LOGISTIC, "threshold": 0.3},
    "FrozenEstimator": lambda: {"estimator": Ridge().fit(*_xy("regression"))},
    "GridSearchCV": lambda: {"estimator": LOGISTIC, "param_grid": {"C": [0.1, 1]}},
    "HalvingGridSearchCV": lambda: {"estimator": Ridge(), "param_grid": {"alpha": [0.1, 1]}},
    "HalvingRandomSearchCV": lambda: {"estimator": Ridge(), "param_distributions": {"alpha": [0.1, 1]}},
    "GaussianRandomProjection": lambda: {"n_components": 3},
    "KNNImputer": lambda: {"n_neighbors": 4},
    "LocalOutlierFactor": lambda: {"novelty": True},
    "MissingIndicator": lambda: {"features": "all"},
    "PLSSVD": lambda: {"n_components": 1},
    "SparseRandomProjection": lambda: {"n_components": 3},
    "MultiOutputClassifier": lambda: {"estimator": LOGISTIC},
    "MultiOutputRegressor": lambda: {"estimator": Ridge()},
    "OneVsOneClassifier": lambda: {"estimator": LOGISTIC},
    "OneVsRestClassifier": lambda: {"estimator": LOGISTIC},
    "OutputCodeClassifier": lambda: {"estimator": LOGISTIC, "random_state": 0},
    "Pipeline": lambda: {"steps": [("a", StandardScaler()), ("b", LOGISTIC)]},
    "RFE": lambda: {"estimator": LOGISTIC},
    "RFECV": lambda: {"estimator": LOGISTIC},
    "RandomizedSearchCV": lambda: {
        "estimator": Ridge(),
        "param_distributions": {"alpha": [0.1, 1]},
        "n_iter": 2,
    },
    "RegressorChain": lambda: {"estimator": Ridge()},
    "SelectFromModel": lambda: {"estimator": LOGISTIC},
    "SelfTrainingClassifier": lambda: {"estimator": LOGISTIC},
    "SequentialFeatureSelector": lambda: {"estimator": LOGISTIC, "n_features_to_select": 2},
    "SparseCoder": lambda: {"dictionary": np.eye(4)},
    "StackingClassifier": lambda: {
        "estimators": [("a", LOGISTIC), ("b", DecisionTreeClassifier(random_state=0))]
    },
    "StackingRegressor": lambda: {"estimators": [("a", Ridge()), ("b", Ridge(alpha=9))]},
    "TransformedTargetRegressor": lambda: {"regressor": Ridge(), "func": np.log1p, "inverse_func": np.expm1},
    "TunedThresholdClassifierCV": lambda: {"estimator": LOGISTIC},
    "VotingClassifier": lambda: {
        "estimators": [("a", LOGISTIC), ("b", DecisionTreeClassifier(random_state=0))],
        "voting": "soft",
    },
    "VotingRegressor": lambda: {"estimators": [("a", Ridge()), ("b", Ridge(alpha=9))]},
}

SMALL: dict[str, Any] = {"n_estimators": 12, "max_iter": 60}
"""Smaller than the defaults, where the defaults are large for a zoo."""

QUICK = {
    "LogisticRegression",
    "Ridge",
    "RandomForestClassifier",
    "HistGradientBoostingRegressor",
    "StandardScaler",
    "GradientBoostingClassifier",
    "DecisionTreeRegressor",
    "PCA",
    "IsolationForest",
    "VotingClassifier",
    "KBinsDiscretizer",
    "PolynomialFeatures",
    "GaussianNB",
    "SVC",
    "MLPClassifier",
    "KMeans",
    "KNeighborsClassifier",
    "QuantileTransformer",
    "BaggingClassifier",
    "OneVsRestClassifier",
    "PowerTransformer",
    "AdaBoostClassifier",
}

BINARY = {"FixedThresholdClassifier", "TunedThresholdClassifierCV", "SelfTrainingClassifier"}
SEVERAL_LABELS = {"ClassifierChain", "MultiOutputClassifier"}
SEVERAL_NUMBERS = {"MultiOutputRegressor", "RegressorChain", "CCA", "PLSCanonical", "PLSRegression"}
TEXTS = {"CountVectorizer", "TfidfVectorizer", "HashingVectorizer"}


def cases() -> Iterator[Case]:
    """Yield one case per class."""
    for name, kind in all_estimators():
        yield Case(group="estimators", name=name, make=partial(_make, name, kind), quick=name in QUICK)


def _xy(what: str) -> tuple[Any, Any]:
    table = getattr(tables, what)()
    return table.X, table.y


def _make(name: str, kind: type) -> Fitted:
    model: Any = kind(**ARGUMENTS.get(name, dict)())
    known = model.get_params()
    model.set_params(**{key: value for key, value in SMALL.items() if key in known and key != "max_iter"})
    if "random_state" in known and known["random_state"] is None:
        model.set_params(random_state=0)
    if name in TEXTS:
        texts = np.array(["a cat", "the dog", "cat and dog"] * 20, dtype=object)
        frame = pd.DataFrame({"text": texts})
        columns = make_column_transformer((model, "text")).fit(frame)
        return Fitted(model=columns, example=frame, fresh=frame[::-1].reset_index(drop=True))
    return fit(model, *_data(name, model))


def _data(name: str, model: Any) -> tuple[tables.Table, Any]:  # noqa: C901, PLR0911 - one return per kind
    table = tables.regression()
    if name in SEVERAL_LABELS:
        table = tables.three()
        return table, np.column_stack([table.y == 1, table.X[:, 0] > 5.8]).astype(int)
    if name in SEVERAL_NUMBERS or name.startswith("MultiTask"):
        return table, np.column_stack([table.y, table.X[:, 0] * 100 - table.y])
    if name in BINARY:
        return tables.binary(), None
    positive, supervised = _tags(model)
    if name in ("OneHotEncoder", "OrdinalEncoder", "TargetEncoder"):
        texts = np.array(["a", "b", "ü"], dtype=object)
        whole = tables.Table(
            X=texts[tables.three().y].reshape(-1, 1), y=tables.three().y, fresh=texts.reshape(-1, 1)
        )
        return whole, None
    if name in ("KNNImputer", "IterativeImputer", "SimpleImputer", "MissingIndicator"):
        return tables.numbers(holes=0.1), None
    if name == "CategoricalNB":
        codes = tables.Table(
            X=np.floor(tables.three().X), y=tables.three().y, fresh=np.floor(tables.three().X[:9])
        )
        return codes, None
    if name == "IsotonicRegression":
        return tables.Table(X=table.X[:, :1], y=table.y, fresh=table.fresh[:, :1]), None
    classifies = is_classifier(model) or positive or not supervised
    if name in ("LabelBinarizer", "LabelEncoder", "MultiLabelBinarizer"):
        return tables.three(), None
    if name.startswith(("Select", "RF", "Sequential", "Generic")) or classifies:
        return tables.three(), None
    if name.endswith("Regressor") or getattr(model, "_estimator_type", "") == "regressor":
        return tables.Table(X=table.X, y=np.abs(table.y), fresh=table.fresh), None
    return table, None


def _tags(model: Any) -> tuple[bool, bool]:
    """Return whether a model wants positive numbers, and whether it wants targets."""
    if hasattr(model, "__sklearn_tags__"):
        tags = model.__sklearn_tags__()
        return tags.input_tags.positive_only, tags.target_tags.required
    tags = model._get_tags()  # before scikit-learn 1.6
    return tags["requires_positive_X"], tags["requires_y"]
