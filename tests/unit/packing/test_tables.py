"""Examples and rows that are no table of a library: sparse, dicts, records, tensors."""

# ruff: noqa: ANN401 - rows in any form
from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from mlpack.errors import ExampleError, InputError
from mlpack.packing.proving import prove
from mlpack.runtime.engines import open_engine
from mlpack.runtime.predictor import Predictor

RNG = np.random.default_rng(0)
CELLS = RNG.normal(size=(90, 4)) * (RNG.random((90, 4)) < 0.5)
LABELS = (CELLS[:, 0] > 0).astype(int)


def _packed(model: Any, example: Any) -> Predictor:
    proof = prove(model, example, methods=["predict"])
    return Predictor(proof.contract, open_engine(proof.artifact, proof.contract))


@pytest.mark.parametrize("kind", [sparse.csr_matrix, sparse.csc_array])
def test_a_model_of_sparse_rows_is_packed_and_takes_both(kind: Any) -> None:
    model = LogisticRegression().fit(kind(CELLS), LABELS)
    loaded = _packed(model, kind(CELLS))
    expected = model.predict(CELLS)
    assert np.array_equal(loaded.predict(kind(CELLS)), expected)
    assert np.array_equal(loaded.predict(CELLS), expected)


def test_too_wide_a_sparse_example_says_what_to_do() -> None:
    wide = sparse.csr_matrix((3, 6000))
    model = RidgeClassifier().fit(wide, [0, 1, 1])
    with pytest.raises(ExampleError, match="put the vectorizer into the pipeline"):
        prove(model, wide)


def test_too_large_a_sparse_matrix_is_refused_with_a_size_that_fits() -> None:
    loaded = _packed(LogisticRegression().fit(CELLS, LABELS), CELLS)
    with pytest.raises(InputError, match="at most 33554432 rows"):
        loaded.predict(sparse.csr_matrix((2**26, 4)))


@pytest.mark.parametrize("form", [dict, lambda columns: pd.DataFrame(columns).to_dict("records")])
def test_a_dict_or_records_are_an_example(form: Any) -> None:
    columns = {"a": CELLS[:, 0].tolist(), "b": CELLS[:, 1].tolist()}
    model = LogisticRegression().fit(pd.DataFrame(columns), LABELS)
    loaded = _packed(model, form(columns))
    assert np.array_equal(loaded.predict(columns), model.predict(pd.DataFrame(columns)))


def test_a_long_double_is_refused() -> None:
    model = LogisticRegression().fit(CELLS, LABELS)
    with pytest.raises(ExampleError, match="does not fit into a double"):
        prove(model, CELLS.astype(np.longdouble))


def test_missing_texts_marked_in_two_ways_are_refused() -> None:
    frame = pd.DataFrame({"c": pd.Series(["a", None, float("nan"), "b"], dtype=object)})
    model = make_pipeline(SimpleImputer(strategy="constant", fill_value="?"), OneHotEncoder())
    with pytest.raises(ExampleError, match="marked in several ways: NoneType, float"):
        prove(model.fit(frame), frame)


def test_an_imputer_of_nan_leaves_none_alone() -> None:
    cells = [("a", "b", None)[row % 3] for row in range(90)]
    frame = pd.DataFrame({"c": pd.Series(cells, dtype=object)})
    imputer = SimpleImputer(strategy="most_frequent")
    model = make_pipeline(imputer, OneHotEncoder(handle_unknown="ignore"), RidgeClassifier()).fit(
        frame, LABELS
    )
    assert np.array_equal(_packed(model, frame).predict(frame), model.predict(frame))
