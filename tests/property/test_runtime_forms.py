"""One row says what it says among others, whatever the form and whatever the value."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlpack.errors import InputError
from mlpack.format.contract import CategoricalProfile, Contract, DType, Input, NumericProfile
from mlpack.runtime._checks import Ranges
from mlpack.runtime._intake import Intake

Anything: TypeAlias = Any

CELLS = st.one_of(
    st.none(),
    st.booleans(),
    st.floats(),
    st.floats(width=32),
    st.integers(-(2**70), 2**70),
    st.integers(-5, 5),
    st.sampled_from(["a", "b", "c", "", "<mlpack:null>", "1"]),
    st.sampled_from([np.float64(1.5), np.int64(3), np.float32(0.1), np.True_, pd.NA, pd.NaT, b"a", 2j]),
    st.sampled_from([2.0**53, 2**53, 2**53 + 1, 2**24 + 1, 3.5e38, -0.0]),
)
DTYPES: list[DType] = ["float64", "float32", "int64", "bool", "string"]


def intake(dtype: DType, ranges: Ranges, rules: dict[str, Any]) -> Intake:
    profile: Any = None
    if dtype == "string":
        profile = CategoricalProfile(
            categories=("a", "b"), shares=(0.5, 0.5), other_share=0.0, null_share=0.0
        )
    elif dtype != "bool":
        profile = NumericProfile(minimum=0.0, maximum=2.0, edges=(0.0, 2.0), shares=(1.0,), null_share=0.0)
    item = Input(name="c", tensor="x", dtype=dtype, source="test", profile=profile, **rules)
    return Intake(Contract(layout="frame", inputs=(item,), outputs=()), ranges)


def outcome(reader: Intake, X: object) -> tuple[Any, ...]:
    """The tensor's bytes and the remarks, or the refusal."""
    try:
        feeds, findings = reader.read(X)
    except InputError as error:
        return "refused", error.message.replace("int64", "int").replace("float64", "float")
    assert feeds is not None
    remarks = {} if findings is None else dict(findings.remarks)
    return feeds["x"].dtype, feeds["x"].shape, feeds["x"].tolist().__repr__(), remarks


@pytest.mark.parametrize("dtype", DTYPES)
@given(
    cell=CELLS,
    ranges=st.sampled_from(["warn", "refuse", "ignore"]),
    rules=st.fixed_dictionaries(
        {
            "nulls": st.booleans(),
            "infinities": st.booleans(),
            "unknown": st.booleans(),
            "limit": st.sampled_from([None, 1.0, 3.0e38]),
        }
    ),
)
def test_the_quick_way_and_the_exact_way_agree(
    dtype: DType, cell: Anything, ranges: Ranges, rules: dict[str, Any]
) -> None:
    reader = intake(dtype, ranges, rules)
    quick = outcome(reader, {"c": cell})
    assert outcome(reader, [{"c": cell}]) == quick
    assert outcome(reader, {"c": [cell]}) == quick
    column = np.empty(1, dtype=object)
    column[0] = cell
    assert outcome(reader, {"c": column}) == quick  # an object array never takes the quick way
    assert outcome(reader, pd.DataFrame({"c": pd.Series(column, dtype=object)})) == quick


@given(
    rows=st.lists(
        st.tuples(st.floats(), st.integers(-(2**60), 2**60), st.booleans(), st.sampled_from(["a", "b", "c"])),
        min_size=1,
        max_size=4,
    ),
    nulls=st.booleans(),
)
def test_frames_of_one_row_read_as_part_of_longer_ones(*, rows: list[tuple[Any, ...]], nulls: bool) -> None:
    dtypes: list[DType] = ["float64", "int64", "bool", "string"]
    contract = Contract(
        layout="frame",
        inputs=tuple(
            Input(name=dtype, tensor=dtype, dtype=dtype, source=dtype, nulls=nulls) for dtype in dtypes
        ),
        outputs=(),
    )
    reader = Intake(contract, "warn")
    columns = dict(zip(dtypes, (list(column) for column in zip(*rows, strict=True)), strict=True))
    for frame in (pd.DataFrame(columns), pl.DataFrame(columns)):
        try:
            feeds, _ = reader.read(frame)
        except InputError:
            with pytest.raises(InputError):
                [reader.read(frame[row : row + 1]) for row in range(len(rows))]
            continue
        assert feeds is not None
        for row in range(len(rows)):
            single, _ = reader.read(frame[row : row + 1])
            assert single is not None
            for name, tensor in single.items():
                np.testing.assert_array_equal(tensor, feeds[name][row : row + 1])
