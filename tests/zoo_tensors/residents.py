"""All cases of the zoo of tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.zoo_tensors import keras_cases, torch_cases, transformer_cases

if TYPE_CHECKING:
    from tests.zoo_tensors.case import Case

__all__ = ["residents"]


def residents() -> list[Case]:
    """Return every case, in an order that does not change."""
    return [*torch_cases.cases(), *transformer_cases.cases(), *keras_cases.cases()]
