"""Fingerprints of data sets: the same for the same contents, however they are held."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlpack.errors import ExampleError
from mlpack.packing.lineage.fingerprint import fingerprint

FRAME = pd.DataFrame(
    {
        "age": [31.5, None, 0.0, 55.0],
        "visits": [3, 1, 4, 1],
        "plan": ["basic", None, "", "b\u00e9ta"],
        "active": [True, False, True, True],
        "since": np.array(
            ["2026-01-01", "2026-02-03T04:05:06.000007", "NaT", "1969-12-31"], "datetime64[ns]"
        ),
    }
)
WHOLE = fingerprint(FRAME, "x")


def parquet(**options: Any) -> pa.Table:  # noqa: ANN401
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pandas(FRAME), buffer, **options)
    return pq.read_table(buffer)


@pytest.mark.parametrize(
    "same",
    [
        lambda: FRAME.set_index(pd.Index([9, 8, 7, 6])),
        lambda: pl.from_pandas(FRAME),
        lambda: pa.Table.from_pandas(FRAME),
        lambda: pa.concat_tables([pa.Table.from_pandas(FRAME[:1]), pa.Table.from_pandas(FRAME[1:])]),
        lambda: pa.Table.from_pandas(pd.concat([FRAME, FRAME], ignore_index=True)).slice(4),
        lambda: parquet(compression="zstd", row_group_size=2),
        lambda: parquet(compression="none", use_dictionary=True),
        lambda: FRAME.assign(plan=FRAME["plan"].astype("category")),
        lambda: FRAME.assign(plan=pd.Categorical(FRAME["plan"], categories=["b\u00e9ta", "", "basic"])),
        lambda: FRAME.assign(since=FRAME["since"].astype("datetime64[us]")),
        lambda: FRAME.assign(age=[31.5, float("nan"), -0.0, 55.0]),
        lambda: {name: pa.array(FRAME[name], from_pandas=True) for name in FRAME},
    ],
)
def test_the_same_contents(same: Callable[[], object]) -> None:
    assert fingerprint(same(), "x") == WHOLE


@pytest.mark.parametrize(
    "change",
    [
        lambda f: f.rename(columns={"age": "years"}),
        lambda f: f.assign(visits=[3, 1, 4, 2]),
        lambda f: f.assign(visits=f["visits"].astype("float64")),
        lambda f: f.assign(plan=["basic", "", None, "b\u00e9ta"]),
        lambda f: f.assign(plan=["basi", None, "c", "b\u00e9ta"]),
        lambda f: f.assign(age=[31.5, 0.0, None, 55.0]),
        lambda f: f[["visits", "age", "plan", "active", "since"]],
        lambda f: f[:3],
        lambda f: f.assign(since=f["since"].dt.tz_localize("UTC")),
        lambda f: f.assign(since=f["since"] + pd.Timedelta(1, "ns")),
    ],
)
def test_other_contents(change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    other = fingerprint(change(FRAME), "x")
    assert other.sha256 != WHOLE.sha256
    assert other.any_order != WHOLE.any_order


def test_the_order_of_rows_counts_in_one_of_the_two() -> None:
    other = fingerprint(FRAME.iloc[[2, 0, 3, 1]], "x")
    assert other.sha256 != WHOLE.sha256
    assert other.any_order == WHOLE.any_order


def test_rows_that_come_twice_count_twice() -> None:
    twice = fingerprint(pd.concat([FRAME, FRAME[:1]]), "x")
    other = fingerprint(pd.concat([FRAME, FRAME[1:2]]), "x")
    assert len({WHOLE.any_order, twice.any_order, other.any_order}) == 3


def test_arrays() -> None:
    matrix = np.arange(12, dtype=np.float32).reshape(4, 3)
    assert fingerprint(matrix, "x") == fingerprint(np.asfortranarray(matrix), "x")
    assert fingerprint(matrix, "x") == fingerprint(pd.DataFrame(matrix, columns=["x0", "x1", "x2"]), "x")
    assert fingerprint(matrix[:, 0], "x").columns == 1
    assert fingerprint(pd.Series([1, 2], name="y"), "x").rows == 2


def test_lists_and_structures_have_no_order_of_rows() -> None:
    table = pa.table({"tokens": [[1, 2], None, []], "box": [{"w": 1}, {"w": None}, None]})
    found = fingerprint(table, "x")
    assert found.any_order == ""
    assert found == fingerprint(pa.concat_tables([table[:1], table[1:]]), "x")
    assert found != fingerprint(pa.table({"tokens": [[1], None, [2]], "box": table["box"]}), "x")


@pytest.mark.parametrize(
    "values",
    [
        [dt.date(2026, 1, 1), None],
        [dt.timedelta(seconds=3), None],
        [dt.time(3, 4), None],
        [b"\0\1", None],
        pa.array([1, None], pa.decimal128(9, 2)),
        pa.array([1.5, float("nan")], pa.float16()),
        [None, None],
        [],
    ],
)
def test_other_types(values: Any) -> None:  # noqa: ANN401
    found = fingerprint(pa.table({"x": values}), "x")
    assert found.any_order
    assert found.rows == len(values)


@pytest.mark.parametrize(
    "data",
    [pd.DataFrame({"a": [1, "one"]}), "train.csv", 3, np.zeros((2, 2, 2)), object(), [{"a": object()}]],
)
def test_what_has_no_type_is_refused_without_its_values(data: object) -> None:
    with pytest.raises(ExampleError, match=r"datasets\['train'\]") as caught:
        fingerprint(data, "train")
    assert "one" not in caught.value.message


def test_the_rule_does_not_change_unnoticed() -> None:
    table = pa.table({"a": pa.array([1.0, None, 2.5]), "b": pa.array(["x", None, "yz"])})
    found = fingerprint(table, "x")
    assert found.sha256 == "f3e36afc6eac15479383509a551287e674b1036e6a705b3d4323685b9c2bbfbc"
    assert found.any_order == "c221be9154ecb0149251f259d3e691661c4502931f1daa3a282f845e89503313"
