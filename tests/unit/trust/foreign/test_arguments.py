"""What the caller gets wrong is a usage error, and never a trusted signature."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mlpack._cli.main import main
from mlpack.errors import UsageError, VerificationError
from mlpack.trust import generate_key, verify_signature

IDENTITY = {"certificate_identity": "i", "certificate_oidc_issuer": "u"}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "file").write_bytes(b"1")
    (tmp_path / "sig").write_bytes(b"{}")
    generate_key(tmp_path / "k")
    return tmp_path


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"certificate_identity": "i"},
        {"certificate_oidc_issuer": "u"},
        {"certificate_identity": "", "certificate_oidc_issuer": "u"},
        {"certificate_subject": "CN=x"},
        IDENTITY | {"key": "k.pub"},
        IDENTITY | {"certificate_subject": "CN=x"},
        IDENTITY | {"certificate_roots": ["k.pub"]},
        {"key": "k.pub", "certificate_roots": ["k.pub"]},
        {"key": "missing.pub"},
        {"certificate_roots": ["missing.pem"]},
        {"key": b"k.pub"},
        {"key": ""},
        {"key": "k\0.pub"},
        {"key": "k.pub", "staging": True, "trusted_root": "sig"},
    ],
    ids=str,
)
def test_wrong_arguments(place: Path, arguments: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    with pytest.raises(UsageError):
        verify_signature("file", signature="sig", **arguments)


@pytest.mark.parametrize("path", ["", "a\0b", b"file", 1, None])
def test_wrong_paths(place: Path, path: Any) -> None:  # noqa: ANN401
    with pytest.raises(UsageError):
        verify_signature(path, signature=place / "sig", key=place / "k.pub")
    with pytest.raises(UsageError):
        verify_signature(place / "file", signature=path, key=place / "k.pub")


@pytest.mark.parametrize("text", ["", "junk", "-----BEGIN PUBLIC KEY-----\nAA==\n-----END PUBLIC KEY-----\n"])
def test_a_file_that_is_no_key(place: Path, text: str) -> None:
    (place / "k.pub").write_text(text)
    with pytest.raises(VerificationError) as refusal:
        verify_signature(place / "file", signature=place / "sig", key=place / "k.pub")
    assert refusal.value.code == "key-type"


@pytest.mark.parametrize("kind", ["short RSA", "DSA", "odd curve", "private"])
def test_keys_of_no_use(place: Path, kind: str) -> None:
    if kind == "private":
        data = (place / "k.key").read_bytes()
    else:
        keys: dict[str, Any] = {
            "short RSA": rsa.generate_private_key(65537, 1024),  # noqa: S505  (that it is weak is the point)
            "DSA": dsa.generate_private_key(1024),  # noqa: S505
            "odd curve": ec.generate_private_key(ec.SECP256K1()),
        }
        data = keys[kind].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (place / "k.pub").write_bytes(data)
    with pytest.raises(VerificationError) as refusal:
        verify_signature(place / "file", signature=place / "sig", key=place / "k.pub")
    assert refusal.value.code == "key-type"


def test_exit_statuses(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "model").mkdir()
    (place / "model/x").write_bytes(b"1")
    common = ["--signature", str(place / "out.sig")]
    model, public = str(place / "model"), str(place / "k.pub")
    assert main(["sign-files", model, *common, "--key", str(place / "k.key")]) == 0
    assert main(["verify-signature", model, *common, "--key", public]) == 0
    assert "no trusted time" in capsys.readouterr().out
    (place / "model/y").write_bytes(b"2")
    assert main(["verify-signature", model, *common, "--key", public]) == 3
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert main(["verify-signature", model, *common, "--key", public, "--ignore", f"{model}/y"]) == 0
    assert main(["verify-signature", model, *common, "--key", public, "--ignore-unsigned-files"]) == 0
    assert main(["verify-signature", model, *common]) == 2
