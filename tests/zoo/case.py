"""What one animal of the zoo is."""

# ruff: noqa: ANN401 - a fitted model has no type of its own
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.zoo.tables import Table

__all__ = ["Case", "Fitted", "fit"]


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """A fitted model, the example to pack it with, and rows that neither has seen.

    Attributes:
        asked: What answers for the model where its own methods take no rows; None where they do.
    """

    model: Any
    example: Any
    fresh: Any
    asked: Any = None


@dataclass(frozen=True, kw_only=True)
class Case:
    """One model of the zoo; it is only made in the process that judges it."""

    group: str
    name: str
    make: Callable[[], Fitted]
    quick: bool = False


def fit(model: Any, table: Table, y: Any = None) -> Fitted:
    """Fit a model on a table."""
    model.fit(table.X, table.y if y is None else y)
    return Fitted(model=model, example=table.X, fresh=table.fresh)
