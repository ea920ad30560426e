"""Sparse rows: each operation against scipy and scikit-learn, to the bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.preprocessing import normalize

from mlpack.runtime.hosting.sparse import (
    SparseRows,
    normalise_rows,
    pick_columns,
    scale_columns,
    weigh_terms,
)


def _both(kind: str = "float64") -> tuple[Any, SparseRows]:
    rng = np.random.default_rng(3)
    cells = rng.normal(size=(7, 5)) * (rng.random((7, 5)) < 0.5)
    cells[2] = 0
    theirs = csr_matrix(cells.astype(kind))
    ours = SparseRows(theirs.indptr.astype(np.int64), theirs.indices.astype(np.int64), theirs.data, 5)
    return theirs, ours


def test_dense_puts_every_value_in_its_cell() -> None:
    theirs, ours = _both()
    assert np.array_equal(ours.dense("float64"), theirs.toarray())


def test_padded_rows_hold_the_same_cells() -> None:
    theirs, ours = _both()
    indices, values = ours.padded(ours.columns, "int64"), ours.padded(ours.values, "float64")
    assert indices.shape == values.shape == (7, ours.longest)
    found = np.zeros((7, 5))
    for row in range(7):
        np.add.at(found[row], indices[row], values[row])
    assert np.array_equal(found, theirs.toarray())


def test_a_batch_of_empty_rows_is_still_one_entry_wide() -> None:
    empty = SparseRows(np.zeros(4, dtype=np.int64), np.zeros(0, dtype=np.int64), np.zeros(0), 9)
    assert empty.padded(empty.values, "float64").tolist() == [[0.0], [0.0], [0.0]]


def test_a_slice_is_the_rows_of_it() -> None:
    theirs, ours = _both()
    assert np.array_equal(ours[2:5].dense("float64"), theirs[2:5].toarray())


@pytest.mark.parametrize("norm", ["l1", "l2", "max"])
@pytest.mark.parametrize("kind", ["float64", "float32"])
def test_norms_are_the_originals(norm: str, kind: str) -> None:
    theirs, ours = _both(kind)
    assert np.array_equal(normalise_rows(ours, norm).dense(kind), normalize(theirs, norm=norm).toarray())


def test_picked_columns_keep_their_order() -> None:
    theirs, ours = _both()
    kept = np.array([1, 3])
    assert np.array_equal(pick_columns(ours, kept).dense("float64"), theirs[:, kept].toarray())


def test_factors_meet_their_columns() -> None:
    theirs, ours = _both()
    factors = np.arange(1.0, 6.0)
    assert np.array_equal(scale_columns(ours, factors).dense("float64"), theirs.toarray() * factors)


def test_weights_follow_the_logarithm() -> None:
    _, ours = _both()
    ours = SparseRows(ours.starts, ours.columns, np.abs(ours.values) + 1, 5)
    found = weigh_terms(ours, sublinear=True, weights=np.full(5, 2.0), kind="float64")
    assert np.array_equal(found.values, (np.log(ours.values) + 1) * 2.0)
