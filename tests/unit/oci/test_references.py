from __future__ import annotations

from pathlib import Path

import pytest

from mlpack.errors import UsageError
from mlpack.oci.references import LayoutReference, RegistryReference, is_loopback, parse_reference

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("r.example/a/b:1.0", RegistryReference(host="r.example", repository="a/b", tag="1.0")),
        ("r.example/a", RegistryReference(host="r.example", repository="a", tag="latest")),
        ("localhost/a:x", RegistryReference(host="localhost", repository="a", tag="x")),
        ("host:5000/a:x", RegistryReference(host="host:5000", repository="a", tag="x")),
        ("[::1]:5000/a:x", RegistryReference(host="[::1]:5000", repository="a", tag="x")),
        (f"r.example/a:t@{DIGEST}", RegistryReference(host="r.example", repository="a", digest=DIGEST)),
        ("oci:some/dir", LayoutReference(path=Path("some/dir"))),
        ("oci:/dir:v1", LayoutReference(path=Path("/dir"), tag="v1")),
        (f"oci:dir@{DIGEST}", LayoutReference(path=Path("dir"), digest=DIGEST)),
    ],
)
def test_references_are_parsed(text: str, expected: object) -> None:
    assert parse_reference(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain",
        "team/app:1",
        "r.example/",
        "r.example/A:1",
        "r.example/a//b:1",
        "r.example/../b:1",
        "r.example/a:",
        "r.example/a:1+2",
        "r.example/a@sha256:abc",
        "r.example/a@sha512:" + "a" * 128,
        "user@r.example/a:1",
        "https://r.example/a:1",
        "r.example/a?x=1",
        "r.example/a:" + "x" * 129,
        "oci:",
        "oci:dir:bad tag",
    ],
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_reference(text)


@pytest.mark.parametrize("host", ["localhost", "localhost:5000", "127.0.0.1:1", "127.9.9.9", "[::1]:5000"])
def test_loopback_is_known(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", ["r.example", "10.0.0.1", "localhost.example", "127.0.0.1.example", "[::2]:1"]
)
def test_other_hosts_are_not_loopback(host: str) -> None:
    assert not is_loopback(host)
