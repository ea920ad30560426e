"""Signing with a key that a private authority has certified, and with keys that never leave a key service."""

from __future__ import annotations

import base64
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlpack.errors import MissingExtraError, SignatureInvalidError, SigningError
from mlpack.trust.certificates import check_purpose, read_leaf
from mlpack.trust.envelope import pae, write_envelope, write_message
from mlpack.trust.keys import KeySigner, PublicKey, Signer
from mlpack.trust.pem import read_pem
from mlpack.trust.timestamp_request import request_timestamp

if TYPE_CHECKING:
    from securesystemslib.signer import Signer as TheirSigner  # type: ignore[attr-defined]  # public all the same

__all__ = ["CertificateSigner", "KmsSigner"]


class CertificateSigner:
    """Signs with a key and adds the certificates that lead from it to an authority."""

    __slots__ = ("_chain", "_leaf", "_signer", "_timestamp_url")

    def __init__(self, signer: Signer, chain: Sequence[bytes], *, timestamp_url: str | None = None) -> None:
        """Take a key and its certificates; `from_files` loads both.

        Args:
            signer: Holds the private key: a `KeySigner`, a `KmsSigner`.
            chain: DER certificates, leaf first, each vouched for by the next; the root may be left out.
            timestamp_url: RFC 3161 authority whose timestamp lets the signature outlive the certificate.

        Raises:
            SigningError: The leaf is of another key, not valid now, or not for signing code.
        """
        import datetime as dt

        if not chain:
            raise SigningError("expected at least the signer's own certificate", where="chain")
        try:
            self._leaf = read_leaf(chain[0])
            check_purpose(chain[0])
        except SignatureInvalidError as error:
            raise SigningError(f"the first certificate {error.message}", where="chain") from error
        if self._leaf.key != signer.public_key:
            raise SigningError(
                "the first certificate is of another key",
                where="chain",
                hint="put the signer's certificate first, then the authorities",
            )
        if not self._leaf.covers(dt.datetime.now(dt.UTC)):
            raise SigningError(
                f"the certificate was valid from {self._leaf.not_before} to {self._leaf.not_after}",
                where="chain",
            )
        self._signer = signer
        self._chain = tuple(chain)
        self._timestamp_url = timestamp_url

    @classmethod
    def from_files(
        cls,
        key: str | os.PathLike[str],
        chain: str | os.PathLike[str],
        password: bytes | str | None = None,
        *,
        timestamp_url: str | None = None,
    ) -> CertificateSigner:
        """Load a private key and its PEM certificates, leaf first.

        Raises:
            StorageError: A file cannot be read.
            SigningError: One of them is not usable, or they do not belong together.
        """
        return cls(KeySigner.from_file(key, password), read_chain(chain), timestamp_url=timestamp_url)

    @property
    def chain(self) -> tuple[bytes, ...]:
        """The DER certificates, leaf first."""
        return self._chain

    @property
    def public_key(self) -> PublicKey:
        """The key that verifies what is signed."""
        return self._signer.public_key

    def label(self) -> str:
        """Subject and serial number of the certificate."""
        return f"{self._leaf.subject}, certificate {self._leaf.serial}"

    def seal(self, payload: bytes) -> bytes:
        """Return the signature file over an in-toto statement, with the chain and the timestamp.

        Raises:
            SigningError: There is no timestamp although one was asked for.
            SignatureInvalidError: What the key signed does not verify.
        """
        signature, material = self._signed(pae(payload))
        return write_envelope(payload, signature, material)

    def seal_message(self, data: bytes) -> bytes:
        """Return a Sigstore bundle over `data` itself, with the chain and the timestamp.

        Raises:
            SigningError: There is no timestamp although one was asked for.
            SignatureInvalidError: What the key signed does not verify.
        """
        signature, material = self._signed(data)
        return write_message(data, signature, material)

    def _signed(self, data: bytes) -> tuple[bytes, dict[str, Any]]:
        signature = self._signer.sign(data)
        self.public_key.verify(signature, data)
        certificates = [{"rawBytes": base64.b64encode(der).decode("ascii")} for der in self._chain]
        material: dict[str, Any] = {
            "x509CertificateChain": {"certificates": certificates},
            "tlogEntries": [],
        }
        if self._timestamp_url:
            stamp = base64.b64encode(request_timestamp(self._timestamp_url, signature)).decode("ascii")
            material["timestampVerificationData"] = {"rfc3161Timestamps": [{"signedTimestamp": stamp}]}
        return signature, material


def read_chain(path: str | os.PathLike[str]) -> tuple[bytes, ...]:
    """Return the DER certificates of a PEM file, in its order.

    Raises:
        StorageError: The file cannot be read.
        SigningError: It holds no certificates.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    try:
        found = x509.load_pem_x509_certificates(read_pem(Path(path)))
    except ValueError as error:
        raise SigningError("expected certificates in PEM form", where=str(path)) from error
    return tuple(item.public_bytes(Encoding.DER) for item in found)


class KmsSigner:
    """Signs with a key in a key management service or a hardware token, through securesystemslib."""

    __slots__ = ("_public", "_signer", "_uri")

    def __init__(self, signer: TheirSigner, public_key: PublicKey, *, uri: str = "") -> None:
        """Take a securesystemslib signer; `from_uri` makes one."""
        self._signer = signer
        self._public = public_key
        self._uri = uri

    @classmethod
    def from_uri(cls, uri: str, public_key: PublicKey | str | os.PathLike[str]) -> KmsSigner:
        """Return the signer that a URI names: `awskms:`, `gcpkms:`, `azurekms:`, `hv:`, `hsm:` or `file2:`.

        The service's own credentials are found in its own usual way.

        Args:
            uri: As securesystemslib writes it.
            public_key: The key that belongs to it, or a PEM file with it.

        Raises:
            SigningError: The URI means nothing, the service refuses, or the key is another.
            MissingExtraError: securesystemslib, or what it needs for this service, is not installed.
        """
        try:
            from securesystemslib import signer as theirs
            from securesystemslib.exceptions import Error, UnsupportedLibraryError
        except ImportError as error:
            raise MissingExtraError(
                "key URIs need securesystemslib", hint="pip install 'mlpack-sdk[kms]'"
            ) from error
        from cryptography.hazmat.primitives.serialization import load_pem_public_key

        public = public_key if isinstance(public_key, PublicKey) else PublicKey.from_file(public_key)
        try:
            key = theirs.SSlibKey.from_crypto(load_pem_public_key(public.pem.encode("ascii")))  # type: ignore[attr-defined]
            return cls(theirs.Signer.from_priv_key_uri(uri, key), public, uri=uri)  # type: ignore[attr-defined]
        except UnsupportedLibraryError as error:
            raise MissingExtraError(
                f"this service needs more: {error}", hint="pip install 'securesystemslib[awskms]' or the like"
            ) from error
        except (Error, OSError, ValueError, KeyError, TypeError) as error:
            raise SigningError(f"no usable key: {error}", where=_without_secrets(uri)) from error

    @property
    def public_key(self) -> PublicKey:
        """The key that verifies what `sign` returns."""
        return self._public

    def sign(self, data: bytes) -> bytes:
        """Return the DER signature of `data`.

        Raises:
            SigningError: The service refuses, or answers with something else.
        """
        from securesystemslib.exceptions import Error

        try:
            return bytes.fromhex(self._signer.sign(data).signature)
        except (Error, OSError, ValueError, RuntimeError) as error:
            raise SigningError(
                f"the key service refuses: {error}", where=_without_secrets(self._uri)
            ) from error

    def __repr__(self) -> str:
        """Show the public half only."""
        return f"KmsSigner({self._public.curve}, {self._public.fingerprint})"


def _without_secrets(uri: str) -> str:
    """Return a URI without its query, where tokens and PINs would be."""
    return uri.partition("?")[0]
