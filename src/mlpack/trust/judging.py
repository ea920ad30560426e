"""Judging the rules of a policy over a bundle whose bytes were checked: step 9 of verification."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlpack.format.manifest import FORMAT_VERSION
from mlpack.trust.revocation import judge_revocations
from mlpack.trust.verdict import RuleResult, failed, not_assessed, passed

if TYPE_CHECKING:
    from mlpack.format.manifest import Manifest
    from mlpack.format.parts import Parts
    from mlpack.trust.attestation import Attestation
    from mlpack.trust.history.evidence import HistoryEvidence
    from mlpack.trust.policy import Policy
    from mlpack.trust.rules import MinimumAge, Moment, Threshold, When
    from mlpack.trust.verified import VerifiedSigner

__all__ = ["Case", "judge", "judge_age", "judge_expiry", "judge_threshold"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """What the rules look at.

    Attributes:
        policy: The policy.
        digest: `bundle:sha256:<hex>`, or empty.
        manifest: From bytes that were hashed; None when unusable.
        parts: The other documents; None unless everything before this step holds.
        checksums: Path -> hex SHA-256 of what SHA256SUMS lists.
        signers: Everybody whose signature of this bundle counts, once each.
        attestations: Attestations, those that do not count included.
        moment: Why the bundle is verified.
        now: Time of verification.
        history: The signed history, as somebody brought it; not believed yet.
    """

    policy: Policy
    digest: str
    manifest: Manifest | None
    parts: Parts | None
    checksums: Mapping[str, str]
    signers: tuple[VerifiedSigner, ...]
    attestations: tuple[Attestation, ...]
    moment: Moment
    now: dt.datetime
    history: HistoryEvidence | None = None

    @property
    def signed_at(self) -> dt.datetime | None:
        """Earliest trusted time at which somebody signed, or None."""
        times = [signer.time for signer in self.signers if signer.time is not None]
        return min(times, default=None)


def judge(case: Case) -> list[RuleResult]:
    """Return what became of every rule of the policy but its expiry."""
    return list(_judge(case))


def _judge(case: Case) -> Iterator[RuleResult]:
    policy = case.policy
    if policy.pins:
        known = case.digest in policy.pins
        yield (
            passed("pins", case.digest)
            if known
            else failed("pins", f"{case.digest or 'the bundle'} is not one that the policy pins")
        )
    yield from judge_revocations(policy.revoked, case.digest, case.checksums, case.signed_at)
    yield from _judge_threshold(case)
    if case.manifest is not None:
        yield from _judge_manifest(case, case.manifest)
    if policy.minimum_age is not None:
        yield judge_age(policy.minimum_age, case.signed_at, case.moment, case.now)
    yield from _judge_documents(case)
    if policy.require:
        from mlpack.trust.requirements import judge_requirements

        yield from judge_requirements(policy.require, case.attestations)
    if policy.history is not None:
        from mlpack.trust.history.judging import judge_history

        yield from judge_history(
            policy.history, case.history, policy, case.digest, moment=case.moment, now=case.now
        )


def judge_expiry(policy: Policy, moment: Moment, now: dt.datetime) -> RuleResult | None:
    """Judge whether a policy can still be used; None when it never ends."""
    if policy.expires is None:
        return None
    if not _asked(policy.expires_when, moment):
        return _later("expires", policy.expires_when, moment)
    end = policy.expires.isoformat()
    if now > policy.expires:
        return failed("expires", f"the policy {policy.id!r} expired at {end}")
    return passed("expires", f"not before {end}")


def _asked(when: When, moment: Moment) -> bool:
    return when in ("both", moment)


def _later(rule: str, when: When, moment: Moment) -> RuleResult:
    return not_assessed(rule, f"asked at {when}, and this is a {moment}", refuses=False)


def _judge_manifest(case: Case, manifest: Manifest) -> Iterator[RuleResult]:
    policy, model = case.policy, manifest.model
    if policy.name is not None:
        if manifest.name == policy.name:
            yield passed("name", manifest.name)
        else:
            yield failed(
                "name", f"the bundle is called {manifest.name!r}, and the policy accepts {policy.name!r}"
            )
    if policy.format_major is not None:
        major = int(FORMAT_VERSION.partition(".")[0])  # a manifest of another major does not parse
        why = f"format {major}, and the policy accepts {policy.format_major}"
        yield (passed if major == policy.format_major else failed)("format_major", why)
    accepted = ", ".join(policy.formats)
    if model.format in policy.formats:
        yield passed("formats", model.format)
    else:
        yield failed(
            "formats", f"the model is of format class {model.format!r}, and the policy accepts {accepted}"
        )
    yield _judge_code(case, manifest)
    if policy.minimum_version is not None:
        yield _judge_version(manifest.version, policy.minimum_version)


def _judge_code(case: Case, manifest: Manifest) -> RuleResult:
    """Code runs for a named signer only; neither a pin nor a grandfathered digest is enough."""
    code = [
        path for path, entry in manifest.files.items() if entry.role == "code" or path.startswith("code/")
    ]
    if manifest.model.format == "code":
        code.append(manifest.model.path)
    if not code:
        return passed("allow_code", "the bundle holds no code")
    names = [signer.name for signer in case.signers if signer.name in case.policy.allow_code]
    if names:
        return passed("allow_code", f"{len(code)} file(s), signed by {names[0]}")
    return failed("allow_code", f"{code[0]}: code, and the policy allows none of whoever signed this bundle")


def _judge_threshold(case: Case) -> Iterator[RuleResult]:
    threshold = case.policy.threshold
    if threshold is None:
        return
    if case.digest in case.policy.grandfathered:
        yield passed("threshold", "grandfathered")
        return
    yield judge_threshold(threshold, case.signers)


def judge_threshold(threshold: Threshold, signers: tuple[VerifiedSigner, ...]) -> RuleResult:
    """Judge whether enough different signers signed."""
    # Principals are counted, not signatures and not names: one key under two names is one.
    found = {signer.principal: signer.name for signer in signers if signer.name in threshold.of}
    why = f"{len(found)} of {threshold.k} signed: {', '.join(sorted(found.values())) or 'nobody'}"
    return (passed if len(found) >= threshold.k else failed)("threshold", why)


_SEMVER = re.compile(r"(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?")


def _judge_version(found: str, least: str) -> RuleResult:
    rule, why = "minimum_version", f"{found}, and at least {least} is accepted"
    if (mine := _SEMVER.fullmatch(found)) and (other := _SEMVER.fullmatch(least)):
        return (passed if _precedence(mine) >= _precedence(other) else failed)(rule, why)
    from packaging.version import InvalidVersion, Version

    try:
        return (passed if Version(found) >= Version(least) else failed)(rule, why)
    except InvalidVersion:
        return not_assessed(rule, f"{found} and {least} are versions of different kinds")


def _precedence(match: re.Match[str]) -> tuple[object, ...]:
    """Return a key that sorts as Semantic Versioning 2.0.0, 11, says."""
    core = tuple(int(match.group(number)) for number in (1, 2, 3))
    if match.group(4) is None:
        return (*core, 1, ())
    parts = [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in match.group(4).split(".")]
    return (*core, 0, tuple(parts))


def judge_age(
    rule: MinimumAge, signed_at: dt.datetime | None, moment: Moment, now: dt.datetime
) -> RuleResult:
    """Judge how long ago something was signed, by trusted time."""
    if not _asked(rule.when, moment):
        return _later("minimum_age", rule.when, moment)
    if signed_at is None:
        return not_assessed("minimum_age", "no-trusted-time: nobody knows when this was signed")
    age = (now - signed_at) / dt.timedelta(days=1)
    why = f"signed {signed_at.isoformat()}, and at least {rule.days} day(s) ago is accepted"
    return (passed if age >= rule.days else failed)("minimum_age", why)


def _judge_documents(case: Case) -> Iterator[RuleResult]:
    """Judge the rules that read evidence, lock and BOM."""
    policy, parts, manifest = case.policy, case.parts, case.manifest
    asked = [
        name for name in ("evidence", "licenses", "vulnerabilities") if getattr(policy, name) is not None
    ]
    if parts is None or manifest is None:
        yield from (not_assessed(name, "the bundle's documents were not believed") for name in asked)
        return
    if policy.evidence is not None:
        from mlpack.trust.evidence import judge_evidence, vouched_by

        digest = case.checksums[manifest.one("parity")]
        word = vouched_by(digest, case.attestations, case.signers)
        yield from judge_evidence(policy.evidence, manifest, parts, word)
    if policy.licenses is None and policy.vulnerabilities is None:
        return
    from mlpack.trust.components import components_of

    components = components_of(parts.bom, parts.lock, manifest.files)
    if policy.licenses is not None:
        from mlpack.trust.licenses import judge_licenses

        yield judge_licenses(policy.licenses, components)
    if policy.vulnerabilities is not None:
        from mlpack.trust.vulnerabilities import judge_vulnerabilities

        gate = policy.vulnerabilities
        if _asked(gate.when, case.moment):
            yield judge_vulnerabilities(gate, components, case.attestations, case.now)
        else:
            yield _later("vulnerabilities", gate.when, case.moment)
