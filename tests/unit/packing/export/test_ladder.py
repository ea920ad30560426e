"""The ladder: lazy, in order, with reasons; and the same bytes everywhere."""

# ruff: noqa: ANN401 - a fitted model has no type of its own
from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn import datasets
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.cluster import KMeans
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from mlpack.errors import UsageError
from mlpack.format.contract import Contract
from mlpack.packing.export import converters
from mlpack.packing.export.conversion import converted_bytes
from mlpack.packing.export.graph import Unsupported
from mlpack.packing.export.ladder import RUNGS, Candidate, Refusal, candidates


class Sleepy(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """A step whose loading never ends, as some conversions do."""

    def fit(self, X: Any, y: Any = None) -> Sleepy:  # noqa: ARG002
        self.fitted_ = True
        return self

    def transform(self, X: Any) -> Any:
        return X

    def __reduce__(self) -> Any:
        return time.sleep, (60,)


class Crashing(Sleepy):
    """A step that takes its process with it."""

    def __reduce__(self) -> Any:
        return os.abort, ()


@pytest.fixture(scope="module")
def iris() -> Any:
    return datasets.load_iris(return_X_y=True)


def test_rungs_are_climbed_only_when_asked_for(
    iris: Any, contract_of: Callable[..., Contract], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = LogisticRegression(max_iter=500).fit(*iris)
    monkeypatch.setattr(converters, "convert", lambda *_, **__: pytest.fail("climbed too far"))
    found = next(candidates(model, contract_of(model, iris[0], ["predict"])))
    assert isinstance(found, Candidate)
    assert found.rung == RUNGS[0]


def test_an_unknown_rung_is_a_usage_error(iris: Any, contract_of: Callable[..., Contract]) -> None:
    model = LogisticRegression(max_iter=500).fit(*iris)
    with pytest.raises(UsageError, match="unknown rung 'best'"):
        candidates(model, contract_of(model, iris[0], ["predict"]), rungs=["best"])


def test_a_refusal_names_the_step_and_a_way_out(iris: Any, exported: Callable[..., Any]) -> None:
    model = make_pipeline(FunctionTransformer(np.cumsum), StandardScaler())
    model.steps[0][1].kw_args = {"axis": 1}
    _, found = exported(model.fit(iris[0]), iris[0])
    assert found.reason.startswith(
        "FunctionTransformer (step functiontransformer): cumsum uses np.cumsum, which has no exact form"
    )


def test_a_class_of_ones_own_is_refused_even_if_it_inherits(iris: Any, exported: Callable[..., Any]) -> None:
    class Mine(LinearRegression):  # type: ignore[misc]
        pass

    _, found = exported(Mine().fit(*iris), iris[0])
    assert "no emitter for" in found.reason


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Convert without a child: what is tested is the graph, and a child takes seconds to start."""

    def convert(model: Any, contract: Contract, *, precision: Any) -> bytes:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return converted_bytes(model, contract, precision)

    monkeypatch.setattr(converters, "convert", convert)


def test_the_converter_runs_in_a_child(iris: Any, agree: Callable[..., Any]) -> None:
    agree(LinearRegression().fit(*iris), iris[0], rung="skl2onnx-float64", tolerance=1e-11)


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize("rung", ["skl2onnx-float64", "skl2onnx-float32"])
def test_a_converted_graph_has_the_contracts_names_shapes_and_types(
    rung: str, iris: Any, agree: Callable[..., Any]
) -> None:
    X, y = iris
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, np.array(["a", "b", "c"])[y])
    methods = ["predict", "predict_proba", "decision_function"]
    agree(model, X, rung=rung, methods=methods, tolerance=1e-11 if rung.endswith("64") else 1e-4)


@pytest.mark.usefixtures("in_process")
def test_a_converted_binary_score_is_one_number_per_row(agree: Callable[..., Any]) -> None:
    X, y = datasets.load_breast_cancer(return_X_y=True)
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
    methods = ["predict", "decision_function"]
    agree(model, X, rung="skl2onnx-float64", methods=methods, tolerance=1e-9)


@pytest.mark.usefixtures("in_process")
def test_a_converted_cluster_number_keeps_its_type(iris: Any, agree: Callable[..., Any]) -> None:
    agree(KMeans(3, random_state=0, n_init=1).fit(iris[0]), iris[0], rung="skl2onnx-float64", tolerance=1e-9)


def test_a_model_that_cannot_be_pickled_is_a_refusal(iris: Any, exported: Callable[..., Any]) -> None:
    lock = threading.Lock()
    model = FunctionTransformer(lambda table: table[: not lock.locked()]).fit(iris[0])
    _, found = exported(model, iris[0], rung="skl2onnx-float64")
    assert isinstance(found, Refusal)
    assert found.reason.startswith("FunctionTransformer: cannot be pickled for the converter")


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        (Sleepy(), "the converter did not finish within 2 s"),
        (Crashing(), "the converter's process ended with code -6"),
    ],
    ids=["endless", "crash"],
)
def test_a_converter_that_never_answers_is_a_refusal(
    step: Any, reason: str, iris: Any, contract_of: Callable[..., Contract]
) -> None:
    model = step.fit(iris[0])
    with pytest.raises(Unsupported, match=reason):
        converters.convert(
            model, contract_of(model, iris[0], ["transform"]), precision="float64", time_limit=2
        )


def test_a_converter_that_wants_too_much_memory_is_a_refusal(
    iris: Any, contract_of: Callable[..., Contract]
) -> None:
    model = LogisticRegression(max_iter=500).fit(*iris)
    with pytest.raises(Unsupported):
        converters.convert(
            model, contract_of(model, iris[0], ["predict"]), precision="float64", memory_limit=64 << 20
        )


SCRIPT = """
import hashlib, pickle, sys
from mlpack.packing.export.conversion import converted_bytes
from mlpack.packing.export.emission import emit
model, contract = pickle.load(open(sys.argv[1], "rb"))
for content in (emit(model, contract), converted_bytes(model, contract, "float64")):
    print(hashlib.sha256(content).hexdigest())
"""


def test_two_processes_with_other_hash_seeds_make_the_same_bytes(
    iris: Any, contract_of: Callable[..., Contract], tmp_path: Path
) -> None:
    import pickle

    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(*iris)
    contract = contract_of(model, iris[0], ["predict", "predict_proba"])
    (tmp_path / "model").write_bytes(pickle.dumps((model, contract)))
    command = [sys.executable, "-c", SCRIPT, str(tmp_path / "model")]
    found = [
        subprocess.run(
            command, env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    ]
    assert found[0] == found[1]
    (here,) = candidates(model, contract, rungs=["emitters-float64"])
    assert isinstance(here, Candidate)
    assert found[0].decode().split()[0] == hashlib.sha256(here.model).hexdigest()
