"""PEM blocks with EC keys: the one way in, with one clear refusal for everything else."""

from __future__ import annotations

import base64
import binascii
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

_HEADERS = {
    "P-256": bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200"),
    "P-384": bytes.fromhex("3076301006072a8648ce3d020106052b81040022036200"),
    "P-521": bytes.fromhex("30819b301006072a8648ce3d020106052b8104002303818600"),
}
"""Curve -> what a DER SubjectPublicKeyInfo with an uncompressed point begins with. Source: RFC 5480, 2."""

_PLAIN = re.compile(
    rb"-----BEGIN PUBLIC KEY-----\r?\n((?:[A-Za-z0-9+/=]{1,64}\r?\n)+)-----END PUBLIC KEY-----\s*"
)

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
    label = _label(data, where)
    if label in _PRIVATE:
        raise SigningError(
            "a private key, where a public key is needed", where=where, hint="use the .pub file"
        )
    if label != "PUBLIC KEY":
        raise SigningError(f"expected a public key, found {label.lower()}", where=where)
    if (plain := _plain_public(data)) is not None:
        return plain
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization

    try:
        key = serialization.load_pem_public_key(data)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise SigningError("not a readable public key", where=where) from error
    curve_of(key, where)
    return cast("ec.EllipticCurvePublicKey", key)


def _plain_public(data: bytes) -> ec.EllipticCurvePublicKey | None:
    """Return the key in the form that nearly every file has; None for others, which may be keys all the same.

    The library's loader knows a dozen formats, and loading it takes longer than verifying a bundle.
    """
    from cryptography.hazmat.primitives.asymmetric import ec

    match = _PLAIN.fullmatch(data)
    try:
        der = base64.b64decode(match[1].translate(None, b"\r\n"), validate=True) if match else b""
        for curve, header in _HEADERS.items():
            if der.startswith(header):
                return ec.EllipticCurvePublicKey.from_encoded_point(new_curve(curve), der[len(header) :])
    except (binascii.Error, ValueError):  # not base64, or no point of the curve
        return None
    return None


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
    numbers, size = key.public_numbers(), (key.key_size + 7) // 8
    point = b"\x04" + numbers.x.to_bytes(size, "big") + numbers.y.to_bytes(size, "big")
    der = _HEADERS[curve_of(key, "public key")] + point
    text = base64.b64encode(der)
    lines = [text[start : start + 64] for start in range(0, len(text), 64)]
    return b"\n".join([b"-----BEGIN PUBLIC KEY-----", *lines, b"-----END PUBLIC KEY-----", b""]), der


def new_curve(curve: str) -> ec.EllipticCurve:
    """Return the library's object for one of CURVES."""
    from cryptography.hazmat.primitives.asymmetric import ec

    known: dict[str, ec.EllipticCurve] = {
        "P-256": ec.SECP256R1(),
        "P-384": ec.SECP384R1(),
        "P-521": ec.SECP521R1(),
    }
    return known[curve]
