"""The transformer, as it was before anyone thought of packing it."""

# ruff: noqa: ANN401, N803 - as scikit-learn writes it, which ships no types
from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_array, check_is_fitted

__all__ = ["Winsorizer"]


class Winsorizer(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Clips every column to two quantiles of the training data."""

    def __init__(self, low: float = 0.05, high: float = 0.95) -> None:
        """Keep the two quantiles."""
        self.low = low
        self.high = high

    def fit(self, X: Any, y: Any = None) -> Winsorizer:  # noqa: ARG002 - scikit-learn's signature
        """Learn the quantiles of every column."""
        X = check_array(X, dtype=np.float64)
        self.n_features_in_ = X.shape[1]
        self.low_, self.high_ = np.quantile(X, [self.low, self.high], axis=0)
        return self

    def transform(self, X: Any) -> Any:
        """Return the columns, clipped."""
        check_is_fitted(self)
        return np.clip(check_array(X, dtype=np.float64), self.low_, self.high_)
