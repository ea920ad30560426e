"""Which methods a bundle may do without when they stand in the way of all others."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from mlpack.errors import ExportError
from mlpack.format.contract import Contract
from mlpack.packing import proving
from mlpack.packing.export.ladder import Candidate, Refusal, candidates
from mlpack.packing.proving import PackWarning, prove

ROWS, TARGET = load_iris(return_X_y=True)


@pytest.fixture
def no_logarithms(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every rung refuse a model that offers predict_log_proba."""

    def refusing(
        model: object, contract: Contract, *, rungs: object = None, **more: object
    ) -> Iterator[Candidate | Refusal]:
        if "predict_log_proba" in [output.method for output in contract.outputs]:
            return iter([Refusal(rung="emitters-float64", reason="no logarithm here")])
        return candidates(model, contract, rungs=rungs, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(proving, "candidates", refusing)


@pytest.mark.usefixtures("no_logarithms")
def test_a_method_that_nobody_asked_for_is_left_out_with_a_warning() -> None:
    model = LogisticRegression(max_iter=1000).fit(ROWS, TARGET)
    with pytest.warns(PackWarning, match="predict_log_proba left out"):
        proof = prove(model, ROWS)
    assert [output.method for output in proof.contract.outputs] == [
        "predict",
        "predict_proba",
        "decision_function",
    ]


@pytest.mark.usefixtures("no_logarithms")
def test_a_method_that_was_asked_for_is_never_left_out() -> None:
    model = LogisticRegression(max_iter=1000).fit(ROWS, TARGET)
    with pytest.raises(ExportError, match="no logarithm here"):
        prove(model, ROWS, methods=["predict", "predict_log_proba"])
