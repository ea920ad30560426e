"""A model's answers as Arrow columns, of the types that the original's answers have."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, cast

import numpy as np
import pyarrow as pa

from mlpack.errors import UsageError
from mlpack.format.contract import Output
from mlpack.runtime._outputs import native_dtype

__all__ = ["answer_arrays", "answer_fields", "constant"]

_LABELS: dict[type, pa.DataType] = {
    str: pa.string(),
    bool: pa.bool_(),
    int: pa.int64(),
    float: pa.float64(),
}


def answer_fields(outputs: Sequence[Output], prefix: str) -> list[pa.Field]:
    """Return one field per column of each output: `predict`; `predict_proba[CLASS]` for several."""
    fields = []
    for output in outputs:
        kind = _arrow_type(output)
        if len(output.shape) == 1:
            names: list[str] = [output.method]
        else:
            labels = output.classes or tuple(range(cast("int", output.shape[1] or 0)))
            names = [f"{output.method}[{label}]" for label in labels]
        fields += [pa.field(f"{prefix}{name}", kind, nullable=False) for name in names]
    return fields


def _arrow_type(output: Output) -> pa.DataType:
    dtype = native_dtype(output)
    if dtype.kind == "U":
        return pa.string()
    if dtype.kind != "O":
        return pa.from_numpy_dtype(dtype)
    kinds = {type(label) for label in output.classes or ("",)}
    if len(kinds) > 1:
        raise UsageError("labels of several types cannot be one column", where=output.method)
    return _LABELS[kinds.pop()]


def answer_arrays(answers: Sequence[Any], fields: Sequence[pa.Field]) -> list[pa.Array]:
    """Return one Arrow array per field for answers of shape `(N,)` or `(N, k)`."""
    columns: list[Any] = []
    for answer in answers:
        columns += [answer] if answer.ndim == 1 else list(np.ascontiguousarray(answer.T))
    return [pa.array(column, type=field.type) for column, field in zip(columns, fields, strict=True)]


def constant(text: str, rows: int) -> pa.Array:
    """Return one text for each of N rows."""
    return _repeated(text, 1 << max(rows - 1, 0).bit_length()).slice(0, rows)


@lru_cache(maxsize=8)
def _repeated(text: str, rows: int) -> pa.Array:
    return pa.repeat(pa.scalar(text, pa.string()), rows)
