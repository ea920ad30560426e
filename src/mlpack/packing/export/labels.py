"""Labels themselves, where a graph has to give them in place of their positions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlpack.packing.export.graph import Tensor

if TYPE_CHECKING:
    from mlpack.packing.export.registry import Scope

__all__ = ["label_values"]


def label_values(scope: Scope, classes: object, index: str) -> Tensor:
    """Return the labels `(N,)` themselves where they are whole numbers, given their positions."""
    values = np.asarray(classes)
    if values.dtype.kind not in "iu":
        raise scope.unsupported(values, "labels of several targets that are not whole numbers")
    return Tensor(scope.graph.op("Gather", scope.graph.ints(values), index), "int64", None)
