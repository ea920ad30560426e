"""A real registry and stock cosign: each accepts what the other signed, and refuses what must be refused."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.registries import digests, push_image, serve

from mlpack._cli.main import main
from mlpack.delivery.images import SignatureFormat, attest_image, sign_image, verify_image
from mlpack.errors import RegistryError, SignatureInvalidError, UntrustedSignerError
from mlpack.oci.descriptors import (
    EMPTY,
    EMPTY_BYTES,
    IMAGE_MANIFEST,
    Descriptor,
    manifest_bytes,
    sha256,
)
from mlpack.oci.references import RegistryReference, parse_reference
from mlpack.oci.registry import Registry
from mlpack.oci.stores import referrers
from mlpack.trust.keys import KeySigner, generate_key
from mlpack.trust.policy import Policy
from mlpack.trust.signing import sign

SBOM = "https://cyclonedx.org/bom"
SLSA = "https://slsa.dev/provenance/v1"
PASSWORD_LINE = "me:$2b$04$abcdefghijklmnopqrstuuEfsxqlsG5nnIWPcTLNapNELfK8T.WbO\n"

MakeBundle = Callable[..., Path]
Cosign = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("registry")


@pytest.fixture(scope="module")
def host(folder: Path) -> Iterator[str]:
    found, process = serve(folder, {})
    yield found
    process.kill()
    process.wait()


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("REGISTRY_AUTH_FILE", raising=False)
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "no-docker"))


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("image-keys")
    for name in ("release", "other"):
        generate_key(found / name)
    return found


@pytest.fixture(scope="module")
def cosign(run_cosign: Cosign, keys: Path) -> Cosign:
    """Return a function that runs cosign 3 beside the keys."""

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        return run_cosign(keys, *arguments)

    imported = run("import-key-pair", "--key", keys / "release.key", "--output-key-prefix", "cosign", "-y")
    assert imported.returncode == 0, imported.stderr
    return run


NEW = {"bundle": "true", "legacy": "false"}


def their_verify(cosign: Cosign, key: Path, form: str, reference: str) -> bool:
    options = ("--insecure-ignore-tlog", f"--new-bundle-format={NEW[form]}")
    return cosign("verify", "--key", key, *options, reference).returncode == 0


def their_sign(cosign: Cosign, form: str, reference: str) -> None:
    options = ("--use-signing-config=false", "--tlog-upload=false", f"--new-bundle-format={NEW[form]}")
    done = cosign("sign", "--key", "cosign.key", *options, "-y", reference)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("form", ["bundle", "legacy"])
def test_cosign_verifies_our_signatures(cosign: Cosign, host: str, keys: Path, form: SignatureFormat) -> None:
    reference = push_image(host, f"ours-{form}")
    sign_image(reference, KeySigner.from_file(keys / "release.key"), signature_format=form)
    for signed in digests(reference):
        assert their_verify(cosign, keys / "release.pub", form, signed)
    assert not their_verify(cosign, keys / "other.pub", form, reference)


@pytest.mark.parametrize("form", ["bundle", "legacy"])
def test_we_verify_what_cosign_signed(cosign: Cosign, host: str, keys: Path, form: str) -> None:
    reference = push_image(host, f"theirs-{form}")
    their_sign(cosign, form, digests(reference)[0])
    verified = verify_image(reference, Policy.from_key(keys / "release.pub"))
    assert [item.form for item in verified.signatures] == [form]
    with pytest.raises(UntrustedSignerError):
        verify_image(reference, Policy.from_key(keys / "other.pub"))
    with pytest.raises(SignatureInvalidError):
        verify_image(digests(reference)[1], Policy.from_key(keys / "release.pub"))


def test_cosign_and_we_sign_beside_one_another(cosign: Cosign, host: str, keys: Path) -> None:
    reference = push_image(host, "beside")
    other = KeySigner.from_file(keys / "other.key")
    their_sign(cosign, "bundle", digests(reference)[0])
    their_sign(cosign, "legacy", digests(reference)[0])
    sign_image(reference, other)
    their_sign(cosign, "bundle", digests(reference)[0])
    for key in ("release", "other"):
        forms = {
            item.form for item in verify_image(reference, Policy.from_key(keys / f"{key}.pub")).signatures
        }
        assert forms == {"bundle", "legacy"}
        for form in NEW:
            assert their_verify(cosign, keys / f"{key}.pub", form, reference)


@pytest.mark.parametrize("kind", [SBOM, SLSA])
def test_cosign_verifies_our_attestations(cosign: Cosign, host: str, keys: Path, kind: str) -> None:
    reference = push_image(host, "attested-" + ("sbom" if kind == SBOM else "slsa"))
    attest_image(reference, kind, {"buildDefinition": {}}, KeySigner.from_file(keys / "release.key"))
    options = ("--insecure-ignore-tlog", "--type", kind, reference)
    assert cosign("verify-attestation", "--key", keys / "release.pub", *options).returncode == 0
    assert cosign("verify-attestation", "--key", keys / "other.pub", *options).returncode != 0


def test_an_attestation_by_cosign_is_no_signature(
    cosign: Cosign, host: str, keys: Path, tmp_path: Path
) -> None:
    reference = push_image(host, "sbom-only")
    (tmp_path / "bom.json").write_text('{"bomFormat":"CycloneDX","specVersion":"1.6"}')
    options = ("--use-signing-config=false", "--tlog-upload=false", "-y", digests(reference)[0])
    done = cosign(
        "attest", "--key", "cosign.key", "--type", "cyclonedx", "--predicate", tmp_path / "bom.json", *options
    )
    assert done.returncode == 0, done.stderr
    policy = Policy.from_key(keys / "release.pub")
    with pytest.raises(SignatureInvalidError, match="carries no signature"):
        verify_image(reference, policy)
    assert (
        verify_image(reference, policy, predicate_type=SBOM).signatures[0].predicate["specVersion"] == "1.6"
    )


def test_cosign_verifies_the_signature_of_a_bundle(
    cosign: Cosign, keys: Path, tmp_path: Path, make_bundle: MakeBundle
) -> None:
    bundle = make_bundle(tmp_path)
    sign(bundle, KeySigner.from_file(keys / "release.key"))
    envelope = json.loads((bundle / "model.sig").read_bytes())["dsseEnvelope"]
    root = json.loads(base64.b64decode(envelope["payload"]))["subject"][0]["digest"]["sha256"]

    def accepted(digest: str, key: str = "release.pub") -> bool:
        done = cosign(
            "verify-blob-attestation",
            *("--bundle", bundle / "model.sig", "--key", keys / key, "--insecure-ignore-tlog"),
            *("--type", "https://model_signing/signature/v1.0", "--digest", digest, "--digestAlg", "sha256"),
        )
        return done.returncode == 0

    assert accepted(root)
    assert not accepted("0" * 64)
    assert not accepted(root, "other.pub")


def test_two_writers_lose_nothing_and_collection_keeps_it(host: str, folder: Path, keys: Path) -> None:
    reference = push_image(host, "race")
    named = digests(reference)[0]
    failures: list[BaseException] = []

    def write(number: int) -> None:
        signer = KeySigner.from_file(keys / ("release.key" if number else "other.key"))
        try:
            for count in range(5):
                attest_image(named, f"https://example.org/{number}/{count}", {}, signer)
            sign_image(named, signer, signature_format="legacy", platforms=False)
        except BaseException as error:  # noqa: BLE001  (reported by the test itself)
            failures.append(error)

    writers = [threading.Thread(target=write, args=(number,)) for number in (0, 1)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert not failures
    program = shutil.which("docker-registry")
    assert program is not None
    command = [program, "garbage-collect", "--delete-untagged", str(folder / "config.yml")]
    subprocess.run(command, check=True, capture_output=True)
    for number, key in enumerate(("other", "release")):
        policy = Policy.from_key(keys / f"{key}.pub")
        assert [item.form for item in verify_image(named, policy).signatures] == ["legacy"]
        for count in range(5):
            kind = f"https://example.org/{number}/{count}"
            assert verify_image(named, policy, predicate_type=kind).predicate_type == kind


def test_what_the_registrys_disk_changed_is_refused(host: str, folder: Path, keys: Path) -> None:
    reference = push_image(host, "rotten")
    sign_image(reference, KeySigner.from_file(keys / "release.key"), signature_format="bundle")
    place = parse_reference(reference)
    assert isinstance(place, RegistryReference)
    with Registry(place) as store:
        index = store.manifest("1.0").descriptor.digest
        attached = referrers(store, index)[0].digest
        layer = json.loads(store.manifest(attached).data)["layers"][0]["digest"]
    blob = folder / "data/docker/registry/v2/blobs/sha256"
    for digest in (layer, index):
        data = blob / digest[7:9] / digest[7:] / "data"
        data.write_bytes(data.read_bytes().replace(b"a", b"b", 1))
    with pytest.raises((RegistryError, SignatureInvalidError)) as caught:
        verify_image(reference, Policy.from_key(keys / "release.pub"))
    assert caught.value.code in ("registry-corrupt", "registry-document", "registry")


def test_the_command_line_says_it_with_its_status(
    host: str, keys: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reference = push_image(host, "cli")
    assert main(["verify-image", reference, "--key", str(keys / "release.pub")]) == 3
    assert main(["sign-image", reference, "--key", str(keys / "release.key")]) == 0
    capsys.readouterr()
    assert main(["verify-image", reference, "--key", str(keys / "release.pub"), "--json"]) == 0
    assert sha256(b"")[:7] in capsys.readouterr().out
    assert main(["verify-image", reference, "--key", str(keys / "other.pub")]) == 3
    assert main(["verify-image", f"{host}/team/none:1", "--key", str(keys / "release.pub")]) == 1
    assert main(["verify-image", "no-reference", "--key", str(keys / "release.pub")]) == 2


# -------------------------------------------------------------------------------------- TLS and passwords


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Start a registry behind TLS by a private authority, with a password; yield both."""
    place = tmp_path_factory.mktemp("guarded")
    make_certificate(place)
    (place / "htpasswd").write_text(PASSWORD_LINE)
    settings = {
        "http": {"tls": {"certificate": str(place / "server.pem"), "key": str(place / "server.key")}},
        "auth": {"htpasswd": {"realm": "test", "path": str(place / "htpasswd")}},
    }
    found, process = serve(place, settings)
    yield found, place / "server.pem"
    process.kill()
    process.wait()


def make_certificate(place: Path) -> None:
    import datetime as dt
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "registry of a test")])
    now = dt.datetime.now(dt.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    (place / "server.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (place / "server.key").write_bytes(key.private_bytes(serialization.Encoding.PEM, form, plain))


def log_in(monkeypatch: pytest.MonkeyPatch, place: Path, host: str, password: str) -> None:
    pair = base64.b64encode(f"me:{password}".encode()).decode()
    (place / "auth.json").write_text(json.dumps({"auths": {host: {"auth": pair}}}))
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(place / "auth.json"))


def tags(host: str) -> tuple[str, ...]:
    reference = RegistryReference(host=host, repository="a/b", tag="1")
    with Registry(reference, write=True, plain_http=False, patience=1.0) as store:
        store.put_manifest(manifest_bytes(layers=(), config=push_empty(store)), IMAGE_MANIFEST, "1")
        return store.tags()


def push_empty(store: Registry) -> Descriptor:
    store.put_blob(EMPTY_BYTES, EMPTY)
    return EMPTY


def test_a_private_authority_and_a_password(
    guarded: tuple[str, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(guarded[1]))
    log_in(monkeypatch, tmp_path, guarded[0], "throw-away")
    assert tags(guarded[0]) == ("1",)


def test_a_wrong_password_is_said(
    guarded: tuple[str, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(guarded[1]))
    log_in(monkeypatch, tmp_path, guarded[0], "something-else")
    with pytest.raises(RegistryError, match="log in again") as caught:
        tags(guarded[0])
    assert caught.value.code == "registry-unauthorized"
    assert "something-else" not in str(caught.value)


def test_an_unknown_authority_is_not_trusted(guarded: tuple[str, Path]) -> None:
    with pytest.raises(RegistryError) as caught:
        tags(guarded[0])
    assert caught.value.code == "registry-unreachable"
