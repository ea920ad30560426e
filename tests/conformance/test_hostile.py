"""Every hostile bundle is refused for the reason that its table gives, and the table is checked in."""

from __future__ import annotations

import gzip
import hashlib
import json
import runpy
from pathlib import Path
from typing import Any

import pytest

from mlpack.errors import FormatError
from mlpack.format.opening import inspect

HERE = Path(__file__).parent
HOSTILE = HERE / "hostile"
TABLE: list[dict[str, str]] = json.loads((HOSTILE / "hostile.json").read_text(encoding="ascii"))
REFUSED = [row for row in TABLE if row["code"] != "accepted"]
ACCEPTED = [row for row in TABLE if row["code"] == "accepted"]


def _archive(row: dict[str, str], folder: Path) -> Path:
    place = folder / f"{row['name']}.mlpack"
    place.write_bytes(gzip.decompress((HOSTILE / f"{row['name']}.mlpack.gz").read_bytes()))
    return place


def _unpack(archive: Path, folder: Path) -> Path:
    """Write the members as files, where that is possible, without any of the checks under test."""
    data, offset = archive.read_bytes(), 0
    while data[offset : offset + 1] != b"\0":
        block = data[offset : offset + 512]
        size = int(block[124:135], 8)
        parts = (block[345:500].rstrip(b"\0"), block[:100].rstrip(b"\0"))
        place = folder.joinpath(*(part.decode("utf-8") for part in parts))
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data[offset + 512 : offset + 512 + size])
        offset += 512 + size + -size % 512
    return folder / "tiny-1.0.0"


@pytest.mark.parametrize("row", REFUSED, ids=lambda row: row["name"])
def test_a_hostile_archive_is_refused_for_its_reason(row: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(FormatError) as caught:
        inspect(_archive(row, tmp_path))
    assert caught.value.code == row["code"]
    assert any(row["word"] in problem for problem in caught.value.problems), caught.value.problems


@pytest.mark.parametrize("row", REFUSED, ids=lambda row: row["name"])
def test_a_refusal_does_nothing_to_a_terminal(row: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(FormatError) as caught:
        inspect(_archive(row, tmp_path))
    assert all(problem.isprintable() for problem in caught.value.problems)


@pytest.mark.parametrize("row", ACCEPTED, ids=lambda row: row["name"])
def test_what_looks_odd_but_is_allowed_is_accepted(row: dict[str, str], tmp_path: Path) -> None:
    assert inspect(_archive(row, tmp_path)).name == "tiny"


PREFIXES = (
    *(
        "accepted-",
        "file-",
        "files-",
        "sums-",
        "json-",
        "contract-",
        "golden-",
        "parity-",
        "newer-",
        "wheel-",
    ),
    *("attestation-", "role-", "requires-", "method-", "describes-"),
)
"""Cases about contents, which a folder can hold as well as an archive."""

IN_FOLDERS = [
    row
    for row in TABLE
    if row["name"].startswith(PREFIXES) and row["name"] not in ("file-and-folder", "file-case")
]


@pytest.mark.parametrize("row", IN_FOLDERS, ids=lambda row: row["name"])
def test_a_folder_gets_the_verdict_of_its_archive(row: dict[str, str], tmp_path: Path) -> None:
    folder = _unpack(_archive(row, tmp_path), tmp_path)
    if row["code"] == "accepted":
        assert inspect(folder).name == "tiny"
        return
    with pytest.raises(FormatError) as caught:
        inspect(folder)
    assert caught.value.code == row["code"]
    assert any(row["word"] in problem for problem in caught.value.problems), caught.value.problems


def test_the_script_makes_the_same_cases_again() -> None:
    script: dict[str, Any] = runpy.run_path(str(HERE / "regenerate.py"))
    cases = runpy.run_path(str(HERE / "hostile.py"))["cases"](script["bundle"](), script["WHEEL"])
    assert [case.verdict() for case in cases] == TABLE


def test_every_file_is_what_the_table_says() -> None:
    found = {
        file.name.removesuffix(".mlpack.gz"): hashlib.sha256(gzip.decompress(file.read_bytes())).hexdigest()
        for file in HOSTILE.glob("*.mlpack.gz")
    }
    assert found == {row["name"]: row["sha256"] for row in TABLE}


def test_what_is_checked_in_stays_small() -> None:
    assert sum(file.stat().st_size for file in HOSTILE.iterdir()) < 500_000
