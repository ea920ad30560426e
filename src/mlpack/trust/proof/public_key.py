"""Public keys of any kind that signatures are made with: EC on three curves, Ed25519, RSA."""

from __future__ import annotations

import contextlib
import hashlib
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mlpack.errors import SigningError, StorageError, UsageError
from mlpack.trust.pem import CURVES, read_pem
from mlpack.trust.proof.loading import strictly
from mlpack.trust.proof.refusals import refused

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

__all__ = ["AnyKey", "from_der", "from_file"]

_MIN_RSA, _MAX_RSA = 2048, 8192
_HASHES = ("sha256", "sha384", "sha512")


class AnyKey:
    """A public key and the ways in which it signs."""

    __slots__ = ("_key", "der", "kind")

    def __init__(self, key: object) -> None:
        """Take a key of `cryptography`.

        Raises:
            VerificationError: `key-type`.
        """
        from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        curves = {library_name: name for name, (library_name, _) in CURVES.items()}
        if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in curves:
            self.kind = curves[key.curve.name]
        elif isinstance(key, rsa.RSAPublicKey) and _MIN_RSA <= key.key_size <= _MAX_RSA:
            self.kind = "RSA"
        elif isinstance(key, ed25519.Ed25519PublicKey):
            self.kind = "Ed25519"
        else:
            raise refused("key-type", "not an EC key on a known curve, Ed25519, or RSA of at least 2048 bits")
        self._key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey = key
        self.der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    @property
    def fingerprint(self) -> str:
        """`sha256:` and the hex hash of the DER form."""
        return "sha256:" + hashlib.sha256(self.der).hexdigest()

    @property
    def algorithms(self) -> tuple[str, ...]:
        """The hashes that it may have signed with, the usual one first; none for Ed25519."""
        if self.kind == "Ed25519":
            return ()
        usual = CURVES[self.kind][1] if self.kind in CURVES else "sha256"
        # Early cosign hashed with SHA-256 whatever the curve; RSA keys come with any of the three.
        return tuple(dict.fromkeys((usual, "sha256", *(_HASHES if self.kind == "RSA" else ()))))

    def signed(self, signature: bytes, data: bytes, algorithms: tuple[str, ...] | None = None) -> bool:
        """Tell whether this key signed `data`, with one of `algorithms` or by default any of its own."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric import ed25519

        if isinstance(self._key, ed25519.Ed25519PublicKey):
            try:
                self._key.verify(signature, data)
            except InvalidSignature:
                return False
            return True
        names = self.algorithms if algorithms is None else algorithms
        return any(
            self.signed_digest(signature, hashlib.new(name, data, usedforsecurity=True).digest(), name)
            for name in names
        )

    def signed_digest(self, signature: bytes, digest: bytes, algorithm: str) -> bool:
        """Tell whether this EC or RSA key signed something with this digest."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
        from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

        if algorithm not in self.algorithms:
            return False
        by_name = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}
        function = by_name[algorithm]
        if len(digest) != function.digest_size:
            return False
        attempts: list[partial[None]] = []
        if isinstance(self._key, ec.EllipticCurvePublicKey):
            attempts = [partial(self._key.verify, signature, digest, ec.ECDSA(Prehashed(function)))]
        elif isinstance(self._key, rsa.RSAPublicKey):
            pss = padding.PSS(mgf=padding.MGF1(function), salt_length=padding.PSS.AUTO)
            for scheme in (padding.PKCS1v15(), pss):
                attempts.append(partial(self._key.verify, signature, digest, scheme, Prehashed(function)))
        for attempt in attempts:
            with contextlib.suppress(InvalidSignature):
                attempt()
                return True
        return False


def from_der(data: bytes) -> AnyKey:
    """Return the key in a DER SubjectPublicKeyInfo.

    Raises:
        VerificationError: `key-type`.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    try:
        with strictly():
            return AnyKey(load_der_public_key(data))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise refused("key-type", "not a readable public key") from error


def from_file(path: Path) -> AnyKey:
    """Return the key in a PEM file that the caller names.

    Raises:
        UsageError: It cannot be read.
        VerificationError: `key-type`: it holds no single public key of a known kind.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        data = read_pem(path)
    except (StorageError, SigningError) as error:
        raise UsageError(error.message, where=str(path)) from error
    if data.count(b"-----BEGIN ") != 1 or b"-----BEGIN PUBLIC KEY-----" not in data:
        raise refused("key-type", "expected one PEM block with a public key", where=str(path))
    try:
        with strictly():
            return AnyKey(load_pem_public_key(data))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise refused("key-type", "not a readable public key", where=str(path)) from error
