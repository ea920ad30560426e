"""Functions on DataFrames: dates, arithmetic and texts become host steps; the rest is refused by line."""

# ruff: noqa: ANN401 - tables of pandas
from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from mlpack.packing.export.ladder import Refusal, candidates
from mlpack.packing.proving import prove
from mlpack.runtime.engines import open_engine
from mlpack.runtime.predictor import Predictor

RNG = np.random.default_rng(0)
ROWS = 120
START = pd.Timestamp("2023-01-01")
FRAME = pd.DataFrame(
    {
        "age": RNG.integers(1, 90, ROWS),
        "fare": RNG.random(ROWS) * 100,
        "when": START + pd.to_timedelta(RNG.integers(0, 86_400_000, ROWS), unit="s"),
        "until": START + pd.to_timedelta(RNG.integers(0, 186_400_000, ROWS), unit="s"),
        "city": RNG.choice(["Oslo", "Łódź"], ROWS),
        "title": RNG.choice(["Mr. X", "Dr. Y", "Mrs. Z"], ROWS),
    }
)
FRAME["zoned"] = FRAME["when"].dt.tz_localize("UTC").dt.tz_convert("Europe/Berlin")
LABELS = (FRAME["when"].dt.hour > 11).astype(int).to_numpy()


def _parts(frame: Any) -> Any:
    return pd.DataFrame({"hour": frame["when"].dt.hour, "weekday": frame["when"].dt.day_of_week})


def _assigned(frame: Any) -> Any:
    frame = frame.copy()
    frame["hour"] = frame["zoned"].dt.hour
    frame["angle"] = np.sin(2 * np.pi * frame["hour"] / 24)
    frame["week"] = frame.zoned.dt.isocalendar().week
    return frame.drop(columns=["zoned"])


def _spans(frame: Any) -> Any:
    span = frame["until"] - frame["when"]
    return pd.DataFrame(
        {"days": span.dt.days, "seconds": span.dt.total_seconds(), "age": (START - frame["when"]).dt.days}
    )


def _texts(frame: Any) -> Any:
    whole = frame["city"] + " " + frame["title"].str.lower()
    doctor = frame["title"].str.contains("Dr.", regex=False)
    return frame.assign(length=whole.str.len(), doctor=doctor)[["length", "doctor"]]


def _numbers(frame: Any) -> Any:
    old = np.where(frame["age"] > 40, 1, 0)
    rate = np.log1p(frame["fare"]) / (1 + frame["age"]) ** 2
    return pd.DataFrame({"old": old, "rate": rate.clip(0, 1), "odd": frame["age"] % 2 == 1})


def _tables(frame: Any) -> Any:
    return pd.DataFrame(
        {"place": frame["city"].map({"Oslo": 1, "Łódź": 2}), "in": frame["title"].isin(["Mr. X"])}
    )


class Hours(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """A transformer of a notebook."""

    def fit(self, X: Any, y: Any = None) -> Hours:  # noqa: ARG002
        """Learn nothing."""
        return self

    def transform(self, X: Any) -> Any:
        """Return the hour."""
        return X.assign(hour=X["when"].dt.hour)[["hour"]]


def _forest() -> Any:
    return RandomForestClassifier(5, random_state=0)


MODELS: dict[str, tuple[Any, list[str]]] = {
    "parts": ([FunctionTransformer(_parts), StandardScaler(), RidgeClassifier()], ["when"]),
    "parts with missing dates": (
        [FunctionTransformer(_parts), HistGradientBoostingClassifier(max_iter=3)],
        ["when"],
    ),
    "a zone": ([FunctionTransformer(_assigned), _forest()], ["zoned", "age"]),
    "spans": ([FunctionTransformer(_spans), _forest()], ["when", "until"]),
    "texts": ([FunctionTransformer(_texts), RidgeClassifier()], ["city", "title"]),
    "numbers": ([FunctionTransformer(_numbers), RidgeClassifier()], ["age", "fare"]),
    "tables": ([FunctionTransformer(_tables), HistGradientBoostingClassifier(max_iter=3)], ["city", "title"]),
    "a class": ([Hours(), RidgeClassifier()], ["when", "age"]),
    "texts joined": (
        [FunctionTransformer(lambda f: f["city"] + " " + f["title"]), CountVectorizer(), RidgeClassifier()],
        ["city", "title"],
    ),
    "beside others": (
        [
            make_column_transformer(
                (FunctionTransformer(_parts), ["when"]),
                (OneHotEncoder(), ["city"]),
                (StandardScaler(), ["age"]),
            ),
            RidgeClassifier(),
        ],
        ["when", "city", "age", "fare"],
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_function_on_a_frame_is_packed(name: str) -> None:
    steps, columns = MODELS[name]
    example = FRAME[columns]
    model = make_pipeline(*steps).fit(example, LABELS)
    proof = prove(model, example, methods=["predict"])
    assert proof.parity.rung == "hybrid"
    loaded = Predictor(proof.contract, open_engine(proof.artifact, proof.contract))
    assert np.array_equal(loaded.predict(example), model.predict(example))


@pytest.mark.parametrize(
    ("function", "complaint"),
    [
        (lambda frame: frame - frame.mean(), ".mean of a table"),
        (lambda frame: frame[frame["age"] > 3], "a choice of rows"),
        (lambda frame: pd.DataFrame({"a": [value for value in frame["age"]]}), "a loop over rows"),  # noqa: C416
        (lambda frame: frame * len(frame), "the number of rows"),
        (lambda frame: frame if frame["age"] > 1 else -frame, "a decision that depends on the rows"),
        (lambda frame: pd.qcut(frame["age"], 4), "use KBinsDiscretizer"),
        (lambda frame: frame["age"].rank(), ".rank of a column"),
    ],
)
def test_what_depends_on_other_rows_is_refused_with_its_line(function: Any, complaint: str) -> None:
    example = FRAME[["age", "fare"]]
    model = make_pipeline(FunctionTransformer(), RidgeClassifier()).fit(example, LABELS)
    proof = prove(model, example, methods=["predict"])
    model.steps[0] = ("functiontransformer", FunctionTransformer(function))
    (found,) = candidates(model, proof.contract, example=proof.native.example, rungs=["hybrid"])
    assert isinstance(found, Refusal)
    assert re.search(rf"line \d+ .*{re.escape(complaint)}", found.reason)
