"""CatBoost: the emitter against the library, raw scores bit for bit, on edges too."""

# ruff: noqa: ANN401 - a fitted model has no type of its own
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from catboost import CatBoostClassifier, CatBoostRanker, CatBoostRegressor
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine

from mlpack.packing.export.ladder import Refusal

Agree = Callable[..., Any]
FAST: dict[str, Any] = {
    "iterations": 25, "depth": 5, "thread_count": 1, "random_seed": 0, "verbose": 0,
    "allow_writing_files": False,
}  # fmt: skip
BINARY, WINE, NUMBERS = (load(return_X_y=True) for load in (load_breast_cancer, load_wine, load_diabetes))
CLOSE = 1e-11


def edges(rows: np.ndarray, model: Any) -> np.ndarray:
    """Return rows with holes, infinities, numbers beyond float32, and values on and beside every border."""
    odd = rows[:24].copy()
    for row, cell in enumerate((np.nan, np.inf, -np.inf, 1e300, -1e300, 3.5e38, 0.0, -0.0, 1e-310)):
        odd[row, row % odd.shape[1]] = cell
        odd[row + 10] = cell
    on = [odd]
    for column, borders in model.get_borders().items():
        for border in np.asarray(borders, dtype=np.float32)[:5]:
            beside = rows[:3].copy()
            beside[:, column] = border, np.nextafter(border, np.float32(9e9)), float(border) * (1 + 1e-9)
            on.append(beside)
    return np.vstack([*on, -rows[:9], 1000 * rows[:9]])


@pytest.mark.parametrize("policy", ["SymmetricTree", "Depthwise", "Lossguide"])
def test_raw_scores_are_the_same_bits(policy: str, agree: Agree) -> None:
    rows, target = NUMBERS
    model = CatBoostRegressor(grow_policy=policy, **FAST).fit(rows, target)
    agree(model, rows, edges(rows, model), rows[:1], tolerance=0)


@pytest.mark.parametrize(
    "loss", ["MAE", "Quantile:alpha=0.9", "Huber:delta=1", "MultiQuantile:alpha=0.1,0.9"]
)
def test_losses_without_a_link_are_the_same_bits(loss: str, agree: Agree) -> None:
    rows, target = NUMBERS
    agree(CatBoostRegressor(loss_function=loss, **FAST).fit(rows, target), rows, tolerance=0)


@pytest.mark.parametrize("loss", ["Poisson", "Tweedie:variance_power=1.5", "RMSEWithUncertainty"])
def test_a_link_is_undone(loss: str, agree: Agree) -> None:
    rows, target = NUMBERS
    agree(CatBoostRegressor(loss_function=loss, **FAST).fit(rows, target), rows, tolerance=CLOSE)


def test_several_targets_are_the_same_bits(agree: Agree) -> None:
    rows, target = NUMBERS
    model = CatBoostRegressor(loss_function="MultiRMSE", **FAST).fit(rows, np.column_stack([target, -target]))
    agree(model, rows, edges(rows, model), tolerance=0)


LABELS: dict[str, Any] = {
    "integers": np.array([-1, 5, 2]),
    "texts": np.array(["no", "yes", "möglich"]),
    "objects": np.array(["no", "yes", "möglich"], dtype=object),
    "floats": np.array([0.5, 1.5, 2.5]),
}


@pytest.mark.parametrize("kind", LABELS)
@pytest.mark.parametrize("loss", ["MultiClass", "MultiClassOneVsAll"])
def test_labels_of_several_classes_come_as_a_column(kind: str, loss: str, agree: Agree) -> None:
    rows, target = WINE
    model = CatBoostClassifier(loss_function=loss, **FAST).fit(rows, LABELS[kind][target])
    assert model.predict(rows[:2]).shape == (2, 1)
    agree(model, rows, edges(rows, model), tolerance=CLOSE)


@pytest.mark.parametrize("flags", [False, True])
def test_two_classes(*, flags: bool, agree: Agree) -> None:
    rows, target = BINARY
    model = CatBoostClassifier(**FAST).fit(rows, target > 0 if flags else target)
    agree(model, rows, edges(rows, model), tolerance=CLOSE)


def test_a_threshold_of_ones_own_counts(agree: Agree) -> None:
    rows, target = BINARY
    model = CatBoostClassifier(**FAST).fit(rows, target)
    before = model.predict(rows).sum()
    model.set_probability_threshold(0.9)
    assert model.predict(rows).sum() != before
    agree(model, rows, tolerance=CLOSE)


@pytest.mark.parametrize("mode", ["Min", "Max"])
def test_missing_values_go_where_training_sent_them(mode: str, agree: Agree) -> None:
    rows, target = NUMBERS
    holes = np.where(np.random.default_rng(0).random(rows.shape) < 0.2, np.nan, rows)
    model = CatBoostRegressor(nan_mode=mode, **FAST).fit(holes, target)
    agree(model, holes, edges(rows, model), tolerance=0)


def test_scale_and_bias_come_last(agree: Agree) -> None:
    rows, target = NUMBERS
    model = CatBoostRegressor(**FAST).fit(rows, target)
    model.set_scale_and_bias(0.3, [1.7])
    agree(model, rows, tolerance=0)


def test_a_ranker_gives_scores(agree: Agree) -> None:
    rows, target = NUMBERS
    model = CatBoostRanker(**FAST).fit(rows, target > 100, group_id=np.arange(len(rows)) // 20)
    agree(model, rows, tolerance=0)


def test_category_columns_are_refused_with_the_reason(exported: Callable[..., Any]) -> None:
    frame = pd.DataFrame({"age": np.arange(60.0), "city": ["Oslo", "Rome", "Lima"] * 20})
    model = CatBoostRegressor(cat_features=["city"], **FAST).fit(frame, frame["age"])
    _, found = exported(model, frame, methods=["predict"])
    assert isinstance(found, Refusal)
    assert "category" in found.reason


def test_trees_too_deep_to_write_out_are_refused(
    exported: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, target = NUMBERS
    model = CatBoostRegressor(**FAST).fit(rows, target)
    monkeypatch.setattr("mlpack.packing.export.emitters.catboost.MAX_NODES", 100)
    _, found = exported(model, rows, methods=["predict"])
    assert isinstance(found, Refusal)
    assert "too deep" in found.reason
