"""What an adapter says of a fitted scikit-learn model."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans
from sklearn.compose import make_column_transformer
from sklearn.ensemble import IsolationForest, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from mlpack.errors import ModelError
from mlpack.packing.adapters import find_adapter
from mlpack.packing.adapters.scikit_learn import call, describe
from mlpack.packing.notices import PackWarning

X = np.arange(40.0).reshape(20, 2)
Y = np.arange(20) % 2
FRAME = pd.DataFrame({"a": X[:, 0], "dropped": X[:, 1], "b": X[:, 1]})


@pytest.mark.parametrize(
    ("model", "task"),
    [
        (LogisticRegression().fit(X, Y), "classification"),
        (LinearRegression().fit(X, Y), "regression"),
        (KMeans(2, n_init=1).fit(X), "clustering"),
        (IsolationForest(n_estimators=2).fit(X), "outlier-detection"),
        (StandardScaler().fit(X), "transformation"),
        (make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y), "classification"),
    ],
)
def test_the_task_is_that_of_the_last_step(model: object, task: str) -> None:
    assert describe(model).task == task


def test_only_methods_that_the_model_has_are_named() -> None:
    assert describe(LinearRegression().fit(X, Y)).methods == ("predict",)


def test_columns_that_the_first_step_drops_are_not_read() -> None:
    columns = make_column_transformer((StandardScaler(), ["b", "a"]))
    model = make_pipeline(columns, LogisticRegression()).fit(FRAME, Y)
    assert describe(model).columns == ("a", "b")


def test_a_remainder_that_passes_through_is_read() -> None:
    columns = make_column_transformer((StandardScaler(), ["b"]), remainder="passthrough")
    model = make_pipeline(columns, LogisticRegression()).fit(FRAME, Y)
    assert describe(model).columns == ("a", "dropped", "b")


def test_a_search_reads_what_its_best_pipeline_reads() -> None:
    pipeline = make_pipeline(make_column_transformer((OneHotEncoder(), ["a"])), LogisticRegression())
    search = GridSearchCV(pipeline, {"logisticregression__C": [1.0]}, cv=2, error_score="raise")
    search.set_params(estimator__columntransformer__onehotencoder__handle_unknown="ignore")
    assert describe(search.fit(FRAME, Y)).columns == ("a",)


def test_an_unfitted_model_is_refused_with_what_to_do() -> None:
    with pytest.raises(ModelError, match="call fit"):
        describe(make_pipeline(StandardScaler(), LogisticRegression()))


def test_a_class_is_refused() -> None:
    with pytest.raises(ModelError, match="found the class LogisticRegression"):
        find_adapter(LogisticRegression)


def test_a_stranger_is_refused_by_its_type() -> None:
    with pytest.raises(ModelError, match=r"builtins\.dict"):
        find_adapter({})


def test_several_targets_with_classes_offer_their_labels_alone() -> None:
    model = RandomForestClassifier(n_estimators=2).fit(X, np.column_stack([Y, Y]))
    with pytest.warns(PackWarning, match="predict_proba, predict_log_proba left out"):
        found = describe(model)
    assert (found.methods, found.classes) == (("predict",), None)


def test_threads_of_a_forest_do_not_reach_the_answer() -> None:
    model = RandomForestClassifier(n_estimators=50, random_state=0, n_jobs=2).fit(X, Y)
    answers = {call(model, "predict_proba", X).tobytes() for _ in range(5)}
    assert len(answers) == 1
