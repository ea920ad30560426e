"""Judging a bundle by its lists alone, while its other files are still on their way.

Signature, SHA256SUMS and manifest are a few kilobytes and come first. What no signer of the policy vouches
for is refused before anything large is fetched, and each file can be compared as it arrives with the digest
that was signed. It is a beginning, not a verdict: only `verify` makes a `VerifiedBundle`.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlpack.errors import ContentMismatchError, FormatError
from mlpack.format.checksums import MAX_CHECKSUMS, bundle_digest, parse_checksums
from mlpack.format.integrity import MAX_MANIFEST, Integrity
from mlpack.format.manifest import Manifest
from mlpack.format.names import CHECKSUMS, MANIFEST
from mlpack.format.tree import Tree
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
from mlpack.trust.policy import Policy
from mlpack.trust.verdict import RuleResult
from mlpack.trust.verified import VerifiedSigner

if TYPE_CHECKING:
    from mlpack.trust.history.evidence import HistoryEvidence

__all__ = ["Lists", "check_lists", "read_lists"]

_NEED_FILES = ("evidence", "licenses", "vulnerabilities")
"""Rules that read documents, which may not have arrived."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Lists:
    """What a bundle says of itself, in lists that agree with one another.

    Attributes:
        digest: `bundle:sha256:<hex>`.
        manifest: What it is.
        checksums: Path -> hex SHA-256 of every file that is covered.
        signers: Whose signature of exactly these lists counts; empty when nobody was asked.
        rules: What became of the policy's rules; those about documents were not asked yet.
    """

    digest: str
    manifest: Manifest
    checksums: Mapping[str, str]
    signers: tuple[VerifiedSigner, ...] = ()
    rules: tuple[RuleResult, ...] = ()


def read_lists(tree: Tree) -> Lists:
    """Read the lists of a bundle; nobody vouches for them.

    Raises:
        FormatError: One is missing or malformed, or they do not agree.
    """
    raw = tree.read(CHECKSUMS, MAX_CHECKSUMS)
    checksums = parse_checksums(raw)
    data = tree.read(MANIFEST, MAX_MANIFEST)
    if checksums.get(MANIFEST) != hashlib.sha256(data).hexdigest():
        raise FormatError("contents changed", where=MANIFEST)
    manifest = Manifest.from_bytes(data)
    if set(checksums) != {MANIFEST, *manifest.files}:
        raise FormatError(f"{CHECKSUMS} and {MANIFEST} list different files", where=MANIFEST)
    return Lists(digest=bundle_digest(raw), manifest=manifest, checksums=checksums)


def check_lists(tree: Tree, policy: Policy, *, history: HistoryEvidence | None = None) -> Lists:
    """Return the lists of a bundle if the policy could accept a bundle with such lists.

    Args:
        tree: Signature, lists and attestations; other files need not be there.
        policy: Whom to trust.
        history: For a policy that asks for one.

    Raises:
        VerificationError: No bundle with these lists and signatures fulfils the policy.
    """
    now = dt.datetime.now(dt.UTC)
    findings = Findings(tree.location)
    if expiry := judge_expiry(policy, "admission", now):
        findings.judge(1, [expiry])
    findings.add(2, ContentMismatchError, tree.problems)
    try:
        lists = read_lists(tree)
    except FormatError as error:
        findings.add(7, ContentMismatchError, [str(error)])
        raise findings.error() from error
    integrity = Integrity(
        checksums=lists.checksums, digest=lists.digest, manifest=lists.manifest, problems=()
    )
    attestations = read_attested(tree, policy, integrity)
    signers: tuple[VerifiedSigner, ...] = ()
    if policy.signers and lists.digest not in policy.grandfathered:
        signers = count_signers(
            policy,
            check_signature(tree, policy),
            countersignatures(tree, attestations),
            lambda statement: compare_statement(tree, integrity, statement, lists.manifest),
            findings,
        )
    case = Case(
        policy=policy,
        digest=lists.digest,
        manifest=lists.manifest,
        parts=None,
        checksums=lists.checksums,
        signers=signers,
        attestations=unrevoked(attestations, policy),
        moment="admission",
        now=now,
        history=history,
    )
    findings.judge(9, [result for result in judge(case) if result.rule not in _NEED_FILES])
    if findings.any:
        raise findings.error()
    return Lists(
        digest=lists.digest,
        manifest=lists.manifest,
        checksums=lists.checksums,
        signers=signers,
        rules=tuple(findings.results()),
    )
