"""Verification: the numbered steps that turn a bundle and a policy into a `VerifiedBundle`.

 1. The policy is usable: it has not expired.
 2. The container is a plain bundle: safe names, regular files, the one exact archive form.
 3. `model.sig` is there and is one well-formed signature.
 4. A signer that the policy names made it: a key, a Sigstore identity, a certificate's subject. What is in it
    only selects among these; no key, root or log that travels with a bundle is ever believed.
 5. The signed statement is an OMS v1.0 statement in the profile of bundles.
 6. Three lists agree: files on disk, SHA256SUMS, signed resources; and the subject is `NAME-VERSION`.
 7. Every byte has the digest that is listed for it; wheels match the lock.
 8. The manifest and the format rules hold, and the manifest that is returned is the one that was hashed.
 9. The policy's other rules hold: name, formats, pins.

A policy without signers, which then has pins, skips 3 to 5 and the signed list of 6: the digest says it all.
Every step that can still say something after a failure does, so that one refusal names every problem; its
class and code are those of the first step that failed. There is no plug-in and no network here.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from mlpack.errors import (
    ContentMismatchError,
    FormatError,
    PolicyError,
    PolicyViolationError,
    SignatureInvalidError,
    VerificationError,
)
from mlpack.format.integrity import MAX_MANIFEST, Integrity, check_integrity
from mlpack.format.manifest import Manifest
from mlpack.format.names import CHECKSUMS, MANIFEST, SIGNATURE
from mlpack.format.tree import Tree, open_tree
from mlpack.show.visible import visible
from mlpack.trust.accepting import accept_signer
from mlpack.trust.envelope import MAX_SIGNATURE, parse_envelope
from mlpack.trust.location import BundleLike, bundle_path
from mlpack.trust.oms import Statement, parse_statement
from mlpack.trust.policy import Policy, Unsigned, resolve_policy
from mlpack.trust.verified import VerifiedBundle, VerifiedSigner

__all__ = ["VerifiedBundle", "VerifiedSigner", "verify"]


def verify(
    bundle: BundleLike, policy: Policy | Unsigned | str | os.PathLike[str] | None = None
) -> VerifiedBundle:
    """Check a bundle against a policy and return what holds. Nothing of the bundle is executed.

    Args:
        bundle: A bundle directory, a `.mlpack` file, or a bundle that was opened before.
        policy: A policy, the path of one, or None to take `MLPACK_POLICY` or the user's own.

    Raises:
        VerificationError: The bundle is refused; its children say why, and `problems` names everything.
        PolicyError: There is no usable policy. Raised before the bundle is looked at.
        StorageError: There is no bundle, or it cannot be read. Raised before verification.
        UsageError: An argument has the wrong type.
    """
    path = bundle_path(bundle)
    rules = resolve_policy(policy)
    if isinstance(rules, Unsigned):
        raise PolicyError("UNSIGNED names nobody to trust", where="policy", hint="verify needs a policy")
    findings = _Findings(path)
    try:
        with open_tree(path) as tree:
            verified = _verify(tree, path, rules, findings)
    except FormatError as error:
        findings.add(2, ContentMismatchError, [str(error)])
        verified = None
    except OSError as error:
        findings.add(2, ContentMismatchError, [f"cannot be read: {error.strerror or error}"])
        verified = None
    if verified is None or findings.any:
        raise findings.error()
    return verified


class _Findings:
    """Every problem of one verification, by step."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._found: list[tuple[int, type[VerificationError], str, str | None]] = []

    def add(
        self, step: int, kind: type[VerificationError], problems: Iterable[str], code: str | None = None
    ) -> None:
        for problem in problems:
            flat = problem.replace("\n  - ", "; ").replace("\n  hint: ", "; ")
            self._found.append((step, kind, visible(flat), code))

    @property
    def any(self) -> bool:
        return bool(self._found)

    def error(self) -> VerificationError:
        """Return the refusal: the class of the first failed step, all problems in the order of the steps."""
        ordered = sorted(self._found, key=lambda finding: finding[0])
        kind = ordered[0][1] if ordered else VerificationError
        code = ordered[0][3] if ordered else None
        problems = tuple(dict.fromkeys(problem for _, _, problem, _ in ordered))
        return kind(
            f"not verified: {len(problems)} problem(s)",
            code=code,
            where=visible(str(self._path)),
            problems=problems,
        )


def _verify(tree: Tree, path: Path, policy: Policy, findings: _Findings) -> VerifiedBundle | None:
    # 1. The policy is usable.
    if policy.expires is not None and dt.datetime.now(dt.UTC) > policy.expires:
        findings.add(
            1, PolicyViolationError, [f"the policy {policy.id!r} expired at {policy.expires.isoformat()}"]
        )
    # 2. The container.
    findings.add(2, ContentMismatchError, tree.problems)
    # 3, 4, 5. The signature, before anything else of the bundle is parsed.
    signer, statement = _check_signature(tree, policy, findings) if policy.signers else (None, None)
    # 2, 6, 7, 8. Files, SHA256SUMS and manifest; every byte is hashed once.
    integrity = check_integrity(tree)
    findings.add(7, ContentMismatchError, integrity.problems[len(tree.problems) :])
    # 8. The manifest that is returned.
    manifest = _hashed_manifest(tree, integrity, findings)
    # 6. The signed list.
    if statement is not None:
        findings.add(6, ContentMismatchError, _compare_statement(tree, integrity, statement, manifest))
    # 9. The policy's other rules.
    findings.add(9, PolicyViolationError, _policy_problems(policy, integrity.digest, manifest))
    if manifest is None or (policy.signers and signer is None):
        return None
    return VerifiedBundle(
        path=path,
        digest=integrity.digest,
        manifest=manifest,
        files=MappingProxyType(dict(integrity.checksums)),
        signer=signer,
        policy=policy,
    )


def _check_signature(
    tree: Tree, policy: Policy, findings: _Findings
) -> tuple[VerifiedSigner | None, Statement | None]:
    """Return who signed and what, or what stays None when a step fails."""
    # 3. One well-formed signature.
    if SIGNATURE not in tree.entries:
        findings.add(3, SignatureInvalidError, [f"{SIGNATURE}: missing, so this bundle is not signed"])
        return None, None
    try:
        envelope = parse_envelope(tree.read(SIGNATURE, MAX_SIGNATURE))
    except (FormatError, SignatureInvalidError) as error:
        findings.add(3, SignatureInvalidError, [str(error)])
        return None, None
    # 4. Made by a signer that the policy names.
    try:
        signer = accept_signer(envelope, policy.signers)
    except VerificationError as error:
        findings.add(4, type(error), [str(error)], code=error.code)
        return None, None
    # 5. The statement.
    try:
        return signer, parse_statement(envelope.payload)
    except SignatureInvalidError as error:
        findings.add(5, SignatureInvalidError, [str(error)])
        return signer, None


def _compare_statement(
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


def _hashed_manifest(tree: Tree, integrity: Integrity, findings: _Findings) -> Manifest | None:
    """Return the manifest from bytes that have the listed digest, whatever happens to the file meanwhile."""
    if integrity.manifest is None or MANIFEST not in integrity.checksums:
        return None
    data = tree.read(MANIFEST, MAX_MANIFEST)
    if hashlib.sha256(data).hexdigest() != integrity.checksums[MANIFEST]:
        findings.add(8, ContentMismatchError, [f"{MANIFEST}: contents changed"])
        return None
    return Manifest.from_bytes(data)


def _policy_problems(policy: Policy, digest: str, manifest: Manifest | None) -> list[str]:
    problems = []
    if policy.pins and digest not in policy.pins:
        problems.append(f"{digest or 'the bundle'} is not one that the policy pins")
    if manifest is None:
        return problems
    if policy.name is not None and manifest.name != policy.name:
        problems.append(f"the bundle is called {manifest.name!r}, and the policy accepts {policy.name!r}")
    if manifest.model.format not in policy.formats:
        problems.append(
            f"the model is of format class {manifest.model.format!r}, "
            f"and the policy accepts {', '.join(policy.formats)}"
        )
    return problems
