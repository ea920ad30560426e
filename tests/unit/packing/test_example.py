"""The example: what each kind of column becomes, and that more rows of the same kind can be built."""

from __future__ import annotations

import datetime as dt
import decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse

from mlpack.errors import ExampleError
from mlpack.format.contract import NULL_TEXT
from mlpack.packing.example import read_example

PANDAS = {
    "float64": (pd.Series([1.5, np.nan]), "float", "float64"),
    "float32": (pd.Series([1.5, 2.5], dtype="float32"), "float", "float32"),
    "int8": (pd.Series([1, -2], dtype="int8"), "integer", "int64"),
    "uint16": (pd.Series([1, 2], dtype="uint16"), "integer", "int64"),
    "Int64 complete": (pd.Series([1, 2], dtype="Int64"), "integer", "int64"),
    "Int64 missing": (pd.Series([1, None], dtype="Int64"), "integer", "float64"),
    "Float64 missing": (pd.Series([1.5, None], dtype="Float64"), "float", "float64"),
    "bool": (pd.Series([True, False]), "boolean", "bool"),
    "boolean": (pd.Series([True, False], dtype="boolean"), "boolean", "bool"),
    "str": (pd.Series(["a", None], dtype="str"), "text", "string"),
    "object": (pd.Series(["a", None], dtype=object), "text", "string"),
    "category of strings": (pd.Series(["a", None], dtype="category"), "text", "string"),
    "category of integers": (pd.Series([3, 4], dtype="category"), "integer", "int64"),
}


@pytest.mark.parametrize("case", PANDAS)
def test_a_pandas_column_has_the_kind_of_its_dtype(case: str) -> None:
    series, kind, dtype = PANDAS[case]
    column = read_example(pd.DataFrame({"c": series})).columns[0]
    assert (column.kind, column.dtype) == (kind, dtype)


@pytest.mark.parametrize("case", PANDAS)
def test_rows_built_from_a_pandas_example_equal_it(case: str) -> None:
    frame = pd.DataFrame({"c": PANDAS[case][0]})
    example = read_example(frame)
    pd.testing.assert_frame_equal(example.build({"c": example.columns[0].values}), frame)


POLARS = {
    "Float64": (pl.Series("c", [1.5, None], dtype=pl.Float64), "float", "float64"),
    "Float32": (pl.Series("c", [1.5, 2.5], dtype=pl.Float32), "float", "float32"),
    "Int32": (pl.Series("c", [1, 2], dtype=pl.Int32), "integer", "int64"),
    "Int64 missing": (pl.Series("c", [1, None], dtype=pl.Int64), "integer", "float64"),
    "Boolean": (pl.Series("c", [True, False]), "boolean", "bool"),
    "String": (pl.Series("c", ["a", None]), "text", "string"),
    "Categorical": (pl.Series("c", ["a", None], dtype=pl.Categorical), "text", "string"),
}


@pytest.mark.parametrize("case", POLARS)
def test_a_polars_column_has_the_kind_of_its_dtype(case: str) -> None:
    series, kind, dtype = POLARS[case]
    column = read_example(pl.DataFrame([series])).columns[0]
    assert (column.kind, column.dtype) == (kind, dtype)


@pytest.mark.parametrize("case", POLARS)
def test_rows_built_from_a_polars_example_equal_it(case: str) -> None:
    frame = pl.DataFrame([POLARS[case][0]])
    example = read_example(frame)
    assert example.build({"c": example.columns[0].values}).equals(frame)


@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "uint8", "bool", "<U3", "object"])
def test_an_array_is_built_again_with_its_dtype(dtype: str) -> None:
    array = np.array([["1", "0"], ["1", "1"]]).astype(dtype if dtype != "bool" else int).astype(dtype)
    example = read_example(array)
    built = example.build({column.name: column.values for column in example.columns})
    assert built.dtype == array.dtype
    assert np.array_equal(built, array)


def test_an_integer_array_with_a_missing_cell_becomes_floats() -> None:
    example = read_example(np.array([[1, 2]]))
    built = example.build({"x0": np.array([np.nan]), "x1": np.array([2])})
    assert built.dtype == np.float64


def test_an_unseen_category_becomes_a_category_of_the_built_column() -> None:
    example = read_example(pd.DataFrame({"c": pd.Series(["a", "b"], dtype="category")}))
    built = example.build({"c": np.array(["z", None], dtype=object)})
    assert built["c"].tolist()[0] == "z"


def test_columns_follow_the_order_that_the_model_was_fitted_on() -> None:
    frame = pd.DataFrame({"b": [1.0], "a": [2.0], "unused": [3.0]})
    assert [column.name for column in read_example(frame, ["a", "b"]).columns] == ["a", "b"]


REFUSED = {
    "a list": ([[1.0]], "found list"),
    "no rows": (pd.DataFrame({"a": pd.Series([], dtype=float)}), "empty"),
    "no columns": (pd.DataFrame(index=[0]), "empty"),
    "one dimension": (np.zeros(3), "2 dimensions"),
    "three dimensions": (np.zeros((1, 1, 1)), "2 dimensions"),
    "complex": (np.zeros((1, 1), dtype=complex), "complex128"),
    "polars dates": (pl.DataFrame({"when": [dt.date(2020, 1, 1)]}), "'when'"),
    "mixed objects": (pd.DataFrame({"mix": ["a", 1]}), "holding int"),
    "decimals": (pd.DataFrame({"d": [decimal.Decimal(1)]}), "holding Decimal"),
    "lists in cells": (pl.DataFrame({"l": [[1, 2]]}), "'l'"),
    "missing booleans": (pd.DataFrame({"b": pd.Series([True, None], dtype="boolean")}), "missing values"),
    "a column named by a pair": (pd.DataFrame({("a", "b"): [1.0]}), "found tuple"),
    "decimals of Arrow": (
        pd.DataFrame({"d": pd.Series([1], dtype=pd.ArrowDtype(pa.decimal128(8, 2)))}),
        "decimal128(?s:.)*16 digits",
    ),
    "dates of Arrow": (
        pd.DataFrame({"d": pd.Series([0], dtype=pd.ArrowDtype(pa.timestamp("us")))}),
        r"timestamp(?s:.)*datetime64\[us\]",
    ),
    "the reserved text": (pd.DataFrame({"t": [NULL_TEXT]}), "reserved"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_carried_is_refused_by_name(case: str) -> None:
    example, said = REFUSED[case]
    with pytest.raises(ExampleError, match=said):
        read_example(example)


def test_a_name_that_appears_twice_is_refused() -> None:
    with pytest.raises(ExampleError, match="twice"):
        read_example(pd.DataFrame([[1.0, 2.0]], columns=["a", "a"]))


def test_a_missing_column_is_named() -> None:
    with pytest.raises(ExampleError, match="b"):
        read_example(pd.DataFrame({"a": [1.0]}), ["a", "b"])


@pytest.mark.parametrize("dtype", ["uint64", "UInt64"])
def test_integers_that_would_wrap_around_are_refused(dtype: str) -> None:
    frame = pd.DataFrame({"c": pd.Series([1, 2**64 - 1], dtype=dtype)})
    with pytest.raises(ExampleError, match=r"column 'c'.*above"):
        read_example(frame)


def test_integers_of_an_array_that_would_wrap_around_are_refused() -> None:
    with pytest.raises(ExampleError, match="above"):
        read_example(np.array([[2**64 - 1]], dtype=np.uint64))


def test_a_masked_array_is_refused() -> None:
    with pytest.raises(ExampleError, match="masked"):
        read_example(np.ma.masked_equal([[1.0, 2.0]], 2.0))


def test_columns_named_by_numbers_keep_them() -> None:
    frame = pd.DataFrame({0: [1.0, 2.0], 7: [3, 4]})
    example = read_example(frame)
    assert [column.name for column in example.columns] == ["0", "7"]
    rebuilt = example.build({column.name: column.values for column in example.columns})
    pd.testing.assert_frame_equal(rebuilt, frame)


@pytest.mark.parametrize(
    ("dtype", "kind", "held"),
    [
        (pa.int16(), "integer", "int64"),
        (pa.float32(), "float", "float32"),
        (pa.float64(), "float", "float64"),
        (pa.dictionary(pa.int8(), pa.string()), "text", "string"),
    ],
    ids=str,
)
def test_columns_of_arrow_are_carried(dtype: pa.DataType, kind: str, held: str) -> None:
    cells = ["a", "b"] if kind == "text" else [1, 2]
    frame = pd.DataFrame({"c": pd.Series(cells, dtype=pd.ArrowDtype(dtype))})
    (column,) = read_example(frame).columns
    assert (column.kind, column.dtype) == (kind, held)
    rebuilt = read_example(frame).build({"c": column.values})
    pd.testing.assert_frame_equal(rebuilt, frame)


@pytest.mark.parametrize("form", ["bsr", "coo", "csc", "csr", "dia", "dok", "lil"])
@pytest.mark.parametrize("kind", ["matrix", "array"])
def test_sparse_rows_of_every_class_are_carried(form: str, kind: str) -> None:
    cells = np.array([[0.0, 1.5], [2.0, 0.0], [0.0, 0.0]])
    example = read_example(getattr(scipy.sparse, f"{form}_{kind}")(cells))
    values = {column.name: column.values for column in example.columns}
    rebuilt = example.build(values)
    assert type(rebuilt).__name__ == f"{form}_{kind}"
    np.testing.assert_array_equal(rebuilt.toarray(), cells)
