"""All cases of the zoo."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.zoo.case import Case

__all__ = ["ROOMS", "residents"]

ROOMS = ("estimators", "options", "pipelines", "boosters", "suspicious", "strangers", "texts_and_dates")
"""Modules of this folder with a function `cases`; `boosters` needs the boosting libraries."""


def residents(rooms: Sequence[str] = ROOMS) -> list[Case]:
    """Return every case, in an order that does not change."""
    modules = [importlib.import_module(f"tests.zoo.{room}") for room in rooms]
    return [case for module in modules for case in module.cases()]
