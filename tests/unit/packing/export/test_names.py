"""Names that a caller chooses never meet the names inside a graph."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mlpack.format.contract import Contract, Input, Output
from mlpack.packing.export.ladder import Candidate, candidates


@pytest.mark.parametrize("names", [("c0", "t0"), ("v0", "v1"), ("t1", "c1")])
def test_columns_may_be_called_like_inner_values(names: tuple[str, str]) -> None:
    frame = pd.DataFrame(np.arange(20.0).reshape(10, 2) ** 1.5, columns=list(names))
    model = make_pipeline(StandardScaler(), LinearRegression()).fit(frame, frame[names[0]])
    contract = Contract(
        layout="frame",
        inputs=tuple(Input(name=name, tensor=name, dtype="float64", source="float64") for name in names),
        outputs=(Output(method="predict", tensor="prediction", dtype="float64", shape=(None,)),),
    )
    candidate = next(candidates(model, contract, rungs=["emitters-float64"]))
    assert isinstance(candidate, Candidate)
    session = onnxruntime.InferenceSession(candidate.model, providers=["CPUExecutionProvider"])
    feeds = {name: frame[[name]].to_numpy() for name in names}
    np.testing.assert_allclose(session.run(None, feeds)[0], model.predict(frame))
