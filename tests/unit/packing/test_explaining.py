"""What an explanation says of models that pack and of ones that do not."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from mlpack.errors import ModelError, UsageError
from mlpack.packing.explaining import ExportExplanation, explain_export
from mlpack.show.json import render_json

RNG = np.random.default_rng(0)
FRAME = pd.DataFrame(
    {"a": RNG.normal(size=60), "b": RNG.normal(size=60), "c": RNG.choice(["x", "y"], 60), "d": 1.0}
)
TARGET = (FRAME["a"] > 0).astype(int)


@pytest.fixture(scope="module")
def packed() -> ExportExplanation:
    front = make_column_transformer(
        (make_pipeline(SimpleImputer(), StandardScaler()), ["a", "b"]),
        (OneHotEncoder(), ["c"]),
        ("passthrough", ["d"]),
    )
    model = GridSearchCV(make_pipeline(front, LogisticRegression()), {"logisticregression__C": [1.0]}, cv=2)
    return explain_export(model.fit(FRAME, TARGET), FRAME)


@pytest.fixture(scope="module")
def refused() -> ExportExplanation:
    model = make_pipeline(
        StandardScaler(), FunctionTransformer(lambda X: np.cumsum(X, axis=1)), LogisticRegression()
    )
    rows = FRAME[["a", "b"]]
    return explain_export(model.fit(rows, TARGET), rows)


def test_every_step_of_nested_pipelines_has_a_line(packed: ExportExplanation) -> None:
    assert [(step.kind, step.columns) for step in packed.steps] == [
        ("SimpleImputer", 2),
        ("StandardScaler", 2),
        ("OneHotEncoder", 1),
        ("passthrough", 1),
        ("LogisticRegression", 5),
    ]


def test_a_step_is_named_by_the_way_to_it(packed: ExportExplanation) -> None:
    assert packed.steps[1].path == "best_estimator_.columntransformer.pipeline.standardscaler"


def test_what_packs_has_the_certificate_that_pack_would_give(packed: ExportExplanation) -> None:
    assert (packed.packs, packed.certificate, packed.steps[0].certificate) == (True, "tight", "exact")


def test_the_step_in_the_way_is_named_with_its_reason_and_a_change(refused: ExportExplanation) -> None:
    wrong = [step for step in refused.steps if not step.route]
    assert [step.kind for step in wrong] == ["FunctionTransformer"]
    assert "<lambda>" in wrong[0].reason
    assert "NumPy function" in wrong[0].change


def test_steps_behind_the_one_in_the_way_are_looked_at_too(refused: ExportExplanation) -> None:
    assert (refused.packs, refused.steps[-1].certificate) == (False, "tight")


def test_a_model_without_steps_is_one_step() -> None:
    rows = FRAME[["a", "b"]].to_numpy()
    found = explain_export(LogisticRegression().fit(rows, TARGET), rows)
    assert [(step.path, step.kind, step.certificate) for step in found.steps] == [
        ("", "LogisticRegression", "tight")
    ]


def test_a_drop_is_not_read() -> None:
    model = make_column_transformer((StandardScaler(), ["a"]), ("drop", ["b"])).fit(FRAME[["a", "b"]])
    found = explain_export(model, FRAME[["a", "b"]])
    assert [(step.kind, step.route) for step in found.steps][1] == ("drop", "not read")


def test_text_html_and_json_say_the_same(refused: ExportExplanation) -> None:
    shown = (str(refused), refused._repr_html_(), json.loads(render_json(refused.facts()))["title"])
    assert all("Pipeline" in text for text in shown)
    assert "no route" in shown[0]
    assert "no route" in shown[1]


def test_a_model_that_is_not_fitted_is_an_error_not_an_explanation() -> None:
    with pytest.raises(ModelError, match="not fitted"):
        explain_export(LogisticRegression(), FRAME)


def test_an_unknown_certificate_is_refused() -> None:
    with pytest.raises(UsageError, match="certificate"):
        explain_export(LogisticRegression(), FRAME, certificate="sure")  # type: ignore[arg-type]
