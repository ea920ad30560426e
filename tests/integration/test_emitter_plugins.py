"""Emitters of other distributions: really installed, found, measured; broken ones are named."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLUGIN = ROOT / "examples" / "emitter_plugin"

PACK = """
import numpy as np, sys
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from winsor.transformer import Winsorizer
from mlpack.errors import PackError
from mlpack.packing.proving import prove
X = np.random.default_rng(0).standard_t(df=2, size=(120, 3))
model = make_pipeline(Winsorizer(), Ridge()).fit(X, X[:, 0])
try:
    parity = prove(model, X, prefer="onnx-only").parity
    print(parity.rung, parity.certificate, parity.plugins)
    for rung, reason in parity.rejected:
        print(f"{rung}: {reason}")
except PackError as error:
    print(type(error).__name__, error)
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the example distribution for real, into a folder of its own."""
    source = tmp_path_factory.mktemp("source") / "winsor"
    shutil.copytree(PLUGIN, source)
    target = tmp_path_factory.mktemp("installed")
    uv = shutil.which("uv", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    assert uv is not None
    subprocess.run(
        [
            *(uv, "pip", "install", "--quiet", "--offline", "--no-deps", "--no-build-isolation"),
            *("--python", sys.executable, "--target", str(target), str(source)),
        ],
        check=True,
        timeout=120,
    )
    return target


def copy_of(installed: Path, folder: Path, emitter: str) -> Path:
    """Return the installed distribution with another emitter in it."""
    copy = folder / "copy"
    shutil.copytree(installed, copy)
    (copy / "winsor" / "emitter.py").write_text(emitter, encoding="utf-8")
    return copy


def run(program: str, *paths: Path) -> str:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, [*paths, *filter(None, sys.path)]))}
    done = subprocess.run(
        [sys.executable, "-P", "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_an_installed_emitter_is_found_measured_and_recorded(installed: Path) -> None:
    assert run(PACK, installed).strip() == "emitters-float64 tight ('winsor 1.0',)"


def test_the_example_runs_with_it(installed: Path) -> None:
    program = (ROOT / "examples" / "05_pack_with_a_plugin.py").read_text(encoding="utf-8")
    said = run(program, installed)
    assert "emitted with the help of winsor 1.0" in said
    assert "Winsorizer  " in said


def test_without_it_the_class_is_followed_through_numpy(installed: Path, tmp_path: Path) -> None:
    shutil.copytree(installed / "winsor", tmp_path / "winsor")
    assert run(PACK, tmp_path).strip() == "emitters-float64 tight ()"


def test_a_wrong_emitter_is_refused_by_measurement(installed: Path, tmp_path: Path) -> None:
    lazy = "def transform(scope, model, columns):\n    return columns\n"
    said = run(PACK, copy_of(installed, tmp_path, lazy))
    assert said.startswith("skl2onnx-float64 tight ()")  # another route, without the emitter, agrees
    assert "emitters-float64: example: predict: off by" in said


@pytest.mark.parametrize(
    ("emitter", "what"),
    [
        ("import nothing_of_that_name\n", "cannot be loaded: ModuleNotFoundError"),
        ("x = 1\n", "neither transform nor respond"),
        ("def transform(scope, model, columns):\n    return 1 / 0\n", "failed: ZeroDivisionError"),
        ("def transform(scope, model, columns):\n    return model.gone_\n", "failed: AttributeError"),
        ("def transform(scope, model, columns):\n    return 5\n", "returned int, expected Columns"),
    ],
)
def test_a_broken_emitter_is_named(installed: Path, tmp_path: Path, emitter: str, what: str) -> None:
    said = run(PACK, copy_of(installed, tmp_path, emitter))
    assert said.startswith("PluginError entry point mlpack.emitters: winsor.transformer.Winsorizer")
    assert "winsor 1.0" in said
    assert what in said


def test_verifying_and_loading_never_import_an_emitter(installed: Path, tmp_path: Path) -> None:
    bundle = next((ROOT / "tests" / "conformance" / "golden").rglob("*.mlpack"))
    copy = copy_of(installed, tmp_path, "raise SystemExit('imported')\n")
    program = f"""
import sys, warnings, mlpack
warnings.simplefilter("ignore")
model = mlpack.load({str(bundle)!r}, policy=mlpack.UNSIGNED)
print(any(name.startswith(("winsor", "mlpack.packing")) for name in sys.modules))
"""
    assert run(program, copy).strip() == "False"
