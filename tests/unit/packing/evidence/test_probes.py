"""The probes cover the whole example, however it is sorted and however many rows it has."""

from __future__ import annotations

import numpy as np
import pytest

from mlpack.packing.evidence.probes import MAX_ROWS, probes
from mlpack.packing.evidence.rules import Rules, evenly
from mlpack.packing.example import read_example

RULES = Rules(nulls=False, infinities=False, unknown=True, limit=None)


@pytest.mark.parametrize("rows", [1, 2, 127, 128, 129, 255, 100_000])
def test_rows_are_taken_from_the_first_to_the_last(rows: int) -> None:
    chosen = evenly(rows, 128)
    assert len(chosen) == len(set(chosen.tolist())) == min(rows, 128)
    assert chosen[0] == 0
    assert chosen[-1] == rows - 1 or rows == 1


def test_no_rows_are_no_rows() -> None:
    assert evenly(0, 5).tolist() == []


def test_the_end_of_a_sorted_example_is_probed_too() -> None:
    example = read_example(np.arange(2.0 * MAX_ROWS - 1)[:, None])
    found = {probe.name: probe for probe in probes(example, {"x0": RULES})}
    assert found["example"].columns["x0"].max() == 2 * MAX_ROWS - 2


@pytest.mark.parametrize("dtype", ["int64", "float64"])
def test_split_points_cover_the_whole_range_of_a_column(dtype: str) -> None:
    example = read_example(np.arange(10_000).astype(dtype)[:, None])
    found = {probe.name: probe for probe in probes(example, {"x0": RULES})}
    values = found["on and beside split points"].columns["x0"]
    assert values.min() < 1000
    assert values.max() > 9000
