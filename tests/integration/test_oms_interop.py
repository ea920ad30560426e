"""The reference implementation of OpenSSF Model Signing and mlpack accept one another's signatures."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.authorities import TLS, new_authority

from mlpack.errors import SignatureInvalidError, UntrustedSignerError, VerificationError
from mlpack.trust.certificate_signer import CertificateSigner
from mlpack.trust.keys import KeySigner, generate_key
from mlpack.trust.oms import IGNORED
from mlpack.trust.policy import Policy
from mlpack.trust.signing import sign
from mlpack.trust.verification import verify

model_signing = pytest.importorskip("model_signing")
hashing = pytest.importorskip("model_signing.hashing")
signing = pytest.importorskip("model_signing.signing")
verifying = pytest.importorskip("model_signing.verifying")

MakeBundle = Callable[..., Path]
CURVES = ("P-256", "P-384", "P-521")
OURS = [path for path in IGNORED if not path.startswith(".git")]

# A name with a character below "/" beside a folder: where sorting by code point and by component differ.
AWKWARD = {"model/a/b.bin": ("model", b"1"), "model/a.bin": ("model", b"2"), "model/a-b.bin": ("model", b"3")}


@pytest.fixture(scope="module", params=CURVES)
def keys(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return generate_key(tmp_path_factory.mktemp("oms") / "release", curve=request.param, password=None)


@pytest.fixture
def bundle(tmp_path: Path, make_bundle: MakeBundle) -> Path:
    return make_bundle(tmp_path, more=AWKWARD)


def their_verify(bundle: Path, public: Path) -> None:
    verifying.Config().use_elliptic_key_verifier(public_key=public).verify(bundle, bundle / "model.sig")


def their_sign(bundle: Path, private: Path, ignored: list[str], signature: str = "model.sig") -> None:
    config = hashing.Config().set_ignored_paths(paths=ignored, ignore_git_paths=True)
    signer = signing.Config().use_elliptic_key_signer(private_key=private)
    signer.set_hashing_config(config).sign(bundle, bundle / signature)


def test_their_library_verifies_our_signature(bundle: Path, keys: tuple[Path, Path]) -> None:
    sign(bundle, KeySigner.from_file(keys[0]))
    their_verify(bundle, keys[1])


def test_their_library_sees_a_changed_file(bundle: Path, keys: tuple[Path, Path]) -> None:
    sign(bundle, KeySigner.from_file(keys[0]))
    (bundle / "README.md").write_text("changed")
    with pytest.raises(ValueError, match=r"README\.md"):
        their_verify(bundle, keys[1])


def run_their_command(bundle: Path, public: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "model_signing", "verify", "key", str(bundle)]
    command += ["--signature", str(bundle / "model.sig"), "--public_key", str(public)]
    for path in OURS:
        command += ["--ignore-paths", str(bundle / path)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_their_command_verifies_our_signature(bundle: Path, keys: tuple[Path, Path]) -> None:
    sign(bundle, KeySigner.from_file(keys[0]))
    answer = run_their_command(bundle, keys[1])
    assert answer.returncode == 0, answer.stderr


def test_their_command_refuses_what_changed(bundle: Path, keys: tuple[Path, Path]) -> None:
    sign(bundle, KeySigner.from_file(keys[0]))
    (bundle / "README.md").write_text("changed")
    assert run_their_command(bundle, keys[1]).returncode != 0


def test_we_verify_their_signature(bundle: Path, keys: tuple[Path, Path]) -> None:
    their_sign(bundle, keys[0], OURS)
    verified = verify(bundle, Policy.from_key(keys[1]))
    assert verified.signer is not None
    assert verified.signer.fingerprint == KeySigner.from_file(keys[0]).public_key.fingerprint


def test_we_refuse_their_signature_when_a_file_changed(bundle: Path, keys: tuple[Path, Path]) -> None:
    their_sign(bundle, keys[0], OURS)
    (bundle / "README.md").write_text("changed")
    with pytest.raises(VerificationError, match=r"README\.md"):
        verify(bundle, Policy.from_key(keys[1]))


def test_we_refuse_their_signature_by_another_key(
    bundle: Path, keys: tuple[Path, Path], tmp_path: Path
) -> None:
    their_sign(bundle, keys[0], OURS)
    with pytest.raises(UntrustedSignerError):
        verify(bundle, Policy.from_key(generate_key(tmp_path / "other", password=None)[1]))


def test_we_refuse_their_signature_with_another_ignore_list(bundle: Path, keys: tuple[Path, Path]) -> None:
    their_sign(bundle, keys[0], [*OURS, "model"])
    with pytest.raises(SignatureInvalidError, match="ignore_paths"):
        verify(bundle, Policy.from_key(keys[1]))


def test_a_signature_survives_the_archive(
    tmp_path: Path, make_bundle: MakeBundle, keys: tuple[Path, Path]
) -> None:
    """Sign the archive with mlpack, unpack it with plain tar, verify the folder with the other tool."""
    archive = make_bundle(tmp_path, layout="archive")
    sign(archive, KeySigner.from_file(keys[0]))
    subprocess.run(["tar", "xf", str(archive)], cwd=tmp_path, check=True)  # noqa: S607  (plain tar is the point)
    their_verify(tmp_path / "churn-1.2.0", keys[1])
    assert verify(tmp_path / "churn-1.2.0", Policy.from_key(keys[1])).name == "churn"


# Certificates.


@pytest.fixture
def certified(tmp_path: Path) -> dict[str, Path]:
    """Return the files of a leaf under an intermediate: key, leaf, middle, root, chain."""
    root = new_authority()
    middle = root.subordinate()
    leaf = middle.issue()
    files = {"leaf": leaf.pem, "middle": middle.pem, "root": root.pem, "chain": leaf.pem + middle.pem}
    for name, data in files.items():
        (tmp_path / f"{name}.pem").write_bytes(data)
    leaf.write_key(tmp_path / "release.key")
    return {name: tmp_path / f"{name}.pem" for name in files} | {"key": tmp_path / "release.key"}


def test_their_library_verifies_our_certificate_chain(bundle: Path, certified: dict[str, Path]) -> None:
    sign(bundle, CertificateSigner.from_files(certified["key"], certified["chain"]))
    config = verifying.Config().use_certificate_verifier(certificate_chain=[certified["root"]])
    config.verify(bundle, bundle / "model.sig")


def test_we_verify_their_certificate_chain(bundle: Path, certified: dict[str, Path]) -> None:
    config = hashing.Config().set_ignored_paths(paths=OURS, ignore_git_paths=True)
    signer = signing.Config().use_certificate_signer(
        private_key=certified["key"],
        signing_certificate=certified["leaf"],
        certificate_chain=[certified["middle"]],
    )
    signer.set_hashing_config(config).sign(bundle, bundle / "model.sig")
    verified = verify(bundle, Policy.from_certificate(certified["root"], "CN=release,O=Acme"))
    assert verified.signer is not None
    assert verified.signer.identity == "CN=release,O=Acme"


def test_a_certificate_for_tls_is_refused_though_their_library_takes_it(bundle: Path, tmp_path: Path) -> None:
    root = new_authority()
    leaf = root.issue(purposes=TLS)
    (tmp_path / "tls.pem").write_bytes(leaf.pem)
    (tmp_path / "tls-root.pem").write_bytes(root.pem)
    config = hashing.Config().set_ignored_paths(paths=OURS, ignore_git_paths=True)
    signer = signing.Config().use_certificate_signer(
        private_key=leaf.write_key(tmp_path / "tls.key"),
        signing_certificate=tmp_path / "tls.pem",
        certificate_chain=[tmp_path / "tls-root.pem"],
    )
    signer.set_hashing_config(config).sign(bundle, bundle / "model.sig")
    theirs = verifying.Config().use_certificate_verifier(certificate_chain=[tmp_path / "tls-root.pem"])
    theirs.verify(bundle, bundle / "model.sig")
    with pytest.raises(VerificationError) as caught:
        verify(bundle, Policy.from_certificate(tmp_path / "tls-root.pem", "release"))
    assert caught.value.code == "certificate-usage"
