"""What a class needs so that a bundle can hold it as code with files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

__all__ = ["Model"]


@runtime_checkable
class Model(Protocol):
    """A model of one's own. The class is packed as source; nothing of the object but its files is kept.

    It is made again by calling the class without arguments and then `load`. Further methods of the names
    that a bundle can hold (`predict_proba`, `transform`, ...) are offered too; `classes_`, if there is one,
    names the labels.
    """

    def save(self) -> Mapping[str, bytes]:
        """Return the files that it needs: plain name -> bytes."""
        ...

    def load(self, files: Mapping[str, bytes], /) -> None:
        """Take the files that `save` returned."""
        ...

    def predict(self, rows: Any, /) -> Any:  # noqa: ANN401  (rows as the example has them)
        """Return one answer per row, shape (n,) or (n, k)."""
        ...
