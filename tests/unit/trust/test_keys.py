from __future__ import annotations

import base64
import hashlib
import os
import pickle
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from mlpack.errors import SignatureInvalidError, SigningError, StorageError, TargetExistsError, UsageError
from mlpack.trust.keys import KeySigner, PublicKey, generate_key
from mlpack.trust.pem import encodings, load_public

CURVES = ("P-256", "P-384", "P-521")
PKCS8 = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return generate_key(tmp_path_factory.mktemp("keys") / "release", password=None)


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generate_key(tmp_path_factory.mktemp("keys") / "locked", password=b"sesame")[0]


@pytest.mark.parametrize("curve", CURVES)
def test_a_generated_pair_signs_and_verifies(tmp_path: Path, curve: str) -> None:
    key, pub = generate_key(tmp_path / "release", curve=curve, password=None)
    public = PublicKey.from_file(pub)
    public.verify(KeySigner.from_file(key).sign(b"data"), b"data")
    assert public.curve == curve


@pytest.mark.parametrize(("curve", "name"), [("P-256", "sha256"), ("P-384", "sha384"), ("P-521", "sha512")])
def test_the_hash_follows_the_curve(tmp_path: Path, curve: str, name: str) -> None:
    from cryptography.hazmat.primitives import hashes

    key, pub = generate_key(tmp_path / "k", curve=curve, password=None)
    loaded = serialization.load_pem_public_key(pub.read_bytes())
    assert isinstance(loaded, ec.EllipticCurvePublicKey)
    algorithm = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}[name]
    loaded.verify(KeySigner.from_file(key).sign(b"data"), b"data", ec.ECDSA(algorithm))


def test_the_private_key_is_private_from_creation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    real = os.fdopen

    def spy(handle: int, mode: str) -> object:
        seen.append(stat.S_IMODE(os.fstat(handle).st_mode))
        return real(handle, mode)

    monkeypatch.setattr(os, "fdopen", spy)
    previous = os.umask(0)
    try:
        key, _ = generate_key(tmp_path / "release", password=None)
    finally:
        os.umask(previous)
    assert seen == [0o644, 0o600]
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


@pytest.mark.parametrize("existing", ["release.key", "release.pub"])
def test_an_existing_file_is_never_overwritten_and_nothing_else_appears(
    tmp_path: Path, existing: str
) -> None:
    (tmp_path / existing).write_text("precious")
    with pytest.raises(TargetExistsError, match=existing):
        generate_key(tmp_path / "release", password=None)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(existing, "precious")]


def test_a_failed_write_leaves_neither_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    real = os.fsync

    def full(handle: int) -> None:
        calls.append(handle)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        real(handle)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="No space left"):
        generate_key(tmp_path / "release", password=None)
    assert list(tmp_path.iterdir()) == []


def test_an_interrupt_leaves_neither_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        generate_key(tmp_path / "release", password=None)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        generate_key(tmp_path / "nowhere" / "release", password=None)


@pytest.mark.parametrize(
    ("name", "curve", "password"), [("k", "P-224", None), ("k", "P-256", b""), ("k.key", "P-256", None)]
)
def test_wrong_arguments_are_usage_errors(
    tmp_path: Path, name: str, curve: str, password: bytes | None
) -> None:
    with pytest.raises(UsageError):
        generate_key(tmp_path / name, curve=curve, password=password)
    assert list(tmp_path.iterdir()) == []


def test_a_dotted_name_keeps_its_dots(tmp_path: Path) -> None:
    assert generate_key(tmp_path / "team.v1", password=None)[1].name == "team.v1.pub"


def test_the_fingerprint_is_the_hash_of_the_der_form(pair: tuple[Path, Path]) -> None:
    key = serialization.load_pem_public_key(pair[1].read_bytes())
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    assert PublicKey.from_file(pair[1]).fingerprint == "sha256:" + hashlib.sha256(der).hexdigest()


def test_the_pem_form_is_normalised(pair: tuple[Path, Path]) -> None:
    pem = pair[1].read_text()
    assert PublicKey.from_pem("\n" + pem.replace("\n", "\r\n")) == PublicKey.from_pem(pem)
    assert PublicKey.from_pem(pem).hint == hashlib.sha256(pem.encode()).hexdigest()


def test_another_key_or_other_data_does_not_verify(pair: tuple[Path, Path], tmp_path: Path) -> None:
    other = PublicKey.from_file(generate_key(tmp_path / "other", password=None)[1])
    signature = KeySigner.from_file(pair[0]).sign(b"data")
    for public, data, value in [
        (other, b"data", signature),
        (PublicKey.from_file(pair[1]), b"date", signature),
        (PublicKey.from_file(pair[1]), b"data", b""),
        (PublicKey.from_file(pair[1]), b"data", signature + b"\0"),
    ]:
        with pytest.raises(SignatureInvalidError):
            public.verify(value, data)


@pytest.mark.parametrize("password", [b"sesame", "sesame"])
def test_a_password_unlocks(locked: Path, password: bytes | str) -> None:
    assert KeySigner.from_file(locked, password).sign(b"x")


def test_the_password_may_come_from_the_environment(locked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLPACK_KEY_PASSWORD", "sesame")
    assert KeySigner.from_file(locked).sign(b"x")
    with pytest.raises(SigningError, match="wrong password"):
        KeySigner.from_file(locked, b"argument wins")


def test_a_missing_password_is_said(locked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLPACK_KEY_PASSWORD", raising=False)
    with pytest.raises(SigningError, match="none was given") as caught:
        KeySigner.from_file(locked)
    assert "MLPACK_KEY_PASSWORD" in caught.value.hint


def test_a_wrong_password_is_said_and_not_repeated(locked: Path) -> None:
    with pytest.raises(SigningError, match="wrong password") as caught:
        KeySigner.from_file(locked, b"hunter2")
    assert "hunter2" not in str(caught.value)


def test_the_environment_password_does_not_disturb_an_open_key(
    pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLPACK_KEY_PASSWORD", "sesame")
    assert KeySigner.from_file(pair[0]).sign(b"x")


def _private(key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(*PKCS8)


def _public(key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


@pytest.mark.parametrize(
    ("kind", "word"), [("rsa", "RSA key"), ("ed25519", "Ed25519 key"), ("secp256k1", "secp256k1")]
)
def test_other_kinds_of_key_are_refused_by_name(kind: str, word: str) -> None:
    key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey
    match kind:
        case "rsa":
            key = rsa.generate_private_key(65537, 2048)
        case "ed25519":
            key = ed25519.Ed25519PrivateKey.generate()
        case _:
            key = ec.generate_private_key(ec.SECP256K1())
    with pytest.raises(SigningError, match=word):
        KeySigner.from_pem(_private(key))
    with pytest.raises(SigningError, match=word):
        PublicKey.from_pem(_public(key))


def test_public_and_private_are_not_mistaken_for_each_other(pair: tuple[Path, Path]) -> None:
    with pytest.raises(SigningError, match="a public key, where a private key is needed"):
        KeySigner.from_file(pair[1])
    with pytest.raises(SigningError, match="a private key, where a public key is needed"):
        PublicKey.from_file(pair[0])


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"not a key",
        b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        bytes(range(256)),
    ],
)
def test_garbage_is_a_signing_error(text: bytes) -> None:
    with pytest.raises(SigningError):
        PublicKey.from_pem(text)
    with pytest.raises(SigningError):
        KeySigner.from_pem(text)


def test_two_keys_in_one_text_are_ambiguous(pair: tuple[Path, Path]) -> None:
    with pytest.raises(SigningError, match="found 2"):
        PublicKey.from_pem(pair[1].read_bytes() * 2)


def test_der_is_refused(pair: tuple[Path, Path]) -> None:
    key = serialization.load_pem_public_key(pair[1].read_bytes())
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    with pytest.raises(SigningError, match="not a PEM key"):
        PublicKey.from_pem(der)


def test_a_key_that_others_can_read_warns(pair: tuple[Path, Path], tmp_path: Path) -> None:
    copy = tmp_path / "copy.key"
    copy.write_bytes(pair[0].read_bytes())
    copy.chmod(0o640)
    with pytest.warns(UserWarning, match="chmod 600"):
        KeySigner.from_file(copy)


def test_a_missing_file_is_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"none\.key"):
        KeySigner.from_file(tmp_path / "none.key")


def test_nothing_shows_the_private_key(pair: tuple[Path, Path]) -> None:
    signer = KeySigner.from_file(pair[0])
    assert repr(signer) == f"KeySigner(P-256, {signer.public_key.fingerprint})"
    with pytest.raises(TypeError):
        pickle.dumps(signer)


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()])
def test_encodings_are_those_of_the_library(curve: ec.EllipticCurve) -> None:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    for _ in range(20):  # coordinates that begin with zeros among them
        key = ec.generate_private_key(curve).public_key()
        pem, der = encodings(key)
        assert pem == key.public_bytes(serialization.Encoding.PEM, form)
        assert der == key.public_bytes(serialization.Encoding.DER, form)
        assert load_public(pem, "test") == key


@pytest.mark.parametrize("change", ["compressed", "windows", "comment", "off the curve", "cut", "junk"])
def test_a_key_in_another_writing_is_the_same_key_or_none(change: str) -> None:
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    pem, der = encodings(key)
    point = der[:-1] + bytes([der[-1] ^ 1])
    compressed = key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.CompressedPoint)
    header = bytes.fromhex("3039301306072a8648ce3d020106082a8648ce3d030107032200")
    text = {
        "compressed": as_pem(header + compressed),
        "windows": pem.replace(b"\n", b"\r\n"),
        "comment": b"our key\n" + pem,
        "off the curve": as_pem(point),
        "cut": as_pem(der[:-1]),
        "junk": pem.replace(b"\n", b"\n*", 1),
    }[change]
    if change in ("compressed", "windows", "comment"):
        assert PublicKey.from_pem(text).pem == pem.decode()
    else:
        with pytest.raises(SigningError):
            PublicKey.from_pem(text)


def as_pem(der: bytes) -> bytes:
    text = base64.encodebytes(der).replace(b"\n", b"")
    lines = b"\n".join(text[at : at + 64] for at in range(0, len(text), 64))
    return b"-----BEGIN PUBLIC KEY-----\n" + lines + b"\n-----END PUBLIC KEY-----\n"
