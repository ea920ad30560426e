"""Functions before and after a model: in the graph, on the host, or as source."""

# ruff: noqa: ANN401  (rows and answers are of any type)
from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import StandardScaler

from mlpack.errors import ExportError, UsageError
from mlpack.packing.notices import PackWarning
from mlpack.packing.processing import between
from mlpack.packing.proving import Proof, prove
from mlpack.packing.unsafe import UnsafePickle
from mlpack.runtime.engines import open_engine
from mlpack.runtime.predictor import Predictor

RNG = np.random.default_rng(0)
RAW = pd.DataFrame(
    {
        "size": RNG.lognormal(size=80),
        "weight": RNG.lognormal(size=80),
        "when": pd.date_range("2024-01-01", periods=80, freq="7h", tz="Europe/Berlin"),
        "note": RNG.choice(["long", "longer"], 80),
        "unused": [object() for _ in range(80)],
    }
)
HIGH = (RAW["size"] > RAW["weight"]).astype(int)


def prepare(frame: Any) -> Any:
    frame["log"] = np.log1p(frame["size"])
    return frame[["log", "weight"]]


def by_hour(frame: Any) -> Any:
    return frame.assign(hour=frame["when"].dt.hour)[["size", "hour"]]


def loops(frame: Any) -> Any:
    lengths = [len(note) + when.hour for note, when in zip(frame["note"], frame["when"], strict=True)]
    return pd.DataFrame({"size": frame["size"], "lengths": lengths})


def price(answers: Any) -> Any:
    return np.round(np.expm1(answers), 2)


def decide(shares: Any) -> Any:
    return np.where(shares[:, 1] > 0.6, "take", np.where(shares[:, 1] > 0.3, "look again", "leave"))


def proved(model: Any, example: Any, *, methods: Any = None, **functions: Any) -> Proof:
    whole = {"preprocess": None, "postprocess": None, **functions}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PackWarning)
        return prove(between(model, example, methods=methods, **whole), example, methods=methods)


def loaded(proof: Proof) -> Any:
    return Predictor(proof.contract, open_engine(proof.artifact, proof.contract), ranges="ignore")


def test_a_function_that_can_be_followed_is_in_the_graph() -> None:
    model = LogisticRegression().fit(prepare(RAW.copy()), HIGH)
    proof = proved(model, RAW, preprocess=prepare)
    assert proof.artifact.format == "onnx"
    np.testing.assert_allclose(
        loaded(proof).predict_proba(RAW), model.predict_proba(prepare(RAW.copy())), atol=1e-12
    )


def test_columns_that_the_function_does_not_need_are_not_required() -> None:
    model = Ridge().fit(prepare(RAW.copy()), HIGH)
    proof = proved(model, RAW, preprocess=prepare)
    assert [item.name for item in proof.contract.inputs] == ["size", "weight"]


def test_parts_of_dates_are_steps_of_the_host() -> None:
    model = Ridge().fit(by_hour(RAW), HIGH)
    proof = proved(model, RAW, preprocess=by_hour)
    assert proof.parity.rung == "hybrid"
    np.testing.assert_allclose(loaded(proof).predict(RAW), model.predict(by_hour(RAW)), atol=1e-12)


def test_a_loop_over_rows_comes_along_as_source() -> None:
    model = Ridge().fit(loops(RAW), HIGH)
    proof = proved(model, RAW, preprocess=loops)
    assert (proof.artifact.format, proof.parity.certificate) == ("code", "exact")
    assert b"def loops(frame" in proof.artifact.files["code/model.py"]
    one = {"size": 2.0, "when": "2024-03-31T03:30:00+02:00", "note": "long"}
    row = pd.DataFrame(
        {"size": [2.0], "when": [pd.Timestamp("2024-03-31T03:30", tz="Europe/Berlin")], "note": ["long"]}
    )
    np.testing.assert_array_equal(loaded(proof).predict(one), model.predict(loops(row)))


def test_code_is_refused_where_only_a_graph_will_do() -> None:
    model = Ridge().fit(loops(RAW), HIGH)
    whole = between(model, RAW, preprocess=loops, postprocess=None, methods=None)
    with pytest.raises(ExportError, match="loop over rows"):
        prove(whole, RAW, prefer="onnx-only")


def test_answers_are_changed_in_the_graph() -> None:
    rows = RAW[["size", "weight"]]
    model = Ridge().fit(rows, np.log1p(RAW["weight"]))
    proof = proved(model, rows, postprocess=price)
    assert proof.artifact.format == "onnx"
    np.testing.assert_array_equal(loaded(proof).predict(rows), price(model.predict(rows)))


def test_answers_may_become_texts_of_any_length() -> None:
    rows = RAW[["size", "weight"]]
    model = LogisticRegression().fit(rows, HIGH)
    proof = proved(model, rows, postprocess=decide, methods=["predict_proba"])
    assert proof.artifact.format == "onnx"
    answers = loaded(proof).predict_proba(rows)
    np.testing.assert_array_equal(answers, decide(model.predict_proba(rows)))
    assert set(answers) == {"take", "look again", "leave"}


def test_the_function_gets_labels_and_other_methods_stay() -> None:
    rows = RAW[["size", "weight"]].to_numpy()
    model = LogisticRegression().fit(rows, np.where(HIGH, 10, 20))
    proof = proved(model, rows, postprocess=lambda labels: labels * 2)
    assert set(loaded(proof).predict(rows).tolist()) == {20, 40}
    np.testing.assert_allclose(loaded(proof).predict_proba(rows), model.predict_proba(rows), atol=1e-12)


def test_text_labels_reach_a_function_that_comes_along() -> None:
    rows = RAW[["size", "weight"]].to_numpy()
    model = LogisticRegression().fit(rows, np.where(HIGH, "hoch", "niedrig"))
    proof = proved(model, rows, postprocess=shout)
    assert proof.artifact.format == "code"
    assert set(loaded(proof).predict(rows)) == {"HOCH", "NIEDRIG"}


def shout(labels: Any) -> Any:
    return np.array([label.upper() for label in labels], dtype=object)


def test_a_transformer_takes_both() -> None:
    rows = np.abs(RAW[["size", "weight"]].to_numpy())
    model = StandardScaler().fit(np.log(rows))
    proof = proved(model, rows, preprocess=np.log, postprocess=np.abs)
    np.testing.assert_allclose(loaded(proof).transform(rows), np.abs(model.transform(np.log(rows))))


def test_a_polars_frame_comes_along_as_source() -> None:
    rows = pl.DataFrame({"size": RAW["size"].to_numpy(), "weight": RAW["weight"].to_numpy(), "unused": "x"})
    model = Ridge().fit(of_polars(rows), HIGH)
    proof = proved(model, rows, preprocess=of_polars)
    assert [item.name for item in proof.contract.inputs] == ["size", "weight"]
    np.testing.assert_array_equal(loaded(proof).predict(rows), model.predict(of_polars(rows)))


def of_polars(frame: Any) -> Any:
    return frame.select(pl.col("size").log(), pl.col("weight")).to_numpy()


def test_what_is_no_function_is_refused() -> None:
    with pytest.raises(UsageError, match="expected a function, found str"):
        between(Ridge(), RAW, preprocess="prepare", postprocess=None, methods=None)  # type: ignore[arg-type]


def test_a_pickle_takes_no_functions() -> None:
    with pytest.raises(UsageError, match="pickle"):
        between(UnsafePickle(Ridge()), RAW, preprocess=prepare, postprocess=None, methods=None)
