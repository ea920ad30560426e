"""All cases of the zoo."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.zoo import boosters, estimators, options, pipelines, suspicious, texts_and_dates

if TYPE_CHECKING:
    from tests.zoo.case import Case

__all__ = ["residents"]


def residents() -> list[Case]:
    """Return every case, in an order that does not change."""
    rooms = (estimators, options, pipelines, boosters, suspicious, texts_and_dates)
    return [case for room in rooms for case in room.cases()]
