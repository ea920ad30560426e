"""manifest.json: what a schema cannot say."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mlpack.errors import FormatError, UnsupportedVersionError
from mlpack.format.manifest import Manifest

Document = dict[str, Any]


@pytest.fixture
def document(files: dict[str, bytes]) -> Document:
    found: Document = json.loads(files["manifest.json"])
    return found


def read(document: Document) -> Manifest:
    return Manifest.from_bytes(json.dumps(document).encode())


def test_what_is_read_is_written_the_same(files: dict[str, bytes]) -> None:
    assert Manifest.from_bytes(files["manifest.json"]).to_bytes() == files["manifest.json"]


def test_the_folder_is_name_and_version(document: Document) -> None:
    assert read(document).folder == "tiny-1.0.0"


@pytest.mark.parametrize("version", ["2.0", "0.9", "10.0"])
def test_another_major_version_needs_another_reader(document: Document, version: str) -> None:
    document["format"]["version"] = version
    with pytest.raises(UnsupportedVersionError, match=version) as caught:
        read(document)
    assert "newer mlpack" in caught.value.hint


@pytest.mark.parametrize(
    "version",
    ["1", "1.0.0", "1.", ".0", "v1.0", "1.-1", "1.0\n", "1.\u0660", "01.0", "1.00", "1." + "9" * 30],
)
def test_an_odd_version_is_refused(document: Document, version: str) -> None:  # fmt: skip
    document["format"]["version"] = version
    with pytest.raises(FormatError, match=r"MAJOR\.MINOR"):
        read(document)


def test_a_feature_of_the_future_is_named(document: Document) -> None:
    document["format"]["requires"] = ["onnx", "telepathy"]
    with pytest.raises(UnsupportedVersionError, match="telepathy"):
        read(document)


def test_features_are_sorted(document: Document, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlpack.format.manifest.KNOWN_FEATURES", ("onnx", "code"))
    document["format"]["requires"] = ["onnx", "code"]
    with pytest.raises(FormatError, match="sorted"):
        read(document)


PLACES = [(), ("format",), ("model",), ("model", "framework"), ("files", "README.md")]


@pytest.mark.parametrize("place", PLACES, ids=".".join)
def test_an_unknown_field_is_refused_in_the_same_minor_version(
    document: Document, place: tuple[str, ...]
) -> None:
    inner = document
    for key in place:
        inner = inner[key]
    inner["colour"] = "red"
    with pytest.raises(FormatError, match="colour: unknown field"):
        read(document)


@pytest.mark.parametrize("place", PLACES, ids=".".join)
def test_an_unknown_field_of_a_newer_minor_version_is_skipped_and_reported(
    document: Document, place: tuple[str, ...]
) -> None:
    document["format"]["version"] = "1.1"
    inner = document
    for key in place:
        inner = inner[key]
    inner["colour"] = "red"
    (ignored,) = read(document).ignored
    assert ignored.endswith(".colour")


def test_a_newer_minor_version_without_news_is_read(document: Document) -> None:
    document["format"]["version"] = "1.1"
    assert read(document).ignored == ()


def test_the_model_path_names_a_model(document: Document) -> None:
    document["model"]["path"] = "README.md"
    with pytest.raises(FormatError, match="no file with role 'model'"):
        read(document)


def test_one_finds_the_only_file_of_a_role(document: Document) -> None:
    assert read(document).one("lock") == "environment/pylock.toml"


def test_one_refuses_a_role_that_is_played_twice(document: Document) -> None:
    document["files"]["README.md"]["role"] = "lock"
    with pytest.raises(FormatError, match="found 2"):
        read(document).one("lock")
