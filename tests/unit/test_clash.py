from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import mlpack
import mlpack_sdk

OURS = Path(mlpack.__file__).parent
LAUNCHER = Path(mlpack_sdk.__file__).parent


def run_command(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the console command with `folder` before everything else on the path."""
    program = f"import sys; sys.path[:0] = [{str(folder)!r}, {str(LAUNCHER.parent)!r}]; "
    program += f"import mlpack_sdk; sys.exit(mlpack_sdk.main({list(words)!r}))"
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, encoding="utf-8", check=False
    )


def package(folder: Path, files: dict[str, str]) -> Path:
    """Write a package `mlpack` into `folder` and return the folder."""
    for name, text in files.items():
        path = folder / "mlpack" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


FOREIGN = "import numpy_that_is_not_there\nraise SystemExit('foreign code ran')\n"
OUR_ROOT = '_HOME = {"sign": "mlpack.trust.signing"}\n'


def test_our_own_package_is_no_clash() -> None:
    assert mlpack_sdk.find_clash() is None


def test_a_foreign_package_is_named_and_none_of_its_code_runs(tmp_path: Path) -> None:
    done = run_command(package(tmp_path, {"__init__.py": FOREIGN, "adaboost.so": ""}), "pack")
    assert done.returncode == 1
    assert "another project's, not mlpack-sdk's" in done.stderr
    assert str(tmp_path / "mlpack") in done.stderr
    assert "pip uninstall mlpack mlpack-sdk" in done.stderr
    assert "foreign code ran" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"__init__.py": FOREIGN, "errors.py": "", "format/__init__.py": ""}, "has overwritten files"),
        ({"__init__.py": OUR_ROOT, "errors.py": ""}, "files of mlpack-sdk are missing: format/__init__.py"),
        ({"__init__.py": "\x00\ufffd"}, "another project's"),
    ],
    ids=["overwritten", "half-removed", "not-text"],
)
def test_each_kind_of_damage_has_its_own_sentence(
    tmp_path: Path, files: dict[str, str], expected: str
) -> None:
    done = run_command(package(tmp_path, files), "inspect", "x")
    assert (done.returncode, done.stdout) == (1, "")
    assert expected in done.stderr


def test_a_package_without_an_init_is_a_clash(tmp_path: Path) -> None:
    spec = "import sys; sys.path[:0] = [{!r}]; sys.path = [p for p in sys.path if {!r} not in p]; "
    (tmp_path / "mlpack").mkdir()
    (tmp_path / "mlpack" / "core.so").touch()
    launcher = tmp_path / "mlpack_sdk"
    launcher.mkdir()
    (launcher / "__init__.py").write_text(Path(mlpack_sdk.__file__).read_text("utf-8"), encoding="utf-8")
    program = (
        spec.format(str(tmp_path), str(OURS.parent)) + "import mlpack_sdk; print(mlpack_sdk.find_clash())"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", program], capture_output=True, text=True, encoding="utf-8", check=True
    )
    assert "is not a package with an `__init__.py`" in done.stdout


def test_doctor_reports_the_clash_and_fails(tmp_path: Path) -> None:
    done = run_command(package(tmp_path, {"__init__.py": FOREIGN}), "doctor")
    assert done.returncode == 1
    assert "another project's" in done.stdout


def test_doctor_is_content_with_a_whole_installation() -> None:
    done = run_command(OURS.parent, "doctor")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nothing is missing, nothing clashes" in done.stdout
    assert "numpy" in done.stdout


def test_doctor_tells_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(mlpack_sdk, "_version", lambda name: "" if name in ("uv", "polars") else "1.0")
    assert mlpack_sdk.doctor() == 1
    out = capsys.readouterr().out
    assert "MISSING" in out
    assert "not installed (extra: polars)" in out
