"""Files, SHA256SUMS and manifest must agree; every finding is named."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from mlpack.format.integrity import Integrity, check_integrity, stored_order
from mlpack.format.tree import open_tree

Write = Callable[[Mapping[str, bytes]], Path]


def check(place: Path) -> Integrity:
    with open_tree(place) as tree:
        return check_integrity(tree)


def test_an_intact_bundle_has_no_problem(files: dict[str, bytes], lay: Write) -> None:
    assert check(lay(files)).problems == ()


def test_the_digest_is_the_same_in_both_forms(files: dict[str, bytes], lay: Write, store: Write) -> None:
    assert check(lay(files)).digest == check(store(files)).digest


def test_every_problem_is_named(files: dict[str, bytes], lay: Write) -> None:
    del files["model/model.onnx"]
    files["README.md"] = b"#" * len(files["README.md"])
    files["more"] = b""
    folder = lay(files)
    (folder / "link").symlink_to("more")
    problems = "\n".join(check(folder).problems)
    for word in (
        "'link': a symbolic link",
        "model/model.onnx: listed",
        "more: not listed",
        "README.md: contents",
    ):
        assert word in problems


def test_a_file_of_another_size_is_not_hashed(files: dict[str, bytes], lay: Write) -> None:
    folder = lay(files)
    with (folder / "README.md").open("r+b") as file:
        file.truncate(2**42)  # four terabytes of nothing: reading them would take an hour
    (problem,) = check(folder).problems
    assert problem == f"README.md: {len(files['README.md'])} bytes by manifest.json, found {2**42}"


def test_order_is_that_of_a_stream_to_verify() -> None:
    paths = ["wheels/a.whl", "README.md", "manifest.json", "attestations/b", "model.sig", "SHA256SUMS", "A"]
    assert stored_order(paths) == [
        *("SHA256SUMS", "model.sig", "attestations/b", "manifest.json", "A", "README.md", "wheels/a.whl")
    ]


def test_attestations_have_a_limit(files: dict[str, bytes], lay: Write) -> None:
    for number in range(101):
        data = str(number).encode()
        files[f"attestations/{hashlib.sha256(data).hexdigest()}.sigstore.json"] = data
    assert check(lay(files)).problems == ("attestations/: 101 files, at most 100 allowed",)


def test_a_wheel_that_changes_while_it_is_read_is_a_problem(files: dict[str, bytes], lay: Write) -> None:
    path = "wheels/numpy-2.4.0-py3-none-any.whl"
    folder = lay({**files, path: b"these bytes stand for a wheel\n"})
    with open_tree(folder) as tree:
        (folder / path).write_bytes(b"")
        (problem,) = check_integrity(tree).problems
    assert "changed while it was read" in problem


@pytest.mark.parametrize("data", [b"", b"\xff", b"[]", b'{"format": {"version": "9.0", "requires": []}}'])
def test_an_unusable_manifest_is_none(data: bytes, files: dict[str, bytes], lay: Write) -> None:
    found = check(lay({**files, "manifest.json": data}))
    assert found.manifest is None
    assert (found.newer is not None) == (b"9.0" in data)


def test_problems_are_single_visible_lines(files: dict[str, bytes], lay: Write) -> None:
    data = b'{"\\u001b[31m\\n": 1, ' + files["manifest.json"][1:]
    assert all(problem.isprintable() for problem in check(lay({**files, "manifest.json": data})).problems)
