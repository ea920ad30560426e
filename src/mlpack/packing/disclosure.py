"""What a contract may show of the example's values: profiles that hold as before, with less to recognise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, get_args

from mlpack.errors import UsageError
from mlpack.format.contract import CategoricalProfile, Contract, Input, NumericProfile

__all__ = ["ALL", "Disclose", "check_disclose", "withhold"]

Disclose = Literal["categories", "extremes"]
"""categories: rare ones too. extremes: smallest and largest values as they are."""

ALL: tuple[Disclose, ...] = get_args(Disclose)

RARE = 5
"""A category of fewer rows than these is rare: it may point to somebody."""


def check_disclose(value: object) -> tuple[Disclose, ...]:
    """Return what may be disclosed.

    Raises:
        UsageError: It is no list of the words.
    """
    words = () if isinstance(value, str) or not hasattr(value, "__iter__") else tuple(value)
    if isinstance(value, str) or not hasattr(value, "__iter__") or set(words) - set(ALL):
        known = ", ".join(ALL)
        raise UsageError(f"expected a list of some of {known}; found {value!r:.80}", where="disclose")
    return tuple(word for word in ALL if word in words)


def withhold(contract: Contract, rows: int, disclose: Sequence[Disclose]) -> Contract:
    """Return a contract whose profiles show no more than is allowed.

    Without `extremes`, ranges are widened to round numbers, two digits of their width. Without `categories`,
    those of fewer than five rows count among the others, which are not listed. Golden rows are drawn from
    what is left. A graph that encodes categories still holds all of them.

    Args:
        contract: As the example shows it.
        rows: Number of rows of the example.
        disclose: What may be shown.
    """
    return replace(contract, inputs=tuple(_quiet(item, rows, disclose) for item in contract.inputs))


def _quiet(item: Input, rows: int, disclose: Sequence[Disclose]) -> Input:
    match item.profile:
        case NumericProfile() as profile if "extremes" not in disclose:
            return replace(item, profile=_widened(profile))
        case CategoricalProfile() as profile if "categories" not in disclose and item.dtype != "bool":
            return replace(item, profile=_without_rare(profile, rows))
        case _:
            return item


def _widened(profile: NumericProfile) -> NumericProfile:
    low, high = profile.minimum, profile.maximum
    width = high - low or abs(high) or 1.0
    if not math.isfinite(width):  # the whole range of doubles has no round number around it
        return profile
    step = 10.0 ** (math.floor(math.log10(width)) - 1)
    # what is never negative, or never positive, stays so: a model may refuse the rest
    lowest = max(math.floor(low / step) * step, 0.0) if low >= 0 else math.floor(low / step) * step
    highest = min(math.ceil(high / step) * step, 0.0) if high <= 0 else math.ceil(high / step) * step
    lowest, highest = min(lowest, low), max(highest, high)
    edges = (lowest, *profile.edges[1:-1], highest)
    return replace(profile, minimum=lowest, maximum=highest, edges=edges)


def _without_rare(profile: CategoricalProfile, rows: int) -> CategoricalProfile:
    seen = rows * (1.0 - profile.null_share)
    kept = [
        (text, share)
        for text, share in zip(profile.categories, profile.shares, strict=True)
        if round(share * seen) >= RARE
    ]
    if len(kept) == len(profile.categories):
        return profile
    shares = tuple(share for _, share in kept)
    return replace(
        profile,
        categories=tuple(text for text, _ in kept),
        shares=shares,
        other_share=max(0.0, 1.0 - sum(shares)),
    )
