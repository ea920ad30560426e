"""Whose signatures of a bundle count: `model.sig`, countersignatures; what they say, and what files are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mlpack.errors import ContentMismatchError, FormatError, SignatureInvalidError, VerificationError
from mlpack.format.integrity import Integrity
from mlpack.format.manifest import Manifest
from mlpack.format.names import CHECKSUMS, MANIFEST, SIGNATURE
from mlpack.format.tree import Tree
from mlpack.trust.accepting import accept_signer
from mlpack.trust.attestation import Attestation, read_attestations
from mlpack.trust.envelope import MAX_SIGNATURE, parse_envelope
from mlpack.trust.findings import Findings
from mlpack.trust.oms import Statement, parse_statement
from mlpack.trust.policy import Policy
from mlpack.trust.revocation import signer_revocation
from mlpack.trust.verdict import failed, passed
from mlpack.trust.verified import VerifiedSigner

__all__ = [
    "Signature",
    "check_signature",
    "compare_statement",
    "count_signers",
    "countersignatures",
    "read_attested",
    "unrevoked",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Signature:
    """One signature of the bundle: `model.sig`, or a countersignature."""

    signer: VerifiedSigner | None = None
    statement: Statement | None = None
    step: int = 0
    problem: VerificationError | None = None


def check_signature(tree: Tree, policy: Policy) -> Signature:
    """Return who signed `model.sig` and what, or why it does not count."""
    # 3. One well-formed signature.
    if SIGNATURE not in tree.entries:
        missing = SignatureInvalidError(f"{SIGNATURE}: missing, so this bundle is not signed")
        return Signature(step=3, problem=missing)
    try:
        envelope = parse_envelope(tree.read(SIGNATURE, MAX_SIGNATURE))
    except (FormatError, SignatureInvalidError) as error:
        return Signature(step=3, problem=SignatureInvalidError(str(error)))
    # 4. Made by a key that the policy names.
    try:
        signer = accept_signer(envelope, policy.signers)
    except VerificationError as error:
        return Signature(step=4, problem=error)
    # 5. The statement.
    try:
        return Signature(signer=signer, statement=parse_statement(envelope.payload))
    except SignatureInvalidError as error:
        return Signature(signer=signer, step=5, problem=error)


def read_attested(tree: Tree, policy: Policy, integrity: Integrity) -> tuple[Attestation, ...]:
    """Return the attestations; nothing is said of them while the bundle has no usable digest."""
    if not integrity.checksums:
        return ()
    everybody = (*policy.signers, *policy.attesters)

    def identify(data: bytes) -> tuple[VerifiedSigner, bytes]:
        envelope = parse_envelope(data)
        return accept_signer(envelope, everybody), envelope.payload

    return read_attestations(tree, integrity.digest, identify)


def countersignatures(tree: Tree, attestations: tuple[Attestation, ...]) -> list[Signature]:
    """Return further signatures of the bundle among its attestations."""
    if SIGNATURE not in tree.entries:
        return []  # not signed at all, whatever else lies there
    return [
        Signature(signer=item.signer, statement=item.resources) for item in attestations if item.resources
    ]


def unrevoked(attestations: tuple[Attestation, ...], policy: Policy) -> tuple[Attestation, ...]:
    """Return the attestations, of which those by revoked signers do not count."""
    found = []
    for item in attestations:
        reason = signer_revocation(item.signer, policy.revoked) if item.signer is not None else ""
        found.append(Attestation(path=item.path, problem=reason) if reason else item)
    return tuple(found)


def count_signers(
    policy: Policy,
    primary: Signature | None,
    others: list[Signature],
    compare: Callable[[Statement], list[str]],
    findings: Findings,
) -> tuple[VerifiedSigner, ...]:
    """Return whose signatures of exactly these files count, once each. Without any, say why."""
    if primary is None:
        return ()
    names = {rule.name for rule in policy.signers}
    counted: dict[str, VerifiedSigner] = {}
    revoked = []
    problems = compare(primary.statement) if primary.statement is not None else []
    for item in (primary, *others):
        if item.signer is None or item.statement is None or item.signer.name not in names:
            continue
        if problems if item is primary else compare(item.statement):
            continue
        if reason := signer_revocation(item.signer, policy.revoked):
            revoked.append(reason)
        else:
            counted.setdefault(item.signer.principal, item.signer)
    if counted:
        who = ", ".join(signer.name for signer in counted.values())
        findings.reached |= {3: SIGNATURE, 4: who, 5: "OMS v1.0", 6: "every file"}
        if any(item.kind in ("signer", "serial") for item in policy.revoked):
            findings.judge(9, [passed("revoked signers", "; ".join(revoked) or "none of them signed")])
        return tuple(counted.values())
    if primary.problem is not None:
        findings.reached |= dict.fromkeys(range(3, primary.step), "")
        findings.add(primary.step, type(primary.problem), [str(primary.problem)], code=primary.problem.code)
    else:
        findings.reached |= {3: SIGNATURE, 4: primary.signer.name if primary.signer else "", 5: "OMS v1.0"}
        findings.add(6, ContentMismatchError, problems)
        findings.judge(9, [failed("revoked signers", reason) for reason in revoked])
    return ()


def compare_statement(
    tree: Tree, integrity: Integrity, statement: Statement, manifest: Manifest | None
) -> list[str]:
    """Compare the signed resources with SHA256SUMS, or with the files themselves when that is unusable."""
    signed = dict(statement.resources)
    listing = signed.pop(CHECKSUMS, None)
    problems = []
    if listing is None:
        problems.append(f"{CHECKSUMS}: not signed")
    elif integrity.digest and f"bundle:sha256:{listing}" != integrity.digest:
        problems.append(f"{CHECKSUMS}: changed after it was signed")
    listed: Mapping[str, str] = integrity.checksums
    if not listed:
        listed = {path: tree.digest(path) for path in signed if path in tree.entries}
    for path, digest in signed.items():
        if path not in listed:
            problems.append(f"{path}: signed, but removed since")
        elif listed[path] != digest:
            problems.append(f"{path}: changed after it was signed")
    problems += [f"{path}: added after the bundle was signed" for path in listed if path not in signed]
    if manifest is not None and statement.subject != manifest.folder:
        problems.append(f"signed as {statement.subject[:140]!r}, but {MANIFEST} says {manifest.folder!r}")
    return problems
