"""What the original refuses is learnt by asking it."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.tree import DecisionTreeRegressor

from mlpack.packing.adapters import find_adapter
from mlpack.packing.evidence.native import NativeModel
from mlpack.packing.evidence.rules import FLOAT32_MAX, Rules, base_rows, learn_rules
from mlpack.packing.example import read_example

X = np.arange(24.0).reshape(12, 2)
Y = np.arange(12.0)


def rules_of(model: object, example: object) -> dict[str, Rules]:
    adapter = find_adapter(model)
    methods = adapter.describe(model).methods
    return learn_rules(
        NativeModel(adapter=adapter, model=model, example=read_example(example), methods=methods)
    )


def test_a_linear_model_refuses_missing_and_infinite_values_but_not_large_ones() -> None:
    rules = rules_of(LinearRegression().fit(X, Y), X)["x0"]
    assert rules == Rules(nulls=False, infinities=False, unknown=True, limit=None)


def test_a_tree_refuses_what_single_precision_cannot_hold() -> None:
    rules = rules_of(DecisionTreeRegressor().fit(X, Y), X)["x0"]
    assert rules.limit is not None
    assert np.isfinite(np.float32(rules.limit))
    assert rules.limit > FLOAT32_MAX  # what rounds to the largest single is accepted


def test_histogram_boosting_accepts_missing_and_infinite_values() -> None:
    rules = rules_of(HistGradientBoostingRegressor(max_iter=2).fit(X, Y), X)["x1"]
    assert (rules.nulls, rules.infinities, rules.limit) == (True, True, None)


def test_each_column_has_rules_of_its_own() -> None:
    frame = pd.DataFrame({"imputed": X[:, 0], "plain": X[:, 1]})
    columns = make_column_transformer((SimpleImputer(), ["imputed"]), remainder="passthrough")
    rules = rules_of(make_pipeline(columns, LinearRegression()).fit(frame, Y), frame)
    assert (rules["imputed"].nulls, rules["plain"].nulls) == (True, False)


def test_an_encoder_says_whether_it_takes_unknown_strings() -> None:
    frame = pd.DataFrame({"strict": ["a", "b"] * 6, "open": ["c", "d"] * 6})
    columns = make_column_transformer(
        (OneHotEncoder(), ["strict"]), (OneHotEncoder(handle_unknown="ignore"), ["open"])
    )
    rules = rules_of(make_pipeline(columns, LinearRegression()).fit(frame, Y), frame)
    assert (rules["strict"].unknown, rules["open"].unknown) == (False, True)


def test_ordinary_rows_are_those_with_the_fewest_missing_values() -> None:
    example = read_example(np.array([[np.nan, 1.0], [2.0, 3.0], [np.nan, np.nan]]))
    assert base_rows(example, 2)["x0"].tolist()[0] == 2.0


def test_there_are_as_many_ordinary_rows_as_asked_for() -> None:
    assert len(base_rows(read_example(X[:3]), 10)["x0"]) == 10


def test_markers_that_mean_different_things_are_both_refused_until_the_example_says_which() -> None:
    texts = np.array(["x", "y", "z"] * 4, dtype=object)
    model = make_pipeline(
        make_column_transformer(
            (
                make_pipeline(
                    SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore")
                ),
                ["c"],
            )
        ),
        LinearRegression(),
    )
    frame = pd.DataFrame({"c": pd.Series(texts, dtype=object)})
    rules = rules_of(model.fit(frame, Y), frame)["c"]
    assert (rules.nulls, rules.ambiguous) == (False, True)  # NaN is imputed, None is a category
    holed = frame.assign(c=frame["c"].where(frame.index != 3, np.nan))
    rules = rules_of(model.fit(holed, Y), holed)["c"]
    assert (rules.nulls, rules.ambiguous) == (True, False)
