"""`mlpack diff`: two bundles side by side."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlpack.errors import PolicyError
from mlpack.release.difference.baseline import baseline_changes
from mlpack.release.difference.changes import AREAS, Change
from mlpack.release.difference.contents import content_changes
from mlpack.release.difference.interface import interface_changes
from mlpack.release.difference.reading import Opened, open_version
from mlpack.trust.policy import Policy, Unsigned
from mlpack.trust.policy_choice import resolve_policy

if TYPE_CHECKING:
    from mlpack.show.facts import Facts

__all__ = ["Difference", "Side", "diff"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """One of the two bundles.

    Attributes:
        name: Its name.
        version: Its version.
        digest: `bundle:sha256:<hex>`.
        signer: Who signed, in one line.
        verified: Whether it fulfilled the policy; None when none was asked.
    """

    name: str
    version: str
    digest: str
    signer: str
    verified: bool | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """What changed from one bundle to another. The same two bundles give the same result, byte for byte.

    Attributes:
        before: The older one.
        after: The newer one.
        changes: Every change, in the order of areas.
    """

    before: Side
    after: Side
    changes: tuple[Change, ...]

    @property
    def breaking(self) -> tuple[Change, ...]:
        """The changes with which callers or deployments of the older version fail."""
        return tuple(change for change in self.changes if change.weight == "breaking")

    def facts(self) -> Facts:
        """Return the changes for people."""
        from mlpack.release.difference.views import difference_facts

        return difference_facts(self)

    def markdown(self) -> str:
        """Return the changes for a pull request; nothing in a bundle can become markup."""
        from mlpack.release.difference.views import difference_markdown

        return difference_markdown(self)

    def document(self) -> dict[str, Any]:
        """Return the changes as JSON values."""
        from mlpack.release.difference.views import difference_document

        return difference_document(self)

    def _repr_html_(self) -> str:
        from mlpack.show.html import render_html

        return render_html(self.facts())


def diff(
    before: str | os.PathLike[str],
    after: str | os.PathLike[str],
    *,
    policy: Policy | str | os.PathLike[str] | None = None,
    plain_http: bool | None = None,
) -> Difference:
    """Compare two bundles by what their documents say. Nothing in either of them is executed.

    Args:
        before: A bundle directory, a `.mlpack` file, `oci:DIR[:TAG]`, or `HOST/REPO:TAG`.
        after: The same.
        policy: Says who signed each of them; None does not ask.
        plain_http: Speak HTTP without TLS; None does so on the loopback interface only.

    Raises:
        FormatError: One of them is not intact.
        PolicyError: The policy is not usable.
        RegistryError: A registry fails.
        StorageError: One of them is not there.
        UsageError: A reference means nothing.
    """
    rules = None if policy is None else resolve_policy(policy)
    if isinstance(rules, Unsigned):
        raise PolicyError("UNSIGNED names nobody to trust", where="policy", hint="leave the policy out")
    a = open_version(before, rules, plain_http=plain_http)
    b = open_version(after, rules, plain_http=plain_http)
    changes = [
        *interface_changes(a.bundle.contract, b.bundle.contract),
        *content_changes(a, b),
        *baseline_changes(a.bundle.contract, b.bundle.contract),
        *_signer(a, b),
    ]
    order = list(AREAS)
    changes.sort(key=lambda change: order.index(change.area))
    return Difference(before=_side(a), after=_side(b), changes=tuple(changes))


def _side(opened: Opened) -> Side:
    bundle = opened.bundle
    return Side(
        name=bundle.name,
        version=bundle.version,
        digest=bundle.digest,
        signer=opened.signer,
        verified=opened.verified,
    )


def _signer(a: Opened, b: Opened) -> list[Change]:
    if a.signer == b.signer:
        return []
    worse = b.verified is False or (a.bundle.signed and not b.bundle.signed)
    why = "the newer one is not vouched for" if worse else "somebody else vouches for it"
    return [Change(area="signer", what="signer", before=a.signer, after=b.signer, weight="look", why=why)]
