"""Opening a bundle without asking who made it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from mlpack.errors import FormatError, StorageError, UnsupportedVersionError
from mlpack.format.opening import inspect, read_hashed

Write = Callable[[Mapping[str, bytes]], Path]


def test_a_bundle_says_what_it_is(files: dict[str, bytes], lay: Write) -> None:
    bundle = inspect(lay(files))
    assert (bundle.name, bundle.version, bundle.signed, bundle.wheels, bundle.attestations) == (
        *("tiny", "1.0.0", False, 0, 0),
    )
    assert bundle.size == sum(len(data) for data in files.values())


def test_the_location_does_not_matter(files: dict[str, bytes], lay: Write, tmp_path: Path) -> None:
    folder = lay(files)
    digest = inspect(folder).digest
    assert inspect(folder.rename(tmp_path / "elsewhere")).digest == digest


def test_a_text_path_will_do(files: dict[str, bytes], store: Write) -> None:
    assert inspect(str(store(files))).name == "tiny"


def test_nothing_there_is_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError) as caught:
        inspect(tmp_path / "nothing")
    assert caught.value.hint == "check the path"


def test_a_refusal_counts_and_names_its_problems(files: dict[str, bytes], lay: Write) -> None:
    with pytest.raises(FormatError, match=r"not an intact bundle: 2 problem\(s\)") as caught:
        inspect(lay({**files, "a": b"", "b": b""}))
    assert len(caught.value.problems) == 2


def test_a_newer_bundle_asks_for_a_newer_reader(files: dict[str, bytes], lay: Write) -> None:
    files["manifest.json"] = files["manifest.json"].replace(b'"version": "1.0"', b'"version": "3.0"')
    with pytest.raises(UnsupportedVersionError) as caught:
        inspect(lay(files))
    assert caught.value.hint == "use a newer mlpack to read this bundle"


def test_an_empty_folder_is_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="SHA256SUMS: missing"):
        inspect(tmp_path)


def test_a_file_is_hashed_again_when_it_is_read(files: dict[str, bytes], lay: Write) -> None:
    folder = lay(files)
    bundle = inspect(folder)
    (folder / "README.md").write_bytes(b"#" * len(files["README.md"]))
    with pytest.raises(FormatError, match="has changed"):
        bundle.read("README.md")


@pytest.mark.parametrize("path", ["nope", "SHA256SUMS", "../x", ""])
def test_only_listed_files_are_read(path: str, files: dict[str, bytes], lay: Write) -> None:
    with pytest.raises(FormatError, match="not a file of this bundle"):
        inspect(lay(files)).read(path)


def test_a_limit_holds_for_reading(files: dict[str, bytes], lay: Write) -> None:
    bundle = inspect(lay(files))
    with pytest.raises(FormatError, match="more than the 3 allowed"):
        read_hashed(bundle.path, "README.md", bundle.checksums, limit=3)


def test_a_notebook_shows_the_digest(files: dict[str, bytes], lay: Write) -> None:
    bundle = inspect(lay(files))
    assert bundle.digest in bundle._repr_html_()
