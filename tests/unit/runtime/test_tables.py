"""One row of a pandas DataFrame: each cell as its own column holds it, whichever way it is read."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlpack.runtime._tables import cells_singly, one_pandas_row

COLUMNS: dict[str, Any] = {
    "float": [0.5, np.nan],
    "beyond 2**53": [2**53 + 1, -(2**62)],
    "unsigned": np.array([2**64 - 1, 0], dtype=np.uint64),
    "small": np.array([1, -1], dtype=np.int8),
    "single": np.array([0.1, np.inf], dtype=np.float32),
    "bool": [True, False],
    "text": pd.array(["a", None], dtype="str"),
    "category": pd.Categorical(["x", None]),
    "whole category": pd.Categorical([7, 8]),
    "nullable": pd.array([2**60 + 1, None], dtype="Int64"),
    "day": pd.to_datetime(["2020-01-01", "NaT"]),
    "zoned": pd.to_datetime(["2020-01-01", "NaT"]).tz_localize("UTC"),
    "object": [Decimal("1.5"), None],
    "sparse": pd.arrays.SparseArray([0, 1]),
}


@pytest.mark.parametrize("singly", [True, False])
@pytest.mark.parametrize("row", [0, 1])
def test_each_cell_is_what_its_own_column_holds(row: int, *, singly: bool) -> None:
    frame = pd.DataFrame(COLUMNS)
    positions = list(reversed(range(frame.shape[1])))
    cells: list[Any] = one_pandas_row(frame.iloc[[row]], positions, singly=singly)
    for position, cell in zip(positions, cells, strict=True):
        held: Any = frame.iloc[:, position].astype(object).iloc[row]
        same: Any = (pd.isna(held) and pd.isna(cell)) or cell == held
        assert same, frame.columns[position]


def test_columns_of_one_name_are_told_apart_by_their_place() -> None:
    frame = pd.DataFrame([[1, "a", 2.5]], columns=["x", "x", "x"])
    for singly in (True, False):
        assert one_pandas_row(frame, [2, 0, 1], singly=singly) == [2.5, 1, "a"]


def test_few_columns_of_an_extension_type_among_many_are_not_read_one_by_one() -> None:
    numbers = pd.DataFrame({f"x{index}": [0.5] for index in range(100)})
    assert not cells_singly(numbers)
    assert not cells_singly(numbers.assign(text=pd.Categorical(["a"])))
    recent = int(pd.__version__.partition(".")[0]) >= 3
    assert cells_singly(pd.DataFrame({"text": pd.Categorical(["a"])})) is recent
