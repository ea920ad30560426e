from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest

from mlpack.errors import RegistryError
from mlpack.oci.attaching import own_tag, own_tags, subject_tag
from mlpack.oci.descriptors import IMAGE_INDEX, IMAGE_MANIFEST, Descriptor, manifest_bytes, sha256
from mlpack.oci.documents import json_bytes
from mlpack.oci.registry import Registry
from mlpack.oci.stores import add_referrer, referrers

Start = Callable[..., Any]
KIND = "application/vnd.example.note"
SUBJECT_BYTES = manifest_bytes(layers=())
SUBJECT = Descriptor.of(SUBJECT_BYTES, IMAGE_MANIFEST)


def client(fake: Any) -> Registry:  # noqa: ANN401
    registry: Registry = fake.client()
    return registry


def note(text: str) -> bytes:
    return manifest_bytes(
        artifact_type=KIND, layers=(), subject=SUBJECT, annotations={"org.example.text": text}
    )


def fallback(fake: Any) -> dict[str, Any]:  # noqa: ANN401
    entries = json.loads(fake.manifests[fake.tags[subject_tag(SUBJECT.digest)]][1])["manifests"]
    return {entry["digest"]: entry for entry in entries}


def test_a_registry_with_the_api_keeps_the_list(start_registry: Start) -> None:
    fake = start_registry(referrers_api=True)
    entry = add_referrer(client(fake), note("one"), SUBJECT.digest)
    assert not fake.tags
    assert [item.digest for item in referrers(client(fake), SUBJECT.digest, KIND)] == [entry.digest]


def test_an_api_that_does_not_note_the_subject_is_helped(
    start_registry: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = start_registry(referrers_api=True)
    registry = client(fake)
    listed = registry.listed_referrers(SUBJECT.digest)
    fake.referrers_api = False  # answers lists, but does not send OCI-Subject
    monkeypatch.setattr(registry, "listed_referrers", lambda _: listed)
    add_referrer(registry, note("one"), SUBJECT.digest)
    assert sha256(note("one")) in fallback(fake)


def test_the_fallback_index_has_the_real_type_and_all_annotations(start_registry: Start) -> None:
    fake = start_registry()
    add_referrer(client(fake), note("one"), SUBJECT.digest)
    entry = fallback(fake)[sha256(note("one"))]
    assert entry["artifactType"] == KIND
    assert entry["annotations"] == {"org.example.text": "one"}


def test_each_attachment_has_a_tag_of_its_own(start_registry: Start) -> None:
    fake = start_registry()
    for text in ("one", "two"):
        add_referrer(client(fake), note(text), SUBJECT.digest)
    assert {fake.tags[tag] for tag in own_tags(client(fake), SUBJECT.digest)} == {
        sha256(note("one")),
        sha256(note("two")),
    }


def test_attaching_twice_changes_nothing(start_registry: Start) -> None:
    fake = start_registry()
    add_referrer(client(fake), note("one"), SUBJECT.digest)
    before = dict(fake.tags)
    add_referrer(client(fake), note("one"), SUBJECT.digest)
    assert fake.tags == before


def put_foreign(fake: Any, text: str, *, keep: bool) -> str:  # noqa: ANN401
    """Do what another client does: push by digest, then rewrite the index."""
    data = note(text)
    fake.manifests[sha256(data)] = (IMAGE_MANIFEST, data)
    tag = subject_tag(SUBJECT.digest)
    entries = list(fallback(fake).values()) if keep and tag in fake.tags else []
    entries.append({"mediaType": IMAGE_MANIFEST, "digest": sha256(data), "size": len(data)})
    index = json_bytes({"schemaVersion": 2, "mediaType": IMAGE_INDEX, "manifests": entries})
    fake.manifests[sha256(index)] = (IMAGE_INDEX, index)
    fake.tags[tag] = sha256(index)
    return sha256(data)


def test_foreign_entries_stay(start_registry: Start) -> None:
    fake = start_registry()
    foreign = put_foreign(fake, "theirs", keep=False)
    add_referrer(client(fake), note("ours"), SUBJECT.digest)
    assert set(fallback(fake)) == {foreign, sha256(note("ours"))}


def test_what_a_foreign_writer_drops_is_still_found_and_comes_back(start_registry: Start) -> None:
    fake = start_registry()
    add_referrer(client(fake), note("ours"), SUBJECT.digest)
    foreign = put_foreign(fake, "theirs", keep=False)
    found = {item.digest for item in referrers(client(fake), SUBJECT.digest)}
    assert found == {foreign, sha256(note("ours"))}
    add_referrer(client(fake), note("more"), SUBJECT.digest)
    assert set(fallback(fake)) == {foreign, sha256(note("ours")), sha256(note("more"))}


def test_a_writer_that_comes_in_between_loses_nothing(start_registry: Start) -> None:
    fake = start_registry()

    def intrude(wanted: str) -> None:
        # Between our reading of the index and our writing of it, somebody else does the whole thing.
        if wanted == subject_tag(SUBJECT.digest):
            add_referrer(client(fake), note("other"), SUBJECT.digest)
        else:
            fake.before_put = intrude

    fake.before_put = intrude
    add_referrer(client(fake), note("ours"), SUBJECT.digest)
    assert set(fallback(fake)) == {sha256(note("ours")), sha256(note("other"))}


def test_concurrent_writers_lose_nothing(start_registry: Start) -> None:
    fake = start_registry()
    failures: list[BaseException] = []

    def write(number: int) -> None:
        try:
            for count in range(5):
                add_referrer(client(fake), note(f"{number}.{count}"), SUBJECT.digest)
        except BaseException as error:  # noqa: BLE001
            failures.append(error)

    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert not failures
    assert len(fallback(fake)) == 20


def test_an_entry_whose_manifest_is_gone_does_not_block(start_registry: Start) -> None:
    fake = start_registry()
    gone = put_foreign(fake, "gone", keep=False)
    del fake.manifests[gone]
    add_referrer(client(fake), note("ours"), SUBJECT.digest)
    assert set(fallback(fake)) == {sha256(note("ours"))}


def test_something_else_under_the_tag_is_not_overwritten(start_registry: Start) -> None:
    fake = start_registry()
    fake.manifests[SUBJECT.digest] = (IMAGE_MANIFEST, SUBJECT_BYTES)
    fake.tags[subject_tag(SUBJECT.digest)] = SUBJECT.digest
    with pytest.raises(RegistryError, match="expected the index"):
        add_referrer(client(fake), note("ours"), SUBJECT.digest)
    assert fake.tags[subject_tag(SUBJECT.digest)] == SUBJECT.digest


def test_tags_of_own_fit_and_keep_families_apart(start_registry: Start) -> None:
    fake = start_registry()
    plain, other = own_tag(SUBJECT.digest, SUBJECT.digest), own_tag(SUBJECT.digest, SUBJECT.digest, "sig")
    assert len(other) <= 128
    fake.tags |= dict.fromkeys([plain, other, subject_tag(SUBJECT.digest) + ".sig"], SUBJECT.digest)
    assert own_tags(client(fake), SUBJECT.digest) == (plain,)
    assert own_tags(client(fake), SUBJECT.digest, "sig") == (other,)
