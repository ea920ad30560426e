"""The verifier's own deny list: what is not trusted any more, whoever vouches for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from mlpack.trust.verdict import RuleResult, failed, not_assessed, passed

if TYPE_CHECKING:
    import datetime as dt

    from mlpack.trust.rules import Revocation
    from mlpack.trust.verified import VerifiedSigner

__all__ = ["judge_manifests", "judge_revocations", "signer_revocation"]


def signer_revocation(signer: VerifiedSigner, revoked: Iterable[Revocation]) -> str:
    """Return why a signer's signature does not count, or an empty text."""
    for item in revoked:
        named = item.kind == "signer" and item.value in (signer.name, f"key:{signer.fingerprint}")
        serial = signer.serial.lstrip("0")
        matches = named or (item.kind == "serial" and serial != "" and serial == item.value.lstrip("0"))
        if matches and (reason := _applies(item, signer.time)):
            return f"{signer.name}: {reason}"
    return ""


def judge_revocations(
    revoked: Iterable[Revocation], digest: str, files: Mapping[str, str], signed_at: dt.datetime | None
) -> list[RuleResult]:
    """Judge every entry about a bundle or a file; entries about signers were applied before.

    Args:
        revoked: The list.
        digest: `bundle:sha256:<hex>`.
        files: Path -> hex SHA-256, of all files that the bundle carries.
        signed_at: Trusted time of the signature, if there is one.
    """
    results = []
    for item in revoked:
        if item.kind == "manifest":
            why = "a bundle does not show in which manifest it came; list the bundle"
            results.append(not_assessed(f"revoked: {item.value[:28]}...", why))
        if item.kind not in ("bundle", "file"):
            continue
        hits = [path for path, found in files.items() if item.value == f"file:sha256:{found}"]
        hits = [digest] if item.value == digest else hits
        reason = _applies(item, signed_at) if hits else ""
        rule = f"revoked: {item.value[:26]}..."
        results.append(
            failed(rule, f"{hits[0]}: {reason}") if reason else passed(rule, "not this one, or signed before")
        )
    return results


def judge_manifests(
    revoked: Iterable[Revocation], digest: str, signed_at: dt.datetime | None
) -> list[RuleResult]:
    """Judge every entry about an image or artifact, whose `digest` is `manifest:sha256:<hex>`."""
    results = []
    for item in revoked:
        if item.kind == "manifest":
            reason = _applies(item, signed_at) if item.value == digest else ""
            rule = f"revoked: {item.value[:28]}..."
            results.append(failed(rule, reason) if reason else passed(rule, "not this one, or signed before"))
    return results


def _applies(item: Revocation, signed_at: dt.datetime | None) -> str:
    """Return why an entry that matches applies, or an empty text when the signature is older."""
    if item.since is None:
        return f"revoked: {item.reason}"
    since = item.since.isoformat()
    if signed_at is None:
        return f"no-trusted-time: revoked since {since}, signed nobody knows when: {item.reason}"
    return f"revoked since {since}: {item.reason}" if signed_at >= item.since else ""
