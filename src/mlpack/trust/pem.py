"""PEM blocks with EC keys: the one way in, with one clear refusal for everything else."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, cast

from mlpack.errors import SigningError, StorageError

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric import ec

__all__ = [
    "CURVES",
    "PASSWORD_VARIABLE",
    "curve_of",
    "ecdsa",
    "encodings",
    "load_private",
    "load_public",
    "needs_password",
    "new_curve",
    "read_pem",
]

CURVES = {
    "P-256": ("secp256r1", "sha256"),
    "P-384": ("secp384r1", "sha384"),
    "P-521": ("secp521r1", "sha512"),
}
"""Curve -> (its name in `cryptography`, the hash that ECDSA uses with it).

Source: OMS v1.0, section on keys; the hash follows the curve as in the reference implementation.
"""

PASSWORD_VARIABLE = "MLPACK_KEY_PASSWORD"  # noqa: S105  (the variable's name, not a password)
"""Environment variable that holds the password of a private key."""

_MAX_PEM = 64 * 1024
_BLOCK = re.compile(rb"^-----BEGIN ([A-Z0-9 ]+)-----\s*$", re.MULTILINE)
_PRIVATE = ("PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "EC PRIVATE KEY")


def read_pem(path: Path) -> bytes:
    """Return the bytes of a key file.

    Raises:
        StorageError: The file cannot be read.
        SigningError: It is far too large to be a key.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(_MAX_PEM + 1)
    except OSError as error:
        raise StorageError(f"cannot be read: {error.strerror}", where=str(path)) from error
    if len(data) > _MAX_PEM:
        raise SigningError(f"more than {_MAX_PEM} bytes: not a PEM key", where=str(path))
    return data


def _label(data: bytes, where: str) -> str:
    """Return what the only key block of a PEM text says it is."""
    labels: list[str] = [match.decode("ascii") for match in _BLOCK.findall(data) if match != b"EC PARAMETERS"]
    if not labels:
        raise SigningError("not a PEM key", where=where, hint="DER keys: openssl pkey -inform DER -in FILE")
    if len(labels) > 1:
        raise SigningError(f"expected one PEM block, found {len(labels)}", where=where)
    return labels[0]


def load_public(data: bytes, where: str) -> ec.EllipticCurvePublicKey:
    """Return the public key of a PEM text.

    Raises:
        SigningError: It is not one PEM block with a public key on one of the three curves.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization

    label = _label(data, where)
    if label in _PRIVATE:
        raise SigningError(
            "a private key, where a public key is needed", where=where, hint="use the .pub file"
        )
    if label != "PUBLIC KEY":
        raise SigningError(f"expected a public key, found {label.lower()}", where=where)
    try:
        key = serialization.load_pem_public_key(data)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise SigningError("not a readable public key", where=where) from error
    curve_of(key, where)
    return cast("ec.EllipticCurvePublicKey", key)


def load_private(data: bytes, password: bytes | str | None, where: str) -> ec.EllipticCurvePrivateKey:
    """Return the private key of a PEM text; its password may come from the environment.

    Raises:
        SigningError: The password is missing or wrong, or this is no EC private key on a known curve.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization

    label = _label(data, where)
    if label == "PUBLIC KEY":
        raise SigningError(
            "a public key, where a private key is needed", where=where, hint="use the .key file"
        )
    if label not in _PRIVATE:
        raise SigningError(f"expected a private key, found {label.lower()}", where=where)
    locked = needs_password(data, where)
    try:
        key = serialization.load_pem_private_key(data, _password(password, where) if locked else None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        reason = "wrong password, or the file is damaged" if locked else "not a readable private key"
        raise SigningError(reason, where=where) from error
    curve_of(key.public_key(), where)
    return cast("ec.EllipticCurvePrivateKey", key)


def needs_password(data: bytes, where: str) -> bool:
    """Tell whether the key in a PEM text is encrypted.

    Raises:
        SigningError: It is not one PEM block.
    """
    return _label(data, where) == "ENCRYPTED PRIVATE KEY" or b"Proc-Type: 4,ENCRYPTED" in data


def _password(given: bytes | str | None, where: str) -> bytes:
    value = given if given is not None else os.environ.get(PASSWORD_VARIABLE)
    if not value:
        raise SigningError(
            "this private key has a password, and none was given",
            where=where,
            hint=f"set {PASSWORD_VARIABLE}",
        )
    return value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value


def curve_of(key: object, where: str) -> str:
    """Return the curve's name, or refuse the key."""
    from cryptography.hazmat.primitives.asymmetric import ec

    if isinstance(key, ec.EllipticCurvePublicKey):
        for name, (library_name, _) in CURVES.items():
            if key.curve.name == library_name:
                return name
        found = f"curve {key.curve.name}"
    else:
        kind = type(key).__name__.lstrip("_").removesuffix("PublicKey")
        found = f"{kind} key"
    raise SigningError(
        f"expected an EC key on {', '.join(CURVES)}; found {found}",
        where=where,
        hint="mlpack keygen makes one",
    )


def ecdsa(curve: str) -> ec.ECDSA:
    """Return ECDSA with the hash that belongs to `curve`."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

    by_name = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}
    return ec.ECDSA(by_name[CURVES[curve][1]])


def encodings(key: ec.EllipticCurvePublicKey) -> tuple[bytes, bytes]:
    """Return the PEM and DER forms of SubjectPublicKeyInfo."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    form = PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(Encoding.PEM, form), key.public_bytes(Encoding.DER, form)


def new_curve(curve: str) -> ec.EllipticCurve:
    """Return the library's object for one of CURVES."""
    from cryptography.hazmat.primitives.asymmetric import ec

    known: dict[str, ec.EllipticCurve] = {
        "P-256": ec.SECP256R1(),
        "P-384": ec.SECP384R1(),
        "P-521": ec.SECP521R1(),
    }
    return known[curve]
