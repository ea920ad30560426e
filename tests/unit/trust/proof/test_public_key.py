"""Keys and certificates of every kind, and the strange ones among them."""

from __future__ import annotations

import hashlib
import runpy
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from mlpack.errors import VerificationError
from mlpack.trust.proof.certificate import parse_certificate
from mlpack.trust.proof.public_key import AnyKey
from mlpack.trust.proof.reading import MAX_SIGNATURE
from mlpack.trust.proof.signature import parse_signature

PAPER: dict[str, Any] = runpy.run_path(
    str(Path(__file__).parents[3] / "conformance" / "signatures" / "paper_sigstore.py")
)
RSA = rsa.generate_private_key(65537, 2048)
PSS = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)


@pytest.mark.parametrize("scheme", [padding.PKCS1v15(), PSS], ids=["PKCS1", "PSS"])
def test_rsa_in_both_schemes(scheme: padding.AsymmetricPadding) -> None:
    key = AnyKey(RSA.public_key())
    signature = RSA.sign(b"x", scheme, hashes.SHA256())
    assert key.signed(signature, b"x")
    assert not key.signed(signature, b"y")
    assert key.signed_digest(signature, hashlib.sha256(b"x").digest(), "sha256")
    assert not key.signed_digest(signature, hashlib.sha256(b"x").digest(), "sha384")


def test_weak_hashes_are_never_tried() -> None:
    key = AnyKey(RSA.public_key())
    signature = RSA.sign(b"x", padding.PKCS1v15(), hashes.SHA1())  # noqa: S303  (that it is weak is the point)
    assert not key.signed(signature, b"x")
    assert not key.signed_digest(signature, hashlib.sha1(b"x").digest(), "sha1")  # noqa: S324


def test_a_negative_serial_number_is_refused() -> None:
    der = bytearray(PAPER["der"](PAPER["ROOT"]))
    at = bytes(der).index(PAPER["ROOT"].serial_number.to_bytes(8, "big").lstrip(b"\0")[:6])
    der[at if der[at - 1] else at - 1] |= 0x80
    with pytest.raises(VerificationError) as refusal:
        parse_certificate(bytes(der))
    assert refusal.value.code == "certificate-malformed"


@pytest.mark.parametrize(
    "data", [b"[" * 3_000_000, b"[" + b"[]," * 2_000_001 + b"0]", b" " * (MAX_SIGNATURE + 1)]
)
def test_bulk_is_refused_before_it_is_parsed(data: bytes) -> None:
    with pytest.raises(VerificationError) as refusal:
        parse_signature(data)
    assert (refusal.value.code, refusal.value.message) == ("signature-malformed", "too large")
