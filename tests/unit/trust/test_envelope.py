from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from mlpack.errors import SignatureInvalidError
from mlpack.trust import envelope
from mlpack.trust.envelope import pae, parse_envelope, seal
from mlpack.trust.keys import KeySigner, PublicKey

SIGNER = KeySigner(ec.generate_private_key(ec.SECP256R1()))
SEALED = seal(b'{"x":1}', SIGNER)


def changed(change: Callable[[dict[str, Any]], object]) -> bytes:
    document = json.loads(SEALED)
    change(document)
    return json.dumps(document).encode()


def test_pae_is_the_published_example() -> None:
    assert pae(b"hello world", "http://example.com/HelloWorld") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


def test_what_was_sealed_opens_and_verifies() -> None:
    opened = parse_envelope(SEALED)
    opened.verify(SIGNER.public_key)
    assert (opened.payload, opened.hint) == (b'{"x":1}', SIGNER.public_key.hint)


def test_the_file_has_no_white_space_that_could_change_unseen() -> None:
    assert b" " not in SEALED
    assert b"\n" not in SEALED


def test_a_signer_that_signs_wrongly_is_caught_before_the_file_exists() -> None:
    class Broken:
        public_key = SIGNER.public_key

        def sign(self, data: bytes) -> bytes:
            return SIGNER.sign(data + b"!")

    with pytest.raises(SignatureInvalidError):
        seal(b"{}", Broken())


def test_another_key_does_not_verify() -> None:
    other = KeySigner(ec.generate_private_key(ec.SECP256R1())).public_key
    with pytest.raises(SignatureInvalidError):
        parse_envelope(SEALED).verify(other)


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d["verificationMaterial"].pop("tlogEntries"),
        lambda d: d["verificationMaterial"].update(tlogEntries=None),
        lambda d: d["dsseEnvelope"]["signatures"][0].update(
            keyid=d["verificationMaterial"]["publicKey"]["hint"]
        ),
        lambda d: d["dsseEnvelope"]["signatures"][0].update(keyid=""),
        lambda d: d["dsseEnvelope"]["signatures"][0].update(keyid=None),
    ],
)
def test_what_other_writers_leave_out_is_accepted(change: Callable[[dict[str, Any]], object]) -> None:
    assert parse_envelope(changed(change)).hint == SIGNER.public_key.hint


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.update(mediaType="application/vnd.dev.sigstore.bundle.v0.2+json"),
        lambda d: d.pop("mediaType"),
        lambda d: d.update(extra=1),
        lambda d: d.update(messageSignature={}),
        lambda d: d["verificationMaterial"].update(tlogEntries=[{}]),
        lambda d: d["verificationMaterial"].update(certificate={}),
        lambda d: d["verificationMaterial"].pop("publicKey"),
        lambda d: d["verificationMaterial"]["publicKey"].update(rawBytes="AAAA"),
        lambda d: d["verificationMaterial"]["publicKey"].update(hint=7),
        lambda d: d["dsseEnvelope"].update(payloadType="text/plain"),
        lambda d: d["dsseEnvelope"].update(signatures=[]),
        lambda d: d["dsseEnvelope"].update(signatures=d["dsseEnvelope"]["signatures"] * 2),
        lambda d: d["dsseEnvelope"].update(signatures={}),
        lambda d: d["dsseEnvelope"].update(payload=""),
        lambda d: d["dsseEnvelope"].update(payload=d["dsseEnvelope"]["payload"] + "\n"),
        lambda d: d["dsseEnvelope"].update(payload="é"),
        lambda d: d["dsseEnvelope"].update(payload="\ud800"),
        lambda d: d["dsseEnvelope"].update(payload="-_-_"),
        lambda d: d["dsseEnvelope"].update(payload="QR=="),
        lambda d: d["dsseEnvelope"].update(payload="QQ"),
        lambda d: d["dsseEnvelope"].update(extra=1),
        lambda d: d["dsseEnvelope"]["signatures"][0].update(keyid="another"),
        lambda d: d["dsseEnvelope"]["signatures"][0].update(cert="x"),
        lambda d: d["dsseEnvelope"]["signatures"][0].update(
            sig=base64.b64encode(bytes(5000)).decode("ascii")
        ),
    ],
)
def test_every_other_form_is_refused(change: Callable[[dict[str, Any]], object]) -> None:
    with pytest.raises(SignatureInvalidError, match=r"model\.sig"):
        parse_envelope(changed(change))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"\xff",
        b"\xef\xbb\xbf" + SEALED,
        SEALED + b"x",
        SEALED[:-1],
        b"[" * 100_000,
        b'{"mediaType":"a",' + SEALED[1:],
        b"1" * 10_000,
    ],
)
def test_every_malformed_file_is_refused(data: bytes) -> None:
    with pytest.raises(SignatureInvalidError):
        parse_envelope(data)


def test_a_huge_file_is_refused_unparsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(envelope, "MAX_SIGNATURE", len(SEALED) - 1)
    with pytest.raises(SignatureInvalidError, match="more than"):
        parse_envelope(SEALED)


def test_every_flipped_character_is_noticed() -> None:
    for index, byte in enumerate(SEALED):
        flipped = SEALED[:index] + bytes([byte ^ 1]) + SEALED[index + 1 :]
        try:
            opened = parse_envelope(flipped)
            assert opened.hint == SIGNER.public_key.hint, "selects another key"
            opened.verify(SIGNER.public_key)
        except (SignatureInvalidError, AssertionError):
            continue
        pytest.fail(f"byte {index} may change unseen: {SEALED[index - 10 : index + 10]!r}")


def test_the_key_in_the_policy_is_what_verifies() -> None:
    opened = parse_envelope(changed(lambda d: d["verificationMaterial"]["publicKey"].update(hint=None)))
    opened.verify(PublicKey.from_pem(SIGNER.public_key.pem))
