from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID
from tests.authorities import CODE, DAY, NOW, TLS, Authority, Issued, new_authority

from mlpack.errors import PolicyError, SignatureInvalidError, SigningError, VerificationError
from mlpack.trust.accepting import accept_signer
from mlpack.trust.certificate_signer import CertificateSigner, KmsSigner, read_chain
from mlpack.trust.certificates import Roots, check_path, check_purpose, read_leaf, subject_matches
from mlpack.trust.envelope import parse_envelope, seal, write_envelope
from mlpack.trust.keys import KeySigner
from mlpack.trust.signer_rules import SignerRule

ROOT = new_authority()
MIDDLE = ROOT.subordinate()
OTHER = new_authority("Other Root")


def roots(*authorities: Authority) -> Roots:
    return Roots(pem="".join(item.pem.decode() for item in authorities))


def sealed(leaf: Issued, *chain: Issued) -> bytes:
    """Sign without any of the checks that our own signer makes."""
    import base64

    from mlpack.trust.envelope import pae
    from mlpack.trust.pem import curve_of, ecdsa

    curve = curve_of(leaf.key.public_key(), "test")
    certificates = [{"rawBytes": base64.b64encode(item.der).decode()} for item in (leaf, *chain)]
    signature = leaf.key.sign(pae(b"{}"), ecdsa(curve))
    return write_envelope(b"{}", signature, {"x509CertificateChain": {"certificates": certificates}})


def refusal(data: bytes, *rules: SignerRule) -> str:
    with pytest.raises(VerificationError) as caught:
        accept_signer(parse_envelope(data), rules)
    return caught.value.code


def rule(**values: Any) -> SignerRule:  # noqa: ANN401  (fields of a rule)
    return SignerRule(**{"name": "hsm", "roots": roots(ROOT), "subject": "CN=release,O=Acme", **values})


def test_a_leaf_under_the_root_is_accepted() -> None:
    signer = accept_signer(parse_envelope(sealed(ROOT.issue())), [rule()])
    assert (signer.name, signer.kind, signer.identity, signer.time) == (
        "hsm",
        "certificate",
        "CN=release,O=Acme",
        None,
    )


def test_a_leaf_under_an_intermediate_is_accepted() -> None:
    assert accept_signer(parse_envelope(sealed(MIDDLE.issue(), MIDDLE)), [rule()]).name == "hsm"


def test_an_intermediate_may_be_what_is_trusted() -> None:
    leaf = MIDDLE.issue()
    assert accept_signer(parse_envelope(sealed(leaf)), [rule(roots=roots(MIDDLE))]).name == "hsm"


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()])
def test_every_curve_of_the_format_is_accepted(curve: ec.EllipticCurve) -> None:
    assert accept_signer(parse_envelope(sealed(ROOT.issue(curve=curve))), [rule()]).name == "hsm"


def test_the_serial_number_is_told_so_that_it_can_be_revoked() -> None:
    leaf = ROOT.issue()
    signer = accept_signer(parse_envelope(sealed(leaf)), [rule()])
    assert signer.serial == f"{leaf.certificate.serial_number:x}"


def test_a_root_that_travels_with_the_signature_is_not_believed() -> None:
    assert refusal(sealed(OTHER.issue(), OTHER), rule()) == "certificate-untrusted"


def test_a_missing_intermediate_is_no_path() -> None:
    assert refusal(sealed(MIDDLE.issue()), rule()) == "certificate-untrusted"


def test_an_expired_certificate_is_refused() -> None:
    assert refusal(sealed(ROOT.issue(end=NOW - DAY / 2)), rule()) == "certificate-expired"


def test_a_certificate_that_is_not_valid_yet_is_refused() -> None:
    assert refusal(sealed(ROOT.issue(start=NOW + DAY / 2)), rule()) == "certificate-not-yet-valid"


def test_an_expired_intermediate_is_refused() -> None:
    old = ROOT.subordinate(end=NOW - DAY)
    assert refusal(sealed(old.issue(), old), rule()) == "certificate-expired"


def test_an_expired_root_is_refused() -> None:
    old = new_authority(end=NOW - DAY)
    assert refusal(sealed(old.issue()), rule(roots=roots(old))) == "certificate-expired"


@pytest.mark.parametrize(
    "purposes",
    [TLS, None, (ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,), (ExtendedKeyUsageOID.TIME_STAMPING,)],
)
def test_a_certificate_for_anything_but_code_is_refused(
    purposes: tuple[x509.ObjectIdentifier, ...] | None,
) -> None:
    assert refusal(sealed(ROOT.issue(purposes=purposes)), rule()) == "certificate-usage"


def test_a_certificate_for_code_among_others_is_accepted() -> None:
    leaf = ROOT.issue(purposes=(*TLS, *CODE))
    assert accept_signer(parse_envelope(sealed(leaf)), [rule()]).name == "hsm"


def test_a_key_that_may_not_sign_is_refused() -> None:
    assert refusal(sealed(ROOT.issue(digital_signature=False)), rule()) == "certificate-usage"


def test_an_authority_is_no_signer() -> None:
    assert refusal(sealed(MIDDLE, ROOT), rule(subject="CN=Signing CA,O=Acme")) == "certificate-usage"


def test_an_authority_for_tls_cannot_vouch_for_code() -> None:
    web = ROOT.subordinate(purposes=TLS)
    assert refusal(sealed(web.issue(), web), rule()) == "certificate-untrusted"


def test_a_leaf_cannot_vouch_for_others() -> None:
    leaf = ROOT.issue("middle")
    forged = Authority(key=leaf.key, certificate=leaf.certificate).issue()
    assert refusal(sealed(forged, leaf), rule()) == "certificate-untrusted"


def test_an_authority_keeps_to_its_path_length() -> None:
    deeper = MIDDLE.subordinate("Deeper CA")
    assert refusal(sealed(deeper.issue(), deeper, MIDDLE), rule()) == "certificate-untrusted"


def test_another_subject_of_the_same_authority_is_refused() -> None:
    assert refusal(sealed(ROOT.issue("intern")), rule()) == "subject-mismatch"


def test_the_chain_of_another_signature_does_not_fit() -> None:
    import base64
    import json

    stolen = json.loads(sealed(ROOT.issue("intern")))
    stolen["verificationMaterial"]["x509CertificateChain"]["certificates"][0]["rawBytes"] = base64.b64encode(
        ROOT.issue().der
    ).decode()
    assert refusal(json.dumps(stolen).encode(), rule()) == "signature-invalid"


def test_two_authorities_may_know_the_same_name() -> None:
    rules = [rule(name="first", roots=roots(OTHER)), rule(name="second")]
    assert accept_signer(parse_envelope(sealed(ROOT.issue())), rules).name == "second"


def test_a_certificate_says_nothing_to_a_policy_of_keys() -> None:
    leaf = ROOT.issue()
    assert (
        refusal(sealed(leaf), SignerRule(name="k", key=KeySigner(leaf.key).public_key)) == "untrusted-signer"
    )


def test_a_key_signature_says_nothing_to_a_policy_of_certificates() -> None:
    assert refusal(seal(b"{}", KeySigner(ROOT.issue().key)), rule()) == "untrusted-signer"


@pytest.mark.parametrize(
    ("subject", "fits"),
    [
        ("CN=release,O=Acme", True),
        ("O=Acme,CN=release", True),
        ("release", True),
        ("CN=release", False),
        ("CN=release,O=Acme,C=DE", False),
        ("Acme", False),
        ("Release", False),
        ("CN=Release,O=Acme", False),
    ],
)
def test_a_subject_is_the_whole_name_or_the_common_name(subject: str, fits: bool) -> None:  # noqa: FBT001
    assert subject_matches(subject, ROOT.issue().der) is fits


def test_a_time_bound_needs_a_trusted_time() -> None:
    bound = rule(accept_signed_before=NOW + DAY)
    assert refusal(sealed(ROOT.issue()), bound) == "no-trusted-time"


@pytest.mark.parametrize("data", [b"\x30\x00", b"\x30\x82\xff\xff", b"junk", b"\x30" * 3000])
def test_a_malformed_certificate_is_an_error_of_verification(data: bytes) -> None:
    for read in (read_leaf, check_purpose):
        with pytest.raises(SignatureInvalidError) as caught:
            read(data)
        assert caught.value.code == "certificate-malformed"


def test_every_byte_of_a_certificate_may_be_broken() -> None:
    good = bytearray(ROOT.issue().der)
    for at in range(0, len(good), 7):
        broken = bytes(good[:at]) + bytes([good[at] ^ 0x55]) + bytes(good[at + 1 :])
        with pytest.raises(VerificationError):
            check_path([broken], roots(ROOT), dt.datetime.now(dt.UTC))


@pytest.mark.parametrize("text", ["", "x", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_roots_are_certificates(text: str) -> None:
    with pytest.raises(PolicyError):
        Roots(pem=text)


def test_a_leaf_is_no_root() -> None:
    with pytest.raises(PolicyError, match="no authority"):
        Roots(pem=ROOT.issue().pem.decode())


def test_roots_in_any_spelling_are_the_same() -> None:
    pem = ROOT.pem.decode()
    assert Roots(pem="# our root\n" + pem + pem) == Roots(pem=pem)


# The signer.


def test_files_make_a_signer(tmp_path: Path) -> None:
    leaf = MIDDLE.issue()
    key = leaf.write_key(tmp_path / "release.key")
    (tmp_path / "chain.pem").write_bytes(leaf.pem + MIDDLE.pem)
    signer = CertificateSigner.from_files(key, tmp_path / "chain.pem")
    assert accept_signer(parse_envelope(seal(b"{}", signer)), [rule()]).name == "hsm"
    assert signer.label().startswith("CN=release,O=Acme")


@pytest.mark.parametrize(
    ("leaf", "message"),
    [
        (ROOT.issue(purposes=TLS), "signing code"),
        (ROOT.issue(end=NOW - DAY / 2), "valid"),
        (MIDDLE, "authority"),
    ],
)
def test_a_certificate_that_no_verifier_takes_cannot_sign(leaf: Issued, message: str) -> None:
    with pytest.raises(SigningError, match=message):
        CertificateSigner(KeySigner(leaf.key), [leaf.der])


def test_the_first_certificate_must_be_the_key_s_own() -> None:
    with pytest.raises(SigningError, match="another key"):
        CertificateSigner(KeySigner(ROOT.issue().key), [ROOT.issue().der])


def test_a_chain_file_holds_certificates(tmp_path: Path) -> None:
    (tmp_path / "chain.pem").write_text("nothing")
    with pytest.raises(SigningError, match="PEM"):
        read_chain(tmp_path / "chain.pem")


def test_a_key_of_another_kind_is_refused() -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    leaf = ROOT.issue().certificate
    builder = x509.CertificateBuilder().subject_name(leaf.subject).issuer_name(leaf.issuer)
    builder = builder.public_key(key.public_key()).serial_number(5).not_valid_before(NOW)
    from cryptography.hazmat.primitives import hashes, serialization

    made = builder.not_valid_after(NOW + DAY).sign(ROOT.key, hashes.SHA256())
    with pytest.raises(SignatureInvalidError) as caught:
        read_leaf(made.public_bytes(serialization.Encoding.DER))
    assert caught.value.code == "certificate-key"


# Keys in services.


def test_a_uri_makes_a_signer(tmp_path: Path) -> None:
    leaf = ROOT.issue()
    path = leaf.write_key(tmp_path / "release.key")
    public = KeySigner(leaf.key).public_key
    signer = KmsSigner.from_uri(f"file2:{path}", public)
    opened = parse_envelope(seal(b"{}", signer))
    assert accept_signer(opened, [SignerRule(name="kms", key=public)]).fingerprint == public.fingerprint


def test_a_service_s_key_may_have_a_certificate(tmp_path: Path) -> None:
    leaf = ROOT.issue(curve=ec.SECP384R1())
    path = leaf.write_key(tmp_path / "release.key")
    raw = KmsSigner.from_uri(f"file2:{path}", KeySigner(leaf.key).public_key)
    data = seal(b"{}", CertificateSigner(raw, [leaf.der]))
    assert accept_signer(parse_envelope(data), [rule()]).name == "hsm"


@pytest.mark.parametrize("uri", ["file2:/nowhere/at/all", "nosuchservice:1", "", "file2:"])
def test_a_uri_that_means_nothing_is_refused(uri: str) -> None:
    with pytest.raises(SigningError):
        KmsSigner.from_uri(uri, KeySigner(ROOT.issue().key).public_key)


def test_a_uri_of_another_key_is_refused(tmp_path: Path) -> None:
    path = ROOT.issue().write_key(tmp_path / "release.key")
    with pytest.raises(SigningError):
        KmsSigner.from_uri(f"file2:{path}", KeySigner(ROOT.issue().key).public_key)
