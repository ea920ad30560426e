"""What changes sparse rows and keeps them sparse; on any other table the usual emitters answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from mlpack.packing.export.graph import Columns

if TYPE_CHECKING:
    from mlpack.packing.export.hosting import Hosting, SparseForm
    from mlpack.packing.export.registry import Fitted, Scope
    from mlpack.packing.export.tensors import Kind

__all__ = ["kept_sparse", "weighed_counts"]


def kept_sparse(scope: Scope, model: Fitted, columns: Columns) -> Columns | None:
    """Return the rows as a step leaves them, or None when it is not one that keeps them sparse."""
    hosting = scope.graph.hosting
    rows = hosting.rows_of(columns) if hosting is not None else None
    if hosting is None or rows is None:
        return None
    if not type(model).__module__.startswith("sklearn.") or type(model).__name__ == "FunctionTransformer":
        return columns if _spells_out(model, rows) else None
    change = _CHANGES.get(type(model).__name__)
    if change is None:
        return None
    value = change(model, rows, hosting)
    if value is None:
        return None
    kind: Kind = "float32" if rows.kind == "float32" else "float64"
    return Columns.of(hosting.sparse_tensor(scope.graph, value, rows.width, kind))


def _spells_out(model: Fitted, rows: SparseForm) -> bool:
    """Return whether a step of a stranger only turns sparse rows into dense ones, as far as trials tell."""
    if rows.width > _WIDEST or not hasattr(model, "transform"):
        return False
    from scipy.sparse import csr_matrix

    for seed, density in enumerate((0.0, 0.1, 0.9)):
        rng = np.random.default_rng(seed)
        cells = rng.integers(-5, 6, (4, rows.width)) * (rng.random((4, rows.width)) < density)
        trial = csr_matrix(cells.astype(rows.kind))
        try:
            found = model.transform(trial.copy())
        except Exception:  # noqa: BLE001 - a stranger's function may fail in any way
            return False
        dense = trial.toarray()
        if (
            not isinstance(found, np.ndarray)
            or found.dtype != dense.dtype
            or not np.array_equal(found, dense)
        ):
            return False
    return True


_WIDEST = 1 << 18


def _scaled(model: Fitted, rows: SparseForm, hosting: Hosting) -> str | None:
    if rows.kind == "float32" or getattr(model, "clip", False):
        return None
    if type(model).__name__ == "StandardScaler" and not model.with_std:
        return rows.value
    # The original multiplies sparse values by the reciprocal.
    factors = 1.0 / np.asarray(model.scale_, dtype=np.float64)
    return hosting.step("scale-columns", rows.value, factors=factors.tolist())


def _normalised(model: Fitted, rows: SparseForm, hosting: Hosting) -> str | None:
    if rows.kind == "int64":
        return None
    return hosting.step("normalise-rows", rows.value, norm=model.norm)


def weighed_counts(model: Fitted, value: str, kind: str, hosting: Hosting) -> str:
    """Return the host's name for counts as a TfidfTransformer weighs them."""
    weights = {} if not model.use_idf else {"weights": np.asarray(model.idf_, dtype=np.float64).tolist()}
    value = hosting.step("weigh-terms", value, sublinear=bool(model.sublinear_tf), kind=kind, **weights)
    return value if model.norm is None else hosting.step("normalise-rows", value, norm=model.norm)


def _weighed(model: Fitted, rows: SparseForm, hosting: Hosting) -> str | None:
    return weighed_counts(model, rows.value, "float32" if rows.kind == "float32" else "float64", hosting)


_CHANGES: dict[str, Callable[[Fitted, SparseForm, Hosting], str | None]] = {
    "StandardScaler": _scaled,
    "MaxAbsScaler": _scaled,
    "Normalizer": _normalised,
    "TfidfTransformer": _weighed,
}
