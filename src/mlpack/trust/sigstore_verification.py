"""Keyless signatures: a short-lived certificate, and a public log that recorded its use. No network is used.

What a policy decides (identity, issuer, time) is decided by us; chain, certificate transparency, inclusion
proof and consistency with the log are sigstore's.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mlpack.errors import MissingExtraError, PolicyError, SignatureInvalidError, UntrustedSignerError
from mlpack.trust.certificates import Leaf, check_purpose, read_leaf
from mlpack.trust.envelope import PAYLOAD_TYPE, Envelope
from mlpack.trust.timestamps import verified_times
from mlpack.trust.trusted_root import TrustedRoot

if TYPE_CHECKING:
    from cryptography.x509 import Certificate
    from sigstore.verify import Verifier

__all__ = ["verify_keyless"]

_WHERE: Final = "model.sig"


def verify_keyless(envelope: Envelope, root: TrustedRoot) -> tuple[Leaf, dt.datetime]:
    """Return who signed and the earliest trusted time, if the signature holds under `root`.

    Raises:
        SignatureInvalidError: Signature, log entry, timestamp or certificate do not hold.
        UntrustedSignerError: The certificate is not by the authority of `root`, or was not valid then.
        MissingExtraError: sigstore is not installed.
    """
    material = envelope.material
    leaf = read_leaf(material.certificates[0])
    check_purpose(leaf.der)
    envelope.verify(leaf.key)
    times = list(verified_times(material.timestamps, envelope.signature, root.stampers))
    if material.log_time is not None:
        times.append(_log_time(material.log_time))
    if not times:
        raise SignatureInvalidError(
            "neither a timestamp nor a log says when this was signed", code="no-trusted-time", where=_WHERE
        )
    for time in times:
        if not leaf.covers(time):
            raise UntrustedSignerError(
                f"signed at {time.isoformat()}, and the certificate was valid from "
                f"{leaf.not_before.isoformat()} to {leaf.not_after.isoformat()}",
                code="certificate-expired",
                where=_WHERE,
            )
    # Only now the log's own time is more than a claim.
    if envelope.detached:
        _verify_detached(envelope, root)
    else:
        _verify_proofs(envelope, root)
    return leaf, min(times)


def _verify_detached(envelope: Envelope, root: TrustedRoot) -> None:
    """Check what proves a signature over plain bytes: it may hold a log's promise and no Merkle proof."""
    from mlpack.trust.foreign.bundle import parse_signature
    from mlpack.trust.foreign.certificate import parse_certificate
    from mlpack.trust.foreign.entries import Signed, match_entry
    from mlpack.trust.foreign.identity import require_sigstore_chain
    from mlpack.trust.foreign.log import verify_entry
    from mlpack.trust.foreign.trusted_root import parse_root

    trusted, file = parse_root(root.text.encode("utf-8")), parse_signature(envelope.raw)
    times = [verify_entry(entry, trusted.logs, version=file.version) for entry in file.entries]
    leaf, *others = (parse_certificate(der) for der in envelope.material.certificates)
    require_sigstore_chain(leaf, others, trusted, [time for time in times if time is not None])
    signed = Signed(
        signature=envelope.signature,
        verifier=leaf.der,
        certified=True,
        envelope=None,
        digests={"sha256": hashlib.sha256(envelope.payload).digest()},
    )
    for entry in file.entries:
        match_entry(entry, signed)


def _log_time(seconds: int) -> dt.datetime:
    try:
        return dt.datetime.fromtimestamp(seconds, tz=dt.UTC)
    except (OverflowError, OSError, ValueError) as error:
        raise SignatureInvalidError(
            "the log's time is none", code="log-entry-invalid", where=_WHERE
        ) from error


def _verify_proofs(envelope: Envelope, root: TrustedRoot) -> None:
    try:
        from sigstore.errors import CertValidationError, Error
        from sigstore.models import Bundle
    except ImportError as error:
        raise MissingExtraError(
            "keyless signatures need sigstore", hint="pip install 'sigstore>=4.5.1,<5'"
        ) from error
    from mlpack.trust.x509_errors import X509_ERRORS

    refused: tuple[type[Exception], ...] = (Error, *X509_ERRORS)
    verifier = _verifier(root)
    logging.getLogger("sigstore").addHandler(logging.NullHandler())
    try:
        kind, payload = verifier.verify_dsse(Bundle.from_json(envelope.raw), _SameCertificate(envelope))
    except CertValidationError as error:
        raise UntrustedSignerError(_short(error), code="certificate-untrusted", where=_WHERE) from error
    except refused as error:
        text = _short(error)
        code = "log-entry-invalid" if "log" in text or "Merkle" in text else "proof-invalid"
        raise SignatureInvalidError(text, code=code, where=_WHERE) from error
    if kind != PAYLOAD_TYPE or payload != envelope.payload:
        raise SignatureInvalidError(
            "two readers see two payloads", code="signature-ambiguous", where=f"{_WHERE}.dsseEnvelope"
        )


class _SameCertificate:
    """The identity rules were applied to one certificate: make sure that sigstore looks at the same."""

    def __init__(self, envelope: Envelope) -> None:
        self._expected = envelope.material.certificates[0]

    def verify(self, cert: Certificate) -> None:
        from cryptography.hazmat.primitives.serialization import Encoding
        from sigstore.errors import VerificationError

        if cert.public_bytes(Encoding.DER) != self._expected:
            raise VerificationError("two readers see two certificates")


def _verifier(root: TrustedRoot) -> Verifier:
    """Return sigstore's verifier for a root, which sigstore reads from files only.

    Raises:
        PolicyError: sigstore cannot use this root.
    """
    from sigstore.errors import Error
    from sigstore.models import TrustedRoot as TheirRoot
    from sigstore.verify import Verifier

    from mlpack.trust.x509_errors import X509_ERRORS

    refused: tuple[type[Exception], ...] = (Error, *X509_ERRORS)
    try:
        with tempfile.TemporaryDirectory(prefix="mlpack-") as folder:
            path = Path(folder, "trusted_root.json")
            path.write_text(root.text, encoding="utf-8")
            return Verifier(trusted_root=TheirRoot.from_file(str(path)))
    except refused as error:
        raise PolicyError(f"not a usable trusted root: {_short(error)}", where=root.source) from error


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
