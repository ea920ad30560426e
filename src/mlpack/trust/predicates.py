"""Predicates made from what a bundle holds, or from a verification; provenance has a module of its own."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from mlpack.errors import FormatError, UsageError
from mlpack.format.documents import parse_json
from mlpack.format.evidence import Parity

if TYPE_CHECKING:
    from mlpack.format.opening import UnverifiedBundle
    from mlpack.trust.verified import VerifiedBundle

__all__ = ["approval", "cyclonedx", "parity_result", "verification_summary"]


def approval(stage: str) -> dict[str, Any]:
    """Return that a bundle may enter a stage, for `mlpack promote` with a policy that asks for approvals.

    Raises:
        UsageError: There can be no stage of that name.
    """
    from mlpack.trust.history.events import STAGE

    if not STAGE.fullmatch(stage) or len(stage) > 64:
        raise UsageError(f"expected a stage such as production, found {stage[:80]!r}", where="stage")
    return {"stage": stage}


def cyclonedx(bundle: UnverifiedBundle) -> dict[str, Any]:
    """Return the bundle's own bill of materials.

    Raises:
        FormatError: The bundle changed since it was opened.
    """
    path = bundle.manifest.one("bom")
    document = parse_json(bundle.read(path), where=path)
    if not isinstance(document, dict):
        raise FormatError("expected an object", where=path)
    return document


def parity_result(bundle: UnverifiedBundle) -> dict[str, Any]:
    """Return the measured parity as an in-toto test result. A method that is only `loose` is a warning.

    Raises:
        FormatError: The bundle changed since it was opened.

    Source: in-toto Attestation Framework, predicate test-result v0.1.
    """
    paths = [bundle.manifest.one("parity"), bundle.manifest.one("golden")]
    parity = Parity.from_bytes(bundle.read(paths[0]))
    names = {item.method: f"parity/{item.method}: {item.certificate}" for item in parity.methods}
    warned = [names[item.method] for item in parity.methods if item.certificate == "loose"]
    return {
        "result": "WARNED" if warned else "PASSED",
        "configuration": [{"name": path, "digest": {"sha256": bundle.checksums[path]}} for path in paths],
        "passedTests": [name for name in names.values() if name not in warned],
        "warnedTests": warned,
        "failedTests": [],
    }


def verification_summary(
    verified: VerifiedBundle, *, verifier: str, resource: str, now: dt.datetime | None = None
) -> dict[str, Any]:
    """Return a verification summary (VSA): that this bundle fulfilled this policy, now.

    No SLSA level was looked at, and it says so.

    Args:
        verified: What `verify` returned.
        verifier: URI of who verified.
        resource: URI where the bundle is meant to be found.
        now: Time of verification; None for this moment.

    Source: slsa.dev/spec/v1.0/verification_summary.
    """
    moment = (now or dt.datetime.now(dt.UTC)).astimezone(dt.UTC).replace(microsecond=0, tzinfo=None)
    counted = [item for item in verified.attestations if item.counts]
    return {
        "verifier": {"id": verifier},
        "timeVerified": moment.isoformat() + "Z",
        "resourceUri": resource,
        "policy": {
            "uri": f"urn:mlpack:policy:{verified.policy.id.replace(' ', '-')}",
            "digest": {"sha256": verified.policy.sha256},
        },
        "inputAttestations": [{"uri": item.path, "digest": {"sha256": item.sha256}} for item in counted],
        "verificationResult": "PASSED",
        "verifiedLevels": ["SLSA_BUILD_LEVEL_UNEVALUATED"],
    }
