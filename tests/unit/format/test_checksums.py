"""SHA256SUMS, in the one form that is accepted."""

from __future__ import annotations

import hashlib

import pytest

from mlpack.errors import FormatError, UnsafePathError
from mlpack.format import names
from mlpack.format.checksums import bundle_digest, parse_checksums, serialise_checksums

A, B = "a" * 64, "b" * 64
GOOD = f"{A}  README.md\n{B}  model/model.onnx\n".encode()


def test_lines_are_sorted_by_bytes() -> None:
    written = serialise_checksums({"a/b": A, "a.b": A, "Z": A, "a-b": A})
    assert [line.split("  ")[1] for line in written.decode().splitlines()] == ["Z", "a-b", "a.b", "a/b"]


def test_what_is_written_is_read() -> None:
    digests = {"model/model.onnx": B, "README.md": A}
    assert serialise_checksums(digests) == GOOD
    assert parse_checksums(GOOD) == digests


def test_the_digest_is_the_hash_of_the_file() -> None:
    assert bundle_digest(GOOD) == "bundle:sha256:" + hashlib.sha256(GOOD).hexdigest()


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"", "does not end"),
        (GOOD[:-1], "does not end"),
        (GOOD + b"\n", "line 3"),
        (b"\n" + GOOD, "line 1"),
        (GOOD.replace(b"\n", b"\r\n"), "line 1"),
        (GOOD.replace(b"a" * 64, b"A" * 64), "line 1"),
        (GOOD.replace(b"a" * 64, b"a" * 63), "line 1"),
        (GOOD.replace(b"a" * 64, b"g" * 64), "line 1"),
        (GOOD.replace(b"  ", b" *"), "line 1"),
        (GOOD.replace(b"  ", b" "), "line 1"),
        (GOOD.replace(b"  ", b"   "), "line 1"),
        (GOOD.replace(b"  ", b"\t"), "line 1"),
        (GOOD.replace(b"README.md", b"README.md "), "line 1"),
        (GOOD.replace(b"README.md", b"./README.md"), "line 1"),
        (GOOD.replace(b"README.md", b"/README.md"), "line 1"),
        (GOOD.replace(b"README.md", b"../x"), "line 1"),
        (b"\\" + GOOD, "line 1"),
        (b"# comment\n" + GOOD, "line 1"),
        (b"".join(reversed(GOOD.splitlines(keepends=True))), "line 2: not sorted"),
        (GOOD[:76] + GOOD, "line 2: not sorted, or listed twice"),
        (GOOD.replace(b"READ", b"\xc3\xa9"), "not ASCII"),
        (GOOD.replace(b"READ", b"\0"), "line 1"),
        (b"\xef\xbb\xbf" + GOOD, "not ASCII"),
    ],
)
def test_any_other_form_is_refused(data: bytes, word: str) -> None:
    with pytest.raises(FormatError, match=word):
        parse_checksums(data)


def test_paths_that_collide_are_unsafe() -> None:
    with pytest.raises(UnsafePathError, match="only by case"):
        parse_checksums(f"{A}  Readme\n{A}  readme\n".encode())


def test_too_many_files_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlpack.format.checksums.MAX_FILES", 1)
    with pytest.raises(FormatError, match="more than 1 files"):
        parse_checksums(GOOD)
    assert names.MAX_FILES == 100_000
