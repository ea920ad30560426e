"""Emitters for tables of numbers, each held to scikit-learn on shipped data sets."""

# ruff: noqa: ANN401 - a fitted model has no type of its own
from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn import datasets
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import (
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.feature_selection import RFE, SelectFromModel, SelectKBest, VarianceThreshold
from sklearn.frozen import FrozenEstimator
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.linear_model import (
    ElasticNetCV,
    GammaRegressor,
    HuberRegressor,
    Lasso,
    LinearRegression,
    LogisticRegression,
    LogisticRegressionCV,
    MultiTaskLasso,
    Perceptron,
    PoissonRegressor,
    Ridge,
    RidgeClassifier,
    SGDClassifier,
    SGDRegressor,
    TweedieRegressor,
)
from sklearn.model_selection import FixedThresholdClassifier, GridSearchCV, TunedThresholdClassifierCV
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import (
    Binarizer,
    FunctionTransformer,
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    RobustScaler,
    StandardScaler,
)
from sklearn.svm import LinearSVC, LinearSVR
from sklearn.tree import DecisionTreeClassifier

DATA = {
    "cancer": datasets.load_breast_cancer,
    "diabetes": datasets.load_diabetes,
    "wine": datasets.load_wine,
    "iris": datasets.load_iris,
}


def table(name: str) -> tuple[Any, Any]:
    X, y = DATA[name.removesuffix("+nan")](return_X_y=True)
    if name.endswith("+nan"):
        X = X.copy()
        X[::7, 0] = X[1::5, 2] = np.nan
    return X, y


CASES: dict[str, tuple[Any, str]] = {
    "standard": (StandardScaler(), "wine+nan"),
    "standard, no mean": (StandardScaler(with_mean=False), "wine"),
    "minmax": (MinMaxScaler((-1, 2)), "wine+nan"),
    "minmax clipped": (MinMaxScaler(clip=True), "wine+nan"),
    "maxabs": (MaxAbsScaler(), "wine+nan"),
    "robust": (RobustScaler(quantile_range=(10, 90)), "wine+nan"),
    "l1": (Normalizer(norm="l1"), "wine"),
    "l2": (Normalizer(), "wine"),
    "max": (Normalizer(norm="max"), "wine"),
    "binarizer": (Binarizer(threshold=2.5), "wine"),
    "polynomial": (PolynomialFeatures(3), "iris"),
    "interactions": (PolynomialFeatures((2, 3), interaction_only=True, include_bias=False), "iris"),
    "pca": (PCA(5), "wine"),
    "pca whitened": (PCA(3, whiten=True), "wine"),
    "svd": (TruncatedSVD(3, random_state=0), "wine"),
    "k best": (SelectKBest(k=4), "wine"),
    "variance": (VarianceThreshold(0.5), "wine"),
    "from model": (SelectFromModel(Lasso(0.01)), "wine"),
    "rfe": (RFE(LogisticRegression(max_iter=2000), n_features_to_select=3), "iris"),
    "impute mean": (SimpleImputer(), "wine+nan"),
    "impute median, indicator": (SimpleImputer(strategy="median", add_indicator=True), "wine+nan"),
    "impute constant": (SimpleImputer(strategy="constant", fill_value=-3.5), "wine+nan"),
    "impute mode": (SimpleImputer(strategy="most_frequent"), "wine+nan"),
    "indicator": (MissingIndicator(), "wine+nan"),
    "indicator, all": (MissingIndicator(features="all"), "wine+nan"),
    "log1p": (FunctionTransformer(np.log1p), "wine"),
    "identity": (FunctionTransformer(), "wine"),
    "bins": (KBinsDiscretizer(4, encode="ordinal"), "wine"),
    "bins, one-hot": (KBinsDiscretizer(3, strategy="uniform"), "wine"),
    "discriminant, two": (LinearDiscriminantAnalysis(), "cancer"),
    "discriminant, three": (LinearDiscriminantAnalysis(), "wine"),
    "union": (FeatureUnion([("s", StandardScaler()), ("p", PCA(2))], transformer_weights={"p": 3.0}), "wine"),
    "columns": (
        ColumnTransformer(
            [("a", StandardScaler(), slice(0, 3)), ("b", "drop", [4])], remainder="passthrough"
        ),
        "wine",
    ),
    "one-hot numbers": (OneHotEncoder(handle_unknown="ignore"), "iris+nan"),
    "ordinal numbers": (OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-7), "iris+nan"),
    "linear": (LinearRegression(), "diabetes"),
    "ridge": (Ridge(), "diabetes"),
    "elastic net": (ElasticNetCV(), "diabetes"),
    "huber": (make_pipeline(StandardScaler(), HuberRegressor()), "diabetes"),
    "sgd regressor": (make_pipeline(StandardScaler(), SGDRegressor(random_state=0)), "diabetes"),
    "linear svr": (LinearSVR(random_state=0, max_iter=5000), "diabetes"),
    "poisson": (PoissonRegressor(), "diabetes"),
    "gamma": (GammaRegressor(), "diabetes"),
    "tweedie identity": (TweedieRegressor(power=0), "diabetes"),
    "logistic, two": (make_pipeline(StandardScaler(), LogisticRegression()), "cancer"),
    "logistic, three": (make_pipeline(StandardScaler(), LogisticRegression()), "wine"),
    "logistic cv": (make_pipeline(MinMaxScaler(), LogisticRegressionCV(cv=2, max_iter=500)), "iris"),
    "ridge classifier": (RidgeClassifier(), "cancer"),
    "linear svc": (make_pipeline(StandardScaler(), LinearSVC(random_state=0)), "wine"),
    "sgd log": (make_pipeline(StandardScaler(), SGDClassifier(loss="log_loss", random_state=0)), "wine"),
    "sgd huber": (
        make_pipeline(StandardScaler(), SGDClassifier(loss="modified_huber", random_state=0)),
        "wine",
    ),
    "sgd huber, two": (
        make_pipeline(StandardScaler(), SGDClassifier(loss="modified_huber", random_state=0)),
        "cancer",
    ),
    "perceptron": (make_pipeline(StandardScaler(), Perceptron(random_state=0)), "wine"),
    "grid": (
        GridSearchCV(make_pipeline(StandardScaler(), Ridge()), {"ridge__alpha": [0.1, 10.0]}, cv=2),
        "diabetes",
    ),
    "log target": (
        TransformedTargetRegressor(LinearRegression(), func=np.log1p, inverse_func=np.expm1),
        "diabetes",
    ),
    "fixed threshold": (FixedThresholdClassifier(LogisticRegression(max_iter=5000), threshold=0.8), "cancer"),
    "tuned threshold": (
        TunedThresholdClassifierCV(make_pipeline(StandardScaler(), LogisticRegression()), cv=2),
        "cancer",
    ),
    "dummy prior": (DummyClassifier(), "wine"),
    "dummy mean": (DummyRegressor(), "diabetes"),
    "voting soft": (
        VotingClassifier(
            [
                ("l", make_pipeline(StandardScaler(), LogisticRegression())),
                ("t", DecisionTreeClassifier(max_depth=3)),
            ],
            voting="soft",
            weights=[2, 1],
        ),
        "wine",
    ),
    "voting hard": (
        VotingClassifier(
            [("l", RidgeClassifier()), ("t", DecisionTreeClassifier(max_depth=2, random_state=0))]
        ),
        "wine",
    ),
    "voting numbers": (VotingRegressor([("a", Ridge()), ("b", LinearRegression())]), "diabetes"),
    "stack": (
        StackingClassifier([("r", RidgeClassifier()), ("t", DecisionTreeClassifier(max_depth=2))], cv=2),
        "wine",
    ),
    "stack numbers": (
        StackingRegressor([("r", Ridge()), ("l", Lasso())], passthrough=True, cv=2),
        "diabetes",
    ),
    "calibrated": (CalibratedClassifierCV(make_pipeline(StandardScaler(), LinearSVC()), cv=2), "wine"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_model_of_numbers_answers_as_the_original(case: str, agree: Callable[..., Any]) -> None:
    model, name = CASES[case]
    X, y = table(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X, y)
    fresh = X[:40] * 1.37 - 0.11 if case != "log1p" else X[:40] * 0.5
    agree(model, X, fresh, X[:1], tolerance=1e-11)


def test_several_targets_keep_their_shape(agree: Callable[..., Any]) -> None:
    X, y = table("diabetes")
    agree(MultiTaskLasso().fit(X, np.c_[y, -y]), X)


def test_a_column_of_targets_keeps_its_shape(agree: Callable[..., Any]) -> None:
    X, y = table("diabetes")
    agree(LinearRegression().fit(X, y.reshape(-1, 1)), X)


@pytest.mark.parametrize(
    "labels", [np.array(["no", "ÿes"]), np.array([False, True]), np.array([-1, 2**53 + 1])]
)
def test_labels_of_any_type_come_out_as_class_indices(labels: Any, agree: Callable[..., Any]) -> None:
    X, y = table("cancer")
    agree(make_pipeline(StandardScaler(), LogisticRegression()).fit(X, labels[y]), X)


def test_a_frozen_model_answers_as_the_one_inside(agree: Callable[..., Any]) -> None:
    X, y = table("diabetes")
    agree(FrozenEstimator(Ridge().fit(X, y)), X)


@pytest.mark.parametrize("scaler", [StandardScaler(), MinMaxScaler(), MaxAbsScaler(), RobustScaler()])
def test_a_float32_scaler_rounds_as_numpy_does(scaler: Any, agree: Callable[..., Any]) -> None:
    X, _ = table("wine")
    single = X.astype(np.float32)
    agree(scaler.fit(single), single, single * 3, tolerance=0)


def test_probabilities_keep_their_digits_far_out(agree: Callable[..., Any]) -> None:
    X, y = table("cancer")
    model = LogisticRegression(max_iter=5000).fit(X, y)
    agree(model, X, X[:20] * 10, tolerance=1e-9)
