from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from mlpack.errors import RegistryError
from mlpack.oci.descriptors import IMAGE_MANIFEST, Descriptor, manifest_bytes, sha256
from mlpack.oci.layout import Layout
from mlpack.oci.references import LayoutReference
from mlpack.oci.stores import add_referrer, referrers

MANIFEST = manifest_bytes(layers=())
NOTE = manifest_bytes(
    artifact_type="application/vnd.example.note",
    layers=(),
    subject=Descriptor.of(MANIFEST, IMAGE_MANIFEST),
)
BLOB = Descriptor.of(b"content", "application/octet-stream")


def layout(path: Path, *, write: bool = True) -> Layout:
    return Layout(LayoutReference(path=path / "layout"), write=write)


def test_a_tag_leads_to_the_same_bytes(tmp_path: Path) -> None:
    layout(tmp_path).put_manifest(MANIFEST, IMAGE_MANIFEST, "1.0")
    assert layout(tmp_path, write=False).manifest("1.0").data == MANIFEST
    assert layout(tmp_path, write=False).manifest(sha256(MANIFEST)).data == MANIFEST
    assert layout(tmp_path, write=False).tags() == ("1.0",)


def test_a_tag_moves(tmp_path: Path) -> None:
    store = layout(tmp_path)
    store.put_manifest(MANIFEST, IMAGE_MANIFEST, "1.0")
    store.put_manifest(NOTE, IMAGE_MANIFEST, "1.0")
    assert store.manifest("1.0").data == NOTE


def test_without_a_tag_the_only_thing_is_meant(tmp_path: Path) -> None:
    store = layout(tmp_path)
    store.put_manifest(MANIFEST, IMAGE_MANIFEST, "1.0")
    add_referrer(store, NOTE, sha256(MANIFEST))
    assert store.manifest("").data == MANIFEST


def test_referrers_are_found(tmp_path: Path) -> None:
    store = layout(tmp_path)
    store.put_manifest(MANIFEST, IMAGE_MANIFEST, "1.0")
    add_referrer(store, NOTE, sha256(MANIFEST))
    assert [item.digest for item in referrers(store, sha256(MANIFEST))] == [sha256(NOTE)]
    assert not referrers(store, sha256(MANIFEST), "application/vnd.example.other")


def test_blobs_come_back(tmp_path: Path) -> None:
    store = layout(tmp_path)
    assert store.put_blob(b"content", BLOB) == "sent"
    assert store.put_blob(b"content", BLOB) == "present"
    assert store.blob(BLOB, limit=100) == b"content"


def test_a_blob_that_is_not_what_it_is_said_to_be_is_not_stored(tmp_path: Path) -> None:
    store = layout(tmp_path)
    with pytest.raises(RegistryError):
        store.put_blob(b"others!", BLOB)
    assert not store.has_blob(BLOB.digest)
    assert not list((tmp_path / "layout/blobs/sha256").iterdir())


def test_changed_files_are_refused(tmp_path: Path) -> None:
    store = layout(tmp_path)
    store.put_manifest(MANIFEST, IMAGE_MANIFEST, "1.0")
    store.put_blob(b"content", BLOB)
    for file in (tmp_path / "layout/blobs/sha256").iterdir():
        file.write_bytes(file.read_bytes() + b" ")
    for wanted in ("1.0", sha256(MANIFEST)):
        with pytest.raises(RegistryError):
            store.manifest(wanted)
    with pytest.raises(RegistryError):
        store.blob(BLOB, limit=100)


def test_several_things_must_be_told_apart(tmp_path: Path) -> None:
    store = layout(tmp_path)
    store.put_manifest(MANIFEST, IMAGE_MANIFEST, "1.0")
    store.put_manifest(manifest_bytes(layers=(BLOB,)), IMAGE_MANIFEST, "2.0")
    with pytest.raises(RegistryError, match="could be meant"):
        store.manifest("")


def test_a_folder_with_other_things_does_not_become_a_layout(tmp_path: Path) -> None:
    (tmp_path / "layout").mkdir()
    (tmp_path / "layout/thesis.txt").write_text("years of work")
    with pytest.raises(RegistryError):
        layout(tmp_path)


def test_a_missing_layout_is_named(tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match="not an OCI image layout"):
        layout(tmp_path, write=False)


def test_concurrent_writers_lose_nothing(tmp_path: Path) -> None:
    store = layout(tmp_path)

    def write(number: int) -> None:
        for count in range(5):
            store.put_manifest(MANIFEST, IMAGE_MANIFEST, f"{number}.{count}")

    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert len(store.tags()) == 20


def test_the_files_are_those_of_the_specification(tmp_path: Path) -> None:
    layout(tmp_path).put_manifest(MANIFEST, IMAGE_MANIFEST, "1.0")
    index = json.loads((tmp_path / "layout/index.json").read_bytes())
    assert index["manifests"][0]["annotations"] == {"org.opencontainers.image.ref.name": "1.0"}
    assert json.loads((tmp_path / "layout/oci-layout").read_bytes()) == {"imageLayoutVersion": "1.0.0"}
