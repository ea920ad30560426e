from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlpack.errors import RegistryError, StorageError
from mlpack.oci.descriptors import IMAGE_MANIFEST, Descriptor, manifest_bytes, sha256
from mlpack.oci.references import RegistryReference
from mlpack.oci.registry import Registry

Start = Callable[..., Any]
DATA = bytes(range(256)) * 5000
BLOB = Descriptor.of(DATA, "application/octet-stream")
MANIFEST = manifest_bytes(layers=())


def filled(start: Start, **behaviour: object) -> Any:  # noqa: ANN401
    fake = start(**behaviour)
    fake.blobs[BLOB.digest] = DATA
    fake.manifests[sha256(MANIFEST)] = (IMAGE_MANIFEST, MANIFEST)
    fake.tags["1"] = sha256(MANIFEST)
    return fake


def test_a_blob_goes_up_in_one_request(start_registry: Start) -> None:
    fake = start_registry()
    assert fake.client().put_blob(DATA, BLOB) == "sent"
    assert fake.blobs[BLOB.digest] == DATA
    assert not fake.asked("PATCH")


def test_a_blob_that_is_there_is_not_sent_again(start_registry: Start) -> None:
    fake = filled(start_registry)
    assert fake.client().put_blob(DATA, BLOB) == "present"
    assert not fake.asked("POST")


def test_a_blob_of_another_repository_is_mounted(start_registry: Start) -> None:
    fake = filled(start_registry)
    fake.faults.append(("HEAD", "blobs", 404))
    assert fake.client().put_blob(DATA, BLOB, mount_from="other/repo") == "mounted"
    assert not fake.asked("PUT")


def test_a_large_blob_goes_up_in_pieces(start_registry: Start, tmp_path: Path) -> None:
    fake = start_registry()
    (tmp_path / "blob").write_bytes(DATA)
    fake.client(chunk_size=500_000).put_blob(tmp_path / "blob", BLOB)
    assert fake.blobs[BLOB.digest] == DATA
    assert [item["Content-Range"] for item in fake.asked("PATCH")] == [
        "0-499999",
        "500000-999999",
        "1000000-1279999",
    ]


def test_pieces_resume_where_the_registry_stands(start_registry: Start) -> None:
    fake = start_registry(faults=[("PATCH", "state=3", 0), ("PATCH", "state=5", 0)])
    fake.client(chunk_size=300_000).put_blob(DATA, BLOB)
    assert fake.blobs[BLOB.digest] == DATA
    assert len(fake.asked("GET", "uploads")) >= 1


@pytest.mark.parametrize("fault", [0, 503])
def test_an_upload_that_breaks_starts_anew(start_registry: Start, fault: int) -> None:
    fake = start_registry(faults=[("PUT", "uploads", fault)])
    assert fake.client().put_blob(DATA, BLOB) == "sent"
    assert len(fake.asked("POST")) == 2


def test_an_absolute_location_of_an_upload_works(start_registry: Start) -> None:
    fake = start_registry()
    fake.location_prefix = f"http://{fake.host}"
    fake.client().put_blob(DATA, BLOB)
    assert fake.blobs[BLOB.digest] == DATA


def test_a_file_that_changed_since_is_not_completed(start_registry: Start, tmp_path: Path) -> None:
    fake = start_registry()
    (tmp_path / "blob").write_bytes(DATA[:-1] + b"x")
    with pytest.raises(RegistryError) as caught:
        fake.client().put_blob(tmp_path / "blob", BLOB)
    assert caught.value.code == "registry-corrupt"
    assert not fake.blobs


def test_a_file_that_became_shorter_is_not_completed(start_registry: Start, tmp_path: Path) -> None:
    fake = start_registry()
    (tmp_path / "blob").write_bytes(DATA[:-1])
    with pytest.raises(StorageError):
        fake.client().put_blob(tmp_path / "blob", BLOB)
    assert not fake.blobs


def test_a_blob_comes_down_whole(start_registry: Start) -> None:
    assert b"".join(filled(start_registry).client().blob_chunks(BLOB)) == DATA


def test_a_download_that_breaks_goes_on_where_it_broke(start_registry: Start) -> None:
    fake = filled(start_registry, cut_after=700_000)
    assert b"".join(fake.client().blob_chunks(BLOB)) == DATA
    assert fake.asked("GET", "blobs")[1]["Range"].startswith("bytes=")


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-1],
        lambda data: data + b"x",
        lambda data: data[:1000] + bytes([data[1000] ^ 1]) + data[1001:],
        lambda _: b"",
    ],
    ids=["truncated", "longer", "one bit", "empty"],
)
def test_a_damaged_blob_is_refused(start_registry: Start, damage: Callable[[bytes], bytes]) -> None:
    fake = filled(start_registry, damage=damage)
    with pytest.raises(RegistryError) as caught:
        list(fake.client().blob_chunks(BLOB))
    assert caught.value.code == "registry-corrupt"


def test_a_manifest_that_lacks_its_digest_is_refused(start_registry: Start) -> None:
    fake = filled(start_registry, damage=lambda data: data + b" ")
    for wanted in ("1", sha256(MANIFEST)):
        with pytest.raises(RegistryError) as caught:
            fake.client().manifest(wanted)
        assert caught.value.code == "registry-corrupt"


def test_a_manifest_is_read_up_to_a_limit(start_registry: Start) -> None:
    fake = filled(start_registry, damage=lambda data: data + b" " * 5_000_000)
    with pytest.raises(RegistryError, match="sent more than 4194304 bytes"):
        fake.client().manifest("1")


def test_a_manifest_that_is_not_there_is_named(start_registry: Start) -> None:
    with pytest.raises(RegistryError) as caught:
        start_registry().client().manifest("9")
    assert caught.value.code == "registry-not-found"


def test_a_web_page_is_not_taken_for_a_manifest(start_registry: Start) -> None:
    fake = filled(start_registry)
    fake.manifests[sha256(MANIFEST)] = ("text/html", b"<html>log in</html>")
    with pytest.raises(RegistryError, match="web page"):
        fake.client().manifest("1")


def test_tags_are_read_over_several_pages(start_registry: Start) -> None:
    fake = filled(start_registry, page=2)
    fake.tags |= dict.fromkeys(["2", "3", "4", "5"], sha256(MANIFEST))
    assert fake.client().tags() == ("1", "2", "3", "4", "5")


def test_a_busy_registry_is_asked_again(start_registry: Start) -> None:
    fake = filled(start_registry, faults=[("GET", "manifests", 503), ("GET", "manifests", 429)])
    assert fake.client().manifest("1").data == MANIFEST


def test_patience_ends(start_registry: Start) -> None:
    fake = filled(start_registry, faults=[("GET", "manifests", 503)] * 50)
    with pytest.raises(RegistryError) as caught:
        fake.client(patience=0.5).manifest("1")
    assert caught.value.code == "registry-unavailable"


def test_a_host_that_does_not_answer_is_named() -> None:
    reference = RegistryReference(host="127.0.0.1:1", repository="a/b", tag="1")
    with Registry(reference, patience=0.1) as registry, pytest.raises(RegistryError) as caught:
        registry.manifest("1")
    assert caught.value.code == "registry-unreachable"
    assert caught.value.where == "127.0.0.1:1"


def test_redirects_of_blobs_are_followed_without_credentials(
    start_registry: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = filled(start_registry)
    fake = filled(start_registry, basic="me:secret", redirect_blobs=f"http://{storage.host}")
    (tmp_path / "auth.json").write_text(json.dumps({"auths": {fake.host: {"auth": "bWU6c2VjcmV0"}}}))
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(tmp_path / "auth.json"))
    assert b"".join(fake.client().blob_chunks(BLOB)) == DATA
    assert all("Authorization" not in headers for _, _, headers in storage.requests)
    assert storage.requests


def test_a_redirect_to_plain_http_elsewhere_is_refused(start_registry: Start) -> None:
    fake = filled(start_registry, redirect_blobs="http://storage.example")
    with pytest.raises(RegistryError, match="not reached over TLS"):
        list(fake.client().blob_chunks(BLOB))


def test_redirects_do_not_go_round_for_ever(start_registry: Start) -> None:
    fake = filled(start_registry)
    fake.redirect_blobs = f"http://{fake.host}"
    with pytest.raises(RegistryError, match="more than 5 times"):
        list(fake.client().blob_chunks(BLOB))


def test_another_machine_is_spoken_to_over_tls_only() -> None:
    reference = RegistryReference(host="registry.example", repository="a/b", tag="1")
    with Registry(reference) as registry:
        assert registry._transport.url("tags/list").startswith("https://")
    with Registry(reference, plain_http=True) as registry:
        assert registry._transport.url("tags/list").startswith("http://")
