"""Wrong arguments of `pack` are refused by name, before any work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from mlpack.errors import ExampleError, UsageError
from mlpack.format.contract import Output
from mlpack.packing.pack import pack
from mlpack.packing.proving import _spread

ROWS = np.arange(40.0).reshape(20, 2)
MODEL = LinearRegression().fit(ROWS, ROWS[:, 0])

WRONG: dict[str, Any] = {
    "output": None,
    "platforms": 5,
    "metrics": {1: 1.0},
    "parameters": [1],
    "datasets": [ROWS],
    "license": 5,
    "methods": 5,
}


@pytest.mark.parametrize("argument", WRONG)
def test_a_wrong_argument_is_named(argument: str, tmp_path: Path) -> None:
    arguments: dict[str, Any] = {"output": tmp_path, argument: WRONG[argument]}
    with pytest.raises(UsageError) as caught:
        pack(MODEL, name="a", version="1", example=ROWS, **arguments)
    assert caught.value.where == argument


def test_platforms_as_one_string_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="expected a list of platforms"):
        pack(MODEL, name="a", version="1", example=ROWS, output=tmp_path, platforms="linux/amd64")


@pytest.mark.parametrize("targets", [["a"] * 20, [np.nan] * 20, [None] * 20])
def test_targets_of_another_kind_are_refused(targets: list[object], tmp_path: Path) -> None:
    with pytest.raises(ExampleError, match="targets"):
        pack(MODEL, name="a", version="1", example=ROWS, targets=targets, output=tmp_path)


def test_a_rejected_example_is_not_quoted(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": ["Alice"] * 20, "b": ROWS[:, 1]})
    model = LinearRegression().fit(pd.DataFrame(ROWS, columns=["a", "b"]), ROWS[:, 0])
    with pytest.raises(ExampleError, match="the model rejects it") as caught:
        pack(model, name="a", version="1", example=frame, output=tmp_path)
    assert "Alice" not in str(caught.value)


def test_the_spread_of_huge_answers_is_finite() -> None:
    output = Output(method="predict", tensor="prediction", dtype="float64", shape=(None,), classes=None)
    assert 0 < _spread(output, np.array([1e300, -1e300, 0.0])) < float("inf")
