"""The command `mlpack`, as a person or a CI job runs it: what it prints, and how it ends."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from sklearn.datasets import load_iris

pytestmark = pytest.mark.network

TRAIN = """
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

print("training")
data = load_iris(as_frame=True)
X = data.data.assign(colour=["red", "blue", "green"] * 50)
columns = make_column_transformer((StandardScaler(), [0, 1, 2, 3]), (OneHotEncoder(), ["colour"]))
pipeline = make_pipeline(columns, LogisticRegression()).fit(X, data.target_names[data.target])
"""


def run(
    folder: Path, *words: str, text: str | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(Path(sys.executable).parent / "mlpack"), *words],
        cwd=folder,
        input=text,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a packed and signed bundle, its keys and rows to predict."""
    folder = tmp_path_factory.mktemp("work")
    (folder / "train.py").write_text(TRAIN)
    words = ("--example", "train.py:X", "--name", "iris", "--version", "1.0.0")
    packed = run(folder, "pack", "train.py:pipeline", *words)
    assert packed.returncode == 0, packed.stderr
    assert "training" in packed.stderr
    assert "written: dist/iris-1.0.0.mlpack" in packed.stdout
    assert run(folder, "keygen", "release", "--no-password").returncode == 0
    assert run(folder, "keygen", "other", "--no-password").returncode == 0
    signed = run(folder, "sign", "dist/iris-1.0.0.mlpack", "--key", "release.key")
    assert signed.returncode == 0, signed.stderr
    with (folder / "rows.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*load_iris().feature_names, "colour"])
        writer.writerows([*row, "red"] for row in load_iris().data[::50].tolist())
    return folder


BUNDLE = "dist/iris-1.0.0.mlpack"


def test_verify_says_who_signed(work: Path) -> None:
    done = run(work, "verify", BUNDLE, "--key", "release.pub")
    assert done.returncode == 0
    assert "bundle:sha256:" in done.stdout


def test_verify_answers_in_json(work: Path) -> None:
    done = run(work, "verify", BUNDLE, "--key", "release.pub", "--json")
    assert json.loads(done.stdout)["title"] == "iris 1.0.0: verified"


def test_another_key_is_not_trusted(work: Path) -> None:
    done = run(work, "verify", BUNDLE, "--key", "other.pub")
    assert (done.returncode, done.stdout) == (3, "")


def test_a_changed_bundle_is_refused_with_the_file_named(work: Path, tmp_path: Path) -> None:
    damaged = bytearray((work / BUNDLE).read_bytes())
    at = damaged.index(b'"certificate"')
    damaged[at + 2] ^= 1
    (tmp_path / "damaged.mlpack").write_bytes(damaged)
    done = run(work, "verify", str(tmp_path / "damaged.mlpack"), "--key", "release.pub")
    assert done.returncode == 3
    assert "contents changed" in done.stderr


def test_without_a_policy_nothing_is_verified(work: Path) -> None:
    done = run(work, "verify", BUNDLE)
    assert done.returncode == 1
    assert "--key" in done.stderr


def test_a_digest_that_is_none_is_wrong_usage(work: Path) -> None:
    assert run(work, "verify", BUNDLE, "--digest", "sha256:abc").returncode == 2


def test_a_missing_bundle_is_a_failure_and_no_refusal(work: Path) -> None:
    done = run(work, "verify", "nothing.mlpack", "--key", "release.pub")
    assert (done.returncode, "nothing.mlpack" in done.stderr) == (1, True)


def test_predict_answers_a_csv_file(work: Path) -> None:
    done = run(work, "predict", BUNDLE, "rows.csv", "--key", "release.pub")
    assert done.stdout.splitlines() == ["predict", "setosa", "versicolor", "virginica"]


def test_predict_takes_json_lines_from_standard_input(work: Path) -> None:
    record = dict(zip(load_iris().feature_names, [5.1, 3.5, 1.4, 0.2], strict=True))
    text = json.dumps({**record, "colour": "blue"})
    words = ("--key", "release.pub", "--input-format", "jsonl", "--method", "predict_proba", "--json")
    done = run(work, "predict", BUNDLE, "-", *words, text=text)
    answer = json.loads(done.stdout)
    assert list(answer) == ["predict_proba[setosa]", "predict_proba[versicolor]", "predict_proba[virginica]"]
    assert sum(answer.values()) == pytest.approx(1)


def test_predict_writes_a_file(work: Path, tmp_path: Path) -> None:
    target = tmp_path / "answers.csv"
    assert (
        run(work, "predict", BUNDLE, "rows.csv", "--key", "release.pub", "--output", str(target)).stdout == ""
    )
    assert target.read_text().startswith("predict\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n1,2\n", "columns are missing"),
        ("sepal length (cm)\n1\n", "sepal width (cm)"),
        (",".join([*load_iris().feature_names, "colour"]) + "\n1,2,x,4,red\n", "row 0"),
        (",".join([*load_iris().feature_names, "colour"]) + "\n1,2,3\n", "expected 5 cells"),
        (",".join([*load_iris().feature_names, "colour"]) + "\n1,2,3,4,purple\n", "colour"),
        (",".join([*load_iris().feature_names, "colour"]) + "\n1,2,,4,red\n", "petal length (cm)"),
    ],
)
def test_bad_rows_are_named_and_not_quoted(work: Path, text: str, said: str) -> None:
    done = run(work, "predict", BUNDLE, "-", "--key", "release.pub", text=text)
    assert done.returncode == 1
    assert said in done.stderr
    assert "purple" not in done.stderr
    assert "Traceback" not in done.stderr


def test_inspect_needs_no_policy(work: Path) -> None:
    done = run(work, "inspect", BUNDLE)
    assert done.returncode == 0
    assert "sklearn.pipeline.Pipeline" in done.stdout


def test_lock_prints_requirements_that_an_installer_accepts(work: Path, tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text(run(work, "lock", BUNDLE, "--requirements").stdout)
    words = ("pip", "install", "--dry-run", "--require-hashes", "--only-binary", ":all:", "--reinstall")
    done = subprocess.run(
        [sys.executable, "-m", "uv", *words, "-r", str(tmp_path / "requirements.txt")],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_lock_prints_the_lock_as_it_stands(work: Path) -> None:
    assert run(work, "lock", BUNDLE).stdout.startswith('lock-version = "1.0"')


def test_inspect_prints_in_a_plain_locale(work: Path) -> None:
    assert run(work, "inspect", BUNDLE, LC_ALL="C", PYTHONUTF8="0").returncode == 0


def test_a_signed_bundle_is_not_signed_again_unasked(work: Path) -> None:
    done = run(work, "sign", BUNDLE, "--key", "release.key")
    assert (done.returncode, "overwrite" in done.stderr) == (1, True)


def test_a_key_with_a_password_needs_it(tmp_path: Path) -> None:
    assert run(tmp_path, "keygen", "k", MLPACK_KEY_PASSWORD="secret").returncode == 0
    done = run(tmp_path, "sign", "nothing", "--key", "k.key", MLPACK_KEY_PASSWORD="hunter2")
    assert (done.returncode, "password" in done.stderr, "hunter2" in done.stderr) == (1, True, False)


def test_keygen_without_a_terminal_asks_for_nothing(tmp_path: Path) -> None:
    done = run(tmp_path, "keygen", "k")
    assert (done.returncode, "--no-password" in done.stderr) == (2, True)


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("train.py", "FILE.py:NAME"),
        ("train.py:nothing", "no variable 'nothing'"),
        ("missing.py:x", "no such file"),
        ("no_such_module:x", "cannot be imported"),
    ],
)
def test_a_model_that_cannot_be_found_is_wrong_usage(work: Path, model: str, said: str) -> None:
    done = run(work, "pack", model, "--example", "rows.csv", "--name", "m", "--version", "1")
    assert (done.returncode, said in done.stderr) == (2, True)


def test_an_unknown_command_is_wrong_usage(tmp_path: Path) -> None:
    assert run(tmp_path, "frobnicate").returncode == 2


def test_help_names_every_command(tmp_path: Path) -> None:
    shown = run(tmp_path, "--help").stdout
    assert all(name in shown for name in ("pack", "sign", "verify", "predict", "inspect", "keygen", "doctor"))


def test_no_model_library_is_needed_to_verify_and_predict(work: Path) -> None:
    program = (
        "import sys\n"
        "for name in ('sklearn', 'pandas', 'skl2onnx', 'onnx', 'scipy'): sys.modules[name] = None\n"
        "from mlpack._cli.main import main\n"
        f"sys.exit(main(['predict', {BUNDLE!r}, 'rows.csv', '--key', 'release.pub']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=work, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_file_that_ends_the_program_is_no_success(work: Path) -> None:
    (work / "quits.py").write_text(TRAIN + "\nraise SystemExit(0)\n")
    words = ("--example", "quits.py:X", "--name", "quits", "--version", "1.0.0")
    done = run(work, "pack", "quits.py:pipeline", *words)
    assert done.returncode == 2
    assert "ended the program" in done.stderr


@pytest.mark.parametrize("name", ["json", "my.train"])
def test_a_file_that_cannot_be_a_module_is_refused(name: str, work: Path) -> None:
    (work / f"{name}.py").write_text(TRAIN)
    try:
        done = run(work, "pack", f"{name}.py:pipeline", "--example", "x.csv", "--name", "n", "--version", "1")
    finally:
        (work / f"{name}.py").unlink()
    assert done.returncode == 2
    assert "give the file another name" in done.stderr


@pytest.mark.parametrize("data", [b"", b"a,b\n\xff,1\n"], ids=["empty", "not UTF-8"])
def test_a_table_that_cannot_be_read_is_one_line(data: bytes, work: Path) -> None:
    (work / "table.csv").write_bytes(data)
    words = ("--example", "table.csv", "--name", "n", "--version", "1")
    done = run(work, "pack", "train.py:pipeline", *words)
    assert done.returncode == 2
    assert "table.csv: cannot be read as a table" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_device_is_written_to_and_never_replaced(work: Path) -> None:
    link = work / "out"
    link.symlink_to("/proc/self/fd/1")
    done = run(work, "predict", BUNDLE, "rows.csv", "--key", "release.pub", "--output", "out")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("predict\n")
    assert link.is_symlink()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_a_full_disk_behind_standard_output_is_said(work: Path) -> None:
    script = f"exec {Path(sys.executable).parent / 'mlpack'} inspect {BUNDLE} > /dev/full"
    done = subprocess.run(["/bin/sh", "-c", script], cwd=work, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[0].startswith("mlpack: standard output: cannot be written")


def test_closed_standard_output_is_no_traceback(work: Path) -> None:
    script = f"exec {Path(sys.executable).parent / 'mlpack'} inspect {BUNDLE} >&-"
    done = subprocess.run(["/bin/sh", "-c", script], cwd=work, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_deeply_nested_rows_are_refused(work: Path) -> None:
    done = run(
        work, "predict", BUNDLE, "-", "--input-format", "json", "--key", "release.pub", text="[" * 200_000
    )
    assert done.returncode == 1
    assert "nested too deeply" in done.stderr


def test_a_column_that_stands_twice_is_refused(work: Path) -> None:
    lines = (work / "rows.csv").read_text().splitlines()
    text = "\n".join(f"{line},{line.split(',')[-1]}" for line in lines)
    done = run(work, "predict", BUNDLE, "-", "--key", "release.pub", text=text)
    assert done.returncode == 1
    assert "columns appear twice: colour" in done.stderr


def test_standard_input_is_utf_8_in_every_locale(work: Path) -> None:
    text = (work / "rows.csv").read_text()
    words = ("predict", BUNDLE, "-", "--key", "release.pub")
    done = run(work, *words, text="\ufeff" + text, PYTHONIOENCODING="latin-1")
    assert done.returncode == 0, done.stderr


def test_predict_after_admission_does_not_ask_the_clock(work: Path) -> None:
    rules = (
        "schema: mlpack-policy/1\nid: past\nversion: 1\nsigners:\n  - name: release\n    key: release.pub\n"
    )
    (work / "past.yaml").write_text(f"{rules}expires: 2024-01-01T00:00:00Z\n")
    words = ("predict", BUNDLE, "rows.csv", "--policy", "past.yaml")
    refused = run(work, *words)
    assert refused.returncode == 3, refused.stderr
    again = run(work, *words, "--start")
    assert again.returncode == 0, again.stderr
    assert len(again.stdout.splitlines()) == 4
