"""Classes of a notebook that compute with NumPy become graphs; what depends on more than the row does not."""

# ruff: noqa: ANN401  (classes as notebooks write them)
from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, TransformerMixin
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.validation import check_array, check_is_fitted

ROWS = np.random.default_rng(0).normal(size=(60, 3))
LABELS = (ROWS[:, 0] > ROWS[:, 1]).astype(int)


class Shares(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Learns sizes, checks its input, calls a method of its own."""

    def fit(self, X: Any, y: Any = None) -> Shares:  # noqa: ARG002
        self.sizes_ = np.abs(X).max(axis=0)
        return self

    def transform(self, X: Any) -> Any:
        check_is_fitted(self)
        X = check_array(X)
        return np.hstack([self._logarithm(X), X @ np.eye(3)[:, :2]])

    def _logarithm(self, X: Any) -> Any:
        return np.log1p(np.abs(np.asarray(X, dtype=float)) / self.sizes_)


class Weighted(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """A linear model of one's own."""

    def fit(self, X: Any, y: Any) -> Weighted:
        self.weights_, *_ = np.linalg.lstsq(X, y, rcond=None)
        return self

    def predict(self, X: Any) -> Any:
        return np.array(X) @ self.weights_


class Ranks(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Looks at the rows beside."""

    def fit(self, X: Any, y: Any = None) -> Ranks:  # noqa: ARG002
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X: Any) -> Any:
        return np.argsort(np.argsort(np.asarray(X), axis=0), axis=0).astype(float)


class Ages(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Asks the clock."""

    def fit(self, X: Any, y: Any = None) -> Ages:  # noqa: ARG002
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X: Any) -> Any:
        return dt.datetime.now(tz=dt.UTC).year - np.asarray(X)


class Signs(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A classifier of one's own: its labels are whatever its code says."""

    def fit(self, X: Any, y: Any) -> Signs:  # noqa: ARG002
        self.classes_ = np.unique(y)
        return self

    def predict(self, X: Any) -> Any:
        return np.where(np.asarray(X)[:, 0] > 0, 1, 0)


def since(rows: Any) -> Any:
    return dt.date.today().year - rows  # noqa: DTZ011  (as notebooks do)


def test_a_transformer_with_checks_and_methods_is_a_graph(agree: Callable[..., Any]) -> None:
    agree(make_pipeline(Shares(), LogisticRegression()).fit(ROWS, LABELS), ROWS, ROWS[:1])


def test_a_regressor_is_a_graph(agree: Callable[..., Any]) -> None:
    agree(Weighted().fit(ROWS, LABELS), ROWS, ROWS[:1])


def test_following_leaves_the_model_as_it_was(exported: Callable[..., Any]) -> None:
    model = make_pipeline(Shares(), Ridge()).fit(ROWS, LABELS)
    exported(model, ROWS)
    assert type(model[0]) is Shares
    assert np.isfinite(model.predict(ROWS)).all()


def test_what_depends_on_other_rows_is_refused(exported: Callable[..., Any]) -> None:
    _, refused = exported(make_pipeline(Ranks(), Ridge()).fit(ROWS, LABELS), ROWS)
    assert "np.argsort" in refused.reason


@pytest.mark.parametrize("step", [Ages(), FunctionTransformer(since)], ids=["class", "function"])
def test_what_asks_the_clock_is_refused(step: Any, exported: Callable[..., Any]) -> None:
    _, refused = exported(make_pipeline(step, Ridge()).fit(ROWS, LABELS), ROWS)
    assert "depends on the clock" in refused.reason


def test_labels_are_left_to_scikit_learn(exported: Callable[..., Any]) -> None:
    _, refused = exported(Signs().fit(ROWS, LABELS), ROWS)
    assert "no emitter" in refused.reason
