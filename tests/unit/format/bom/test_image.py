"""The BOM of an image: what Debian says is installed, beside what the bundle says of itself."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mlpack.errors import PackError
from mlpack.format.bom.document import finished
from mlpack.format.bom.image import ImageSubject, build_image_bom
from mlpack.format.bom.parts import Part

MODEL = {"type": "machine-learning-model", "bom-ref": "model:churn@1", "name": "churn", "version": "1"}
BUNDLE = finished(
    Part(component=MODEL, needs={"file:model.onnx"}, known="incomplete"),
    [Part(component={"type": "file", "bom-ref": "file:model.onnx", "name": "model.onnx"})],
    "1.6",
)
STATUS = """\
Package: libc6
Status: install ok installed
Maintainer: GNU Libc Maintainers <debian-glibc@lists.debian.org>
Architecture: amd64
Source: glibc
Version: 2.36-9+deb12u10
Depends: libgcc-s1, libcrypt1 (>= 1:4.4) | missing
Description: GNU C Library
 Depends: this is a line of the description

Package: libgcc-s1
Status: install ok installed
Architecture: amd64
Version: 12.2.0-14
Provides: libgcc1 (= 1:12.2.0-14)
Pre-Depends: libc6 (>= 2.35)

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1

Package: tool
Status: install ok installed
Architecture: all
Version: 1:2~rc1
Depends: absent | libgcc1, python3:any
"""
RELEASE = 'PRETTY_NAME="Debian"\nID=debian\nVERSION_ID="12"\n'
IMAGE = ImageSubject(name="team/churn", version="1", digest="sha256:" + "0a" * 32, platform="linux/amd64")


@pytest.fixture(scope="module")
def document() -> Any:  # noqa: ANN401  (JSON)
    return json.loads(build_image_bom(IMAGE, BUNDLE, status=STATUS, os_release=RELEASE))


def url(name: str, version: str, arch: str = "amd64") -> str:
    return f"pkg:deb/debian/{name}@{version}?arch={arch}&distro=debian-12"


C, GCC = url("libc6", "2.36-9%2Bdeb12u10"), url("libgcc-s1", "12.2.0-14")
TOOL = url("tool", "1:2~rc1", "all")


def test_the_image_is_the_subject_and_the_model_a_part(document: Any) -> None:  # noqa: ANN401
    main = document["metadata"]["component"]
    assert (main["type"], main["hashes"][0]["content"]) == ("container", "0a" * 32)
    assert {"model:churn@1", "file:model.onnx"} < {item["bom-ref"] for item in document["components"]}


def test_installed_packages_only(document: Any) -> None:  # noqa: ANN401
    assert {item["bom-ref"] for item in document["components"] if "deb" in item.get("purl", "")} == {
        C,
        GCC,
        TOOL,
    }


def test_edges_follow_alternatives_and_what_is_provided(document: Any) -> None:  # noqa: ANN401
    edges = {item["ref"]: item["dependsOn"] for item in document["dependencies"]}
    assert (edges[C], edges[GCC], edges[TOOL]) == ([GCC], [C], [GCC])
    assert edges["image:team/churn"] == sorted(["model:churn@1", TOOL])


def test_a_supplier_only_where_one_is_stated(document: Any) -> None:  # noqa: ANN401
    suppliers = {item["bom-ref"]: item.get("supplier") for item in document["components"]}
    assert suppliers[C] == {"name": "GNU Libc Maintainers"}
    assert suppliers[GCC] is None


def test_the_same_bytes_every_time() -> None:
    first = build_image_bom(IMAGE, BUNDLE, status=STATUS, os_release=RELEASE)
    assert first == build_image_bom(IMAGE, BUNDLE, status=STATUS, os_release=RELEASE)


def test_a_digest_that_is_none_is_refused() -> None:
    with pytest.raises(PackError, match="sha256"):
        build_image_bom(
            ImageSubject(name="x", version="1", digest="latest"), BUNDLE, status="", os_release=""
        )


def test_no_system_packages_at_all() -> None:
    found = json.loads(build_image_bom(ImageSubject(name="x", version="1"), BUNDLE, status="", os_release=""))
    assert len(found["components"]) == 2
