"""The call that a caller gives as an example: named arrays, whatever library they are of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from mlpack.errors import ExampleError

__all__ = ["named_arrays"]

_KINDS = "fiub"


def named_arrays(
    example: object, names_of: Callable[[int], list[str]], *, keywords: bool = True
) -> tuple[dict[str, np.ndarray], int]:
    """Return the tensors of a call by name, and how many of them are passed by position.

    Args:
        example: A dict by name, a tuple or list of arguments in order, or the only argument.
        names_of: Names of the first arguments, given how many.
        keywords: Whether a dict's entries are passed by keyword; otherwise by position, in its order.

    Raises:
        ExampleError: It holds something that is no tensor, or nothing.
    """
    if isinstance(example, Mapping):
        if not example or not all(isinstance(name, str) and name for name in example):
            raise ExampleError("expected names of inputs as keys", where="example")
        arrays = {name: _array(value, name) for name, value in example.items()}
        return arrays, 0 if keywords else len(arrays)
    values = list(example) if isinstance(example, (tuple, list)) else [example]
    if not values:
        raise ExampleError("it is empty", where="example", hint="pass at least one tensor")
    names = names_of(len(values))
    return {name: _array(value, name) for name, value in zip(names, values, strict=True)}, len(values)


def _array(value: Any, name: str) -> np.ndarray:  # noqa: ANN401  (a stranger's tensor)
    if hasattr(value, "detach") and hasattr(value, "cpu"):
        value = value.detach().cpu()
        if str(value.dtype) == "torch.bfloat16" or value.is_complex():
            raise ExampleError(f"{value.dtype} has no counterpart in NumPy", where=f"example {name!r}")
    if not hasattr(value, "__array__"):
        raise ExampleError(
            f"expected a tensor or an array, found {type(value).__name__}",
            where=f"example {name!r}",
            hint="pass a dict of arrays by name, a tuple of arrays, or one array",
        )
    array = np.asarray(value)
    if array.dtype.kind in "OU" and all(isinstance(cell, str) for cell in array.flat):
        return array.astype(object)
    if array.dtype.kind not in _KINDS or array.dtype.name in ("uint16", "uint32", "uint64", "longdouble"):
        raise ExampleError(f"expected numbers or booleans, found {array.dtype}", where=f"example {name!r}")
    if not array.size:
        raise ExampleError("it is empty", where=f"example {name!r}")
    return array
