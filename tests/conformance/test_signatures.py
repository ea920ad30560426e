"""Every signature vector is accepted, or refused with the code that the table gives."""

from __future__ import annotations

import json
import runpy
import shutil
from pathlib import Path
from typing import Any

import pytest

from mlpack.errors import VerificationError
from mlpack.trust import verify_signature
from mlpack.trust.proof.refusals import REFUSALS

HERE = Path(__file__).parent / "signatures"
DATA = HERE / "data"
TABLE: list[dict[str, Any]] = json.loads((DATA / "cases.json").read_text(encoding="ascii"))
PATHS = ("key", "trusted_root")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the vectors with the name that no repository can hold."""
    folder = tmp_path_factory.mktemp("signatures") / "data"
    shutil.copytree(DATA, folder)
    (folder / "model/sub/dot-git").rename(folder / "model/sub/.git")
    return folder


def _check(row: dict[str, Any], data: Path) -> str:
    arguments = {name: value for name, value in row.items() if name not in ("name", "code", "path")}
    arguments |= {name: data / arguments[name] for name in PATHS if name in arguments}
    if "certificate_roots" in arguments:
        arguments["certificate_roots"] = [data / each for each in arguments["certificate_roots"]]
    path = row["path"] if row["path"].startswith("sha256:") else data / row["path"]

    def verify() -> None:
        verify_signature(path, signature=data / f"{row['name']}.sig", **arguments)

    if not row["code"]:
        verify()
        return ""
    with pytest.raises(VerificationError) as refusal:
        verify()
    error = refusal.value
    assert type(error) is REFUSALS[error.code]
    assert "\n" not in error.message
    return error.code


@pytest.mark.parametrize("row", TABLE, ids=[row["name"] for row in TABLE])
def test_vector(row: dict[str, Any], data: Path) -> None:
    assert _check(row, data) == row["code"]


def test_vectors_are_what_the_script_makes(tmp_path: Path) -> None:
    runpy.run_path(str(HERE / "make.py"))["write"](tmp_path / "data")
    made = {
        path.relative_to(tmp_path / "data"): path.read_bytes()
        for path in (tmp_path / "data").rglob("*")
        if path.is_file()
    }
    kept = {path.relative_to(DATA): path.read_bytes() for path in DATA.rglob("*") if path.is_file()}
    assert made == kept
