"""The golden bundle of every version must be read, and made again, for ever."""

from __future__ import annotations

import json
import os
import runpy
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlpack.format.opening import inspect
from mlpack.format.writer import Assembled

HERE = Path(__file__).parent
GOLDEN = HERE / "golden" / "1.0"
EXPECTED = json.loads((GOLDEN / "expected.json").read_text(encoding="ascii"))
FORMS = [EXPECTED["directory"], EXPECTED["archive"]]


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    return runpy.run_path(str(HERE / "regenerate.py"))


@pytest.fixture(scope="module")
def made(script: dict[str, Any]) -> Assembled:
    make: Callable[[], Assembled] = script["bundle"]
    return make()


@pytest.mark.parametrize("form", FORMS)
def test_both_forms_have_the_expected_digest(form: str) -> None:
    assert inspect(GOLDEN / form).digest == EXPECTED["digest"]


@pytest.mark.parametrize("form", FORMS)
def test_both_forms_have_the_expected_names(form: str) -> None:
    bundle = inspect(GOLDEN / form)
    assert (bundle.name, bundle.version) == (EXPECTED["name"], EXPECTED["version"])
    assert [item.name for item in bundle.contract.inputs] == EXPECTED["inputs"]
    assert list(bundle.manifest.model.methods) == EXPECTED["methods"]


@pytest.mark.parametrize("form", FORMS)
def test_both_forms_give_the_same_bytes(form: str) -> None:
    bundle = inspect(GOLDEN / form)
    for path in bundle.checksums:
        assert bundle.read(path) == (GOLDEN / EXPECTED["directory"] / path).read_bytes()


def test_the_script_makes_the_same_directory_again(made: Assembled) -> None:
    folder = GOLDEN / EXPECTED["directory"]
    found = {
        file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()
    }
    assert found == dict(made.contents)


def test_the_script_makes_the_same_archive_again(made: Assembled, tmp_path: Path) -> None:
    from mlpack.format.writer import write_bundle

    write_bundle(made, tmp_path / "again.mlpack", layout="archive", overwrite=False)
    assert (tmp_path / "again.mlpack").read_bytes() == (GOLDEN / EXPECTED["archive"]).read_bytes()


def test_the_script_expects_what_is_checked_in(script: dict[str, Any], made: Assembled) -> None:
    assert script["expected"](made) == EXPECTED


def test_the_golden_model_gives_the_golden_answers() -> None:
    import numpy as np
    import onnxruntime

    folder = GOLDEN / EXPECTED["directory"]
    golden = json.loads((folder / "evidence/golden.json").read_bytes())
    session = onnxruntime.InferenceSession(
        str(folder / "model/model.onnx"), providers=["CPUExecutionProvider"]
    )
    ages = [float(cell) for cell in golden["inputs"]["age"]]
    cities = [cell if cell is not None else "<mlpack:null>" for cell in golden["inputs"]["city"]]
    label, probabilities = session.run(
        ["label", "probabilities"],
        {"age": np.array(ages)[:, None], "city": np.array(cities, dtype=object)[:, None]},
    )
    assert [["no", "yes"][index] for index in label] == golden["outputs"]["predict"]
    assert probabilities.tolist() == golden["outputs"]["predict_proba"]


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def test_coreutils_accept_the_list(tmp_path: Path) -> None:
    shutil.unpack_archive(GOLDEN / EXPECTED["archive"], tmp_path, "tar", filter="data")
    done = subprocess.run(
        [_program("sha256sum"), "--strict", "-c", "SHA256SUMS"],
        cwd=tmp_path / EXPECTED["directory"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("option", ["tvf", "xf"])
def test_gnu_tar_has_nothing_to_say_about_the_archive(option: str, tmp_path: Path) -> None:
    command = [_program("tar"), option, str(GOLDEN / EXPECTED["archive"])]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_what_tar_unpacks_is_the_bundle(tmp_path: Path) -> None:
    subprocess.run([_program("tar"), "xf", str(GOLDEN / EXPECTED["archive"])], cwd=tmp_path, check=True)
    assert inspect(tmp_path / EXPECTED["directory"]).digest == EXPECTED["digest"]


def test_pythons_own_tar_reads_the_same_members() -> None:
    with tarfile.open(GOLDEN / EXPECTED["archive"]) as archive:
        members = {member.name.partition("/")[2]: member.size for member in archive}
    assert members == {path: entry["size"] for path, entry in EXPECTED["files"].items()}


def test_unpacked_files_can_be_read_whatever_the_umask(tmp_path: Path) -> None:
    subprocess.run(
        [_program("sh"), "-c", 'umask 000; tar xf "$0"', str(GOLDEN / EXPECTED["archive"])],
        cwd=tmp_path,
        check=True,
    )
    mode = (tmp_path / EXPECTED["directory"] / "SHA256SUMS").stat().st_mode
    assert mode & 0o777 == 0o644
    assert os.access(tmp_path / EXPECTED["directory"], os.R_OK)
