"""How far the training data of two versions lie apart, by what their contracts keep of it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from typing import Final

from mlpack.format.contract import CategoricalProfile, Contract, Input, NumericProfile
from mlpack.release.difference.changes import Change

__all__ = ["baseline_changes", "distance"]

_SMALLEST: Final = 0.01
"""Smaller distances are not shown."""

_LARGE: Final = 0.1
"""Larger ones are worth a look: a tenth of the rows lie elsewhere."""


def baseline_changes(before: Contract, after: Contract) -> Iterator[Change]:
    """Yield the inputs whose training data moved, in the contract's order."""
    new = {item.name: item for item in after.inputs}
    for item in before.inputs:
        other = new.get(item.name)
        if other is None or item.profile == other.profile:
            continue
        apart = distance(item, other)
        if apart is None:
            yield Change(
                area="baseline", what=item.name, before=_said(item), after=_said(other), weight="look",
                why="no common baseline",
            )  # fmt: skip
        elif apart >= _SMALLEST or _said(item) != _said(other):
            yield Change(
                area="baseline",
                what=item.name,
                before=_said(item),
                after=_said(other),
                weight="look" if apart >= _LARGE else "plain",
                why=f"{apart:.0%} of the rows lie elsewhere",
            )


def _said(item: Input) -> str:
    match item.profile:
        case NumericProfile() as profile:
            return f"{profile.minimum:g} to {profile.maximum:g}, {profile.null_share:.1%} missing"
        case CategoricalProfile() as profile:
            return f"{len(profile.categories)} categories, {profile.null_share:.1%} missing"
        case None:
            return ""


def distance(old: Input, new: Input) -> float | None:
    """Return the share of rows that would have to move to make one baseline the other, from 0 to 1.

    For numbers the largest distance of the two cumulative shares, straight inside a bin; for categories half
    the sum of the differences. Missing values count as a value of their own. None where the two have nothing
    in common.
    """
    one, other = old.profile, new.profile
    if isinstance(one, NumericProfile) and isinstance(other, NumericProfile):
        points = sorted({*one.edges, *other.edges})
        apart = max(abs(_share_below(one, at) - _share_below(other, at)) for at in points)
        return max(apart, abs(one.null_share - other.null_share))
    if isinstance(one, CategoricalProfile) and isinstance(other, CategoricalProfile):
        shares = [
            abs(_shares(one).get(name, 0.0) - _shares(other).get(name, 0.0))
            for name in sorted({*_shares(one), *_shares(other)})
        ]
        return sum(shares) / 2
    return None


def _share_below(profile: NumericProfile, at: float) -> float:
    """Return the share of all rows that are not missing and below a value."""
    edges = profile.edges
    if at <= edges[0]:
        return 0.0
    present = 1.0 - profile.null_share
    place = bisect_right(edges, at) - 1
    if place >= len(profile.shares):
        return present
    width = edges[place + 1] - edges[place]
    inside = (at - edges[place]) / width if width > 0 else 1.0
    return present * (sum(profile.shares[:place]) + inside * profile.shares[place])


def _shares(profile: CategoricalProfile) -> dict[str, float]:
    """Return the share of all rows by category; missing and not listed ones have names of their own."""
    present = 1.0 - profile.null_share
    listed = zip(profile.categories, profile.shares, strict=True)
    found = {f"={name}": present * share for name, share in listed}
    return {**found, "other": present * profile.other_share, "missing": profile.null_share}
