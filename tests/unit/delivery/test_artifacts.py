"""Bundles in layouts: same bytes whoever pushes them, same verdict in every form, hostile ones refused."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import mlpack
from mlpack._cli.main import main
from mlpack.delivery.artifacts import PushedBundle, pull, push
from mlpack.errors import (
    ContentMismatchError,
    FormatError,
    RegistryError,
    SignatureInvalidError,
    StorageError,
    TargetExistsError,
    UntrustedSignerError,
    UsageError,
    VerificationError,
)
from mlpack.format.layers import layer_bytes
from mlpack.format.writer import write_copy
from mlpack.oci.documents import json_bytes
from mlpack.runtime.notices import UnsignedWarning
from mlpack.trust import attest, countersign
from mlpack.trust.keys import KeySigner, generate_key
from mlpack.trust.policy import Policy
from mlpack.trust.rules import Require, Threshold
from mlpack.trust.signer_rules import SignerRule

MakeBundle = Callable[..., Path]
TEST_RESULT = "https://in-toto.io/attestation/test-result/v0.1"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    generate_key(folder / "release")
    generate_key(folder / "other")
    return folder


@pytest.fixture
def signer(keys: Path) -> KeySigner:
    return KeySigner.from_file(keys / "release.key")


@pytest.fixture
def policy(keys: Path) -> Policy:
    return Policy.from_key(keys / "release.pub")


@pytest.fixture(autouse=True)
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def original(
    tmp_path_factory: pytest.TempPathFactory, make_bundle: MakeBundle, keys: Path
) -> tuple[Path, PushedBundle]:
    """Return a folder with a signed bundle and a layout that holds it; tests work on copies."""
    folder = tmp_path_factory.mktemp("original")
    (folder / "made").mkdir()
    bundle = make_bundle(folder / "made")
    signer = KeySigner.from_file(keys / "release.key")
    mlpack.sign(bundle, signer)
    attest(bundle, {"result": "PASSED"}, signer, type="test-result")
    return folder, push(bundle, f"oci:{folder}/store:1.2.0")


@pytest.fixture
def signed(original: tuple[Path, PushedBundle], tmp_path: Path) -> Path:
    shutil.copytree(original[0] / "made", tmp_path / "made")
    return next((tmp_path / "made").iterdir())


@pytest.fixture
def pushed(original: tuple[Path, PushedBundle], tmp_path: Path) -> PushedBundle:
    shutil.copytree(original[0] / "store", tmp_path / "store")
    return original[1]


def tar(*arguments: str) -> None:
    subprocess.run(["tar", *arguments], check=True)  # noqa: S607  (whichever tar there is)


def contents(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


# ------------------------------------------------------------------------------------------ push and pull


def test_the_same_bundle_gives_the_same_layout_whatever_its_form(signed: Path) -> None:
    first = push(signed, "oci:one:1")
    archive = pull("oci:one:1", "out", policy=mlpack.Policy.from_digest(first.bundle)).path
    second = push(archive, "oci:two:1")
    third = push("oci:one:1", "oci:three:1")
    assert first.digest == second.digest == third.digest
    assert contents(Path("one/blobs")) == contents(Path("two/blobs")) == contents(Path("three/blobs"))


def test_directory_archive_and_layout_get_the_same_verdict(
    signed: Path, pushed: PushedBundle, policy: Policy
) -> None:
    with tarfile.open("store.tar", "w", format=tarfile.USTAR_FORMAT) as archive:
        archive.add("store", arcname=".")
    archive_of_bundle = pull("oci:store:1.2.0", "out", policy=policy).path
    verdicts = []
    for form in (signed, archive_of_bundle, "oci:store:1.2.0", "oci:store", "oci:store.tar:1.2.0"):
        verified = mlpack.verify(form, policy)
        rules = [(rule.rule, rule.status, rule.why) for rule in verified.rules]
        types = [item.type for item in verified.attestations]
        verdicts.append((verified.digest, dict(verified.files), verified.signers, rules, types))
    assert all(verdict == verdicts[0] for verdict in verdicts)
    assert pushed.bundle == verdicts[0][0]


@pytest.mark.parametrize("layout", ["archive", "directory"])
def test_a_pulled_bundle_is_the_pushed_one(
    signed: Path,
    pushed: PushedBundle,
    policy: Policy,
    layout: Any,  # noqa: ANN401  (two words)
) -> None:
    pulled = pull("oci:store:1.2.0", "out", policy=policy, layout=layout)
    assert pulled.path == Path("out").absolute() / f"churn-1.2.0{'.mlpack' if layout == 'archive' else ''}"
    assert mlpack.verify(pulled.path, policy).digest == pushed.bundle
    if layout == "directory":
        assert contents(pulled.path) == contents(signed)
    assert list(Path("out").absolute().iterdir()) == [pulled.path]  # nothing beside it


def test_pulling_without_a_policy_warns(pushed: PushedBundle) -> None:
    with pytest.warns(UnsignedWarning):
        assert pull("oci:store", "out", policy=mlpack.UNSIGNED).digest == pushed.bundle


def test_a_refused_bundle_leaves_nothing(pushed: PushedBundle, keys: Path) -> None:
    with pytest.raises(UntrustedSignerError):
        pull("oci:store:1.2.0", "out", policy=Policy.from_key(keys / "other.pub"))
    assert not Path("out").exists()
    assert pushed.attached


def test_an_existing_bundle_is_replaced_only_on_request(pushed: PushedBundle, policy: Policy) -> None:
    pull("oci:store", "out", policy=policy)
    with pytest.raises(TargetExistsError):
        pull("oci:store", "out", policy=policy)
    assert pull("oci:store", "out", policy=policy, overwrite=True).digest == pushed.bundle


def test_a_tag_moves_only_on_request(pushed: PushedBundle, tmp_path: Path, make_bundle: MakeBundle) -> None:
    (tmp_path / "other").mkdir()
    other = make_bundle(tmp_path / "other", version="1.3.0")
    with pytest.raises(TargetExistsError):
        push(other, "oci:store:1.2.0")
    assert mlpack.inspect("oci:store:1.2.0").digest == pushed.bundle
    assert push(other, "oci:store:1.2.0", overwrite=True).bundle == mlpack.inspect("oci:store:1.2.0").digest


def test_a_new_version_shares_the_layers_that_stayed(
    pushed: PushedBundle, tmp_path: Path, make_bundle: MakeBundle
) -> None:
    (tmp_path / "next").mkdir()
    again = push(make_bundle(tmp_path / "next", version="1.3.0"), "oci:store:1.3.0")
    assert 0 < again.sent < pushed.layers


def test_the_config_follows_the_model_spec(pushed: PushedBundle) -> None:
    manifest = json.loads(blob(pushed.digest.removeprefix("manifest:")))
    assert manifest["artifactType"] == "application/vnd.cncf.model.manifest.v1+json"
    assert manifest["config"]["mediaType"] == "application/vnd.cncf.model.config.v1+json"
    config = json.loads(blob(manifest["config"]["digest"]))
    assert set(config) == {"descriptor", "config", "modelfs"}
    assert set(config["descriptor"]) <= {"name", "version", "licenses"}
    assert config["modelfs"]["type"] == "layers"
    for layer, diff_id in zip(manifest["layers"], config["modelfs"]["diffIds"], strict=True):
        plain = gzip.decompress(blob(layer["digest"]))
        assert diff_id == "sha256:" + hashlib.sha256(plain).hexdigest()


@pytest.mark.parametrize("reference", ["nothing", "oci:", f"oci:store@sha256:{'0' * 64}"])
def test_push_needs_a_place_by_tag(signed: Path, reference: str) -> None:
    with pytest.raises(UsageError):
        push(signed, reference)


def test_a_push_without_a_tag_takes_the_version(signed: Path) -> None:
    push(signed, "oci:store")
    assert mlpack.inspect("oci:store:1.2.0").version == "1.2.0"


def test_pull_takes_layouts_only(signed: Path) -> None:
    with pytest.raises(UsageError):
        pull(str(signed), "out", policy=mlpack.UNSIGNED)


# -------------------------------------------------------------------------------- signing inside a layout


def test_a_bundle_is_signed_where_it_lies(
    tmp_path: Path, make_bundle: MakeBundle, signer: KeySigner, policy: Policy, keys: Path
) -> None:
    push(make_bundle(tmp_path), "oci:store:1")
    with pytest.raises(SignatureInvalidError):
        mlpack.verify("oci:store:1", policy)
    mlpack.sign("oci:store:1", signer)
    assert mlpack.verify("oci:store:1", policy).signer is not None
    with pytest.raises(TargetExistsError):
        mlpack.sign("oci:store:1", signer)
    mlpack.sign("oci:store:1", KeySigner.from_file(keys / "other.key"), overwrite=True)
    with pytest.raises(UntrustedSignerError):
        mlpack.verify("oci:store:1", policy)
    with pytest.raises(UsageError):
        mlpack.sign("oci:store:1", signer, output="elsewhere")


def test_attestations_and_countersignatures_are_attached(
    tmp_path: Path, make_bundle: MakeBundle, signer: KeySigner, keys: Path
) -> None:
    other = KeySigner.from_file(keys / "other.key")
    push(make_bundle(tmp_path), "oci:store:1")
    mlpack.sign("oci:store:1", signer)
    countersign("oci:store:1", other)
    attest("oci:store:1", {"result": "PASSED"}, other, type="test-result")
    both = Policy(
        id="both",
        signers=(SignerRule(name="a", key=signer.public_key), SignerRule(name="b", key=other.public_key)),
        threshold=Threshold(k=2, of=("a", "b")),
        require=(Require(type=TEST_RESULT, signers=("b",)),),
    )
    assert len(mlpack.verify("oci:store:1", both).signers) == 2


def test_an_archive_of_a_layout_takes_no_signature(pushed: PushedBundle, signer: KeySigner) -> None:
    tar("cf", "store.tar", "-C", "store", ".")
    with pytest.raises(UsageError, match="archive"):
        mlpack.sign("oci:store.tar:1.2.0", signer, overwrite=True)
    assert pushed.attached


# ------------------------------------------------------------------------------------------ hostile layouts


def blob(digest: str) -> bytes:
    return Path("store/blobs/sha256", digest.removeprefix("sha256:")).read_bytes()


def put(data: bytes, media_type: str) -> dict[str, Any]:
    digest = hashlib.sha256(data).hexdigest()
    Path("store/blobs/sha256", digest).write_bytes(data)
    return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}


def remade(pushed: PushedBundle, change: Callable[[dict[str, Any], dict[str, Any]], object]) -> None:
    """Write the artifact anew, with every digest right, after changing its manifest or config."""
    old = pushed.digest.removeprefix("manifest:")
    manifest = json.loads(blob(old))
    config = json.loads(blob(manifest["config"]["digest"]))
    change(manifest, config)
    if "config" in manifest:
        manifest["config"] = {**put(json_bytes(config), manifest["config"]["mediaType"])}
    entry = put(json_bytes(manifest), "application/vnd.oci.image.manifest.v1+json")
    index = json.loads(Path("store/index.json").read_text())
    for item in index["manifests"]:
        if item["digest"] == old:
            item.update(entry)
    Path("store/index.json").write_text(json.dumps(index))
    move_attached(old, entry)


def move_attached(old: str, entry: dict[str, Any]) -> None:
    """Attach to the new artifact what was attached to the old one."""
    index = json.loads(Path("store/index.json").read_text())
    for item in index["manifests"]:
        document = json.loads(blob(item["digest"]))
        if document.get("subject", {}).get("digest") == old:
            document["subject"] = entry
            item.update(put(json_bytes(document), item["mediaType"]))
    Path("store/index.json").write_text(json.dumps(index))


def layer_of(files: dict[str, bytes]) -> dict[str, Any]:
    data = b"".join(piece for piece, _ in layer_bytes([(path, len(x), [x]) for path, x in files.items()]))
    return put(data, "application/vnd.cncf.model.weight.v1.tar+gzip")


def plain_of(layer: dict[str, Any]) -> str:
    return "sha256:" + hashlib.sha256(gzip.decompress(blob(layer["digest"]))).hexdigest()


def add_layer(manifest: dict[str, Any], config: dict[str, Any], layer: dict[str, Any]) -> None:
    manifest["layers"].append(layer)
    config["modelfs"]["diffIds"].append(plain_of(layer))


def recompressed(manifest: dict[str, Any], _: dict[str, Any]) -> None:
    """The same tar, really compressed: another reader would accept it, ours knows one form."""
    old = manifest["layers"][1]
    manifest["layers"][1] = put(gzip.compress(gzip.decompress(blob(old["digest"]))), old["mediaType"])


def misnamed(manifest: dict[str, Any], _: dict[str, Any]) -> None:
    """Store a good layer under a name that is not its digest."""
    layer = manifest["layers"][0]
    Path("store/blobs/sha256", "0" * 64).write_bytes(blob(layer["digest"]))
    layer["digest"] = "sha256:" + "0" * 64


HOSTILE: dict[str, Callable[[dict[str, Any], dict[str, Any]], object]] = {
    "another artifact type": lambda m, _: m.update(artifactType="application/vnd.example"),
    "no artifact type": lambda m, _: m.pop("artifactType"),
    "another config type": lambda m, _: m["config"].update(mediaType="application/vnd.example"),
    "no config": lambda m, _: m.pop("config"),
    "a manifest that is an index too": lambda m, _: m.update(manifests=[]),
    "schema version 1": lambda m, _: m.update(schemaVersion=1),
    "a layer less": lambda m, _: m["layers"].pop(),
    "a layer and its diff id less": lambda m, c: (m["layers"].pop(), c["modelfs"]["diffIds"].pop()),
    "a layer twice": lambda m, c: add_layer(m, c, m["layers"][0]),
    "a layer too many": lambda m, c: add_layer(m, c, layer_of({"extra.txt": b"1"})),
    "a file replaced by a later layer": lambda m, c: add_layer(m, c, layer_of({"manifest.json": b"{}"})),
    "a signature in a layer": lambda m, c: add_layer(m, c, layer_of({"model.sig": b"{}"})),
    "an attestation in a layer": lambda m, c: add_layer(m, c, layer_of({"attestations/x": b"{}"})),
    "a path that climbs": lambda m, c: add_layer(m, c, layer_of({"../../x": b"1"})),
    "an absolute path": lambda m, c: add_layer(m, c, layer_of({"/etc/x": b"1"})),
    "another layer type": lambda m, _: m["layers"][0].update(
        mediaType="application/vnd.oci.image.layer.v1.tar"
    ),
    "another layer size": lambda m, _: m["layers"][0].update(size=m["layers"][0]["size"] + 1),
    "a huge layer size": lambda m, _: m["layers"][0].update(size=2**62),
    "a negative layer size": lambda m, _: m["layers"][0].update(size=-1),
    "a digest that climbs": lambda m, _: m["layers"][0].update(digest="sha256:../../../../etc/passwd"),
    "another hash": lambda m, _: m["layers"][0].update(digest="sha512:" + "0" * 128),
    "a layer that is missing": lambda m, _: m["layers"][0].update(digest="sha256:" + "0" * 64),
    "another diff id": lambda _, c: c["modelfs"]["diffIds"].__setitem__(0, "sha256:" + "0" * 64),
    "no diff ids": lambda _, c: c["modelfs"].pop("diffIds"),
    "layers in numbers": lambda m, _: m.update(layers=[1, 2]),
    "no layers": lambda m, c: (m.update(layers=[]), c["modelfs"].update(diffIds=[])),
    "compressed anew": recompressed,
    "a layer under another name": misnamed,
}


@pytest.mark.parametrize("what", list(HOSTILE))
def test_a_hostile_artifact_is_refused(pushed: PushedBundle, policy: Policy, what: str) -> None:
    remade(pushed, lambda *_: None)
    assert mlpack.verify("oci:store:1.2.0", policy).digest == pushed.bundle
    remade(pushed, HOSTILE[what])
    with pytest.raises(VerificationError):
        mlpack.verify("oci:store:1.2.0", policy)
    with pytest.raises(FormatError):
        mlpack.inspect("oci:store:1.2.0")


@pytest.mark.parametrize(
    "index",
    [
        b"",
        b"[]",
        b"{",
        b'{"manifests":1}',
        b'{"manifests":[1]}',
        b'{"manifests":[{"digest":"x","mediaType":"y","size":1}]}',
        b'{"manifests":[],"manifests":[]}',
        b'{"manifests":' + b"[" * 100_000,
    ],
)
def test_a_hostile_index_is_refused(pushed: PushedBundle, policy: Policy, index: bytes) -> None:
    Path("store/index.json").write_bytes(index)
    with pytest.raises(ContentMismatchError):
        mlpack.verify("oci:store:1.2.0", policy)
    assert pushed.attached


@pytest.mark.parametrize("name", ["index.json", "oci-layout", "layer", "manifest"])
def test_what_is_no_plain_file_is_refused(pushed: PushedBundle, policy: Policy, name: str) -> None:
    manifest = pushed.digest.removeprefix("manifest:")
    layer = json.loads(blob(manifest))["layers"][0]["digest"]
    blobs = Path("store/blobs/sha256")
    names = {"layer": blobs / layer[7:], "manifest": blobs / manifest[7:]}
    path = names.get(name, Path("store", name))
    path.rename("elsewhere")
    for make in (lambda: os.mkfifo(path), lambda: path.symlink_to(Path("elsewhere").absolute()), path.mkdir):
        make()
        with pytest.raises(VerificationError):
            mlpack.verify("oci:store:1.2.0", policy)
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()


def flips(size: int) -> Iterator[int]:
    """Yield positions that cover a file: every one of a small file, some of a large one."""
    yield from range(0, size, max(1, size // 23))
    yield size - 1


def test_a_changed_byte_of_any_file_is_refused_or_passed_over(
    pushed: PushedBundle, policy: Policy, keys: Path
) -> None:
    """A damaged attachment is as good as absent; anything else is a refusal, never another verdict."""
    strict = Policy(
        id="strict",
        signers=policy.signers,
        require=(Require(type=TEST_RESULT),),
    )
    mlpack.verify("oci:store:1.2.0", strict)
    for path in sorted(Path("store/blobs/sha256").iterdir()):
        good = path.read_bytes()
        if good == b"{}":
            continue  # the empty config of attachments, which nobody reads
        for position in flips(len(good)):
            data = bytearray(good)
            data[position] ^= 1
            path.write_bytes(data)
            with pytest.raises(VerificationError):
                mlpack.verify("oci:store:1.2.0", strict)
        path.write_bytes(good)
    mlpack.verify("oci:store:1.2.0", strict)
    assert keys.is_dir()
    assert pushed.layers


def test_junk_that_somebody_attached_changes_nothing(pushed: PushedBundle, policy: Policy) -> None:
    before = mlpack.verify("oci:store:1.2.0", policy)
    subject = next(
        item
        for item in json.loads(Path("store/index.json").read_text())["manifests"]
        if item["digest"] == pushed.digest.removeprefix("manifest:")
    )
    kind = "application/vnd.dev.sigstore.bundle.v0.3+json"
    index = json.loads(Path("store/index.json").read_text())
    for number, junk in enumerate((b"junk", b"{}", b'{"a":1,"a":2}', b"[]")):
        for title in ("model.sig", "attestations/x", "../../x"):
            layers = [put(junk, kind)] * (1 + number % 2)
            document = {
                "schemaVersion": 2,
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "artifactType": kind,
                "config": put(b"{}", "application/vnd.oci.empty.v1+json"),
                "layers": layers,
                "subject": {key: subject[key] for key in ("mediaType", "digest", "size")},
                "annotations": {"org.opencontainers.image.title": title, "n": str(number)},
            }
            index["manifests"].insert(0, put(json_bytes(document), document["mediaType"]))  # type: ignore[arg-type]
    index["manifests"].append({"mediaType": "text/plain", "digest": "sha256:" + "1" * 64, "size": 1})
    Path("store/index.json").write_text(json.dumps(index))
    after = mlpack.verify("oci:store:1.2.0", policy)
    assert (after.digest, after.signers) == (before.digest, before.signers)


def test_a_tag_that_moves_after_verification_changes_nothing(
    pushed: PushedBundle, policy: Policy, tmp_path: Path, make_bundle: MakeBundle
) -> None:
    verified = mlpack.verify("oci:store:1.2.0", policy)
    good = verified.read("manifest.json")
    (tmp_path / "next").mkdir()
    push(make_bundle(tmp_path / "next", version="6.6.6"), "oci:store:1.2.0", overwrite=True)
    assert verified.read("manifest.json") == good
    assert pushed.bundle == verified.digest


def test_bytes_that_change_after_verification_are_refused(pushed: PushedBundle, policy: Policy) -> None:
    verified = mlpack.verify("oci:store:1.2.0", policy)
    manifest = json.loads(blob(pushed.digest.removeprefix("manifest:")))
    for layer in manifest["layers"]:
        path = Path("store/blobs/sha256", layer["digest"][7:])
        path.write_bytes(path.read_bytes().replace(b"age", b"ega"))
    with pytest.raises(ContentMismatchError):
        verified.read("contract.json")


@pytest.mark.parametrize(
    ("place", "kind"),
    [
        ("oci:none", StorageError),
        ("oci:store:9", StorageError),
        ("oci:store@sha256:" + "0" * 64, StorageError),
        ("oci:made", StorageError),
        ("oci:store:-", StorageError),
    ],
)
def test_what_is_not_there_is_said(
    pushed: PushedBundle, policy: Policy, place: str, kind: type[Exception]
) -> None:
    with pytest.raises(kind):
        mlpack.verify(place, policy)
    assert pushed.attached


def test_several_bundles_need_a_tag(
    pushed: PushedBundle, policy: Policy, tmp_path: Path, make_bundle: MakeBundle
) -> None:
    (tmp_path / "next").mkdir()
    push(make_bundle(tmp_path / "next", version="2.0.0"), "oci:store:2.0.0")
    with pytest.raises(StorageError, match="name a tag"):
        mlpack.verify("oci:store", policy)
    assert pushed.attached


def test_a_folder_with_other_things_becomes_no_layout(signed: Path) -> None:
    with pytest.raises(RegistryError):
        push(signed, f"oci:{signed}:1")


@pytest.mark.parametrize("damage", ["kind", "twice", "size", "checksum", "junk"])
def test_a_hostile_archive_of_a_layout_is_refused(pushed: PushedBundle, policy: Policy, damage: str) -> None:
    tar("cf", "s.tar", "--format=ustar", "-C", "store", "index.json", "oci-layout", "blobs")
    assert mlpack.verify("oci:s.tar:1.2.0", policy).digest == pushed.bundle
    data = bytearray(Path("s.tar").read_bytes())
    if damage == "kind":
        tar("cf", "s.tar", "--format=gnu", "-C", "store", ".", "--transform", f"s/^/{'x' * 120}/")
    elif damage == "twice":
        with tarfile.open("s.tar", "a", format=tarfile.USTAR_FORMAT) as archive:
            archive.add("store/index.json", arcname="index.json")
    elif damage == "size":
        data[124:135] = b"77777777777"
        Path("s.tar").write_bytes(data)
    elif damage == "checksum":
        data[0] ^= 1
        Path("s.tar").write_bytes(data)
    else:
        Path("s.tar").write_bytes(b"junk" * 300)
    with pytest.raises(VerificationError):
        mlpack.verify("oci:s.tar:1.2.0", policy)


# ------------------------------------------------------------------------------------------------------ CLI


def test_the_command_line_pushes_verifies_and_pulls(
    signed: Path, keys: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = str(keys / "release.pub")
    assert main(["push", str(signed), "oci:lay:1"]) == 0
    assert "bundle:sha256:" in capsys.readouterr().out
    assert main(["verify", "oci:lay:1", "--key", key]) == 0
    assert main(["inspect", "oci:lay"]) == 0
    assert main(["pull", "oci:lay:1", "--key", key, "--output", "got"]) == 0
    assert Path("got/churn-1.2.0.mlpack").is_file()
    assert main(["pull", "oci:lay:1", "--key", str(keys / "other.pub"), "--output", "bad"]) == 3
    assert main(["pull", "oci:none:1", "--key", key]) == 1
    assert main(["push", str(signed), "nowhere"]) == 2
    shutil.rmtree("lay")


def test_what_changes_while_it_is_copied_does_not_land(
    pushed: PushedBundle, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    def swapped(*arguments: Any, **options: Any) -> None:  # noqa: ANN401  (those of write_copy)
        write_copy(*arguments, **options)
        target = arguments[2]
        target.write_bytes(target.read_bytes().replace(b"age", b"ega"))

    monkeypatch.setattr("mlpack.delivery.artifacts.write_copy", swapped)
    with pytest.raises(VerificationError):
        pull("oci:store:1.2.0", "out", policy=policy)
    assert list(Path("out").iterdir()) == []
    assert pushed.attached


def test_ten_thousand_entries_for_one_blob_cost_little(pushed: PushedBundle, policy: Policy) -> None:
    """An index is small; what it makes one read must not be thousands of times as much."""
    index = json.loads(Path("store/index.json").read_text())
    subject = next(item for item in index["manifests"] if "annotations" in item)
    kind = "application/vnd.dev.sigstore.bundle.v0.3+json"
    big = put(b"[" + b"[]," * 400_000 + b"1]", kind)
    config = put(b"{}", "application/vnd.oci.empty.v1+json")
    entries = []
    for number in range(300):
        document = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "artifactType": kind,
            "config": config,
            "layers": [big],
            "subject": {key: subject[key] for key in ("mediaType", "digest", "size")},
            "annotations": {"n": str(number)},
        }
        entries.append(put(json_bytes(document), "application/vnd.oci.image.manifest.v1+json"))
    index["manifests"] += entries * 30
    Path("store/index.json").write_text(json.dumps(index))
    begin = time.process_time()
    assert mlpack.verify("oci:store:1.2.0", policy).digest == pushed.bundle
    assert time.process_time() - begin < 10
