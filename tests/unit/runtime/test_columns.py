from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from mlpack.errors import InputError, MlpackError
from mlpack.format.contract import NULL_TEXT
from mlpack.runtime.notices import ContractWarning
from mlpack.runtime.predictor import Predictor

Echo = Callable[..., Predictor]
Anything: TypeAlias = Any


class Colour(str, enum.Enum):  # noqa: UP042  (the older kind, whose str() is not its value)
    RED = "red"


WHEN = dt.datetime(2024, 1, 1)  # noqa: DTZ001  (a naive one is what tables hold)

FLOATS: list[Any] = [
    [1.0, 2.0],
    [1, 2],
    [1, 2.0],
    (1.0, 2.0),
    [True, 2],
    range(1, 3),
    [Decimal(1), Decimal("2.0")],
    [np.float32(1), np.int8(2)],
    np.array([1, 2], dtype=np.uint8),
    np.array([1, 2], dtype=np.longdouble),
    np.array([1.0, 2.0], dtype=">f4"),
    np.array([1.0, 9.0, 2.0])[::2],
    pd.Series([1.0, 2.0], dtype="Float64"),
    pd.Series([1, 2], dtype="Int8"),
    pd.Series([1, 2], dtype="int64[pyarrow]"),
    pd.Series([1.0, 2.0], dtype="Sparse[float]"),
    pd.Series([1, 2], dtype="category"),
    pd.Series([1, 2.0], dtype=object),
    pd.Index([1, 2]),
    pd.array([1, 2], dtype="Int64"),
    pl.Series([1, 2], dtype=pl.UInt8),
    pl.Series([1, 2], dtype=pl.Int128),
    pl.Series(["1", "2"]).cast(pl.Decimal(10, 2)),
    pa.array([1, 2]),
    pa.chunked_array([[1.0], [2.0]]),
]


@pytest.mark.parametrize(
    "column", FLOATS, ids=lambda column: f"{type(column).__module__}.{type(column).__name__}"
)
def test_numbers_of_every_kind_become_doubles(echo_column: Echo, column: Anything) -> None:
    assert echo_column("float64").transform({"c": column}).tolist() == [[1.0], [2.0]]
    assert echo_column("float64").transform({"c": column[:1]}).tolist() == [[1.0]]


MISSING: list[Any] = [
    [1.0, None],
    [1, float("nan")],
    [1, pd.NA],
    [1, pd.NaT],
    [1, np.ma.masked],
    [Decimal(1), Decimal("nan")],
    np.array([1.0, np.nan]),
    np.array([1, None], dtype=object),
    np.ma.masked_array([1, 2], mask=[False, True]),
    pd.Series([1, None], dtype="Int64"),
    pd.Series([1, None], dtype="double[pyarrow]"),
    pd.Series([True, None], dtype="boolean"),
    pd.Series([1.0, None], dtype="category"),
    pl.Series([1, None]),
    pl.Series([True, None]),
    pl.Series([1.0, None]),
    pa.array([1, None]),
    pa.array([True, None]),
]


@pytest.mark.parametrize(
    "column", MISSING, ids=lambda column: f"{type(column).__module__}.{type(column).__name__}"
)
def test_missing_numbers_become_nan_where_they_may(echo_column: Echo, column: Anything) -> None:
    np.testing.assert_equal(echo_column("float64", nulls=True).transform({"c": column}), [[1.0], [np.nan]])
    with pytest.raises(InputError, match="column 'c': row 1: expected a number, found a missing value"):
        echo_column("float64").transform({"c": column})


@pytest.mark.parametrize(
    "column", MISSING, ids=lambda column: f"{type(column).__module__}.{type(column).__name__}"
)
def test_integers_have_no_missing_value(echo_column: Echo, column: Anything) -> None:
    with pytest.raises(InputError, match="row 1: expected an integer, found a missing value"):
        echo_column("int64", nulls=True).transform({"c": column})


NOT_NUMBERS: list[tuple[Any, str]] = [
    ([1.0, "2.0"], "str"),
    (["1", "2"], "str"),
    ([1.0, b"2"], "bytes"),
    ([1.0, WHEN], "datetime"),
    ([1.0, [2.0]], "list"),
    ([1.0, {}], "dict"),
    ([1.0, 2j], "complex"),
    (np.array(["1", "2"]), "str"),
    (np.array([1j]), "complex128"),
    (np.array([b"1"]), "bytes"),
    (np.array(["2024-01-01"], dtype="datetime64[D]"), r"datetime64\[D\]"),
    (pd.Series(["1", "2"]), "str"),
    (pd.Series(["1"], dtype="category"), "str"),
    (pd.Series([WHEN]), r"datetime64\[us\]"),
    (pd.Series([WHEN]).dt.tz_localize("UTC"), "Timestamp"),
    (pd.Series([pd.Timedelta(1, unit="D")]), "timedelta64"),
    (pd.Series([pd.Period("2024-01", freq="M")]), "Period"),
    (pl.Series(["1"]), "str"),
    (pl.Series([WHEN]), "datetime"),
    (pl.Series([[1.0]]), "list"),
    (pa.array(["1"]), "str"),
    (pa.array([WHEN]), "datetime"),
]


@pytest.mark.parametrize(("column", "found"), NOT_NUMBERS)
@pytest.mark.parametrize("dtype", ["float64", "float32", "int64"])
def test_what_is_no_number_is_refused_by_type(
    echo_column: Echo, dtype: str, column: Anything, found: str
) -> None:
    with pytest.raises(
        InputError, match=rf"column 'c': row \d: expected an? (number|integer), found {found}"
    ):
        echo_column(dtype, nulls=True).transform({"c": column})


@pytest.mark.parametrize(
    "column",
    [
        [1, 2**62],
        [1.0, 2.0**62],
        np.array([1.0, 2.0**62]),
        np.array([1, 2**62], dtype=np.uint64),
        [Decimal(1), Decimal(2**62)],
        pl.Series([1, 2**62], dtype=pl.UInt64),
        pd.Series([1, 2**62], dtype="Int64"),
    ],
)
def test_whole_numbers_become_integers_exactly(echo_column: Echo, column: Anything) -> None:
    assert echo_column("int64").transform({"c": column}).tolist() == [[1], [2**62]]


@pytest.mark.parametrize(
    "column",
    [
        [1, 2.5],
        [1, 2**63],
        [1, -(2**63) - 1],
        [1, float("inf")],
        [1, Decimal("0.5")],
        [1, Decimal("inf")],
        np.array([1.0, 2.5]),
        np.array([1.0, 2.0**63]),
        np.array([1.0, -np.inf]),
        np.array([1, 2**63], dtype=np.uint64),
        pl.Series([1, 2**63], dtype=pl.UInt64),
        pl.Series([1, 2**100], dtype=pl.Int128),
    ],
)
def test_numbers_that_are_no_integers_of_64_bits_are_refused(echo_column: Echo, column: Anything) -> None:
    with pytest.raises(InputError, match="column 'c': row 1: expected an integer"):
        echo_column("int64").transform({"c": column})


@pytest.mark.parametrize(
    "column",
    [
        [1, 2**53 + 1],
        [1.5, 2**53 + 1],
        [1, -(2**53) - 1],
        np.array([1, 2**53 + 1]),
        np.array([1, 2**64 - 1], dtype=np.uint64),
        pd.Series([1, 2**53 + 1], dtype="Int64"),
        pl.Series([1, 2**53 + 1]),
        pa.array([1, 2**53 + 1]),
    ],
)
def test_integers_that_would_lose_digits_are_refused(echo_column: Echo, column: Anything) -> None:
    with pytest.raises(
        InputError, match=r"column 'c': row 1: expected a number, found .*int.* cannot hold exactly"
    ):
        echo_column("float64").transform({"c": column})
    with pytest.raises(
        InputError, match=r"column 'c': row 0: expected a number, found .*int.* cannot hold exactly"
    ):
        echo_column("float64").transform({"c": column[1:]})


def test_a_pandas_row_of_integers_and_floats_loses_no_digits(echo_column: Echo) -> None:
    model = echo_column("int64")
    row = pd.DataFrame({"c": [2**53 + 1], "other": [0.5]})
    assert model.transform(row).tolist() == [[2**53 + 1]]


@pytest.mark.parametrize(
    "column",
    [
        [True, False],
        np.array([True, False]),
        pd.Series([True, False], dtype="boolean"),
        pd.Series([True, False], dtype=object),
        pl.Series([True, False]),
        pa.array([True, False]),
        [np.True_, False],
    ],
)
def test_booleans_stay_booleans(echo_column: Echo, column: Anything) -> None:
    assert echo_column("bool").transform({"c": column}).tolist() == [[True], [False]]
    assert echo_column("int64").transform({"c": column}).tolist() == [[1], [0]]


@pytest.mark.parametrize(
    "column", [[True, 1], [True, "true"], np.array([1, 0]), pd.Series([1.0, 0.0]), [True, None]]
)
def test_nothing_else_becomes_a_boolean(echo_column: Echo, column: Anything) -> None:
    with pytest.raises(InputError, match="expected a boolean"):
        echo_column("bool", nulls=True).transform({"c": column})


LONG = ["a", "b", "ü", ""] * 100
TEXTS: list[Any] = [
    LONG,
    tuple(LONG),
    np.array(LONG),
    np.array(LONG, dtype=object),
    np.array(LONG, dtype=np.dtypes.StringDType()),
    [np.str_(text) for text in LONG],
    pd.Series(LONG),
    pd.Series(LONG, dtype="string"),
    pd.Series(LONG, dtype="category"),
    pd.Series(LONG, dtype=object),
    pd.Series(LONG, dtype="string[pyarrow]"),
    pd.Series(LONG, dtype=pd.ArrowDtype(pa.string())),
    pl.Series(LONG),
    pl.Series(LONG, dtype=pl.Categorical),
    pl.Series(LONG, dtype=pl.Enum(["", "ü", "b", "a"])),
    pa.array(LONG),
    pa.array(LONG).dictionary_encode(),
    pa.chunked_array([LONG[:7], LONG[7:]]),
]


@pytest.mark.parametrize(
    "column", TEXTS, ids=lambda column: f"{type(column).__module__}.{type(column).__name__}"
)
@pytest.mark.parametrize("rows", [1, 4, 400])
def test_strings_of_every_kind_reach_the_graph(echo_column: Echo, column: Anything, rows: int) -> None:
    assert echo_column("string").transform({"c": column[:rows]}).ravel().tolist() == LONG[:rows]


def test_a_string_enumeration_counts_as_its_value(echo_column: Echo) -> None:
    assert echo_column("string").transform({"c": [Colour.RED, "blue"]}).tolist() == [["red"], ["blue"]]


GAPS: list[str | None] = ["a", None] * 200


@pytest.mark.parametrize(
    "column",
    [
        GAPS,
        [np.nan if cell is None else cell for cell in GAPS],
        [pd.NA if cell is None else cell for cell in GAPS],
        np.array(GAPS, dtype=object),
        np.ma.masked_array(["a", "b"] * 200, mask=[False, True] * 200),
        pd.Series(GAPS),
        pd.Series(GAPS, dtype="string"),
        pd.Series(GAPS, dtype="category"),
        pd.Series(GAPS, dtype=pd.ArrowDtype(pa.string())),
        pl.Series(GAPS),
        pl.Series(GAPS, dtype=pl.Categorical),
        pa.array(GAPS),
        pa.array(GAPS).dictionary_encode(),
    ],
    ids=lambda column: f"{type(column).__module__}.{type(column).__name__}",
)
@pytest.mark.parametrize("rows", [2, 400])
def test_missing_strings_become_the_reserved_text_where_they_may(
    echo_column: Echo, column: Anything, rows: int
) -> None:
    expected = ["a", NULL_TEXT] * (rows // 2)
    assert echo_column("string", nulls=True).transform({"c": column[:rows]}).ravel().tolist() == expected
    with pytest.raises(InputError, match="column 'c': row 1: expected a string, found a missing value"):
        echo_column("string").transform({"c": column[:rows]})


@pytest.mark.parametrize("rows", [1, 2, 400])
@pytest.mark.parametrize(
    "make", [list, pd.Series, pl.Series, pa.array, np.array, lambda x: pd.Series(x, dtype="category")]
)
def test_the_reserved_text_itself_is_refused(echo_column: Echo, make: Anything, rows: int) -> None:
    cells = ["a"] * (rows - 1) + [NULL_TEXT]
    with pytest.raises(
        InputError, match=f"row {rows - 1}: expected a string, found the text that is reserved"
    ):
        echo_column("string", nulls=True).transform({"c": make(cells)})


@pytest.mark.parametrize(
    ("column", "found"),
    [
        (["a", 1], "int"),
        (["a", True], "bool"),
        (["a", b"a"], "bytes"),
        (["a", ["a"]], "list"),
        (np.array([1, 2]), "int64"),
        (pd.Series([1.5, 2.0], dtype="category"), "float"),
        (pd.Series(["a", 1]), "int"),
        (pl.Series([1]), "int64"),
        (pl.Series([WHEN]), "datetime"),
    ],
)
def test_what_is_no_string_is_refused_by_type(echo_column: Echo, column: Anything, found: str) -> None:
    with pytest.raises(InputError, match=f"expected a string, found {found}"):
        echo_column("string").transform({"c": column})


@pytest.mark.parametrize("make", [list, pd.Series, pl.Series])
@pytest.mark.parametrize("rows", [1, 3, 400])
def test_unknown_strings_are_refused_where_the_original_refuses(
    echo_column: Echo, seen: Callable[..., Any], make: Anything, rows: int
) -> None:
    model = echo_column("string", unknown=False, profile=seen("a", "b"), ranges="ignore")
    model.transform({"c": make(["a"] * rows)})
    with pytest.raises(
        InputError, match=f"row {rows - 1}: expected one of the categories of the training data"
    ):
        model.transform({"c": make(["a"] * (rows - 1) + ["c"])})


def test_with_an_incomplete_list_nothing_is_unknown(echo_column: Echo, seen: Callable[..., Any]) -> None:
    model = echo_column("string", unknown=False, profile=seen("a", other_share=0.1))
    assert model.transform({"c": "zzz"}).tolist() == [["zzz"]]


def test_a_missing_string_is_not_an_unknown_one(echo_column: Echo, seen: Callable[..., Any]) -> None:
    model = echo_column("string", nulls=True, unknown=False, profile=seen("a"))
    assert model.transform({"c": ["a", None]}).tolist() == [["a"], [NULL_TEXT]]


@pytest.mark.parametrize("cell", [5.0, 5, np.float64(5), True + 4])
def test_the_range_is_judged_alike_for_one_row_and_for_many(
    echo_column: Echo, profile: Callable[..., Any], cell: Anything
) -> None:
    for X in ({"c": cell}, {"c": [cell, 1.0]}):
        model = echo_column("float64", profile=profile(0.0, 2.0))
        with pytest.warns(ContractWarning, match="above maximum"):
            model.transform(X)
        assert model.counts == {"c: above maximum": 1}


def test_an_integer_limit_is_enforced(echo_column: Echo) -> None:
    with pytest.raises(InputError, match="expected at most 10 in size"):
        echo_column("int64", limit=10.0).transform({"c": [1, -11]})


def test_a_column_of_two_dimensions_is_refused(echo_column: Echo) -> None:
    for dtype in ("float64", "string"):
        with pytest.raises(InputError, match="found an array of 2 dimensions"):
            echo_column(dtype).transform({"c": np.zeros((2, 2), dtype="U1" if dtype == "string" else float)})


def test_all_wrong_rows_of_a_column_are_counted(echo_column: Echo) -> None:
    with pytest.raises(InputError, match=r"row 1: expected a number, found str \(and 2 more\)"):
        echo_column("float64").transform({"c": [1.0, "x", "y", 2.0, "z"]})


@pytest.mark.parametrize("text", ["a\0b", "\U0001f40d", "x" * 100_000, " ", "\n"])
def test_unusual_strings_reach_the_graph_unchanged(echo_column: Echo, text: str) -> None:
    assert echo_column("string").transform({"c": text}).tolist() == [[text]]
    assert echo_column("string").transform({"c": [text, "a"]}).tolist() == [[text], ["a"]]


@pytest.mark.parametrize("rows", [1, 2])
def test_a_string_that_has_no_utf8_is_refused(echo_column: Echo, rows: int) -> None:
    with pytest.raises(MlpackError):
        echo_column("string").transform({"c": ["\ud800"] * rows})
