"""Examples that are no table but a sequence of texts, as text vectorizers take them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np

__all__ = ["build_texts", "read_texts"]

_Library = Literal["pandas", "polars", "numpy", "list"]


def read_texts(example: object) -> tuple[str, _Library, np.ndarray] | None:
    """Return the name, the library and the texts of a sequence of texts, None for what is missing.

    Returns:
        None when the example is something else.
    """
    import numpy as np

    pandas, polars = sys.modules.get("pandas"), sys.modules.get("polars")
    if pandas is not None and isinstance(example, pandas.Series):
        values = _objects(example.astype(object).tolist())
        values[example.isna().to_numpy()] = None
        return str(example.name if example.name is not None else "text"), "pandas", values
    if polars is not None and isinstance(example, polars.Series):
        return example.name or "text", "polars", _objects(example.to_list())
    if isinstance(example, np.ndarray) and example.ndim == 1 and example.dtype.kind in "UO":
        return "text", "numpy", _objects(example.tolist())
    if isinstance(example, (list, tuple)) and example and all(type(item) is str for item in example):
        return "text", "list", _objects(example)
    return None


def build_texts(library: str, native: Any, values: np.ndarray) -> Any:  # noqa: ANN401 (any library's)
    """Return texts in the form of the example."""
    import numpy as np

    if library == "pandas":
        import pandas as pd

        return pd.Series(values.tolist(), dtype=native.dtype, name=native.name)
    if library == "polars":
        import polars as pl

        return pl.Series(native.name, values.tolist(), dtype=pl.String)
    if library == "numpy":
        return np.array(values.tolist(), dtype=object if native.dtype.kind == "O" else None)
    return values.tolist()


def _objects(values: Any) -> np.ndarray:  # noqa: ANN401 (a sequence of anything)
    import numpy as np

    result = np.empty(len(values), dtype=object)
    result[:] = values
    return result
