"""Tree families: bit for bit, on, beside and far from every threshold."""

# ruff: noqa: ANN401 - a fitted model has no type of its own
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn import datasets
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.tree import (
    DecisionTreeClassifier,
    DecisionTreeRegressor,
    ExtraTreeClassifier,
    ExtraTreeRegressor,
)

FORESTS = {
    "tree": (DecisionTreeClassifier(random_state=0), "wine"),
    "tree numbers": (DecisionTreeRegressor(random_state=0), "diabetes"),
    "extra tree": (ExtraTreeClassifier(random_state=0), "wine"),
    "extra tree numbers": (ExtraTreeRegressor(random_state=0), "diabetes"),
    "forest, two": (RandomForestClassifier(25, max_depth=4, random_state=0), "breast_cancer"),
    "forest, ten": (RandomForestClassifier(21, max_depth=5, random_state=0), "digits"),
    "forest numbers": (RandomForestRegressor(12, random_state=0), "diabetes"),
    "extra trees": (ExtraTreesClassifier(12, max_depth=4, random_state=0), "wine"),
    "extra trees numbers": (ExtraTreesRegressor(12, max_depth=6, random_state=0), "diabetes"),
}
BOOSTERS = {
    "boost, two": (GradientBoostingClassifier(n_estimators=20, random_state=0), "breast_cancer"),
    "boost, three": (GradientBoostingClassifier(n_estimators=8, random_state=0), "wine"),
    "boost, exponential": (
        GradientBoostingClassifier(n_estimators=9, loss="exponential", random_state=0),
        "breast_cancer",
    ),
    "boost, zero start": (GradientBoostingClassifier(n_estimators=6, init="zero", random_state=0), "wine"),
    "boost numbers": (GradientBoostingRegressor(n_estimators=20, random_state=0), "diabetes"),
    "boost huber": (GradientBoostingRegressor(n_estimators=9, loss="huber", random_state=0), "diabetes"),
    "boost quantile": (
        GradientBoostingRegressor(n_estimators=9, loss="quantile", alpha=0.8, random_state=0),
        "diabetes",
    ),
    "boost on a tree": (
        GradientBoostingRegressor(n_estimators=9, init=DecisionTreeRegressor(max_depth=2)),
        "diabetes",
    ),
    "boost on a label tree": (
        GradientBoostingClassifier(n_estimators=9, init=DecisionTreeClassifier(max_depth=2)),
        "breast_cancer",
    ),
    "hist, two": (HistGradientBoostingClassifier(max_iter=12, random_state=0), "breast_cancer"),
    "hist, three": (HistGradientBoostingClassifier(max_iter=5, random_state=0), "wine"),
    "hist numbers": (HistGradientBoostingRegressor(max_iter=12, random_state=0), "diabetes"),
    "hist poisson": (HistGradientBoostingRegressor(max_iter=9, loss="poisson", random_state=0), "diabetes"),
    "hist gamma": (HistGradientBoostingRegressor(max_iter=9, loss="gamma", random_state=0), "diabetes"),
    "hist absolute": (HistGradientBoostingRegressor(max_iter=9, loss="absolute_error"), "diabetes"),
    "hist quantile": (HistGradientBoostingRegressor(max_iter=9, loss="quantile", quantile=0.3), "diabetes"),
}


def load(name: str) -> tuple[Any, Any]:
    X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    return X, y


def splits(model: Any) -> list[tuple[int, float]]:
    """Every (feature, threshold) of a fitted tree model."""
    if hasattr(model, "_predictors"):
        nodes = np.concatenate([tree.nodes for stage in model._predictors for tree in stage])
        nodes = nodes[nodes["is_leaf"] == 0]
        return list(zip(nodes["feature_idx"].tolist(), nodes["num_threshold"].tolist(), strict=True))
    trees = np.ravel(model.estimators_) if hasattr(model, "estimators_") else [model]
    return [
        (int(feature), float(split))
        for tree in trees
        for feature, split in zip(tree.tree_.feature, tree.tree_.threshold, strict=True)
        if feature >= 0 and np.isfinite(split)  # a split on missing values alone is infinite
    ]


def beside(model: Any, X: Any) -> Any:
    """Rows with a value on a threshold, and one step of float32 and float64 beside it."""
    rows = []
    for index, (feature, split) in enumerate(splits(model)[:150]):
        single = np.float32(split)
        for value in (
            split,
            np.nextafter(split, -np.inf),
            np.nextafter(split, np.inf),
            float(single),
            float(np.nextafter(single, np.float32(-np.inf))),
            float(np.nextafter(single, np.float32(np.inf))),
        ):
            row = X[index % len(X)].copy()
            row[feature] = value
            rows.append(row)
    return np.array(rows) if rows else X


def exact(model: Any) -> list[str]:
    """The methods that are sums and comparisons only."""
    return [name for name in ("predict", "predict_proba") if hasattr(model, name)]


def with_holes(X: Any) -> Any:
    X = X.copy()
    X[::3, 0] = X[1::4, 1] = X[::5, -1] = np.nan
    return X


@pytest.mark.parametrize("case", FORESTS)
def test_a_forest_is_exact_on_and_beside_every_threshold(case: str, agree: Callable[..., Any]) -> None:
    model, name = FORESTS[case]
    X, y = load(name)
    model.fit(X, y)
    agree(model, X, beside(model, X), np.sign(X) * 3e38, X[:1], methods=exact(model), tolerance=0)


@pytest.mark.parametrize("case", FORESTS)
def test_a_forest_routes_missing_values_as_it_learned(case: str, agree: Callable[..., Any]) -> None:
    model, name = FORESTS[case]
    X, y = load(name)
    model.fit(with_holes(X), y)
    agree(model, with_holes(X), with_holes(X[::-1]), beside(model, X), methods=exact(model), tolerance=0)


def test_a_forest_fitted_without_missing_values_meets_one(agree: Callable[..., Any]) -> None:
    X, y = load("wine")
    agree(RandomForestClassifier(9, random_state=0).fit(X, y), X, with_holes(X), tolerance=1e-15)


@pytest.mark.parametrize("case", BOOSTERS)
def test_a_booster_is_exact_before_its_link(case: str, agree: Callable[..., Any]) -> None:
    model, name = BOOSTERS[case]
    X, y = load(name)
    model.fit(X, y)
    if hasattr(model, "decision_function") and case != "boost on a label tree":
        agree(model, X, beside(model, X), methods=["decision_function", "predict"], tolerance=0)
    sums = case in ("boost numbers", "boost huber", "boost quantile", "hist numbers", "hist absolute")
    agree(model, X, beside(model, X), X * 1e30, tolerance=0 if sums else 1e-11)


@pytest.mark.parametrize("case", ["hist, two", "hist, three", "hist numbers"])
def test_histogram_boosting_routes_missing_values(case: str, agree: Callable[..., Any]) -> None:
    model, name = BOOSTERS[case]
    X, y = load(name)
    model.fit(with_holes(X), y)
    agree(model, with_holes(X), X, np.full_like(X[:3], np.nan), tolerance=1e-12)


def test_float32_data_reach_the_trees_unchanged(agree: Callable[..., Any]) -> None:
    X, y = load("wine")
    single = X.astype(np.float32)
    agree(RandomForestClassifier(9, random_state=0).fit(single, y), single, tolerance=1e-15)


def test_several_targets_share_the_trees(agree: Callable[..., Any]) -> None:
    X, y = load("diabetes")
    agree(RandomForestRegressor(9, random_state=0).fit(X, np.c_[y, y**2]), X, tolerance=0)


def test_a_tree_of_one_leaf_answers(agree: Callable[..., Any]) -> None:
    X, y = load("wine")
    agree(DecisionTreeClassifier(max_depth=1, min_samples_leaf=170).fit(X, y), X, tolerance=1e-15)


@pytest.mark.parametrize("features", [1.0, 0.5])
def test_an_isolation_forest_answers(features: float, agree: Callable[..., Any]) -> None:
    X, _ = load("wine")
    model = IsolationForest(n_estimators=30, max_features=features, random_state=0).fit(X)
    agree(model, X, with_holes(X), X * 9)
