"""What is in a repository: bundles by tag, and what the history says of each."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlpack.delivery.lifecycle.auditing import History, read_history, ruled_policy
from mlpack.delivery.lifecycle.places import is_bundle, open_repository, repository_of
from mlpack.errors import RegistryError
from mlpack.oci.descriptors import parse_manifest
from mlpack.trust.history.evidence import CHECKPOINT_TAG, EVENT_TAG

if TYPE_CHECKING:
    from mlpack.oci.stores import Store
    from mlpack.show.facts import Facts
    from mlpack.trust.policy import Policy

__all__ = ["Listed", "Listing", "list_bundles"]

_BUNDLE_DIGEST = "mlpack.bundle.digest"
_TITLE = "org.opencontainers.image.title"
_VERSION = "org.opencontainers.image.version"


@dataclass(frozen=True, kw_only=True, slots=True)
class Listed:
    """One artifact. Name, version and bundle are as it is labelled: hints, until somebody verifies it.

    Attributes:
        digest: `manifest:sha256:<hex>`.
        tags: Its tags, sorted.
        name: The bundle's name, as labelled.
        version: Its version, as labelled.
        bundle: `bundle:sha256:<hex>`, as labelled.
    """

    digest: str
    tags: tuple[str, ...]
    name: str
    version: str
    bundle: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """The bundles of a repository.

    Attributes:
        repository: Where.
        bundles: One entry for each artifact, in the order of its first tag.
        history: What the history says; None without a policy that asks for one.
        others: How many tags name something else.
    """

    repository: str
    bundles: tuple[Listed, ...]
    history: History | None
    others: int = 0

    def facts(self) -> Facts:
        """Return the list for people."""
        from mlpack.delivery.lifecycle.views import listing_facts

        return listing_facts(self)


def list_bundles(
    repository: str,
    *,
    policy: Policy | str | os.PathLike[str] | None = None,
    plain_http: bool | None = None,
) -> Listing:
    """List the bundles of a repository; with a policy, also what is in force and what is retired.

    Args:
        repository: `HOST/REPO` or `oci:DIR`.
        policy: A policy with a `history` rule, or the path of one; None to consult no history.
        plain_http: Speak HTTP without TLS; None does so on the loopback interface only.

    Raises:
        PolicyError: The policy is not usable.
        RegistryError: The registry fails.
        UsageError: It is no reference.
    """
    rules = None if policy is None else ruled_policy(policy)[0]
    place = repository_of(repository)
    with open_repository(place, write=False, plain_http=plain_http) as store:
        bundles, others = _bundles(store)
        return Listing(
            repository=store.name,
            bundles=bundles,
            history=None if rules is None else read_history(store, rules),
            others=others,
        )


def _bundles(store: Store) -> tuple[tuple[Listed, ...], int]:
    found: dict[str, Listed] = {}
    others = 0
    for tag in store.tags():
        if tag.startswith((EVENT_TAG, "sha256-")) or tag == CHECKPOINT_TAG:
            continue
        try:
            stored = store.find_manifest(tag)
            ours = stored is not None and is_bundle(stored, f"{store.name}:{tag}")
        except RegistryError as error:
            if error.code not in ("registry-corrupt", "registry-document", "registry-not-found"):
                raise
            stored, ours = None, False
        if stored is None or not ours:
            others += 1
            continue
        said = parse_manifest(stored.data, where=tag).annotations
        digest = f"manifest:{stored.descriptor.digest}"
        before = found[digest].tags if digest in found else ()
        found[digest] = Listed(
            digest=digest,
            tags=(*before, tag),
            name=said.get(_TITLE, "")[:64],
            version=said.get(_VERSION, "")[:64],
            bundle=said.get(_BUNDLE_DIGEST, "")[:80],
        )
    return tuple(found.values()), others
