"""Neighbours: the very points that the original's trees and heaps find, ties and all."""

# ruff: noqa: ANN401 - a fitted model has no type of its own
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
from sklearn import datasets
from sklearn.impute import KNNImputer
from sklearn.neighbors import (
    KNeighborsClassifier,
    KNeighborsRegressor,
    KNeighborsTransformer,
    LocalOutlierFactor,
    NearestCentroid,
    RadiusNeighborsClassifier,
    RadiusNeighborsRegressor,
    RadiusNeighborsTransformer,
)
from sklearn.semi_supervised import LabelPropagation

from mlpack.format.names import REFUSED


def grid(rows: int = 150, columns: int = 4, values: int = 3, seed: int = 0) -> tuple[Any, Any, Any]:
    """Rows of a coarse grid, where nearly every distance is a tie; labels at random, so that ties matter."""
    rng = np.random.default_rng(seed)
    whole = rng.integers(0, values, (2 * rows, columns)).astype(float)
    return whole[:rows], rng.integers(0, 3, rows), whole[rows:]


@pytest.mark.parametrize("count", [1, 2, 5, 8])
@pytest.mark.parametrize("algorithm", ["kd_tree", "ball_tree", "brute"])
def test_ties_are_decided_as_the_original_decides_them(
    algorithm: Any, count: int, agree: Callable[..., Any]
) -> None:
    X, y, fresh = grid()
    model = KNeighborsClassifier(count, algorithm=algorithm, leaf_size=7).fit(X, y)
    agree(model, X, fresh, fresh[:1], tolerance=0)


@pytest.mark.parametrize(
    "metric", ["manhattan", "chebyshev", "minkowski", "canberra", "hamming", "braycurtis"]
)
def test_every_metric_gives_the_same_neighbours(metric: str, agree: Callable[..., Any]) -> None:
    X, y, fresh = grid(values=9)
    options = {"p": 3} if metric == "minkowski" else {}
    agree(KNeighborsClassifier(4, metric=metric, **options).fit(X + 1, y), X + 1, fresh + 1, tolerance=0)


def test_a_tree_with_ties_in_every_node_is_walked_as_the_original_walks_it(agree: Callable[..., Any]) -> None:
    X, y, fresh = grid(rows=900, values=4, seed=3)
    agree(KNeighborsClassifier(6, leaf_size=2).fit(X, y), X[:300], fresh[:300], tolerance=0)


@pytest.mark.parametrize("size", [1e10, -1e10, 1e39, 1e300, 1.7e308])
def test_numbers_that_swallow_every_difference_fall_to_the_same_rows(
    size: float, agree: Callable[..., Any]
) -> None:
    X, y = datasets.load_diabetes(return_X_y=True)
    far = X[:40].copy()
    far[np.arange(40), np.arange(40) % 10] = size
    agree(KNeighborsRegressor().fit(X, y), X[:50], far, tolerance=1e-12)


def test_weights_by_distance_count_a_row_itself_alone(agree: Callable[..., Any]) -> None:
    X, y = datasets.load_wine(return_X_y=True)
    agree(KNeighborsClassifier(weights="distance").fit(X, y), X, X[:30] * 1.01)


def test_several_targets_are_averaged_each(agree: Callable[..., Any]) -> None:
    X, y = datasets.load_diabetes(return_X_y=True)
    agree(KNeighborsRegressor(weights="distance").fit(X, np.c_[y, -y]), X[:80], X[:80] * 1.1)


def test_several_labels_are_voted_for_each(agree: Callable[..., Any]) -> None:
    X, y, fresh = grid()
    agree(KNeighborsClassifier().fit(X, np.c_[y, y == 1]), X, fresh, methods=["predict"])


@pytest.mark.parametrize("mode", ["distance", "connectivity"])
def test_the_graph_of_neighbours_is_the_original_s(mode: Any, agree: Callable[..., Any]) -> None:
    X, _, fresh = grid(rows=60)
    agree(KNeighborsTransformer(mode=mode, n_neighbors=3).fit(X), X, fresh)
    agree(RadiusNeighborsTransformer(mode=mode, radius=1.5).fit(X), X, fresh)


@pytest.mark.parametrize("weights", ["uniform", "distance"])
def test_all_rows_within_a_radius_vote(weights: Any, agree: Callable[..., Any]) -> None:
    X, y = datasets.load_wine(return_X_y=True)
    model = RadiusNeighborsClassifier(60.0, weights=weights, outlier_label=1).fit(X, y)
    agree(model, X, X[:30] * 1.02, X[:5] * 100)
    agree(RadiusNeighborsRegressor(60.0, weights=weights).fit(X, y * 1.5), X, X[:5] * 100)


def test_a_row_without_neighbours_is_refused_where_the_original_refuses_it(
    exported: Callable[..., Any],
) -> None:
    X, y, _ = grid()
    model = RadiusNeighborsClassifier(1.0).fit(X, y)
    _, candidate = exported(model, X)
    session = ort.InferenceSession(candidate.model, providers=["CPUExecutionProvider"])
    rows = np.array([X[0], X[0] + 50])
    assert session.run([REFUSED], {"X": rows})[0].tolist() == [False, True]
    with pytest.raises(ValueError, match="No neighbors"):
        model.predict(rows)


def test_novelty_is_measured_against_the_same_neighbours(agree: Callable[..., Any]) -> None:
    X, _ = datasets.load_iris(return_X_y=True)
    agree(LocalOutlierFactor(7, novelty=True).fit(X), X, X[:40] * 1.3)


@pytest.mark.parametrize(
    "options", [{}, {"shrink_threshold": 0.4}, {"metric": "manhattan"}, {"priors": "empirical"}]
)
def test_the_nearest_centroid_answers(options: dict[str, Any], agree: Callable[..., Any]) -> None:
    X, y = datasets.load_wine(return_X_y=True)
    agree(NearestCentroid(**options).fit(X, y), X, X[:30] * 1.2, methods=["predict"])


def test_labels_spread_from_the_nearest_rows(agree: Callable[..., Any]) -> None:
    X, y = datasets.load_iris(return_X_y=True)
    agree(
        LabelPropagation(kernel="knn", n_neighbors=5).fit(X, np.where(np.arange(150) % 3, -1, y)), X, X * 1.1
    )


@pytest.mark.parametrize(
    "options", [{}, {"weights": "distance"}, {"add_indicator": True}, {"n_neighbors": 2}]
)
def test_missing_values_come_from_the_nearest_rows(
    options: dict[str, Any], agree: Callable[..., Any]
) -> None:
    rng = np.random.default_rng(1)
    X = rng.normal(size=(120, 5))
    X[rng.random(X.shape) < 0.2] = np.nan
    fresh = rng.normal(size=(40, 5))
    fresh[rng.random(fresh.shape) < 0.4] = np.nan
    fresh[0] = np.nan
    # The original's distances come out of a matrix product, whose rounding weights by distance magnify.
    agree(KNNImputer(**options).fit(X), X, fresh, tolerance=1e-9)
