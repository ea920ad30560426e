"""Who signed: the key, identity or chain asked for, with what the logs and clocks say."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

from mlpack.trust.certificates import subject_matches
from mlpack.trust.foreign.expectation import Certified, Identity, Signer
from mlpack.trust.identities import read_claims
from mlpack.trust.proof.anchors import Anchors
from mlpack.trust.proof.certificate import Certificate, find_chain, parse_certificate
from mlpack.trust.proof.keyless import require_sigstore_chain
from mlpack.trust.proof.log import logged_times
from mlpack.trust.proof.public_key import AnyKey
from mlpack.trust.proof.refusals import refused
from mlpack.trust.proof.signature import SignatureFile
from mlpack.trust.proof.timestamp import stamped_times

__all__ = ["Authenticated", "authenticate"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Authenticated:
    """Who a signature is by, if its cryptography and its log entries hold, which is for the caller to check.

    Attributes:
        name: The signer, for people.
        verifier: DER of the certificate, or of the key, as log entries name the signer.
        signed_at: The earliest trusted time, or None.
    """

    key: AnyKey
    name: str
    verifier: bytes
    certified: bool
    signed_at: dt.datetime | None


def authenticate(
    file: SignatureFile, signer: Signer, root: Callable[[], Anchors], *, lax: bool
) -> Authenticated:
    """Return who signed, if that is `signer`.

    Args:
        file: The parsed signature.
        signer: Whom it must be by.
        root: Loads what counts; called only when something in the signature needs one.
        lax: Whether a certificate may leave open what it is for.

    Raises:
        VerificationError: It is by somebody else, or what it brings along does not hold.
    """
    _require_material(file, signer)
    times = _times(file, root)
    if isinstance(signer, AnyKey):
        return Authenticated(
            key=signer,
            name=f"key {signer.fingerprint}",
            verifier=signer.der,
            certified=False,
            signed_at=min(times, default=None),
        )
    leaf, *others = (parse_certificate(der) for der in file.named.certificates)
    if isinstance(signer, Identity):
        require_sigstore_chain(leaf, others, root(), times)
        _require_identity(leaf, signer)
        name = f"{signer.name} ({signer.issuer})"
    else:
        _require_roots(leaf, others, signer, times or [dt.datetime.now(dt.UTC)], lax=lax)
        name = leaf.x509.subject.rfc4514_string()
    if leaf.key is None:
        raise refused("key-type", "the certificate is for a key of an unknown kind")
    return Authenticated(
        key=leaf.key, name=name, verifier=leaf.der, certified=True, signed_at=min(times, default=None)
    )


def _require_material(file: SignatureFile, signer: Signer) -> None:
    """Refuse one kind of proof where another was asked for."""
    if isinstance(signer, AnyKey):
        if file.named.certificates:
            raise refused("material", "the signature is by a certificate, and a key was asked for")
        return
    if not file.named.certificates:
        raise refused("material", "the signature is by a key, and a certificate was asked for")
    if isinstance(signer, Identity):
        if file.named.chained != (file.version < 3):
            raise refused("material", "not the form in which keyless signatures of this version come")
        if not file.entries:
            raise refused("log-missing", "a keyless signature without log entry")


def _times(file: SignatureFile, root: Callable[[], Anchors]) -> list[dt.datetime]:
    """Return every trusted time; a log entry that is there has to hold."""
    stamped = stamped_times(file.timestamps, file.signature, root().clocks) if file.timestamps else []
    if not file.entries:
        return stamped
    return stamped + logged_times(file.entries, root().logs, version=file.version, stamped=stamped)


def _require_identity(leaf: Certificate, expected: Identity) -> None:
    """Refuse a certificate that is not for exactly this identity of this issuer."""
    claims = read_claims(leaf.der)
    if claims.issuer != expected.issuer:
        raise refused(
            "issuer-mismatch", f"expected the issuer {expected.issuer!r}, found {claims.issuer[:200]!r}"
        )
    if claims.identity != expected.name:
        raise refused(
            "identity-mismatch", f"expected the identity {expected.name!r}, found {claims.identity[:200]!r}"
        )


def _require_roots(
    leaf: Certificate, others: list[Certificate], roots: Certified, times: list[dt.datetime], *, lax: bool
) -> None:
    leaf.require_code_signing(lax=lax)
    for time in times:
        find_chain(leaf, others, roots.certificates, time)
    if roots.subject is None:
        return
    found = leaf.x509.subject.rfc4514_string()
    if not subject_matches(roots.subject, leaf.der):
        raise refused("subject-mismatch", f"expected the subject {roots.subject!r}, found {found[:200]!r}")
