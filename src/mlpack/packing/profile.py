"""The contract, inferred from the example and from what the original model accepts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from mlpack.errors import ModelError
from mlpack.format.contract import (
    CategoricalProfile,
    Contract,
    Input,
    Label,
    Method,
    NumericProfile,
    Output,
)

if TYPE_CHECKING:
    import numpy as np

    from mlpack.packing.adapters import Description
    from mlpack.packing.evidence.rules import Rules
    from mlpack.packing.example import Column, Example

__all__ = ["infer_contract"]

MAX_CATEGORIES = 1000
BINS = 10

_OUTPUT_TENSORS: Mapping[Method, str] = {
    "predict": "prediction",
    "predict_proba": "probabilities",
    "predict_log_proba": "log_probabilities",
    "decision_function": "scores",
    "transform": "transformed",
    "score_samples": "sample_scores",
}


def infer_contract(
    example: Example,
    rules: Mapping[str, Rules],
    description: Description,
    answers: Mapping[Method, np.ndarray],
) -> Contract:
    """Return the contract of a model.

    Args:
        example: Rows of the training data.
        rules: Column name -> what the original accepts there.
        description: What the original says of itself.
        answers: Method -> what the original answered for the example.

    Raises:
        ModelError: An answer has a form that a bundle cannot hold.
    """
    if description.changed != "predict" and not _labelled(answers, description):
        description = replace(description, classes=None)
    outputs = tuple(_output(method, answer, description) for method, answer in answers.items())
    taken = {output.tensor for output in outputs}
    array = example.library in ("numpy", "scipy") and not example.flat
    tensors = ["X"] * len(example.columns)
    if not array:
        tensors = _tensor_names([column.name for column in example.columns], taken)
    inputs = [
        _input(column, tensor, rules[column.name])
        for column, tensor in zip(example.columns, tensors, strict=True)
    ]
    if array and len({item.dtype for item in inputs}) > 1:
        # One column of integers takes missing values, so the whole matrix has to.
        inputs = [replace(item, dtype="float64") for item in inputs]
    return Contract(layout="array" if array else "frame", inputs=tuple(inputs), outputs=outputs)


def _tensor_names(names: Sequence[str], taken: set[str]) -> list[str]:
    """Return a plain, unique graph name per column, close to the caller's."""
    used, tensors = set(taken), []
    for name in names:
        stem = re.sub(r"[^A-Za-z0-9_]+", "_", name).strip("_")[:60] or "column"
        tensor, count = stem, 1
        while tensor in used:
            count += 1
            tensor = f"{stem}_{count}"
        used.add(tensor)
        tensors.append(tensor)
    return tensors


def _input(column: Column, tensor: str, rules: Rules) -> Input:
    dtype = "float64" if column.kind == "integer" and rules.nulls else column.dtype
    return Input(
        name=column.name,
        tensor=tensor,
        dtype=dtype,
        source=column.source,
        nulls=rules.nulls,
        infinities=rules.infinities,
        unknown=rules.unknown,
        limit=rules.limit,
        unit=column.unit,
        zone=column.zone,
        profile=None
        if column.words is not None  # texts are nobody's categories, and may be private
        else _categories(column)
        if column.kind in ("text", "boolean")
        else _numbers(column),
    )


def _numbers(column: Column) -> NumericProfile | None:
    import numpy as np

    values = column.values.astype(np.float64)
    if column.kind == "datetime":
        values[np.isnat(column.values)] = np.nan
    finite = values[np.isfinite(values)]
    null_share = float(np.isnan(values).mean())
    if not len(finite):
        return None
    edges = np.unique(np.quantile(finite, np.linspace(0, 1, BINS + 1)))
    if len(edges) == 1:
        edges = np.repeat(edges, 2)
        shares = np.array([1.0])
    else:
        shares = np.histogram(finite, bins=edges)[0] / len(finite)
    return NumericProfile(
        minimum=float(finite.min()),
        maximum=float(finite.max()),
        edges=tuple(float(edge) for edge in edges),
        shares=tuple(float(share) for share in shares),
        null_share=null_share,
    )


def _categories(column: Column) -> CategoricalProfile:
    texts = [str(value) for value in column.values.tolist() if value is not None]
    counts = Counter(texts)
    kept = sorted(sorted(counts), key=lambda text: -counts[text])[:MAX_CATEGORIES]
    total = max(len(texts), 1)
    listed = sorted(kept)
    return CategoricalProfile(
        categories=tuple(listed),
        shares=tuple(counts[text] / total for text in listed),
        other_share=(len(texts) - sum(counts[text] for text in listed)) / total,
        null_share=1 - len(texts) / len(column.values),
    )


def _labelled(answers: Mapping[Method, np.ndarray], description: Description) -> bool:
    """Return whether `predict` gives one of the classes for each row.

    Several labels at once are none of them, and a booster with an objective of one's own gives raw scores.
    """
    label, classes = answers.get("predict"), description.classes
    if label is None or classes is None:
        return True
    return (label.ndim == 1 or label.shape[1] == 1) and (label.dtype.kind == "f") <= (
        classes.dtype.kind == "f"
    )


def _output(method: Method, answer: np.ndarray, description: Description) -> Output:
    if answer.ndim not in (1, 2) or answer.dtype.kind not in "fiubUO":
        raise ModelError(
            f"{method} returns an array of {answer.ndim} dimensions and type {answer.dtype}",
            where="model",
            hint="a bundle holds methods that return (n,) or (n, k) of numbers, booleans or labels",
        )
    classes = description.classes if method in ("predict", "predict_proba", "predict_log_proba") else None
    if method == description.changed:
        classes = None
        if answer.dtype.kind in "UO" and not all(isinstance(cell, str) for cell in answer.flat):
            raise ModelError("it returns objects that are no texts", where="postprocess")
    elif classes is None and answer.dtype.kind in "UO":
        raise ModelError(f"{method} returns {answer.dtype} without classes_", where="model")
    if method == "predict" and answer.ndim == 2 and answer.shape[1] > 1:
        classes = None  # a zero or one, or a number, per label: the answer itself
    labelled = classes is not None and method == "predict"
    return Output(
        method=method,
        tensor="label" if labelled else _OUTPUT_TENSORS[method],
        dtype=_dtype_name(
            _label_dtype(classes, answer) if labelled and classes is not None else answer.dtype
        ),
        shape=(None, *answer.shape[1:]),
        classes=None if classes is None else _labels(classes),
    )


def _label_dtype(classes: np.ndarray, answer: np.ndarray) -> np.dtype:
    """Return the type that labels come back in: that of the classes, but for integers of another width."""
    return answer.dtype if answer.dtype.kind in "iu" and classes.dtype.kind in "iu" else classes.dtype


def _dtype_name(dtype: np.dtype) -> str:
    """Return `int64`, `<U9`, `object`: what `numpy.dtype` takes back."""
    return dtype.str if dtype.kind == "U" else dtype.name


def _labels(classes: np.ndarray) -> tuple[Label, ...]:
    labels = classes.tolist()
    for label in labels:
        if not isinstance(label, (str, int, float, bool)):
            raise ModelError(
                f"class labels of type {type(label).__name__} cannot be carried",
                where="model.classes_",
                hint="fit on labels that are strings, numbers or booleans",
            )
    return tuple(labels)
