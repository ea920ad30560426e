from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import polars as pl
import pytest

from mlpack.errors import InputError
from mlpack.runtime.notices import ContractWarning
from mlpack.runtime.predictor import Predictor

Echo = Callable[..., Predictor]
Anything: TypeAlias = Any

X = np.arange(12.0).reshape(4, 3)


def read_only() -> np.ndarray[Any, Any]:
    array = X.copy()
    array.flags.writeable = False
    return array


@pytest.mark.parametrize(
    "rows",
    [
        X,
        np.asfortranarray(X),
        np.repeat(X, 2, axis=1)[:, ::2],
        X.astype(">f8"),
        X.astype(np.float32),
        X.astype(np.float16),
        X.astype(np.int8),
        X.astype(np.uint64),
        X.astype(object),
        X.tolist(),
        [tuple(row) for row in X.tolist()],
        list(X),
        np.ma.masked_array(X),
        X.view(np.matrix),
        read_only(),
        pd.DataFrame(X),
        pd.DataFrame(X, columns=["q", "r", "s"]),
        pl.DataFrame(X),
        pd.DataFrame(
            {"q": X[:, 0].astype(int), "r": X[:, 1], "s": pd.array(X[:, 2].astype(int), dtype="Int64")}
        ),
        {"x2": X[:, 2], "x0": X[:, 0], "x1": X[:, 1]},
    ],
    ids=lambda rows: type(rows).__name__,
)
@pytest.mark.parametrize("count", [1, 4])
def test_every_form_reaches_the_graph_unchanged(echo_array: Echo, rows: Anything, count: int) -> None:
    if isinstance(rows, dict):
        some: Any = {name: column[:count] for name, column in rows.items()}
    else:
        some = rows[:count]
    answer = echo_array().transform(some)
    assert answer.dtype == np.float64
    assert answer.tolist() == X[:count].tolist()


@pytest.mark.parametrize("count", [1, 2, 100, 5000])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_one_bad_value_is_found_wherever_it_is(echo_array: Echo, count: int, bad: float) -> None:
    rng = np.random.default_rng(0)
    model = echo_array(7)
    for row in {0, count // 2, count - 1}:
        rows = rng.normal(size=(count, 7))
        rows[row, 5] = bad
        with pytest.raises(InputError, match=rf"column 'x5': row {row}: expected a (finite )?number"):
            model.transform(rows)


@pytest.mark.parametrize("count", [1, 3, 5000])
def test_allowed_nulls_pass_and_others_are_still_found(echo_array: Echo, count: int) -> None:
    model = echo_array(3, nulls=True)
    rows = np.full((count, 3), np.nan)
    assert np.isnan(model.transform(rows)).all()
    rows[-1, 1] = np.inf
    with pytest.raises(InputError, match=rf"row {count - 1}: expected a finite number, found an infinity"):
        model.transform(rows)


def test_allowed_infinities_pass(echo_array: Echo) -> None:
    assert echo_array(2, infinities=True).transform([[np.inf, -np.inf]]).tolist() == [[np.inf, -np.inf]]


@pytest.mark.parametrize("count", [1, 3000])
def test_a_limit_is_enforced_on_both_sides(echo_array: Echo, count: int) -> None:
    model = echo_array(2, limit=10.0)
    rows = np.full((count, 2), 10.0)
    assert model.transform(rows).shape == (count, 2)
    rows[-1, 0] = -10.5
    with pytest.raises(InputError, match=rf"'x0': row {count - 1}: expected at most 10 in size"):
        model.transform(rows)


@pytest.mark.parametrize("count", [1, 3000])
def test_values_outside_the_range_are_counted(
    echo_array: Echo, profile: Callable[..., Any], count: int
) -> None:
    model = echo_array(2, profile=profile(0.0, 1.0))
    rows = np.full((count, 2), 0.5)
    model.transform(rows)
    rows[:, 1] = 2.0
    rows[0, 0] = -1.0
    with pytest.warns(ContractWarning):
        assert model.transform(rows).tolist() == rows.tolist()
    assert model.counts == {"x0: below minimum": 1, "x1: above maximum": count}


@pytest.mark.parametrize("rows", [np.zeros((2, 2)), pd.DataFrame(np.zeros((2, 2))), [[0.0, 0.0]]])
def test_another_number_of_columns_is_refused(echo_array: Echo, rows: object) -> None:
    with pytest.raises(InputError, match=r"expected 3 (columns|cells), found 2"):
        echo_array().transform(rows)


def test_masked_elements_are_missing(echo_array: Echo) -> None:
    masked = np.ma.masked_array(X, mask=X == 4.0)
    assert np.isnan(echo_array(nulls=True).transform(masked)).sum() == 1
    with pytest.raises(InputError, match="'x1': row 1: expected a number, found a missing value"):
        echo_array().transform(masked)


@pytest.mark.parametrize("kind", ["U3", "S3", "datetime64[s]", "timedelta64[s]", "complex128"])
@pytest.mark.parametrize("count", [1, 2])
def test_other_kinds_of_arrays_are_refused(echo_array: Echo, kind: str, count: int) -> None:
    with pytest.raises(InputError, match="expected a number, found"):
        echo_array(2).transform(np.zeros((count, 2), dtype="i8").astype(kind))


def test_integers_that_a_double_cannot_hold_are_refused(echo_array: Echo) -> None:
    model = echo_array(1)
    held = np.array([[2**53], [2**60], [-(2**53)]])
    assert model.transform(held).astype(np.int64).tolist() == held.tolist()
    with pytest.raises(
        InputError, match="row 1: expected a number, found int64 that a float cannot hold exactly"
    ):
        model.transform(np.array([[1], [2**53 + 1]]))
    with pytest.raises(InputError, match="found int that a float cannot hold exactly"):
        model.transform([[2**53 + 1]])
    with pytest.raises(InputError, match="found int that a float cannot hold exactly"):
        model.transform([[10**400]])


def test_doubles_are_rounded_to_single_but_not_into_infinity(echo_array: Echo) -> None:
    model = echo_array(1, "float32")
    assert model.transform(np.array([[0.1], [0.2]])).dtype == np.float32
    for rows in (np.array([[1e39]]), np.array([[1.0], [1e39]]), [[1e39]], [[1.0], [1e39]]):
        with pytest.raises(InputError, match="beyond the range"):
            model.transform(rows)


def test_an_array_of_strings_is_read(echo_array: Echo) -> None:
    model = echo_array(2, "string")
    assert model.transform(np.array([["a", "b"]])).tolist() == [["a", "b"]]
    assert model.transform(np.array([["a", "b"], ["c", "d"]], dtype=object)).tolist() == [
        ["a", "b"],
        ["c", "d"],
    ]


def test_an_object_with_the_array_protocol_is_read(echo_array: Echo) -> None:
    class Tensor:
        ndim = 2

        def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray[Any, Any]:
            return X

    assert echo_array().transform(Tensor()).tolist() == X.tolist()


def test_the_smallest_integer_has_no_absolute_value_and_is_still_beyond_the_limit(echo_array: Echo) -> None:
    with pytest.raises(InputError, match="expected at most 10 in size"):
        echo_array(1, "int64", limit=10.0).transform(np.array([[-(2**63)], [1]]))
