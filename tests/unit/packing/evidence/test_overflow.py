"""Where the original overflows: said by the graph where it can, else by a limit in the contract."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from mlpack.errors import InputError
from mlpack.packing.adapters import scikit_learn
from mlpack.packing.evidence.native import NativeModel
from mlpack.packing.evidence.rules import learn_rules
from mlpack.packing.example import read_example
from mlpack.packing.proving import Proof, prove
from mlpack.runtime.engines import open_engine
from mlpack.runtime.predictor import Predictor

RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(80, 3)) * [0.01, 1.0, 1.0]
TARGET = (ROWS[:, 1] > 0).astype(int)


def native_of(model: object) -> NativeModel:
    return NativeModel(adapter=scikit_learn, model=model, example=read_example(ROWS), methods=("predict",))


def predictor_of(proof: Proof) -> Predictor:
    return Predictor(proof.contract, open_engine(proof.artifact, proof.contract), ranges="ignore")


def test_no_limit_is_searched_for_unless_asked() -> None:
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(ROWS, TARGET)
    rule = learn_rules(native_of(model), limits=False)["x0"]
    assert (rule.limit, rule.overflows) == (None, True)


def test_a_limit_that_is_searched_for_is_the_last_number_accepted() -> None:
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(ROWS, TARGET)
    native = native_of(model)
    limit = learn_rules(native)["x0"].limit
    assert limit is not None
    one = {name: values[:1] for name, values in (("x1", ROWS[:, 1]), ("x2", ROWS[:, 2]))}
    beyond = np.nextafter(limit, np.inf)
    assert native.accepts({"x0": np.array([limit]), **one})
    assert not native.accepts({"x0": np.array([beyond]), **one})


def test_a_graph_of_ours_refuses_what_overflows_without_a_limit_in_the_contract() -> None:
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(ROWS, TARGET)
    proof = prove(model, ROWS)
    row = ROWS[:1].copy()
    row[0, 0] = 1.7e308
    assert [item.limit for item in proof.contract.inputs] == [None, None, None]
    with pytest.raises(InputError):
        predictor_of(proof).predict(row)


def test_a_row_that_the_original_still_takes_is_answered() -> None:
    model = make_pipeline(StandardScaler(), SVC()).fit(ROWS, TARGET)
    row = ROWS[:1].copy()
    row[0, 0] = 1e300
    assert predictor_of(prove(model, ROWS)).predict(row) == model.predict(row)
