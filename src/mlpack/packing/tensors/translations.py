"""Operators that torch's exporter has no translation for; every model's probes prove them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["translations"]


def translations() -> dict[Any, Callable[..., Any]]:
    """Return torch operator -> translation."""
    import torch
    from onnxscript import opset18 as op

    aten = torch.ops.aten

    def ordered(x: Any, axis: int, *, descending: bool) -> Any:  # noqa: ANN401  (a symbolic value)
        # TopK puts the lower index first where numbers are equal: the order is stable.
        size = op.Reshape(
            op.Gather(op.Shape(x), op.Constant(value_int=axis), axis=0), op.Constant(value_ints=[1])
        )
        return op.TopK(x, size, axis=axis, largest=int(descending), sorted=1)

    def place(x: Any, axis: int) -> int:  # noqa: ANN401
        return axis % len(x.shape)

    def sort(self: Any, dim: int = -1, descending: bool = False, **_: Any) -> Any:  # noqa: ANN401, FBT001, FBT002
        return ordered(self, place(self, dim), descending=descending)

    def stable(self: Any, *, stable: Any = None, dim: int = -1, descending: bool = False) -> Any:  # noqa: ANN401, ARG001
        return ordered(self, place(self, dim), descending=descending)

    def median(self: Any, dim: int = -1, keepdim: bool = False) -> Any:  # noqa: ANN401, FBT001, FBT002
        axis = place(self, dim)
        values, indices = ordered(self, axis, descending=False)
        size = op.Gather(op.Shape(self), op.Constant(value_int=axis), axis=0)
        middle = op.Div(op.Sub(size, op.Constant(value_int=1)), op.Constant(value_int=2))
        if keepdim:
            middle = op.Reshape(middle, op.Constant(value_ints=[1]))
        return op.Gather(values, middle, axis=axis), op.Gather(indices, middle, axis=axis)

    return {
        aten.sort.default: sort,
        aten.sort.stable: stable,
        aten.median.dim: median,
    }
