"""Opening the two bundles: documents only, each byte held against the bundle's own lists."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlpack.delivery.lifecycle.places import artifact_at, bundle_place, open_repository, repository_of
from mlpack.errors import FormatError, VerificationError
from mlpack.format.lock import Lock
from mlpack.format.opening import UnverifiedBundle, inspect
from mlpack.format.parts import read_parts
from mlpack.format.tree import open_tree
from mlpack.trust.components import components_of
from mlpack.trust.verification import verify

if TYPE_CHECKING:
    from mlpack.trust.components import Component
    from mlpack.trust.policy import Policy

__all__ = ["Opened", "open_version"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Opened:
    """One of the two bundles, as far as a comparison needs it.

    Attributes:
        bundle: What it says of itself.
        lock: What serving needs.
        metrics: Name -> value, as the bill of materials has them.
        components: What the bill of materials lists.
        signer: Who signed, in one line.
        verified: Whether it fulfilled the policy; None when none was asked.
    """

    bundle: UnverifiedBundle
    lock: Lock
    metrics: Mapping[str, str]
    components: tuple[Component, ...]
    signer: str
    verified: bool | None


def open_version(
    reference: str | os.PathLike[str], policy: Policy | None, *, plain_http: bool | None
) -> Opened:
    """Open one bundle.

    Args:
        reference: A bundle directory, a `.mlpack` file, `oci:DIR[:TAG]`, `HOST/REPO:TAG` or by digest.
        policy: Says who signed; None asks nobody.
        plain_http: Speak HTTP without TLS; None does so on the loopback interface only.

    Raises:
        FormatError: The bundle is not intact.
        RegistryError: The registry fails.
        StorageError: There is no bundle.
        UsageError: The reference means nothing.
    """
    text = os.fspath(reference)
    if text.startswith("oci:") or Path(text).exists() or not _names_a_registry(text):
        return _open(text, policy)
    place = repository_of(text)
    with open_repository(place, write=False, plain_http=plain_http) as store:
        stored = artifact_at(store, place)
        with bundle_place(store, place, stored) as where:
            return _open(where, policy)


def _names_a_registry(text: str) -> bool:
    """Return whether a text that is no path looks like HOST/REPO: then its host has a dot or a port."""
    host, slash, _ = text.partition("/")
    return bool(slash) and host not in ("", ".", "..") and ("." in host or ":" in host or host == "localhost")


def _open(place: str, policy: Policy | None) -> Opened:
    bundle = inspect(place)
    with open_tree(bundle.path) as tree:
        parts = read_parts(tree, bundle.manifest, bundle.checksums)
    if parts.problems or parts.lock is None or parts.bom is None:
        raise FormatError("changed while it was read", where=place)
    signer, verified = _signer(place, bundle, policy)
    return Opened(
        bundle=bundle,
        lock=parts.lock,
        metrics=_metrics(parts.bom),
        components=components_of(parts.bom, parts.lock, bundle.manifest.files),
        signer=signer,
        verified=verified,
    )


def _signer(place: str, bundle: UnverifiedBundle, policy: Policy | None) -> tuple[str, bool | None]:
    if policy is None:
        return ("present, not checked" if bundle.signed else "none"), None
    try:
        # What is in force somewhere is not what is asked here: the newer version never is.
        verified = verify(place, replace(policy, history=None))
    except VerificationError as error:
        return f"refused, {error.code}: {'; '.join(error.problems[:3]) or error.message}", False
    return ", ".join(_who(signer) for signer in verified.signers) or "pinned by digest", True


def _who(signer: Any) -> str:  # noqa: ANN401
    return f"{signer.name} ({signer.principal})"


def _metrics(bom: Mapping[str, Any]) -> dict[str, str]:
    """Return the metrics that `pack` measured or was told. Source: CycloneDX 1.6, performanceMetrics."""
    found: Any = bom
    for key in ("metadata", "component", "modelCard", "quantitativeAnalysis"):
        found = found.get(key) if isinstance(found, dict) else None
    listed = found.get("performanceMetrics") if isinstance(found, dict) else None
    pairs = [
        (item.get("type"), item.get("value"))
        for item in (listed if isinstance(listed, list) else ())
        if isinstance(item, dict)
    ]
    return {kind: value for kind, value in pairs if isinstance(kind, str) and isinstance(value, str)}
