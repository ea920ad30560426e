from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlpack.delivery.images import attest_image, read_predicate, sign_image, verify_image
from mlpack.errors import (
    FormatError,
    PolicyError,
    RegistryError,
    SignatureInvalidError,
    SigningError,
    StorageError,
    UntrustedSignerError,
    UsageError,
)
from mlpack.oci.descriptors import IMAGE_INDEX, IMAGE_MANIFEST, Descriptor, manifest_bytes, sha256
from mlpack.oci.documents import json_bytes
from mlpack.oci.layout import Layout
from mlpack.oci.references import LayoutReference
from mlpack.trust.keys import KeySigner, generate_key
from mlpack.trust.policy import UNSIGNED, Policy

SBOM = "https://cyclonedx.org/bom"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    generate_key(folder / "release")
    generate_key(folder / "other")
    generate_key(folder / "long", curve="P-384")
    return folder


@pytest.fixture
def signer(keys: Path) -> KeySigner:
    return KeySigner.from_file(keys / "release.key")


@pytest.fixture
def policy(keys: Path) -> Policy:
    return Policy.from_key(keys / "release.pub")


def image(architecture: str) -> bytes:
    return manifest_bytes(layers=(), annotations={"architecture": architecture})


@pytest.fixture
def place(tmp_path: Path) -> str:
    """Return a reference to an index with two platforms."""
    store = Layout(LayoutReference(path=tmp_path / "layout"), write=True)
    entries = []
    for architecture in ("amd64", "arm64"):
        data = image(architecture)
        descriptor = Descriptor.of(data, IMAGE_MANIFEST)
        store.put_blob(data, descriptor)
        platform = {"os": "linux", "architecture": architecture}
        entries.append({**descriptor.document(), "platform": platform})
    index = json_bytes({"schemaVersion": 2, "mediaType": IMAGE_INDEX, "manifests": entries})
    store.put_manifest(index, IMAGE_INDEX, "1.0")
    return f"oci:{tmp_path}/layout:1.0"


def test_an_index_and_each_platform_are_signed(place: str, signer: KeySigner, policy: Policy) -> None:
    signed = sign_image(place, signer, docker_reference="r.example/app")
    assert [item.platform for item in signed.manifests] == ["", "linux/amd64", "linux/arm64"]
    for architecture in ("amd64", "arm64"):
        reference = f"{place.removesuffix(':1.0')}@{sha256(image(architecture))}"
        verified = verify_image(reference, policy)
        assert sorted(item.form for item in verified.signatures) == ["bundle", "legacy"]
    assert verify_image(place, policy).digest == signed.digest


def test_only_the_named_manifest_is_signed_on_request(place: str, signer: KeySigner, policy: Policy) -> None:
    sign_image(place, signer, signature_format="bundle", platforms=False)
    with pytest.raises(SignatureInvalidError):
        verify_image(f"{place.removesuffix(':1.0')}@{sha256(image('amd64'))}", policy)


def test_signing_again_adds_nothing(place: str, signer: KeySigner) -> None:
    sign_image(place, signer, signature_format="bundle")
    assert all(not item.added for item in sign_image(place, signer, signature_format="bundle").manifests)


def test_a_second_form_is_added(place: str, signer: KeySigner) -> None:
    sign_image(place, signer, signature_format="bundle")
    again = sign_image(place, signer, signature_format="both", docker_reference="r.example/app")
    assert {item.added for item in again.manifests} == {("legacy",)}


def test_a_second_signer_is_added_in_both_forms(place: str, signer: KeySigner, keys: Path) -> None:
    sign_image(place, signer, docker_reference="r.example/app")
    sign_image(place, KeySigner.from_file(keys / "other.key"), docker_reference="r.example/app")
    for key in ("release", "other"):
        verified = verify_image(place, Policy.from_key(keys / f"{key}.pub"))
        assert len(verified.signatures) == 2


def test_an_image_with_an_attestation_only_is_not_signed(
    place: str, signer: KeySigner, policy: Policy
) -> None:
    attested = attest_image(place, SBOM, {"bomFormat": "CycloneDX"}, signer)
    assert attested.facts().title.endswith(": attested")
    with pytest.raises(SignatureInvalidError, match="carries no signature") as caught:
        verify_image(place, policy)
    assert "an attestation (https://cyclonedx.org/bom)" in str(caught.value)


def test_an_attestation_is_verified_by_its_type(place: str, signer: KeySigner, policy: Policy) -> None:
    attest_image(place, SBOM, {"bomFormat": "CycloneDX"}, signer)
    verified = verify_image(place, policy, predicate_type=SBOM)
    assert verified.signatures[0].predicate == {"bomFormat": "CycloneDX"}


def test_another_key_is_refused(place: str, signer: KeySigner, keys: Path) -> None:
    sign_image(place, signer, signature_format="bundle")
    with pytest.raises(UntrustedSignerError):
        verify_image(place, Policy.from_key(keys / "other.pub"))


def test_a_moved_tag_is_refused(place: str, signer: KeySigner, policy: Policy, tmp_path: Path) -> None:
    sign_image(place, signer, signature_format="bundle")
    store = Layout(LayoutReference(path=tmp_path / "layout"), write=True)
    store.put_manifest(image("riscv64"), IMAGE_MANIFEST, "1.0")
    with pytest.raises(SignatureInvalidError):
        verify_image(place, policy)


def test_a_signature_whose_blob_was_changed_is_refused(
    place: str, signer: KeySigner, policy: Policy, tmp_path: Path
) -> None:
    sign_image(place, signer, signature_format="bundle", platforms=False)
    for file in (tmp_path / "layout/blobs/sha256").iterdir():
        if b"dsseEnvelope" in file.read_bytes():
            file.write_bytes(file.read_bytes().replace(b"hint", b"hunt"))
    with pytest.raises(SignatureInvalidError):
        verify_image(place, policy)


def test_a_legacy_signature_in_a_folder_needs_a_name(place: str, signer: KeySigner) -> None:
    with pytest.raises(UsageError, match="names the image"):
        sign_image(place, signer)


def test_keys_that_cosign_cannot_verify_are_refused(place: str, keys: Path) -> None:
    with pytest.raises(SigningError, match="P-256 only"):
        sign_image(place, KeySigner.from_file(keys / "long.key"), signature_format="bundle")


def test_what_is_not_there_is_named(tmp_path: Path, policy: Policy) -> None:
    with pytest.raises(RegistryError):
        verify_image(f"oci:{tmp_path}/nothing", policy)


def test_there_is_no_verification_without_a_policy(place: str) -> None:
    with pytest.raises(PolicyError):
        verify_image(place, UNSIGNED)


def test_a_signature_is_not_made_as_an_attestation(place: str, signer: KeySigner) -> None:
    with pytest.raises(UsageError, match="use sign_image"):
        attest_image(place, "https://sigstore.dev/cosign/sign/v1", {}, signer)


def test_the_artifact_type_and_annotations_are_cosigns(place: str, signer: KeySigner, tmp_path: Path) -> None:
    sign_image(place, signer, signature_format="bundle", platforms=False)
    manifests = [
        json.loads(file.read_bytes())
        for file in (tmp_path / "layout/blobs/sha256").iterdir()
        if b'"subject"' in file.read_bytes()
    ]
    assert len(manifests) == 1
    assert manifests[0]["artifactType"] == "application/vnd.dev.sigstore.bundle.v0.3+json"
    assert manifests[0]["annotations"]["dev.sigstore.bundle.content"] == "dsse-envelope"


def test_a_predicate_is_a_json_object(tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text("[]")
    with pytest.raises(FormatError):
        read_predicate(tmp_path / "p.json")
    with pytest.raises(StorageError):
        read_predicate(tmp_path / "none.json")
