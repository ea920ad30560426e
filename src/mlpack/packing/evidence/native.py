"""Asking the original model, which may answer or refuse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from mlpack.format.contract import Method
    from mlpack.packing.adapters import Adapter
    from mlpack.packing.example import Example

__all__ = ["Columns", "NativeModel"]

Columns = Mapping[str, "np.ndarray"]
"""Neutral rows: column name -> values as in `Column.values`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NativeModel:
    """The original model behind its adapter, asked with neutral rows.

    Attributes:
        adapter: Framework of the model.
        model: The fitted model.
        example: Says how rows are built.
        methods: Methods to ask.
    """

    adapter: Adapter
    model: Any
    example: Example
    methods: Sequence[Method]

    def answer(self, columns: Columns) -> dict[Method, np.ndarray] | Exception:
        """Return what every method answers, or the first error that the model raised for these rows."""
        try:
            rows = self.example.build(columns)
        except Exception as error:  # noqa: BLE001  (what cannot be built cannot be asked)
            return error
        return self.answers_for(rows)

    def answers_for(self, rows: Any) -> dict[Method, np.ndarray] | Exception:  # noqa: ANN401
        """Return the same for rows in the original's own form."""
        try:
            return {method: self.adapter.call(self.model, method, rows) for method in self.methods}
        except Exception as error:  # noqa: BLE001  (a refusal may be any exception of any library)
            return error

    def accepts(self, columns: Columns) -> bool:
        """Return whether the model answers for these rows at all."""
        try:
            rows = self.example.build(columns)
        except Exception:  # noqa: BLE001  (what cannot be built cannot be asked)
            return False
        return self._answers(rows)

    def accepts_each(self, columns: Columns) -> list[bool]:
        """Return for each row whether the model answers for it by itself; the rows are built only once."""
        places = range(len(next(iter(columns.values()))))
        try:
            rows = self.example.build(columns)
        except Exception:  # noqa: BLE001  (one cell that its column cannot hold; the others speak for themselves)
            return [
                self.accepts({name: values[at : at + 1] for name, values in columns.items()}) for at in places
            ]
        return [self._answers(_slice(rows, at)) for at in places]

    def _answers(self, rows: Any) -> bool:  # noqa: ANN401
        try:
            self.adapter.call(self.model, self.methods[0], rows)
        except Exception:  # noqa: BLE001  (a refusal may be any exception of any library)
            return False
        return True


def _slice(rows: Any, place: int) -> Any:  # noqa: ANN401
    """Return one row of a frame or an array, as one of the same kind."""
    chosen = slice(place, place + 1)
    if hasattr(rows, "tocsr"):  # of SciPy's classes of sparse matrices some have no rows to choose
        return type(rows)(rows.tocsr()[chosen])
    return rows.iloc[chosen].reset_index(drop=True) if hasattr(rows, "iloc") else rows[chosen]
