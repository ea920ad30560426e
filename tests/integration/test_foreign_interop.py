"""The reference implementation of OMS and sigstore-python agree with us about any folder and file."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from tests.local_sigstore import WHO, LocalSigstore

from mlpack._cli.main import main
from mlpack.errors import UsageError, VerificationError
from mlpack.trust import KeySigner, SigstoreSigner, sign_files, verify_signature

hashing = pytest.importorskip("model_signing.hashing")
signing = pytest.importorskip("model_signing.signing")
verifying = pytest.importorskip("model_signing.verifying")

SIGNATURES = Path(__file__).parents[1] / "conformance" / "signatures"
PAPER: dict[str, Any] = runpy.run_path(str(SIGNATURES / "paper_sigstore.py"))
ODD = (
    "a-b.bin",
    "a.bin",
    "a/b.bin",
    "Model.BIN",
    "model.bin",
    "é",
    "e\u0301",
    "模型",
    "sp ace",
    ".hidden/x",
    "a/.git/c",
)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    top = tmp_path / "model"
    for number, name in enumerate(ODD):
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_bytes(b"%d" % number * 1000)
    return top


@pytest.fixture(params=["P-256", "P-384", "P-521"])
def keys(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Path]:
    private = PAPER["key"]("interop", request.param)
    secret, public = tmp_path / "k.key", tmp_path / "k.pub"
    secret.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    secret.chmod(0o600)
    public.write_bytes(private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return secret, public


@pytest.fixture
def chain(tmp_path: Path, keys: tuple[Path, Path]) -> tuple[Path, Path, Path]:
    """Return the signer's certificate, the one between, and the root, as PEM files."""
    root, middle = PAPER["key"]("root"), PAPER["key"]("middle")
    private = KeySigner.from_file(keys[0])._key
    made = {
        "root": PAPER["certificate"]("root", root, ("root", root), authority=True),
        "middle": PAPER["certificate"]("middle", middle, ("root", root), authority=True),
        "leaf": PAPER["certificate"]("signer", private, ("middle", middle)),
    }
    for name, certificate in made.items():
        (tmp_path / f"{name}.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    return tmp_path / "leaf.pem", tmp_path / "middle.pem", tmp_path / "root.pem"


def test_they_verify_our_key_signature(model: Path, keys: tuple[Path, Path], tmp_path: Path) -> None:
    sign_files(model, KeySigner.from_file(keys[0]), signature=tmp_path / "s")
    verifier = verifying.Config().use_elliptic_key_verifier(public_key=keys[1])
    verifier.verify(model, tmp_path / "s")
    (model / "a.bin").write_bytes(b"")
    with pytest.raises(ValueError, match="mismatch"):
        verifier.verify(model, tmp_path / "s")


def test_they_verify_our_certificate_signature(
    model: Path, keys: tuple[Path, Path], chain: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    sign_files(model, KeySigner.from_file(keys[0]), signature=tmp_path / "s", certificates=chain[:2])
    verifying.Config().use_certificate_verifier(certificate_chain=[chain[2]]).verify(model, tmp_path / "s")
    found = verify_signature(
        model, signature=tmp_path / "s", certificate_roots=[chain[2]], certificate_subject="CN=signer"
    )
    assert found.files == len(ODD)


@pytest.mark.parametrize("rekor", ["v1", "v2"])
def test_they_verify_our_keyless_signature(
    model: Path, tmp_path: Path, sigstore: LocalSigstore, rekor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", sigstore.token())
    place = ["sign-files", str(model), "--signature", str(tmp_path / "s")]
    assert (
        main([*place, "--identity-token", "TOKEN", "--trust-config", str(sigstore.config(rekor)), "--yes"])
        == 0
    )
    verifying.Config().use_sigstore_verifier(
        identity=WHO, oidc_issuer=sigstore.url, trust_config=sigstore.config(rekor)
    ).verify(model, tmp_path / "s")
    found = verify_signature(
        model,
        signature=tmp_path / "s",
        certificate_identity=WHO,
        certificate_oidc_issuer=sigstore.url,
        trusted_root=sigstore.root,
    )
    assert found.signed_at is not None


def test_a_keyless_signer_takes_no_certificates(model: Path, tmp_path: Path, sigstore: LocalSigstore) -> None:
    signer = SigstoreSigner(sigstore.token(), sigstore.config())
    with pytest.raises(UsageError, match="its own"):
        sign_files(model, signer, signature=tmp_path / "s", certificates=["leaf.pem"])


@pytest.mark.parametrize("method", ["files", "shards"])
@pytest.mark.parametrize("algorithm", ["sha256", "blake2", "blake3"])
def test_we_verify_their_key_signature(
    model: Path, keys: tuple[Path, Path], tmp_path: Path, method: str, algorithm: str
) -> None:
    config = hashing.Config()
    if method == "files":
        config.use_file_serialization(hashing_algorithm=algorithm)
    else:
        config.use_shard_serialization(hashing_algorithm=algorithm, shard_size=300)
    signer = signing.Config().use_elliptic_key_signer(private_key=keys[0])
    signer.set_hashing_config(config).sign(model, tmp_path / "s")
    verify_signature(model, signature=tmp_path / "s", key=keys[1])
    (model / "模型").write_bytes(b"changed")
    with pytest.raises(VerificationError) as refusal:
        verify_signature(model, signature=tmp_path / "s", key=keys[1])
    assert refusal.value.code == "file-changed"


def test_we_verify_their_certificate_signature(
    model: Path, keys: tuple[Path, Path], chain: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    leaf, middle, root = chain
    signer = signing.Config().use_certificate_signer(
        private_key=keys[0], signing_certificate=leaf, certificate_chain=[middle]
    )
    signer.sign(model, tmp_path / "s")
    assert verify_signature(model, signature=tmp_path / "s", certificate_roots=[root]).signer == "CN=signer"


def test_we_verify_their_signature_of_one_file(model: Path, keys: tuple[Path, Path], tmp_path: Path) -> None:
    signer = signing.Config().use_elliptic_key_signer(private_key=keys[0])
    signer.sign(model / "a.bin", tmp_path / "s")
    verify_signature(model / "a.bin", signature=tmp_path / "s", key=keys[1])


def test_sigstore_python_agrees_about_every_keyless_vector() -> None:
    """Both accept the same signatures, less what only one of them looks at."""
    from sigstore.errors import Error
    from sigstore.models import Bundle, TrustedRoot
    from sigstore.verify import Verifier, policy

    data = SIGNATURES / "data"
    verifier = Verifier(trusted_root=TrustedRoot.from_file(str(data / "trusted_root.json")))
    who = policy.Identity(identity=PAPER["IDENTITY"], issuer=PAPER["ISSUER"])
    unread = {"keyless-intoto", "keyless-v0.1-promise-only", "keyless-intoto-other-file"}
    unread.add("keyless-other-origin")  # it takes any name beside the log's signature
    content = {"subject-digest", "file-changed"}  # not what that library looks at
    for row in json.loads((data / "cases.json").read_bytes()):
        if row.get("trusted_root") != "trusted_root.json" or "key" in row or row["name"] in unread:
            continue
        try:
            bundle = Bundle.from_json((data / f"{row['name']}.sig").read_bytes())
            if "dsseEnvelope" in json.loads((data / f"{row['name']}.sig").read_bytes()):
                verifier.verify_dsse(bundle, who)
            else:
                verifier.verify_artifact((data / "file.bin").read_bytes(), bundle, who)
        except (Error, ValueError):
            accepted = False
        else:
            accepted = True
        assert accepted == (row["code"] in {"", *content}), row["name"]
