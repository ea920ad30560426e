"""What a chain is not made of: weak hashes, weak keys, and extensions that nobody here understands."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier
from tests.authorities import DAY, NOW

from mlpack.errors import VerificationError
from mlpack.trust.proof.certificate import Certificate, find_chain, parse_certificate

Extension = tuple[x509.ExtensionType, bool]
LEAF_KEY = ec.generate_private_key(ec.SECP256R1())
AUTHORITY: Extension = (x509.BasicConstraints(ca=True, path_length=None), True)
CODE: Extension = (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), False)


def issued(
    name: str,
    key: Any,  # noqa: ANN401  (any private key)
    issuer: str,
    issuer_key: Any,  # noqa: ANN401  (same)
    *extensions: Extension,
    hashed: hashes.SHA224 | hashes.SHA256 | hashes.SHA384 | None = hashes.SHA256(),  # noqa: B008  (it has no state)
) -> Certificate:
    def named(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])

    builder = x509.CertificateBuilder(named(issuer), named(name), key.public_key(), 7, NOW - DAY, NOW + DAY)
    for value, critical in extensions:
        builder = builder.add_extension(value, critical=critical)
    return parse_certificate(builder.sign(issuer_key, hashed).public_bytes(Encoding.DER))


def chain(key: Any, *extensions: Extension, **more: Any) -> str:  # noqa: ANN401  (any private key)
    """Return why no chain leads from a leaf over an authority with this key and extensions to a root."""
    root_key = ec.generate_private_key(ec.SECP256R1())
    root = issued("root", root_key, "root", root_key, AUTHORITY)
    middle = issued("middle", key, "root", root_key, AUTHORITY, *extensions)
    leaf = issued("leaf", LEAF_KEY, "middle", key, CODE, **more)
    try:
        find_chain(leaf, [middle], [root], dt.datetime.now(dt.UTC))
    except VerificationError as error:
        return error.code
    return ""


@pytest.mark.parametrize(
    ("key", "hashed"),
    [
        (ec.generate_private_key(ec.SECP384R1()), hashes.SHA384()),
        (rsa.generate_private_key(65537, 2048), hashes.SHA256()),
        (ed25519.Ed25519PrivateKey.generate(), None),
    ],
    ids=["P-384", "RSA", "Ed25519"],
)
def test_keys_that_prove_something(key: Any, hashed: hashes.SHA256 | hashes.SHA384 | None) -> None:  # noqa: ANN401
    assert chain(key, hashed=hashed) == ""


@pytest.mark.parametrize(
    "key",
    [
        rsa.generate_private_key(65537, 1024),  # noqa: S505  (that it is weak is the point)
        ec.generate_private_key(ec.SECP256K1()),
        dsa.generate_private_key(2048),
    ],
    ids=["RSA-1024", "secp256k1", "DSA"],
)
def test_keys_that_prove_nothing(key: Any) -> None:  # noqa: ANN401
    assert chain(key) == "certificate-untrusted"


def test_a_short_hash_proves_nothing() -> None:
    # The library makes no certificate with SHA-1 any more; SHA-224 is the next one that is not taken.
    assert chain(rsa.generate_private_key(65537, 2048), hashed=hashes.SHA224()) == "certificate-untrusted"


@pytest.mark.parametrize("critical", [True, False])
def test_name_constraints_are_not_understood(critical: bool) -> None:  # noqa: FBT001
    constraints = x509.NameConstraints([x509.DNSName("example.com")], None)
    assert chain(ec.generate_private_key(ec.SECP256R1()), (constraints, critical)) == "certificate-untrusted"


@pytest.mark.parametrize(("critical", "code"), [(True, "certificate-untrusted"), (False, "")])
def test_an_unknown_extension_counts_when_it_is_critical(critical: bool, code: str) -> None:  # noqa: FBT001
    unknown = x509.UnrecognizedExtension(ObjectIdentifier("1.2.3.4"), b"\x05\x00")
    assert chain(ec.generate_private_key(ec.SECP256R1()), (unknown, critical)) == code


def test_an_authority_that_only_encrypts_vouches_for_nobody() -> None:
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=True,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    assert chain(ec.generate_private_key(ec.SECP256R1()), (usage, True)) == "certificate-untrusted"


def test_a_forest_of_authorities_with_one_name_is_given_up_in_time() -> None:
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(9)]
    forest = [issued("x", key, "x", other, AUTHORITY) for key in keys for other in keys if key is not other]
    leaf = issued("leaf", LEAF_KEY, "x", keys[0], CODE)
    root_key = ec.generate_private_key(ec.SECP256R1())
    root = issued("root", root_key, "root", root_key, AUTHORITY)
    with pytest.raises(VerificationError) as caught:
        find_chain(leaf, forest, [root], dt.datetime.now(dt.UTC))
    assert caught.value.code == "certificate-untrusted"
