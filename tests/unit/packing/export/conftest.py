"""Measuring a graph against its model, for the tests of every emitter."""

# ruff: noqa: ANN401 - a fitted model has no type of its own
from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pandas as pd
import pytest

from mlpack.format.contract import NULL_TEXT, Contract, Input, Output
from mlpack.format.names import REFUSED
from mlpack.packing.export.ladder import Candidate, candidates

METHODS = ("predict", "predict_proba", "predict_log_proba", "decision_function", "transform", "score_samples")


def offered(model: Any) -> list[str]:
    """Methods to compare: a classifier's or regressor's answers; transform for the rest."""
    names = [name for name in METHODS if hasattr(model, name)]
    return [name for name in names if name != "transform"] if "predict" in names else ["transform"]


def native(model: Any, method: str, data: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = getattr(model, method)(data)
    return result.toarray() if hasattr(result, "toarray") else np.asarray(result)


def input_for(name: str, series: pd.Series) -> Input:
    kinds = {"f8": "float64", "f4": "float32", "i8": "int64", "b1": "bool"}
    kind = kinds.get(getattr(series.dtype, "str", "")[1:], "string")
    if pd.api.types.is_extension_array_dtype(series.dtype) and pd.api.types.is_numeric_dtype(series.dtype):
        kind = "float64"
    return Input(name=name, tensor=f"in {name}", dtype=kind, source=str(series.dtype))  # type: ignore[arg-type]


def contract_for(model: Any, data: Any, methods: Sequence[str]) -> Contract:
    outputs = []
    for method in methods:
        result = native(model, method, data)
        found: Any = getattr(model, "classes_", ())
        labelled = len(found) > 0 and np.ndim(found[0]) == 0 and method != "transform"
        labelled = labelled and not (method == "predict" and result.ndim == 2 and result.size != len(result))
        classes = tuple(np.asarray(found).tolist()) if labelled else None
        outputs.append(
            Output(
                method=method,  # type: ignore[arg-type]
                tensor=f"out {method}",
                dtype=str(result.dtype),
                shape=(None, *result.shape[1:]),
                classes=classes,
            )
        )
    if isinstance(data, pd.DataFrame):
        inputs = tuple(input_for(str(name), data[name]) for name in data.columns)
        return Contract(layout="frame", inputs=inputs, outputs=tuple(outputs))
    kind = str(data.dtype)
    inputs = tuple(
        Input(name=f"x{index}", tensor="X", dtype=kind, source=kind)  # type: ignore[arg-type]
        for index in range(data.shape[1])
    )
    return Contract(layout="array", inputs=inputs, outputs=tuple(outputs))


def feeds_for(contract: Contract, data: Any) -> dict[str, Any]:
    if contract.layout == "array":
        return {contract.inputs[0].tensor: data}
    feeds = {}
    for item in contract.inputs:
        series = data[item.name]
        if item.dtype == "string":
            values = series.astype(object).where(series.notna(), NULL_TEXT).to_numpy(dtype=object)
        else:
            values = (
                series.to_numpy(dtype=item.dtype, na_value=np.nan) if series.hasnans else series.to_numpy()
            )
        feeds[item.tensor] = values.astype(item.dtype if item.dtype != "string" else object).reshape(-1, 1)
    return feeds


def answers(model: Any, content: bytes, contract: Contract, data: Any) -> dict[str, Any]:
    """What the graph says, labels in place of class indices."""
    onnx.checker.check_model(content, full_check=True)
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    names = [item.tensor for item in contract.outputs]
    assert [item.name for item in session.get_outputs() if item.name != REFUSED] == names
    results = dict(zip(contract.outputs, session.run(names, feeds_for(contract, data)), strict=True))
    found: dict[str, Any] = {}
    for output, value in results.items():
        if output.method == "predict" and output.classes is not None:
            assert value.dtype == np.int64
            value = model.classes_[value]  # noqa: PLW2901
        found[output.method] = value
    return found


def export(model: Any, data: Any, *, rung: str = "emitters-float64", methods: Sequence[str] = ()) -> Any:
    """The contract and the candidate of one rung."""
    contract = contract_for(model, data, methods or offered(model))
    (result,) = candidates(model, contract, rungs=[rung])
    return contract, result


def compare(model: Any, example: Any, *others: Any, tolerance: float = 1e-12, **options: Any) -> Candidate:
    """Export by `example`, then hold every method to the model on it and on `others`."""
    contract, result = export(model, example, **options)
    assert isinstance(result, Candidate), result
    for data in (example, *others):
        found = answers(model, result.model, contract, data)
        for output in contract.outputs:
            expected = native(model, output.method, data)
            value = found[output.method]
            assert value.shape == expected.shape
            assert value.dtype == expected.dtype or expected.dtype.kind in "OU"
            if expected.dtype.kind in "OUib" or tolerance == 0:
                np.testing.assert_array_equal(value, expected)
            else:
                np.testing.assert_allclose(value, expected, rtol=tolerance, atol=tolerance)
    return result


@pytest.fixture
def agree() -> Callable[..., Candidate]:
    return compare


@pytest.fixture
def exported() -> Callable[..., Any]:
    return export


@pytest.fixture
def contract_of() -> Callable[..., Contract]:
    return contract_for


@pytest.fixture
def feeds() -> Callable[..., dict[str, Any]]:
    return feeds_for
