"""A model between functions of its author's: what prepares its rows, and what changes its answers."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["Processed"]


@dataclass(frozen=True, kw_only=True)
class Processed:
    """Offers the methods of a model, with a function before all of them and one after one of them.

    Packing proves this very object and the engine for code runs it, so that both mean the same.

    Attributes:
        estimator: The model.
        preprocess: Takes rows, returns the rows that the model takes; None hands them on.
        postprocess: Takes what one method answers, returns what it shall answer; None hands it on.
        changed: The method whose answers `postprocess` takes.
        columns: Columns that the functions and the model need, where that is known.
    """

    estimator: Any
    preprocess: Callable[[Any], Any] | None
    postprocess: Callable[[Any], Any] | None
    changed: str
    columns: tuple[str, ...] | None = None

    def ask(self, method: str, rows: Any, call: Callable[[Any, str, Any], Any]) -> Any:  # noqa: ANN401
        """Return what a method answers.

        Args:
            method: One of the model's.
            rows: As `preprocess` takes them; it may change its argument, which is a copy.
            call: How the model is asked: the model, a method and rows -> what it answers.
        """
        if self.preprocess is not None:
            rows = self.preprocess(copy.deepcopy(rows))
        answer = call(self.estimator, method, rows)
        if self.postprocess is not None and method == self.changed:
            answer = self.postprocess(answer)
        return answer
