"""Verification: the numbered steps that turn a bundle and a policy into a `VerifiedBundle`.

 1. The policy is usable: it has not expired.
 2. The container is a plain bundle: safe names, regular files, the one exact archive form.
 3. `model.sig` is there and is one well-formed signature.
 4. A signer that the policy names made it: a key, a Sigstore identity, a certificate's subject. What is in it
    only selects among these; no key, root or log that travels with a bundle is ever believed.
 5. The signed statement is an OMS v1.0 statement in the profile of bundles.
 6. Three lists agree: files on disk, SHA256SUMS, signed resources; and the subject is `NAME-VERSION`.
 7. Every byte has the digest that is listed for it; wheels match the lock.
 8. The manifest and the format rules hold, the manifest that is returned is the one that was hashed, and the
    other documents agree with it and with one another. They are parsed only when all the above holds.
 9. The policy's other rules hold: `judging` has them.

Signatures of the bundle among its attestations count like `model.sig`: which of them is called primary does
not matter, but there must be a `model.sig`. Attestations that do not count neither help nor harm.
A policy without signers, which then has pins, skips 3 to 5 and the signed list of 6: the digest says it all.
Every step that can still say something after a failure does, so that one refusal names every problem; its
class and code are those of the first step that failed. There is no plug-in and no network here.
"""

from __future__ import annotations

import datetime as dt
import os
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from mlpack.errors import (
    ContentMismatchError,
    FormatError,
    PolicyError,
    UsageError,
)
from mlpack.format.checksums import MAX_CHECKSUMS, bundle_digest
from mlpack.format.integrity import Integrity, check_integrity
from mlpack.format.manifest import Manifest
from mlpack.format.names import CHECKSUMS, MANIFEST
from mlpack.format.parts import Parts, read_parts
from mlpack.format.tree import Tree, open_tree
from mlpack.trust.bundle_signatures import (
    check_signature,
    compare_statement,
    count_signers,
    countersignatures,
    read_attested,
    unrevoked,
)
from mlpack.trust.findings import Findings
from mlpack.trust.judging import Case, judge, judge_expiry
from mlpack.trust.location import BundleLike, bundle_path
from mlpack.trust.policy import Policy, Unsigned
from mlpack.trust.policy_choice import resolve_policy
from mlpack.trust.verified import VerifiedBundle, VerifiedSigner

if TYPE_CHECKING:
    from pathlib import Path

    from mlpack.trust.history.bringing import HistoryLike
    from mlpack.trust.history.evidence import HistoryEvidence
    from mlpack.trust.rules import Moment

__all__ = ["VerifiedBundle", "VerifiedSigner", "verify"]


def verify(
    bundle: BundleLike,
    policy: Policy | Unsigned | str | os.PathLike[str] | None = None,
    *,
    moment: Moment = "admission",
    history: HistoryLike | None = None,
) -> VerifiedBundle:
    """Check a bundle against a policy and return what holds. Nothing of the bundle is executed.

    Args:
        bundle: A bundle directory, a `.mlpack` file, `oci:DIR[:TAG]`, or a bundle that was opened before.
        policy: A policy, the path of one, or None to take `MLPACK_POLICY` or the user's own.
        moment: `admission`, or `start` when the bundle was admitted before and only runs again: rules that
            depend on the clock are then asked only where the policy says so.
        history: For a policy that asks for one: a history that was fetched before, the path of an exported
            one, or `oci:DIR`. None takes the policy's own source, or else the layout in which the bundle is.

    Raises:
        VerificationError: The bundle is refused; its children say why, `problems` names everything, and
            `verdict` says what became of every rule.
        PolicyError: There is no usable policy. Raised before the bundle is looked at.
        StorageError: There is no bundle, or it cannot be read. Raised before verification.
        UsageError: An argument has the wrong type or value.
    """
    path = bundle_path(bundle)
    if moment not in ("admission", "start"):
        raise UsageError(f"expected admission or start, found {moment!r}", where="moment")
    rules = resolve_policy(policy)
    if isinstance(rules, Unsigned):
        raise PolicyError("UNSIGNED names nobody to trust", where="policy", hint="verify needs a policy")
    evidence = _history(history, rules, path)
    findings = Findings(path)
    try:
        with open_tree(path) as tree:
            return verify_tree(tree, rules, findings=findings, moment=moment, evidence=evidence)
    except FormatError as error:
        findings.add(2, ContentMismatchError, [str(error)])
    except OSError as error:
        findings.add(2, ContentMismatchError, [f"cannot be read: {error.strerror or error}"])
    raise findings.error()


def verify_tree(
    tree: Tree,
    policy: Policy,
    *,
    findings: Findings | None = None,
    moment: Moment = "admission",
    evidence: HistoryEvidence | None = None,
) -> VerifiedBundle:
    """Do what `verify` does with files that somebody has opened, and a history that somebody has brought.

    Raises:
        VerificationError: The bundle is refused.
    """
    findings = findings or Findings(tree.location)
    try:
        verified = _verify(tree, policy, findings, moment, evidence)
    except FormatError as error:
        findings.add(2, ContentMismatchError, [str(error)])
        verified = None
    except OSError as error:
        findings.add(2, ContentMismatchError, [f"cannot be read: {error.strerror or error}"])
        verified = None
    if verified is None or findings.any:
        raise findings.error()
    return replace(verified, rules=tuple(findings.results()))


def _history(given: HistoryLike | None, policy: Policy, path: Path) -> HistoryEvidence | None:
    if policy.history is None and given is None:
        return None
    from mlpack.trust.history.bringing import bring_history

    return bring_history(given, policy, path)


def _verify(
    tree: Tree, policy: Policy, findings: Findings, moment: Moment, history: HistoryEvidence | None
) -> VerifiedBundle | None:
    now = dt.datetime.now(dt.UTC)
    # 1. The policy is usable.
    if expiry := judge_expiry(policy, moment, now):
        findings.judge(1, [expiry])
    # 2. The container.
    findings.add(2, ContentMismatchError, tree.problems)
    findings.reached[2] = f"{len(tree.entries)} files"
    # 3, 4, 5. The signature, before anything else of the bundle is parsed.
    excused = _excused_digest(tree, policy)
    primary = check_signature(tree, policy) if policy.signers and not excused else None
    # 2, 6, 7, 8. Files, SHA256SUMS and manifest; every byte is hashed once.
    integrity = check_integrity(tree)
    if excused and integrity.digest != excused:
        findings.add(7, ContentMismatchError, [f"{CHECKSUMS}: changed while it was read"])
    findings.add(7, ContentMismatchError, integrity.problems[len(tree.problems) :])
    findings.reached[7] = integrity.digest
    # 8. The manifest that is returned.
    manifest = _hashed_manifest(integrity)
    # 3 to 6. Whose signatures count: the verdict does not depend on which of them is called primary.
    attestations = read_attested(tree, policy, integrity)
    signers = count_signers(
        policy,
        primary,
        countersignatures(tree, attestations),
        lambda statement: compare_statement(tree, integrity, statement, manifest),
        findings,
    )
    # 8. The other documents, which nobody parses unless somebody vouches for them.
    parts = None
    accepted = (excused, *(() if policy.signers else policy.pins))
    if signers or integrity.digest in accepted:
        parts = _believed_parts(tree, integrity, manifest, findings)
    # 9. The policy's rules.
    case = Case(
        policy=policy,
        digest=integrity.digest,
        manifest=manifest,
        parts=parts,
        checksums=integrity.checksums,
        signers=signers,
        attestations=unrevoked(attestations, policy),
        moment=moment,
        now=now,
        history=history,
    )
    findings.judge(9, judge(case))
    if manifest is None or (primary is not None and not signers):
        return None
    return VerifiedBundle(
        path=tree.location,
        digest=integrity.digest,
        manifest=manifest,
        files=MappingProxyType(dict(integrity.checksums)),
        signer=signers[0] if signers else None,
        policy=policy,
        signers=signers,
        attestations=case.attestations,
    )


def _excused_digest(tree: Tree, policy: Policy) -> str:
    """Return the bundle's digest when the policy accepts it whoever signed it, or an empty text."""
    if not policy.grandfathered or tree.entries.get(CHECKSUMS, MAX_CHECKSUMS + 1) > MAX_CHECKSUMS:
        return ""
    digest = bundle_digest(tree.read(CHECKSUMS, MAX_CHECKSUMS))
    return digest if digest in policy.grandfathered else ""


def _believed_parts(
    tree: Tree, integrity: Integrity, manifest: Manifest | None, findings: Findings
) -> Parts | None:
    """Return the other documents of a bundle whose files are the signed or pinned ones."""
    if manifest is None or integrity.problems:
        return None
    parts = read_parts(tree, manifest, integrity.checksums)
    findings.add(8, ContentMismatchError, parts.problems)
    findings.reached[8] = f"{manifest.name} {manifest.version}"
    return None if parts.problems else parts


def _hashed_manifest(integrity: Integrity) -> Manifest | None:
    """Return the manifest if it is listed: it was parsed from the very bytes that were hashed."""
    return integrity.manifest if MANIFEST in integrity.checksums else None
