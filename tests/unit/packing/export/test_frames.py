"""Emitters for tables with text, categories, booleans and missing values, one graph input per column."""

# ruff: noqa: ANN401 - a fitted model has no type of its own
from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.svm import SVC

from mlpack.format.contract import NULL_TEXT
from mlpack.packing.export.conversion import converted_bytes

NUMBERS = ["age", "in come"]
TEXTS = ["city", "grade"]


def frame(rows: int = 240, seed: int = 0) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    data = pd.DataFrame(
        {
            "age": draw.integers(18, 90, rows).astype(float),
            "in come": draw.lognormal(9, 1, rows),
            "visits": draw.integers(0, 7, rows),
            "member": draw.random(rows) < 0.4,
            "city": draw.choice(
                ["Oslo", "Łódź", "São Paulo", "東京", "", " Oslo"], rows, p=[0.4, 0.3, 0.2, 0.06, 0.02, 0.02]
            ),
            "grade": draw.choice(["low", "mid", "high"], rows),
        }
    )
    data.loc[draw.random(rows) < 0.1, "age"] = np.nan
    data.loc[draw.random(rows) < 0.1, "city"] = np.nan
    data["grade"] = data["grade"].astype("category")
    data.loc[draw.random(rows) < 0.1, "grade"] = np.nan
    return data


def target(data: pd.DataFrame) -> Any:
    score = data["age"].fillna(50) / 40 + (data["city"] == "Oslo") + 2 * data["member"] + data["visits"] / 5
    return np.where(score > score.median(), "stays", "leaves")


def edges(data: pd.DataFrame) -> pd.DataFrame:
    """Rows with unseen, missing and extreme values."""
    odd = data.head(12).copy()
    odd["city"] = ["Oslo", "oslo", "Oslo ", "Paris", None, "", "東京", "nan", "None", "0", "Łódź", "x" * 300]
    odd["age"] = [np.nan, 1e9, -1e9, 0.0, -0.0, 5e-324, 18.0, 89.0, 90.0, 1e18, 3.5, np.nan]
    odd["grade"] = pd.Series(["low", None] * 6, index=odd.index).astype(data["grade"].dtype)
    return odd


def prepared(**one_hot: Any) -> ColumnTransformer:
    text = make_pipeline(
        SimpleImputer(strategy="most_frequent"), OneHotEncoder(**{"handle_unknown": "ignore", **one_hot})
    )
    numbers = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    return ColumnTransformer(
        [("numbers", numbers, NUMBERS), ("texts", text, TEXTS), ("rest", "passthrough", ["member", "visits"])]
    )


@pytest.mark.parametrize(
    "last",
    [
        LogisticRegression(),
        RandomForestClassifier(15, random_state=0),
        GradientBoostingClassifier(n_estimators=10, random_state=0),
        HistGradientBoostingClassifier(max_iter=10, random_state=0),
    ],
    ids=lambda model: type(model).__name__,
)
def test_a_notebook_pipeline_answers_as_the_original(last: Any, agree: Callable[..., Any]) -> None:
    data = frame()
    model = make_pipeline(prepared(sparse_output=False), last).fit(data, target(data))
    agree(model, data, frame(90, seed=1), edges(data), tolerance=1e-11)


ENCODERS = {
    "plain": OneHotEncoder(handle_unknown="ignore"),
    "first dropped": OneHotEncoder(drop="first", handle_unknown="ignore"),
    "binary dropped": OneHotEncoder(drop="if_binary", handle_unknown="ignore"),
    "rare together": OneHotEncoder(min_frequency=40, handle_unknown="infrequent_if_exist"),
    "rare together, first dropped": OneHotEncoder(
        min_frequency=40, drop="first", handle_unknown="infrequent_if_exist"
    ),
    "rare ignored": OneHotEncoder(max_categories=3, handle_unknown="ignore"),
    "float32": OneHotEncoder(dtype=np.float32, handle_unknown="ignore"),
    "ordinal": OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
    "ordinal, NaN for unknown": OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=np.nan, encoded_missing_value=-2
    ),
    "ordinal, rare together": OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=99, min_frequency=40
    ),
}


@pytest.mark.parametrize("case", ENCODERS)
@pytest.mark.parametrize("columns", [TEXTS, ["visits", "age"], ["member", "visits"]], ids=str)
def test_an_encoder_knows_missing_and_unknown_values(
    case: str, columns: list[str], agree: Callable[..., Any]
) -> None:
    data = frame()[columns]
    others = edges(frame())[columns]
    agree(ENCODERS[case].fit(data), data, others, tolerance=0)


@pytest.mark.parametrize("strategy", ["most_frequent", "constant"])
def test_missing_text_is_filled_before_it_is_encoded(strategy: str, agree: Callable[..., Any]) -> None:
    data = frame()[TEXTS]
    model = make_pipeline(SimpleImputer(strategy=strategy, add_indicator=True), OrdinalEncoder())
    model.set_params(ordinalencoder__handle_unknown="use_encoded_value", ordinalencoder__unknown_value=-1)
    agree(model.fit(data), data, frame(50, seed=3)[TEXTS], tolerance=0)


@pytest.mark.parametrize(
    "categories", ["from_dtype", ["city", "grade"], [False, False, False, True, True, True]]
)
def test_histogram_boosting_reads_categories_natively(categories: Any, agree: Callable[..., Any]) -> None:
    data = frame()
    data["city"] = data["city"].astype("category")
    model = HistGradientBoostingRegressor(categorical_features=categories, max_iter=20, min_samples_leaf=3)
    model.fit(data, (data["age"].fillna(3) + 40 * (data["city"] == "東京")).to_numpy())
    fresh = frame(90, seed=5)
    fresh["city"] = fresh["city"].astype(data["city"].dtype)
    agree(model, data, fresh, tolerance=0)


def test_columns_are_found_by_name_and_unused_ones_may_be_missing(agree: Callable[..., Any]) -> None:
    data = frame()
    model = Pipeline(
        [
            ("columns", ColumnTransformer([("a", MinMaxScaler(), ["visits", "age"])])),
            ("last", LogisticRegression()),
        ]
    )
    model.set_params(
        columns__transformers=[("a", make_pipeline(SimpleImputer(), MinMaxScaler()), ["visits", "age"])]
    )
    model.fit(data, target(data))
    agree(model, data[["age", "visits"]])


def test_columns_chosen_by_type_and_a_remainder_answer(agree: Callable[..., Any]) -> None:
    data = frame().assign(age=lambda table: table["age"].fillna(1))
    model = ColumnTransformer(
        [
            (
                "texts",
                OneHotEncoder(sparse_output=False),
                make_column_selector(dtype_exclude=["number", "bool"]),
            )
        ],
        remainder=StandardScaler(),
    )
    agree(
        model.fit(data),
        data,
        frame(30, seed=2).assign(age=2.0).replace({"city": {"": "Oslo", " Oslo": "Oslo"}}),
    )


def test_nullable_integers_arrive_as_doubles(agree: Callable[..., Any]) -> None:
    data = pd.DataFrame({"n": pd.array([1, None, 3, 4] * 10, dtype="Int64"), "x": np.arange(40.0)})
    agree(make_pipeline(SimpleImputer(), StandardScaler()).fit(data), data)


def test_numbers_straight_into_an_estimator_answer(agree: Callable[..., Any]) -> None:
    data = frame()[["visits", "member", "in come"]]
    agree(RandomForestClassifier(5, random_state=0).fit(data, target(frame())), data)


def test_a_category_that_looks_like_a_missing_value_is_refused(exported: Callable[..., Any]) -> None:
    data = pd.DataFrame({"a": [NULL_TEXT, "x"] * 4})
    _, result = exported(OrdinalEncoder().fit(data), data)
    assert NULL_TEXT in result.reason


def test_none_and_nan_side_by_side_are_refused(exported: Callable[..., Any]) -> None:
    data = pd.DataFrame({"a": pd.Series([None, np.nan, "x", "y"], dtype=object)})
    _, result = exported(OrdinalEncoder().fit(data), data)
    assert "both None and NaN" in result.reason


@pytest.mark.parametrize("last", [SVC(), KNeighborsClassifier()], ids=lambda model: type(model).__name__)
def test_the_converter_gets_the_last_step_behind_our_own_preprocessing(
    last: Any, contract_of: Callable[..., Any], feeds: Callable[..., Any]
) -> None:
    data = frame()
    model = make_pipeline(prepared(), last).fit(data, target(data))
    contract = contract_of(model, data, ["predict"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = onnx.load_from_string(converted_bytes(model, contract, "float64"))
    kinds = [node.op_type for node in made.graph.node]
    assert "LabelEncoder" in kinds
    assert "Imputer" not in kinds  # the converter's, which has no kernel in double
    session = ort.InferenceSession(made.SerializeToString())
    (found,) = session.run([contract.outputs[0].tensor], feeds(contract, data))
    np.testing.assert_array_equal(model.classes_[found], model.predict(data))
