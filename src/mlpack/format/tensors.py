"""Tensors in documents: the shapes that a contract allows, and golden values of any rank."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlpack.errors import FormatError
from mlpack.format.documents import Fields

__all__ = [
    "Dimension",
    "Size",
    "dimensions_from_json",
    "dimensions_to_json",
    "shape_from_json",
    "tensor_problem",
]

Size = int | str | None
"""One axis: a fixed size, the name of a dimension, or (outputs only) None where it follows from values."""

MAX_RANK = 32
"""NumPy's own limit before 2.0; no graph comes near."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Dimension:
    """A size that may differ from call to call, the same wherever its name stands.

    Attributes:
        minimum: Smallest size, at least 0. With 0, answers for nothing are made without the model.
        maximum: Largest size; None without a limit.
    """

    minimum: int
    maximum: int | None = None

    def allows(self, size: int) -> bool:
        """Return whether `size` lies in the range."""
        return size >= self.minimum and (self.maximum is None or size <= self.maximum)


def dimensions_to_json(dimensions: Mapping[str, Dimension]) -> dict[str, Any]:
    """Return the object that contract.json holds."""
    return {
        name: {"minimum": item.minimum, "maximum": item.maximum} for name, item in sorted(dimensions.items())
    }


def dimensions_from_json(fields: Fields) -> dict[str, Dimension]:
    """Parse the dimensions of a contract.

    Raises:
        FormatError: A range is empty or negative, or a name is.
    """
    found: dict[str, Dimension] = {}
    for name in sorted(fields.mapping("dimensions")):
        if not name:
            raise FormatError("expected a name", where=f"{fields.where}.dimensions")
        item = fields.fields("dimensions").fields(name)
        minimum = item.integer("minimum")
        maximum = None if item.any("maximum") is None else item.integer("maximum")
        item.done()
        if maximum is not None and maximum < max(minimum, 1):
            raise FormatError("below the minimum", where=f"{item.where}.maximum")
        found[name] = Dimension(minimum=minimum, maximum=maximum)
    return found


def shape_from_json(fields: Fields, *, open_sizes: bool) -> tuple[Size, ...]:
    """Parse `shape`: sizes of at least 1 (0 is no size of a model) and names of dimensions.

    Raises:
        FormatError: Another kind of entry, or too many.
    """
    sizes = fields.items("shape")
    for size in sizes:
        named = isinstance(size, str) and size != ""
        fixed = type(size) is int and size >= 1
        if not (named or fixed or (size is None and open_sizes)):
            raise FormatError("expected sizes and names of dimensions", where=f"{fields.where}.shape")
    if len(sizes) > MAX_RANK:
        raise FormatError(f"more than {MAX_RANK} axes", where=f"{fields.where}.shape")
    return tuple(sizes)


def tensor_problem(value: object) -> str:
    """Return what is wrong with one golden tensor, `{"shape": [...], "values": [...]}`; empty if nothing."""
    if not isinstance(value, dict) or value.keys() != {"shape", "values"}:
        return "expected a tensor: shape and values"
    shape, values = value["shape"], value["values"]
    if not _is_list(shape) or any(type(size) is not int or size < 0 for size in shape):
        return "expected a shape of sizes"
    if not _is_list(values) or any(isinstance(cell, (list, dict)) for cell in values):
        return "expected plain values"
    if len(values) != math.prod(shape):
        return f"expected {math.prod(shape)} values, found {len(values)}"
    return ""


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)
