from __future__ import annotations

import math

import numpy as np
import pytest

from mlpack.runtime.comparison import CERTIFICATES, compare, tolerance

VALUES = np.array([[1.0, -2.0], [0.0, np.nan], [np.inf, -np.inf]])


def test_the_same_values_are_exact() -> None:
    found = compare(VALUES, VALUES.copy(), spread=1.0)
    assert (found.exact, found.worst, found.rows, found.mismatch) == (True, 0.0, (), "")
    assert all(found.within(certificate) for certificate in CERTIFICATES)


def test_the_sign_of_zero_does_not_count() -> None:
    assert compare(np.array([0.0]), np.array([-0.0]), spread=1.0).exact


def test_the_error_is_relative_to_spread_and_value() -> None:
    found = compare(np.array([3.0, 8.0]), np.array([3.0, 8.5]), spread=2.0)
    assert found.worst == 0.05
    assert found.rows == (1,)
    assert not found.exact


@pytest.mark.parametrize(
    ("error", "holds"),
    [(1e-16, ("tight", "loose")), (1e-10, ("tight", "loose")), (1e-6, ("loose",)), (1e-3, ())],
)
def test_certificates_are_limits_of_the_error(error: float, holds: tuple[str, ...]) -> None:
    found = compare(np.array([0.0]), np.array([error]), spread=1.0)
    assert tuple(certificate for certificate in CERTIFICATES if found.within(certificate)) == holds


@pytest.mark.parametrize(("error", "holds"), [(0.0, 3), (9e-7, 2), (2e-6, 1), (2e-5, 0)])
def test_an_original_in_single_precision_is_judged_at_its_own(error: float, holds: int) -> None:
    found = compare(np.zeros(1, dtype=np.float32), np.array([error], dtype=np.float32), spread=1.0)
    reached = [certificate for certificate in CERTIFICATES if found.within(certificate, "float32")]
    assert reached == list(CERTIFICATES)[len(CERTIFICATES) - holds :]


def test_only_tight_depends_on_the_precision() -> None:
    differ = [name for name in CERTIFICATES if tolerance(name, "float32") != tolerance(name)]
    assert differ == ["tight"]


@pytest.mark.parametrize(
    ("expected", "actual"), [(np.nan, 1.0), (1.0, np.nan), (np.inf, -np.inf), (np.inf, 1e308), (1.0, np.inf)]
)
def test_what_is_not_finite_must_meet_its_like(expected: float, actual: float) -> None:
    found = compare(np.array([0.0, expected]), np.array([0.0, actual]), spread=1.0)
    assert found.worst == math.inf
    assert found.rows == (1,)
    assert not found.within("loose")


def test_without_spread_zero_must_meet_zero() -> None:
    assert compare(np.zeros(2), np.zeros(2), spread=0.0).exact
    assert compare(np.zeros(1), np.ones(1), spread=0.0).worst == math.inf


@pytest.mark.parametrize("dtype", [object, "U3", "i8", "?"])
def test_labels_agree_or_not(dtype: str) -> None:
    expected = np.array([1, 0, 1, 0]).astype(dtype)
    actual = np.array([1, 1, 1, 1]).astype(dtype)
    found = compare(expected, actual, spread=1.0)
    assert (found.labels, found.worst, found.rows) == (2, 0.0, (1, 3))
    assert not found.within("loose")
    assert compare(expected, expected, spread=1.0).exact


def test_strings_of_another_width_are_the_same_type() -> None:
    assert compare(np.array(["a"], dtype="U1"), np.array(["a"], dtype="U9"), spread=1.0).exact


@pytest.mark.parametrize(
    ("actual", "said"),
    [
        (np.zeros((2, 1)), "expected shape (2,), found (2, 1)"),
        (np.zeros(2, dtype=np.float32), "expected dtype float64, found float32"),
        (np.zeros(2, dtype=np.int64), "expected dtype float64, found int64"),
    ],
)
def test_shape_and_dtype_come_first(
    actual: np.ndarray[tuple[int, ...], np.dtype[np.generic]], said: str
) -> None:
    found = compare(np.zeros(2), actual, spread=1.0)
    assert found.mismatch == said
    assert not found.within("loose")


def test_no_rows_are_exact() -> None:
    assert compare(np.empty((0, 2)), np.empty((0, 2)), spread=1.0).exact
    assert compare(np.empty(0, dtype=object), np.empty(0, dtype=object), spread=1.0).exact


def test_at_most_ten_rows_are_named_worst_first() -> None:
    actual = np.arange(20.0)
    assert compare(np.zeros(20), actual, spread=1.0).rows == tuple(range(19, 9, -1))
