"""Names that may stand in a bundle, and names and versions of bundles."""

# ruff: noqa: E501  (tables have one row per case)

from __future__ import annotations

import pytest

from mlpack.errors import UsageError
from mlpack.format.names import check_name, check_version, path_problems


@pytest.mark.parametrize(
    "path",
    ["a", "model/model.onnx", "_x", "a-b+c_d.e", "0", "console", "com", "com10", "nully/x", "a" * 100, "x/" * 100 + "x"],
)  # fmt: skip
def test_a_safe_path_has_no_problem(path: str) -> None:
    assert path_problems([path]) == []


@pytest.mark.parametrize(
    "path",
    ["", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/./b", ".hidden", "-flag", "+x", "a.", "a./b", "a b",
     "a\\b", "c:x", "a\n", "\na", "a\0b", "caf\u00e9", "\u0661", "a*", "~", "$x", "con", "CON", "nul.txt", "a/Aux/b",
     "lpt1", "com0.x.y", "prn.", "a" * 101],
)  # fmt: skip
def test_an_unsafe_path_is_named(path: str) -> None:
    (problem,) = path_problems([path])
    assert problem == f"{path[:240]!r}: not a safe path"


def test_a_path_of_more_than_240_bytes_is_too_long() -> None:
    assert path_problems(["ab/" * 80 + "a"]) == [
        "'ab/ab/ab/ab/ab/ab/ab/ab/ab/ab/ab/ab/ab/a'...: longer than 240 bytes"
    ]


@pytest.mark.parametrize(
    "paths",
    [["a", "A"], ["x/a", "X/b"], ["x/y/a", "x/Y/b"], ["x/a", "X"], ["sha256sums"], ["MODEL.sig"], ["Wheels/x"],
     ["ATTESTATIONS/x"], ["Manifest.json"]],
)  # fmt: skip
def test_names_that_differ_by_case_alone_collide(paths: list[str]) -> None:
    assert "only by case" in " ".join(path_problems(paths))


@pytest.mark.parametrize("paths", [["a", "a/b"], ["a/b/c", "a/b"], ["wheels"], ["attestations"]])
def test_a_file_is_not_a_folder_too(paths: list[str]) -> None:
    assert "both a file and a folder" in " ".join(path_problems(paths))


def test_one_collision_is_reported_once() -> None:
    assert len(path_problems(["x/a", "x/b", "X/c"])) == 1


@pytest.mark.parametrize("name", ["a", "churn", "a-b", "a.b_c", "0", "a" * 64])
def test_a_name_is_returned(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize(
    "name", ["", "A", "a--b", "-a", "a-", "a/b", "a b", "a" * 65, "a\n", "\u0661", None, 1]
)
def test_an_odd_name_is_refused(name: object) -> None:
    with pytest.raises(UsageError):
        check_name(name)


@pytest.mark.parametrize(
    "version", ["1.2.0", "0", "1.0.0-rc.1", "1.0.0-0a", "1.0.0+Build.007", "1.2rc1.post2.dev3+ab.1", "2024.1"]
)
def test_a_version_is_returned(version: str) -> None:
    assert check_version(version) == version


@pytest.mark.parametrize(
    "version",
    ["", "v1", "01.2", "1.2.0-01", "1.2.", "1!2.0", "1.0-", "latest", "1.0.0\n", "1.\u0663.0", "1.0.0+\u0663", "1" * 65, 1.0],
)  # fmt: skip
def test_an_odd_version_is_refused(version: object) -> None:
    with pytest.raises(UsageError):
        check_version(version)
