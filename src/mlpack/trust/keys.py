"""EC keys in PEM files: making them, loading them, signing and checking with them."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from mlpack.errors import SignatureInvalidError, StorageError, TargetExistsError, UsageError
from mlpack.trust.pem import (
    CURVES,
    curve_of,
    ecdsa,
    encodings,
    load_private,
    load_public,
    needs_password,
    new_curve,
    read_pem,
)

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec

__all__ = [
    "CURVES",
    "KeySigner",
    "MessageSealer",
    "PublicKey",
    "Sealer",
    "Signer",
    "generate_key",
    "is_encrypted",
]


class Signer(Protocol):
    """Whatever can sign with a key that its verifier knows: a key file, a key service, a token."""

    @property
    def public_key(self) -> PublicKey:
        """The key that verifies what `sign` returns."""

    def sign(self, data: bytes) -> bytes:
        """Return the DER signature of `data`: ECDSA with the hash of the key's curve."""


@runtime_checkable
class Sealer(Protocol):
    """Whatever signs and adds what proves it: a certificate chain, or a certificate and a log entry."""

    def label(self) -> str:
        """Who signs, for people."""

    def seal(self, payload: bytes) -> bytes:
        """Return the signature file over an in-toto statement."""


@runtime_checkable
class MessageSealer(Protocol):
    """Whatever also signs bytes that are no statement; the legacy form of image signatures needs it."""

    def seal_message(self, data: bytes) -> bytes:
        """Return a Sigstore bundle over `data` itself."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PublicKey:
    """An EC public key.

    Attributes:
        pem: Its SubjectPublicKeyInfo as PEM, in the one form that OpenSSL writes.
        curve: `P-256`, `P-384` or `P-521`.
        fingerprint: `sha256:` and the hex hash of its DER SubjectPublicKeyInfo.
        hint: Hex SHA-256 of `pem`, which is how OMS signatures refer to a key.
    """

    pem: str
    curve: str = field(init=False)
    fingerprint: str = field(init=False)
    hint: str = field(init=False)

    def __post_init__(self) -> None:
        """Derive the rest from the PEM text.

        Raises:
            SigningError: It is not one PEM block with a public key on one of the three curves.
        """
        key = load_public(self.pem.encode("utf-8", "replace"), "public key")
        pem, der = encodings(key)
        object.__setattr__(self, "pem", pem.decode("ascii"))
        object.__setattr__(self, "curve", curve_of(key, "public key"))
        object.__setattr__(self, "fingerprint", "sha256:" + hashlib.sha256(der).hexdigest())
        object.__setattr__(self, "hint", hashlib.sha256(pem).hexdigest())

    @classmethod
    def from_pem(cls, pem: str | bytes, *, where: str = "public key") -> PublicKey:
        """Return the public key in a PEM text.

        Raises:
            SigningError: It is not one PEM block with a public key on one of the three curves.
        """
        data = pem.encode("utf-8", "replace") if isinstance(pem, str) else pem
        return cls(pem=encodings(load_public(data, where))[0].decode("ascii"))

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> PublicKey:
        """Return the public key in a PEM file.

        Raises:
            StorageError: The file cannot be read.
            SigningError: It does not hold a usable public key.
        """
        return cls.from_pem(read_pem(Path(path)), where=str(path))

    def verify(self, signature: bytes, data: bytes) -> None:
        """Return if `signature` is this key's signature of `data`.

        Raises:
            SignatureInvalidError: It is not.
        """
        from cryptography.exceptions import InvalidSignature

        key = load_public(self.pem.encode("ascii"), "public key")
        try:
            key.verify(signature, data, ecdsa(self.curve))
        except InvalidSignature as error:
            raise SignatureInvalidError(
                "the signature does not match the signed statement", where=f"key {self.fingerprint}"
            ) from error


class KeySigner:
    """Signs with an EC private key held in memory."""

    __slots__ = ("_key", "_public")

    def __init__(self, key: ec.EllipticCurvePrivateKey, *, where: str = "private key") -> None:
        """Take a loaded key; `from_file` and `from_pem` load one.

        Raises:
            SigningError: The key is not on one of the three curves.
        """
        curve_of(key.public_key(), where)
        self._key = key
        self._public = PublicKey(pem=encodings(key.public_key())[0].decode("ascii"))

    @classmethod
    def from_file(cls, path: str | os.PathLike[str], password: bytes | str | None = None) -> KeySigner:
        """Load a private key from a PEM file; warns when others on this machine may read it.

        Args:
            path: The file, such as `mlpack keygen` writes.
            password: Its password; by default `MLPACK_KEY_PASSWORD` from the environment, if the key has one.

        Raises:
            StorageError: The file cannot be read.
            SigningError: The password is missing or wrong, or the file holds no usable private key.
        """
        location = Path(path)
        signer = cls(load_private(read_pem(location), password, str(path)), where=str(path))
        with contextlib.suppress(OSError):
            if os.name == "posix" and stat.S_IMODE(location.stat().st_mode) & 0o077:
                warnings.warn(
                    f"{location}: other users of this machine can reach this private key; run chmod 600",
                    stacklevel=2,
                )
        return signer

    @classmethod
    def from_pem(cls, pem: bytes | str, password: bytes | str | None = None) -> KeySigner:
        """Load a private key from PEM text; see `from_file`.

        Raises:
            SigningError: The password is missing or wrong, or this is no usable private key.
        """
        data = pem.encode("utf-8", "replace") if isinstance(pem, str) else pem
        return cls(load_private(data, password, "private key"))

    @property
    def public_key(self) -> PublicKey:
        """The key that verifies what `sign` returns."""
        return self._public

    def sign(self, data: bytes) -> bytes:
        """Return the DER signature of `data`."""
        return self._key.sign(data, ecdsa(self._public.curve))

    def __repr__(self) -> str:
        """Show the public half only."""
        return f"KeySigner({self._public.curve}, {self._public.fingerprint})"

    def __reduce__(self) -> str:
        """Refuse to be pickled: that would put the private key where nobody looks for it."""
        raise TypeError("a KeySigner holds a private key and cannot be pickled")


def generate_key(
    name: str | os.PathLike[str], *, curve: str = "P-256", password: bytes | None = None
) -> tuple[Path, Path]:
    """Make a key pair: `NAME.key` (PKCS 8, mode 0600) and `NAME.pub`; both files or none.

    Args:
        name: Path without suffix.
        curve: `P-256`, `P-384` or `P-521`.
        password: Encrypts the private key; None leaves it readable to whoever reads the file.

    Returns:
        The private key's path and the public key's path.

    Raises:
        UsageError: The curve is unknown, the password empty, or the name has the suffix already.
        TargetExistsError: One of the files exists; neither is touched.
        StorageError: The files cannot be written.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    base = os.fspath(name)
    if curve not in CURVES:
        raise UsageError(f"expected one of {', '.join(CURVES)}; found {curve!r}", where="curve")
    if password is not None and not password:
        raise UsageError(
            "an empty password protects nothing", where="password", hint="pass None for no password"
        )
    if base.endswith((".key", ".pub")) or not Path(base).name:
        raise UsageError(
            f"{base!r} is not a name without suffix", where="name", hint="'release' makes release.key"
        )
    key = ec.generate_private_key(new_curve(curve))
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption(),
    )
    paths = Path(base + ".key"), Path(base + ".pub")
    _create_all({paths[1]: (encodings(key.public_key())[0], 0o644), paths[0]: (secret, 0o600)})
    return paths


def is_encrypted(path: str | os.PathLike[str]) -> bool:
    """Tell whether a private key file asks for a password.

    Raises:
        StorageError: The file cannot be read.
        SigningError: It holds no single PEM key.
    """
    return needs_password(read_pem(Path(path)), str(path))


def _create_all(files: dict[Path, tuple[bytes, int]]) -> None:
    """Create every file, none of which may exist, or leave none behind."""
    for path in files:
        if os.path.lexists(path):
            raise _exists(path)
    made: list[Path] = []
    try:
        for path, (data, mode) in files.items():
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
            made.append(path)
            with os.fdopen(handle, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
    except BaseException as error:
        for path in made:
            path.unlink(missing_ok=True)
        if isinstance(error, FileExistsError):
            raise _exists(Path(error.filename)) from error
        if isinstance(error, OSError):
            raise StorageError(
                f"cannot be written: {error.strerror}", where=str(error.filename or "")
            ) from error
        raise


def _exists(path: Path) -> TargetExistsError:
    return TargetExistsError(
        "this file exists, and a key is never overwritten", where=str(path), hint="choose another name"
    )
