"""Counting in the contract's bins, and when a column has moved."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mlpack.format.contract import NULL_TEXT, CategoricalProfile, Contract, Input, NumericProfile, Output
from mlpack.runtime.server.counters import Counters
from mlpack.runtime.server.drift import DriftCounts
from mlpack.runtime.server.drift_report import ColumnReport, alarm_threshold

NUMBERS = NumericProfile(
    minimum=0.0, maximum=3.0, edges=(0.0, 1.0, 2.0, 3.0), shares=(0.2, 0.3, 0.5), null_share=0.0
)
TEXTS = CategoricalProfile(categories=("a", "b"), shares=(0.5, 0.5), other_share=0.0, null_share=0.0)


def counts_of(item: Input) -> DriftCounts:
    contract = Contract(
        layout="frame",
        inputs=(item,),
        outputs=(Output(method="predict", tensor="y", dtype="int64", shape=(None,), classes=(0, 1)),),
    )
    counters = Counters()
    counts = DriftCounts(contract, counters)
    counters.share(workers=1)
    return counts


VALUES = [-1.0, 0.0, 0.5, 1.0, 2.0, 3.0, 7.0, math.nan, math.inf, -math.inf]


@pytest.mark.parametrize("repeats", [1, 20], ids=["one row after another", "many at once"])
def test_values_fall_into_the_contracts_bins(repeats: int) -> None:
    counts = counts_of(Input(name="x", tensor="x", dtype="float64", source="float64", profile=NUMBERS))
    if repeats == 1:
        for value in VALUES:
            counts.see({"x": np.array([[value]])}, 1, (), ())
    else:
        counts.see({"x": np.array(VALUES * repeats).reshape(-1, 1)}, len(VALUES) * repeats, (), ())

    (column,) = counts.report().columns
    assert list(column.counts) == [3 * repeats, 1 * repeats, 3 * repeats]
    assert (column.missing, column.outside) == (repeats, 4 * repeats)


@pytest.mark.parametrize("rows", [1, 40])
def test_categories_are_counted_with_what_is_unknown(rows: int) -> None:
    counts = counts_of(Input(name="x", tensor="x", dtype="string", source="object", profile=TEXTS))
    for text in ("a", "a", "zzz", NULL_TEXT):
        counts.see({"x": np.full((rows, 1), text, dtype=object)}, rows, (), ())

    (column,) = counts.report().columns
    assert list(column.counts) == [2 * rows, 0, rows]
    assert (column.missing, column.outside) == (rows, rows)


def test_answers_are_counted_by_label() -> None:
    counts = counts_of(Input(name="x", tensor="x", dtype="float64", source="float64", profile=NUMBERS))
    output = Output(method="predict", tensor="y", dtype="int64", shape=(None,), classes=(0, 1))
    counts.see({"x": np.zeros((3, 1))}, 3, (output,), (np.array([1, 1, 0]),))

    assert counts.report().labels == (("0", 1.0), ("1", 2.0))


def drawn(rows: int, shift: float, seed: int) -> ColumnReport:
    rng = np.random.default_rng(seed)
    edges = [-1.2816, -0.8416, -0.5244, -0.2533, 0.0, 0.2533, 0.5244, 0.8416, 1.2816]
    counts = np.bincount(np.searchsorted(edges, rng.normal(shift, 1, rows)), minlength=10)
    return ColumnReport(
        name="x",
        bins=tuple(map(str, range(10))),
        expected=(0.1,) * 10,
        counts=tuple(counts.tolist()),
        missing=0.0,
        expected_missing=0.0,
        outside=0.0,
    )


@pytest.mark.parametrize("rows", [50, 200, 1000, 4000])
def test_rows_like_those_of_training_raise_no_alarm(rows: int) -> None:
    assert sum(drawn(rows, 0.0, seed).moved for seed in range(200)) <= 2


@pytest.mark.parametrize("rows", [1000, 4000])
def test_half_a_standard_deviation_raises_one(rows: int) -> None:
    assert sum(drawn(rows, 0.5, seed).moved for seed in range(50)) >= 49


def test_nothing_can_be_said_of_no_rows() -> None:
    assert alarm_threshold(10, 0) == math.inf
