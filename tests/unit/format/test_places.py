from __future__ import annotations

from pathlib import Path

import pytest

from mlpack.errors import StorageError
from mlpack.format.places import absolute_place, layout_place

DIGEST = "sha256:" + "0" * 64


@pytest.mark.parametrize("text", ["churn.mlpack", "./oci:x", "/a/oci:b", "ocix:y"])
def test_folders_and_files_are_no_layouts(text: str) -> None:
    assert layout_place(text) is None
    assert absolute_place(text).is_absolute()


@pytest.mark.parametrize(
    ("text", "tag", "digest"),
    [("oci:d/e", "", ""), ("oci:d/e:1.0", "1.0", ""), (f"oci:d/e@{DIGEST}", "", DIGEST)],
)
def test_a_place_in_a_layout(
    text: str, tag: str, digest: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = layout_place(text)
    assert place is not None
    assert (place.path, place.tag, place.digest) == (Path("d/e"), tag, digest)
    assert str(place) == text
    monkeypatch.chdir(tmp_path)
    assert str(absolute_place(text)) == text.replace("d/e", f"{tmp_path}/d/e")


@pytest.mark.parametrize(
    "text",
    ["oci:", "oci::1", "oci:d:", "oci:d:-x", "oci:d@md5:0", f"oci:d:1@{DIGEST}", "oci:d@", "oci:d\0:1"],
)
def test_what_means_nothing_is_refused(text: str) -> None:
    with pytest.raises(StorageError):
        layout_place(text)
