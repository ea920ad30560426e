"""One change between two versions, and how serious it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeVar

__all__ = ["AREAS", "Area", "Change", "Weight", "compared"]

Area = Literal[
    "interface", "parity", "metrics", "model", "code", "dependencies", "components", "licences", "sizes",
    "baseline", "signer",
]  # fmt: skip
"""What a change is about."""

AREAS: Final[Mapping[Area, str]] = {
    "interface": "Interface",
    "parity": "Parity with the original",
    "metrics": "Metrics",
    "model": "Model and runtime",
    "code": "Code",
    "dependencies": "Locked dependencies",
    "components": "Other components of the bill of materials",
    "licences": "Licences",
    "sizes": "Sizes",
    "baseline": "Training data as the contract knows it",
    "signer": "Signature",
}
"""Area -> its heading, in the order in which they are shown."""

Weight = Literal["breaking", "look", "plain"]
"""`breaking`: callers or deployments of the older version fail with the newer one. `look`: have one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """One thing that is different.

    Attributes:
        area: What it is about.
        what: Which thing: `input age: type`.
        before: In the older bundle; empty where it was not.
        after: In the newer one; empty where it is not any more.
        weight: How serious it is.
        why: For what is not `plain`, what it means.
    """

    area: Area
    what: str
    before: str
    after: str
    weight: Weight = "plain"
    why: str = ""


_T = TypeVar("_T")


def compared(
    area: Area, before: Mapping[str, _T], after: Mapping[str, _T], say: Callable[[_T], str]
) -> Iterator[Change]:
    """Yield what was added, removed and changed among named things, sorted by name."""
    for name in sorted({*before, *after}):
        old = say(before[name]) if name in before else ""
        new = say(after[name]) if name in after else ""
        if old != new:
            yield Change(area=area, what=name, before=old, after=new)
