"""Bundles in a real registry: the same bytes come back, whatever breaks; other clients agree."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import random
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, cast

import pytest
from tests.registries import serve
from tests.token_server import TokenService, start_token_service

import mlpack
from mlpack._cli.main import main
from mlpack.delivery.artifacts import PushedBundle, pull, push
from mlpack.delivery.images import sign_image, verify_image
from mlpack.errors import MlpackError, RegistryError, StorageError, TargetExistsError, VerificationError
from mlpack.oci.descriptors import EMPTY, EMPTY_BYTES, Descriptor, Stored, manifest_bytes
from mlpack.oci.references import RegistryReference
from mlpack.oci.registry import Registry
from mlpack.oci.stores import add_referrer, referrers
from mlpack.trust import attest
from mlpack.trust.keys import KeySigner, generate_key
from mlpack.trust.policy import Policy

MakeBundle = Callable[..., Path]
PASSWORD_LINE = "me:$2b$04$abcdefghijklmnopqrstuuEfsxqlsG5nnIWPcTLNapNELfK8T.WbO\n"


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "no-docker"))
    monkeypatch.chdir(tmp_path)
    # Nobody waits half a minute here for a server that was killed.
    monkeypatch.setitem(cast("dict[str, Any]", Registry.__init__.__kwdefaults__), "patience", 1.0)


@contextlib.contextmanager
def registry(folder: Path, settings: dict[str, object] | None = None) -> Iterator[str]:
    host, process = serve(folder, settings or {})
    try:
        yield host
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bundles-registry")


@pytest.fixture(scope="module")
def host(folder: Path) -> Iterator[str]:
    with registry(folder) as found:
        yield found


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("keys")
    for name in ("release", "other"):
        generate_key(found / name)
    return found


@pytest.fixture(scope="module")
def policy(keys: Path) -> Policy:
    return Policy.from_key(keys / "release.pub")


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory, make_bundle: MakeBundle, keys: Path) -> Path:
    """Return a signed bundle with an attestation, and a model of a megabyte that is no pattern."""
    folder = tmp_path_factory.mktemp("signed")
    weights = random.Random(1).randbytes(1_000_000)  # noqa: S311
    bundle = make_bundle(folder, layout="archive", more={"model/weights.bin": ("model", weights)})
    signer = KeySigner.from_file(keys / "release.key")
    mlpack.sign(bundle, signer)
    attest(bundle, {"result": "PASSED"}, signer, type="test-result")
    return bundle


@pytest.fixture(scope="module")
def heavy(tmp_path_factory: pytest.TempPathFactory, make_bundle: MakeBundle, keys: Path) -> Path:
    """Return a signed bundle that no socket's buffer holds."""
    folder = tmp_path_factory.mktemp("heavy")
    bundle = make_bundle(folder, layout="archive", more={"model/weights.bin": ("model", bytes(64_000_000))})
    mlpack.sign(bundle, KeySigner.from_file(keys / "release.key"))
    return bundle


@pytest.fixture(scope="module")
def pushed(signed: Path, host: str) -> PushedBundle:
    return push(signed, f"{host}/team/churn")


def store_of(host: str, name: str = "team/churn") -> Registry:
    return Registry(RegistryReference(host=host, repository=name, tag="1.2.0"), write=True, patience=20.0)


def manifest_of(host: str, name: str = "team/churn") -> Stored:
    with store_of(host, name) as store:
        return store.manifest("1.2.0")


def bare(digest: str) -> str:
    return digest.removeprefix("manifest:")


# ---------------------------------------------------------------------------------------- there and back


def test_the_pulled_file_is_the_pushed_one(
    pushed: PushedBundle, signed: Path, policy: Policy, host: str
) -> None:
    pulled = pull(f"{host}/team/churn:1.2.0", "out", policy=policy)
    assert pulled.path.read_bytes() == signed.read_bytes()
    assert pulled.digest == pushed.bundle
    by_digest = pull(f"{host}/team/churn@{bare(pushed.digest)}", "again", policy=policy, layout="directory")
    assert mlpack.verify(by_digest.path, policy).digest == pushed.bundle
    assert [path.name for path in Path("out").iterdir()] == ["churn-1.2.0.mlpack"]


def test_a_layout_and_a_registry_hold_the_same_artifact(
    pushed: PushedBundle, signed: Path, host: str
) -> None:
    assert push(signed, "oci:store").digest == pushed.digest
    assert push("oci:store", f"{host}/team/other").digest == pushed.digest


def test_a_new_version_sends_only_what_changed(
    pushed: PushedBundle, make_bundle: MakeBundle, host: str, tmp_path: Path
) -> None:
    weights = random.Random(1).randbytes(1_000_000)  # noqa: S311
    model = {"model/weights.bin": ("model", weights)}
    fresh = make_bundle(tmp_path, version="1.3.0", more=model)
    again = push(fresh, f"{host}/team/churn")
    assert again.reference.endswith(":1.3.0")
    assert again.sent == 1  # the lists
    assert push(fresh, f"{host}/team/mounted", mount_from="team/churn").sent == 0
    assert pushed.layers == again.layers


def test_a_tag_moves_only_on_request(
    pushed: PushedBundle, make_bundle: MakeBundle, host: str, tmp_path: Path
) -> None:
    other = make_bundle(tmp_path, name="another")
    with pytest.raises(TargetExistsError):
        push(other, f"{host}/team/churn:1.2.0")
    assert manifest_of(host).descriptor.digest == bare(pushed.digest)


def test_parts_are_pulled_alone_and_nothing_loads_them(
    pushed: PushedBundle, policy: Policy, host: str
) -> None:
    part = pull(f"{host}/team/churn:1.2.0", "out", policy=policy, only=["model"])
    assert part.digest == pushed.bundle
    assert (part.path / "model/weights.bin").stat().st_size == 1_000_000
    assert not (part.path / "contract.json").exists()
    with pytest.raises(VerificationError):
        mlpack.verify(part.path, policy)


def test_what_nobody_vouches_for_is_refused_before_its_layers_are_fetched(
    pushed: PushedBundle, keys: Path, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched: list[int] = []
    original = Registry.blob_chunks

    def watch(self: Registry, descriptor: Descriptor) -> Iterator[bytes]:
        fetched.append(descriptor.size)
        return original(self, descriptor)

    monkeypatch.setattr(Registry, "blob_chunks", watch)
    with pytest.raises(VerificationError):
        pull(f"{host}/team/churn:1.2.0", "out", policy=Policy.from_key(keys / "other.pub"))
    assert max(fetched) < 100_000
    assert not Path("out").exists()
    assert pushed.layers > 2


def test_a_layout_carries_everything_over_an_air_gap(
    signed: Path, policy: Policy, keys: Path, tmp_path: Path
) -> None:
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
    with registry(tmp_path / "here") as host:
        pushed = push(signed, f"{host}/a/b")
        sign_image(f"{host}/a/b:1.2.0", KeySigner.from_file(keys / "other.key"))
        assert pull(f"{host}/a/b:1.2.0", "oci:gap", policy=policy).digest == pushed.bundle
        with store_of(host, "a/b") as store:
            attached = {item.digest for item in referrers(store, bare(pushed.digest))}
        with pytest.raises(VerificationError):
            pull(f"{host}/a/b:1.2.0", "oci:refused", policy=Policy.from_key(keys / "other.pub"))
        assert json.loads(Path("refused/index.json").read_text())["manifests"] == []
    assert mlpack.verify("oci:gap:1.2.0", policy).digest == pushed.bundle
    other = Policy.from_key(keys / "other.pub")
    assert verify_image("oci:gap:1.2.0", other).digest == pushed.digest
    with registry(tmp_path / "there") as host:
        assert push("oci:gap:1.2.0", f"{host}/c/d").digest == pushed.digest
        assert pull(f"{host}/c/d:1.2.0", "out", policy=policy).path.read_bytes() == signed.read_bytes()
        assert {item.form for item in verify_image(f"{host}/c/d:1.2.0", other).signatures} == {
            "bundle",
            "legacy",
        }
        with store_of(host, "c/d") as store:
            assert {item.digest for item in referrers(store, bare(pushed.digest))} == attached


# ------------------------------------------------------------------------------------------ other clients


def skopeo(*arguments: str) -> str:
    program = shutil.which("skopeo")
    if program is None:
        pytest.skip("skopeo is not installed")
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_skopeo_copies_the_artifact_and_the_copy_is_the_same(
    pushed: PushedBundle, host: str, policy: Policy
) -> None:
    skopeo(
        "copy",
        "--src-tls-verify=false",
        "--dest-tls-verify=false",
        f"docker://{host}/team/churn:1.2.0",
        f"docker://{host}/copied/churn:1.2.0",
    )
    copied = manifest_of(host, "copied/churn")
    assert copied.descriptor.digest == bare(pushed.digest)
    taken = pull(f"{host}/copied/churn:1.2.0", "out", policy=Policy.from_digest(pushed.bundle))
    assert taken.digest == pushed.bundle
    with pytest.raises(VerificationError):  # it does not copy what is attached
        pull(f"{host}/copied/churn:1.2.0", "other", policy=policy)


def test_the_mountable_form_is_an_image_for_two_processors(pushed: PushedBundle, host: str) -> None:
    found: dict[str, Any] = {}
    for architecture in ("amd64", "arm64"):
        select = ("--override-os=linux", f"--override-arch={architecture}")
        found = json.loads(skopeo(*select, "inspect", "--tls-verify=false", f"docker://{pushed.image}"))
        assert found["Architecture"] == architecture
        artifact = json.loads(manifest_of(host).data)
        layers = [layer["digest"] for layer in artifact["layers"]]
        assert found["Layers"][: len(layers)] == layers
    skopeo("--override-os=linux", "copy", "--src-tls-verify=false", f"docker://{pushed.image}", "dir:image")
    names: set[str] = set()
    for digest in found["Layers"]:
        listed = subprocess.run(
            ["tar", "tzf", f"image/{digest.removeprefix('sha256:')}"],  # noqa: S607
            capture_output=True,
            text=True,
            check=True,
        )
        names |= set(listed.stdout.split())
    assert {"models/SHA256SUMS", "models/model.sig", "models/model/weights.bin"} <= names
    assert all(name.startswith("models/") for name in names)


# ------------------------------------------------------------------------------------- what must not happen


def blobs(folder: Path) -> Path:
    return folder / "data/docker/registry/v2/blobs/sha256"


def test_every_byte_of_what_is_pulled_counts(
    signed: Path, policy: Policy, tmp_path: Path, keys: Path
) -> None:
    """Flip bytes on the registry's disk, in manifest, config, layers, referrers and what they name."""
    generator = random.Random(8)  # noqa: S311
    with registry(tmp_path) as host:
        push(signed, f"{host}/a/b", image=False)
        pull(f"{host}/a/b:1.2.0", "first", policy=policy)
        flipped = 0
        for path in sorted(blobs(tmp_path).rglob("data")):
            good = path.read_bytes()
            if good == EMPTY_BYTES or json_kind(good) == "application/vnd.oci.image.index.v1+json":
                continue  # nobody reads the one; the other says what our own tags say as well
            places = {0, len(good) - 1, *(generator.randrange(len(good)) for _ in range(4))}
            for place in sorted(places):
                data = bytearray(good)
                data[place] ^= 1 << generator.randrange(8)
                path.write_bytes(data)
                with pytest.raises(MlpackError):
                    pull(f"{host}/a/b:1.2.0", "out", policy=policy)
                assert not list(Path("out").iterdir()) if Path("out").exists() else True
                flipped += 1
            path.write_bytes(good)
        assert flipped > 50
        pull(f"{host}/a/b:1.2.0", "out", policy=policy)
    assert keys.is_dir()


def json_kind(data: bytes) -> str:
    try:
        document = json.loads(data)
    except ValueError:
        return ""
    return str(document.get("mediaType", "")) if isinstance(document, dict) else ""


def test_eight_writers_with_ten_attestations_each_lose_none(
    signed: Path, tmp_path: Path, policy: Policy
) -> None:
    with registry(tmp_path) as host:
        artifact = push(signed, f"{host}/a/b")
        subject = manifest_of(host, "a/b").descriptor
        failures: list[BaseException] = []
        written: list[str] = []

        def write(writer: int) -> None:
            try:
                with store_of(host, "a/b") as store:
                    for number in range(10):
                        data = manifest_bytes(
                            artifact_type="application/vnd.example.note",
                            layers=(),
                            subject=subject,
                            annotations={"org.example.note": f"{writer}/{number}"},
                        )
                        written.append(add_referrer(store, data, subject.digest).digest)
            except BaseException as error:  # noqa: BLE001  (reported by the test itself)
                failures.append(error)

        with store_of(host, "a/b") as store:
            store.put_blob(EMPTY_BYTES, EMPTY)
        writers = [threading.Thread(target=write, args=(number,)) for number in range(8)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        assert not failures
        assert len(set(written)) == 80
        index = f"{subject.digest.replace(':', '-')}"
        for collected in (False, True):
            if collected:
                command = [shutil.which("docker-registry"), "garbage-collect", "--delete-untagged"]
                subprocess.run([*command, tmp_path / "config.yml"], check=True, capture_output=True)  # type: ignore[list-item]
            with store_of(host, "a/b") as store:
                notes = {item.digest for item in referrers(store, subject.digest)}
                listed = {item["digest"] for item in json.loads(store.manifest(index).data)["manifests"]}
                assert set(written) <= notes
                assert set(written) <= listed  # what other clients read
                assert all(store.has_manifest(digest) for digest in written)
        assert pull(f"{host}/a/b:1.2.0", "out", policy=policy).digest == artifact.bundle


# ---------------------------------------------------------------------------------------- what breaks


def test_a_server_that_is_killed_in_mid_push(heavy: Path, tmp_path: Path, policy: Policy) -> None:
    host, process = serve(tmp_path, {})

    def kill(step: str, done: int, total: int) -> None:
        if step == "sending" and done > total // 4:
            process.kill()
            process.wait()

    try:
        with pytest.raises(RegistryError) as caught:
            push(heavy, f"{host}/a/b", progress=kill)
        assert caught.value.code == "registry-unreachable"
    finally:
        process.kill()
    with registry(tmp_path) as again:
        with store_of(again, "a/b") as store:
            assert store.find_manifest("1.2.0") is None
        assert push(heavy, f"{again}/a/b").layers
        assert pull(f"{again}/a/b:1.2.0", "out", policy=policy).path.read_bytes() == heavy.read_bytes()


def test_a_server_that_is_killed_in_mid_pull(heavy: Path, tmp_path: Path, policy: Policy) -> None:
    host, process = serve(tmp_path, {})
    push(heavy, f"{host}/a/b")

    def kill(step: str, done: int, total: int) -> None:
        if step == "receiving" and done > total // 4:
            process.kill()
            process.wait()

    with pytest.raises(RegistryError):
        pull(f"{host}/a/b:1.2.0", "out", policy=policy, progress=kill)
    assert not list(Path("out").iterdir())
    with registry(tmp_path) as again:
        assert pull(f"{again}/a/b:1.2.0", "out", policy=policy).path.read_bytes() == heavy.read_bytes()


class FullDisk:
    """Says that the disk is full, from a certain write on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, writes: int) -> None:
        self._left = writes
        for name in ("pwrite", "fsync"):
            monkeypatch.setattr(os, name, self._wrapped(getattr(os, name)))

    def _wrapped(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:  # noqa: ANN401
            self._left -= 1
            if self._left < 0:
                raise OSError(28, os.strerror(28))
            return original(*arguments)

        return call


@pytest.mark.parametrize(
    ("layout", "writes"),
    [("archive", 0), ("archive", 1), ("archive", 9), ("archive", 30), ("directory", 0), ("directory", 9)],
)
def test_a_full_disk_leaves_nothing(
    pushed: PushedBundle,
    policy: Policy,
    monkeypatch: pytest.MonkeyPatch,
    layout: Literal["archive", "directory"],
    writes: int,
) -> None:
    reference = pushed.reference
    with monkeypatch.context() as patched:
        FullDisk(patched, writes)
        with pytest.raises(StorageError, match="No space left"):
            pull(reference, "out", policy=policy, layout=layout)
    assert not list(Path("out").iterdir())
    assert pull(reference, "out", policy=policy).digest == pushed.bundle


# --------------------------------------------------------------------------- who may, and what is said


def log_in(monkeypatch: pytest.MonkeyPatch, place: Path, host: str, **entry: str) -> None:
    if "password" in entry:
        entry = {"auth": base64.b64encode(f"me:{entry['password']}".encode()).decode()}
    (place / "auth.json").write_text(json.dumps({"auths": {host: entry}}))
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(place / "auth.json"))


@pytest.fixture
def tokens(tmp_path: Path) -> Iterator[tuple[TokenService, str]]:
    place = tmp_path / "guarded"
    place.mkdir()
    with start_token_service() as service, registry(place, service.settings(place)) as host:
        yield service, host


def test_a_registry_with_tokens(
    tokens: tuple[TokenService, str],
    signed: Path,
    policy: Policy,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    service, host = tokens
    log_in(monkeypatch, tmp_path, host, password="throw-away")
    push(signed, f"{host}/a/b")
    assert len(service.asked) == 1  # for the right to push, from the first request on
    assert pull(f"{host}/a/b:1.2.0", "out", policy=policy).path.read_bytes() == signed.read_bytes()
    assert service.asked[-1] == ["repository:a/b:pull"]


def test_an_identity_token_is_exchanged(
    tokens: tuple[TokenService, str], signed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service, host = tokens
    service.refresh_token = "for-a-while"
    log_in(monkeypatch, tmp_path, host, identitytoken="for-a-while")
    assert push(signed, f"{host}/a/b").layers
    service.refresh_token = "another"
    with pytest.raises(RegistryError, match="log in again"):
        push(signed, f"{host}/a/b")


@pytest.mark.parametrize(
    ("login", "hint"),
    [
        ({}, "log in first"),
        ({"password": "secret-word"}, "log in again"),
        ({"registrytoken": "secret-word"}, "log in again"),
    ],
)
def test_who_may_not_is_told_what_to_do(
    tokens: tuple[TokenService, str],
    signed: Path,
    monkeypatch: pytest.MonkeyPatch,
    login: dict[str, str],
    hint: str,
) -> None:
    if login:
        log_in(monkeypatch, Path(), tokens[1], **login)
    with pytest.raises(RegistryError) as caught:
        push(signed, f"{tokens[1]}/a/b")
    assert caught.value.code == "registry-unauthorized"
    assert hint in str(caught.value)
    assert "secret-word" not in str(caught.value)


def test_what_is_missing_is_said(pushed: PushedBundle, host: str, policy: Policy) -> None:
    for reference in (f"{host}/team/none:1", f"{host}/team/churn:9", f"{host}/team/churn@sha256:{'0' * 64}"):
        with pytest.raises(RegistryError, match="check the repository") as caught:
            pull(reference, "out", policy=policy)
        assert caught.value.code == "registry-not-found"
    assert pushed.layers


def test_the_command_line(
    pushed: PushedBundle, signed: Path, keys: Path, host: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["push", str(signed), f"{host}/cli/churn"]) == 0
    assert pushed.bundle in capsys.readouterr().out
    key = str(keys / "release.pub")
    assert main(["pull", f"{host}/cli/churn:1.2.0", "--key", key, "--output", "got", "--json"]) == 0
    assert hashlib.sha256(Path("got/churn-1.2.0.mlpack").read_bytes()).digest() == (
        hashlib.sha256(signed.read_bytes()).digest()
    )
    other = str(keys / "other.pub")
    assert main(["pull", f"{host}/cli/churn:1.2.0", "--key", other, "--output", "bad"]) == 3
    assert main(["pull", f"{host}/cli/none:1.2.0", "--key", key]) == 1
    assert main(["pull", f"{host}/cli/churn:1.2.0-image", "--key", key]) == 3
    assert main(["pull", "no-reference", "--key", key]) == 2
