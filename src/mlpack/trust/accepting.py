"""Which signer of a policy made a signature, if any: the one place where the three kinds come together."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Final

from mlpack.errors import (
    MissingExtraError,
    PolicyViolationError,
    SignatureInvalidError,
    UntrustedSignerError,
    VerificationError,
)
from mlpack.trust.certificates import check_path, check_purpose, read_leaf, subject_matches
from mlpack.trust.envelope import Envelope
from mlpack.trust.identities import CiRule, Claims, matches, read_claims
from mlpack.trust.material import Kind
from mlpack.trust.signer_rules import SignerKind, SignerRule
from mlpack.trust.trusted_root import PUBLIC_GOOD, TrustedRoot
from mlpack.trust.verified import VerifiedSigner

__all__ = ["accept_signer"]

_WHERE: Final = "model.sig"
_RULES_FOR: Final[dict[Kind, SignerKind]] = {"key": "key", "chain": "certificate", "keyless": "identity"}


def accept_signer(envelope: Envelope, rules: Sequence[SignerRule]) -> VerifiedSigner:
    """Return the signer among `rules` that made the signature. No network is used.

    Raises:
        UntrustedSignerError: None of them did.
        SignatureInvalidError: It says that it is by one of them, and is not.
        PolicyViolationError: It is by one of them, signed at a time that the policy does not accept.
        VerificationError: It cannot be told, because sigstore's own trusted root is asked for and not there.
    """
    try:
        return _accept(envelope, rules)
    except MissingExtraError as error:
        raise VerificationError(error.message, code="trusted-root", where=_WHERE, hint=error.hint) from error


def _accept(envelope: Envelope, rules: Sequence[SignerRule]) -> VerifiedSigner:
    wanted = _RULES_FOR[envelope.material.kind]
    candidates = [rule for rule in rules if rule.kind == wanted]
    if not candidates:
        raise UntrustedSignerError(
            f"signed with a {_WORDS[wanted]}, and the policy names none; it names {_names(rules)}",
            where=_WHERE,
        )
    signer = _ACCEPT[wanted](envelope, candidates)
    rule = next(rule for rule in candidates if rule.name == signer.name)
    _check_time(signer, rule)
    return signer


_WORDS: Final[dict[SignerKind, str]] = {
    "key": "key",
    "identity": "Sigstore identity",
    "certificate": "certificate",
}


def _names(rules: Sequence[SignerRule]) -> str:
    return ", ".join(f"{rule.name} ({rule.principal[:120]})" for rule in rules[:10]) or "nobody"


def _by_key(envelope: Envelope, rules: Sequence[SignerRule]) -> VerifiedSigner:
    keys = [(rule, rule.key) for rule in rules if rule.key is not None]
    for rule, key in keys:
        if envelope.hint and key.hint == envelope.hint:
            envelope.verify(key)
            return VerifiedSigner(name=rule.name, fingerprint=key.fingerprint)
    for rule, key in [] if envelope.hint else keys:
        try:
            envelope.verify(key)
        except SignatureInvalidError:
            continue
        return VerifiedSigner(name=rule.name, fingerprint=key.fingerprint)
    accepted = ", ".join(f"{rule.name} ({key.fingerprint[:19]}...)" for rule, key in keys[:10])
    raise UntrustedSignerError(
        f"signed by a key that the policy does not name; it names {accepted}", where=_WHERE
    )


def _by_identity(envelope: Envelope, rules: Sequence[SignerRule]) -> VerifiedSigner:
    from mlpack.trust.keyless import verify_keyless

    claims = read_claims(envelope.material.certificates[0])
    problems: list[VerificationError] = []
    for rule in rules:
        if problem := _identity_problem(rule, claims):
            problems.append(problem)
            continue
        root = rule.trusted_root
        if not isinstance(root, TrustedRoot):
            root = TrustedRoot.embedded(root or PUBLIC_GOOD)
        try:
            leaf, time = verify_keyless(envelope, root)
        except VerificationError as error:  # another rule may know this identity from another Sigstore
            problems.append(error)
            continue
        return VerifiedSigner(
            name=rule.name,
            fingerprint=leaf.key.fingerprint,
            kind="identity",
            identity=claims.identity,
            issuer=claims.issuer,
            serial=leaf.serial,
            time=time,
        )
    raise _nearest(problems)


def _identity_problem(rule: SignerRule, claims: Claims) -> VerificationError | None:
    """Return why a rule does not name who a certificate names."""
    if claims.issuer != rule.issuer:
        return UntrustedSignerError(
            f"identity vouched for by {claims.issuer[:200]!r}, and {rule.name} is by {rule.issuer!r}",
            code="issuer-mismatch",
            where=_WHERE,
        )
    if not matches(rule.identity, claims.identity):
        return UntrustedSignerError(
            f"signed by {claims.identity[:300]!r}, and {rule.name} is {rule.identity!r}",
            code="identity-mismatch",
            where=_WHERE,
        )
    if wrong := (rule.github or CiRule()).problems(claims):
        return UntrustedSignerError(
            f"signed by a CI job that {rule.name} does not allow: {'; '.join(wrong)}",
            code="ci-job-denied",
            where=_WHERE,
        )
    return None


def _by_certificate(envelope: Envelope, rules: Sequence[SignerRule]) -> VerifiedSigner:
    chain = envelope.material.certificates
    leaf = read_leaf(chain[0])
    envelope.verify(leaf.key)
    check_purpose(leaf.der)
    problems: list[VerificationError] = []
    for rule in rules:
        if not subject_matches(rule.subject, leaf.der):
            problems.append(
                UntrustedSignerError(
                    f"signed by {leaf.subject[:300]!r}, and {rule.name} is {rule.subject!r}",
                    code="subject-mismatch",
                    where=_WHERE,
                )
            )
            continue
        try:
            time = _certified(envelope, rule)
        except UntrustedSignerError as error:  # another rule may know the same name from other roots
            problems.append(error)
            continue
        return VerifiedSigner(
            name=rule.name,
            fingerprint=leaf.key.fingerprint,
            kind="certificate",
            identity=leaf.subject,
            serial=leaf.serial,
            time=time,
        )
    raise _nearest(problems)


def _certified(envelope: Envelope, rule: SignerRule) -> dt.datetime | None:
    """Return the trusted time at which the path to the roots held; None when it holds now, without one."""
    if rule.roots is None:
        raise UntrustedSignerError("no roots", where=_WHERE)
    material = envelope.material
    root = rule.trusted_root
    if isinstance(root, str):
        root = TrustedRoot.embedded(root)
    times = _stamped(envelope, root) if root and material.timestamps else []
    moment = min(times, default=dt.datetime.now(dt.UTC))  # when it surely existed; later ones prove no more
    check_path(material.certificates, rule.roots, moment)
    return moment if times else None


def _stamped(envelope: Envelope, root: TrustedRoot) -> list[dt.datetime]:
    from mlpack.trust.proof.refusals import refused
    from mlpack.trust.proof.timestamp import stamped_times

    times = stamped_times(envelope.material.timestamps, envelope.signature, root.anchors.clocks)
    if not times:
        raise refused(
            "timestamp-invalid", "no timestamp is by an authority of the trusted root", where=_WHERE
        )
    return times


def _nearest(problems: Sequence[VerificationError]) -> VerificationError:
    """Return the refusal by the rule that came nearest to fitting: it says most about what is wrong."""
    order = ("issuer-mismatch", "identity-mismatch", "subject-mismatch", "certificate-untrusted")
    return max(problems, key=lambda error: order.index(error.code) if error.code in order else len(order))


_ACCEPT: Final[dict[SignerKind, Callable[[Envelope, Sequence[SignerRule]], VerifiedSigner]]] = {
    "key": _by_key,
    "identity": _by_identity,
    "certificate": _by_certificate,
}


def _check_time(signer: VerifiedSigner, rule: SignerRule) -> None:
    before, after = rule.accept_signed_before, rule.accept_signed_after
    if before is None and after is None:
        return
    if signer.time is None:
        raise PolicyViolationError(
            f"{rule.name} is accepted for a time only, and nothing trusted says when this was signed",
            code="no-trusted-time",
            where=_WHERE,
        )
    if before is not None and signer.time >= before:
        raise PolicyViolationError(
            f"signed at {signer.time.isoformat()}; {rule.name} is accepted before {before.isoformat()}",
            code="signed-too-late",
            where=_WHERE,
        )
    if after is not None and signer.time < after:
        raise PolicyViolationError(
            f"signed at {signer.time.isoformat()}; {rule.name} is accepted from {after.isoformat()}",
            code="signed-too-early",
            where=_WHERE,
        )
