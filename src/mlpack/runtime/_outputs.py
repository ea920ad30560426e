"""What the graph answers, as the original would have returned it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from mlpack.errors import FormatError
from mlpack.format.contract import Label, Output

__all__ = ["Finish", "empty_answer", "finisher", "label_array"]

Finish = Callable[[Any], NDArray[Any]]
"""From a raw graph output to the method's result."""

_TENSORS = {
    "tensor(double)": "float64",
    "tensor(float)": "float32",
    "tensor(int64)": "int64",
    "tensor(int32)": "int32",
    "tensor(bool)": "bool",
    "tensor(string)": "object",
}


def native_dtype(output: Output) -> np.dtype[Any]:
    """Return the dtype of what the original returns.

    Raises:
        FormatError: It is not one that a prediction can have.
    """
    where = f"contract.json.outputs[{output.method!r}].dtype"
    try:
        dtype = np.dtype(output.dtype)
    except (TypeError, ValueError, SyntaxError) as error:
        raise FormatError(f"expected a NumPy dtype, found {output.dtype[:40]!r}", where=where) from error
    if dtype.kind not in "biufOU" or dtype.itemsize > 1 << 20:
        raise FormatError(f"expected numbers, booleans or strings, found {output.dtype[:40]!r}", where=where)
    return dtype


def label_array(classes: tuple[Label, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return class labels of shape `(k,)` with the dtype that the original's labels have.

    Raises:
        FormatError: A label does not fit the dtype.
    """
    labels = np.empty(len(classes), dtype=object)
    labels[:] = classes
    try:
        array = labels.astype(dtype)
    except (TypeError, ValueError, OverflowError) as error:
        raise FormatError(f"a label is no {dtype}", where="contract.json.outputs.classes") from error
    if array.tolist() != list(classes):
        raise FormatError(f"a label changes when held as {dtype}", where="contract.json.outputs.classes")
    return array


def finisher(output: Output, tensor_type: str) -> Finish | None:
    """Return what turns the raw output into the result, or None when they are the same.

    Args:
        output: The contract's side.
        tensor_type: The graph's side, as onnxruntime names it (`tensor(double)`).

    Raises:
        FormatError: The two sides cannot be reconciled.
    """
    dtype = native_dtype(output)
    found = _TENSORS.get(tensor_type)
    where = f"contract.json.outputs[{output.method!r}]"
    if output.method == "predict" and output.classes is not None:
        if found != "int64":
            raise FormatError(f"expected class indices of int64, found {tensor_type}", where=where)
        return label_array(output.classes, dtype).take
    if found is None or (found == "object") != (dtype.kind in "OU"):
        raise FormatError(f"the graph gives {tensor_type}, which cannot become {dtype}", where=where)
    if dtype.kind == "U":
        return lambda raw: raw.astype(np.str_)  # as wide as the rows need: no example has them all
    if np.dtype(found) == dtype:
        return None
    return lambda raw: raw.astype(dtype)


def empty_answer(output: Output) -> NDArray[Any]:
    """Return the result for zero rows."""
    return np.empty((0, *(cast("int", size or 0) for size in output.shape[1:])), dtype=native_dtype(output))
