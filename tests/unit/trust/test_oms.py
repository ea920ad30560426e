from __future__ import annotations

import contextlib
import hashlib
import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from mlpack.errors import SignatureInvalidError
from mlpack.trust.oms import IGNORED, build_statement, parse_statement

DIGESTS = {path: hashlib.sha256(path.encode()).hexdigest() for path in ("a/b", "a.bin", "SHA256SUMS")}
STATEMENT = build_statement("churn-1.2.0", DIGESTS)


def changed(change: Callable[[dict[str, Any]], object]) -> bytes:
    document = json.loads(STATEMENT)
    change(document)
    return json.dumps(document).encode()


def reroot(document: dict[str, Any]) -> None:
    raw = b"".join(bytes.fromhex(item["digest"]) for item in document["predicate"]["resources"])
    document["subject"][0]["digest"]["sha256"] = hashlib.sha256(raw).hexdigest()


def test_the_statement_is_the_published_form() -> None:
    document = json.loads(STATEMENT)
    assert document["_type"] == "https://in-toto.io/Statement/v1"
    assert document["predicateType"] == "https://model_signing/signature/v1.0"
    assert document["predicate"]["serialization"] == {
        "method": "files",
        "hash_type": "sha256",
        "allow_symlinks": False,
        "ignore_paths": [
            "model.sig", "attestations", "wheels", ".git", ".gitattributes", ".github", ".gitignore",
        ],
    }  # fmt: skip


def test_resources_are_sorted_by_code_point() -> None:
    names = [item["name"] for item in json.loads(STATEMENT)["predicate"]["resources"]]
    assert names == ["SHA256SUMS", "a.bin", "a/b"]


def test_the_root_digest_covers_the_raw_digests_in_order() -> None:
    raw = b"".join(bytes.fromhex(DIGESTS[name]) for name in ("SHA256SUMS", "a.bin", "a/b"))
    assert json.loads(STATEMENT)["subject"] == [
        {"name": "churn-1.2.0", "digest": {"sha256": hashlib.sha256(raw).hexdigest()}}
    ]


def test_the_order_of_the_input_does_not_matter() -> None:
    assert build_statement("churn-1.2.0", dict(reversed(DIGESTS.items()))) == STATEMENT


def test_what_was_built_parses() -> None:
    statement = parse_statement(STATEMENT)
    assert (statement.subject, dict(statement.resources)) == ("churn-1.2.0", DIGESTS)


def test_the_order_of_the_reference_implementation_is_accepted() -> None:
    def by_component(document: dict[str, Any]) -> None:
        document["predicate"]["resources"].sort(key=lambda item: item["name"].split("/"))
        reroot(document)

    data = changed(by_component)
    assert [item["name"] for item in json.loads(data)["predicate"]["resources"]] == [
        "SHA256SUMS",
        "a/b",
        "a.bin",
    ]
    assert dict(parse_statement(data).resources) == DIGESTS


def test_the_ignore_list_may_stand_in_another_order() -> None:
    data = changed(lambda d: d["predicate"]["serialization"]["ignore_paths"].reverse())
    assert parse_statement(data).subject == "churn-1.2.0"


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.update(_type="https://in-toto.io/Statement/v0.1"),
        lambda d: d.update(predicateType="https://model_signing/signature/v1.1"),
        lambda d: d.update(predicateType="https://model_signing/Digests/v0.1"),
        lambda d: d.update(predicateType="https://cyclonedx.org/bom"),
        lambda d: d.update(extra=1),
        lambda d: d.update(subject=[]),
        lambda d: d.update(subject=d["subject"] * 2),
        lambda d: d["subject"][0].update(uri="x"),
        lambda d: d["subject"][0].pop("name"),
        lambda d: d["subject"][0]["digest"].update(sha512="x"),
        lambda d: d["subject"][0]["digest"].update(sha256="0" * 64),
        lambda d: d["predicate"].update(extra=1),
        lambda d: d["predicate"]["serialization"].update(method="shards"),
        lambda d: d["predicate"]["serialization"].update(hash_type="blake2b"),
        lambda d: d["predicate"]["serialization"].update(allow_symlinks=True),
        lambda d: d["predicate"]["serialization"].update(allow_symlinks="false"),
        lambda d: d["predicate"]["serialization"].update(shard_size=1),
        lambda d: d["predicate"]["serialization"].pop("ignore_paths"),
        lambda d: d["predicate"]["serialization"].update(ignore_paths=[*IGNORED, "model"]),
        lambda d: d["predicate"]["serialization"].update(ignore_paths=[*IGNORED, "wheels"]),
        lambda d: d["predicate"]["serialization"].update(ignore_paths=[*IGNORED[:-1], "."]),
        lambda d: d["predicate"]["serialization"].update(ignore_paths=list(IGNORED[:-1])),
    ],
)
def test_every_departure_from_the_profile_is_refused(change: Callable[[dict[str, Any]], object]) -> None:
    with pytest.raises(SignatureInvalidError, match=r"model\.sig statement"):
        parse_statement(changed(change))


@pytest.mark.parametrize(
    "change",
    [
        lambda r: r.clear(),
        lambda r: r.append(dict(r[-1])),
        lambda r: r.append({**r[-1], "digest": "0" * 64}),
        lambda r: r.reverse(),
        lambda r: r[0].update(algorithm="blake3"),
        lambda r: r[0].update(digest=r[0]["digest"].upper()),
        lambda r: r[0].update(digest=r[0]["digest"] + "00"),
        lambda r: r[0].update(annotations={}),
        lambda r: r[0].update(name="./SHA256SUMS"),
        lambda r: r[0].update(name="../SHA256SUMS"),
        lambda r: r[0].update(name="/SHA256SUMS"),
        lambda r: r[0].update(name="A//B"),
        lambda r: r[0].update(name="A*"),
        lambda r: r[0].update(name="A\\B"),
        lambda r: r[0].update(name=""),
        lambda r: r[0].update(name=7),
        lambda r: r[0].update(name="A" * 300),
        lambda r: r[0].update(name="\ud800"),
        lambda r: r.insert(0, "SHA256SUMS"),
    ],
)
def test_every_unsafe_resource_is_refused_even_under_a_fitting_root(
    change: Callable[[list[dict[str, Any]]], object],
) -> None:
    def apply(document: dict[str, Any]) -> None:
        change(document["predicate"]["resources"])
        with contextlib.suppress(TypeError, ValueError):
            reroot(document)

    with pytest.raises(SignatureInvalidError, match=r"resources|sha256|surrogate"):
        parse_statement(changed(apply))


@pytest.mark.parametrize("data", [b"", b"null", b"{}", b"[]", b"\xff", STATEMENT + b"x", b"{" * 100_000])
def test_every_malformed_statement_is_refused(data: bytes) -> None:
    with pytest.raises(SignatureInvalidError):
        parse_statement(data)


def test_duplicate_keys_are_refused() -> None:
    with pytest.raises(SignatureInvalidError, match="twice"):
        parse_statement(b'{"_type":"x",' + STATEMENT[1:])


def test_twenty_thousand_resources_are_quick() -> None:
    digests = {f"model/shard-{index:05}.bin": f"{index:064x}" for index in range(20_000)}
    start = time.process_time()
    parse_statement(build_statement("churn-1.2.0", digests))
    assert time.process_time() - start < 1.5, "generous: it takes about 0.1 s"
