"""A notebook, run cell by cell in a real kernel, packs the functions and classes of its own cells."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import mlpack
from mlpack.format.lock import Lock

pytestmark = pytest.mark.network

CELLS = (
    """
import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
import housing as tools
import mlpack
LOW, HIGH = 0.05, 0.95
NAMES = {"rooms": "r", "age": "a"}
""",
    """
def edges(values, low=LOW, high=HIGH):
    \"\"\"The quantiles that everything is clipped to.\"\"\"
    return np.quantile(values, [low, high])


class Clip(BaseEstimator, TransformerMixin):
    def __init__(self, low=LOW, high=HIGH):
        self.low, self.high = low, high

    def fit(self, rows, y=None):
        values = np.asarray(rows, dtype=float)
        self.edges_ = np.stack([edges(column, self.low, self.high) for column in values.T])
        return self

    def transform(self, rows):
        values = np.asarray(rows, dtype=float)
        return tools.squeeze(expit(np.clip(values, self.edges_[:, 0], self.edges_[:, 1]) / 100))
""",
    """
rng = np.random.default_rng(7)
frame = pd.DataFrame({"rooms": rng.integers(1, 9, 300).astype(float), "age": rng.uniform(0, 100, 300)})
model = make_pipeline(Clip(), LinearRegression()).fit(frame, 3 * frame["rooms"] - frame["age"])
bundle = mlpack.pack(model, name="house", version="1", example=frame, output="dist",
                     code=True, prefer="native", platforms=("linux/amd64",), pythons=PYTHONS)
print("digest", bundle.digest)
print("answers", model.predict(frame[:5]).tolist())
""",
)
HOUSING = "import numpy as np\n\n\ndef squeeze(values):\n    return np.squeeze(values)\n"


def run_notebook(folder: Path, *cells: str) -> list[str]:
    """Run cells in a kernel of this interpreter; return what each printed, or the error that ended it."""
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.from_dict(  # type: ignore[no-untyped-call]
        {
            "nbformat": 4,
            "nbformat_minor": 4,
            "metadata": {},
            "cells": [
                {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": cell}
                for cell in cells
            ],
        }
    )
    client = NotebookClient(
        notebook, timeout=300, allow_errors=True, resources={"metadata": {"path": str(folder)}}
    )
    client.execute()
    said = []
    for cell in notebook.cells:
        texts = [out.get("text") or out.get("evalue") or "" for out in cell.get("outputs", ())]
        said.append("".join(texts))
    return said


@pytest.fixture(autouse=True)
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install a kernel specification for this interpreter, and nothing outside of the test's folder."""
    subprocess.run(
        [
            sys.executable,
            "-m",
            "ipykernel",
            "install",
            "--prefix",
            str(tmp_path / "kernel"),
            "--name",
            "python3",
        ],
        check=True,
        capture_output=True,
    )
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "kernel/share/jupyter"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    (tmp_path / "housing.py").write_text(HOUSING)


def test_a_transformer_of_a_cell_becomes_source_and_runs_elsewhere(tmp_path: Path) -> None:
    said = run_notebook(tmp_path, f"PYTHONS = ('3.{sys.version_info.minor}',)", *CELLS)
    assert "digest" in said[-1], said
    answers = json.loads(said[-1].split("answers ")[1].splitlines()[0])
    bundle = mlpack.inspect(tmp_path / "dist" / "house-1.mlpack")
    source = bundle.read("code/model.py").decode()
    assert "class Clip(BaseEstimator, TransformerMixin)" in source
    assert "def edges(values, low=LOW, high=HIGH)" in source
    assert "def squeeze(values)" in source
    assert "NAMES" not in source
    lock = Lock.from_bytes(bundle.read("environment/pylock.toml"))
    names = {package.name for package in lock.packages}
    assert {"scipy", "scikit-learn", "pandas", "numpy"} <= names
    assert not {"ipykernel", "onnx", "pytest"} & names
    program = (
        "import sys, json, warnings; warnings.simplefilter('ignore'); import mlpack, pandas, numpy;"
        "m = mlpack.load(sys.argv[1], policy=mlpack.UNSIGNED, unsafe_code=True);"
        "rng = numpy.random.default_rng(7); f = pandas.DataFrame({'rooms': rng.integers(1, 9, 300)"
        ".astype(float), 'age': rng.uniform(0, 100, 300)}); print(json.dumps(m.predict(f[:5]).tolist()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(bundle.path)], check=True, capture_output=True, text=True
    )
    assert json.loads(done.stdout) == answers


def test_a_closure_over_a_live_object_is_refused_with_its_cell_and_line(tmp_path: Path) -> None:
    bad = CELLS[1].replace("return np.quantile(values, [low, high])", "return CONNECTION.quantile(values)")
    said = run_notebook(
        tmp_path,
        f"PYTHONS = ('3.{sys.version_info.minor}',)",
        CELLS[0]
        + "\nclass Live:\n    def quantile(self, v):\n        return [0.0, 90.0]\nCONNECTION = Live()\n",
        bad,
        CELLS[2],
    )
    assert "edges uses 'CONNECTION', a live object (__main__.Live) that source cannot hold" in said[-1]
    assert "Cell In[3], line 3" in said[-1]
    assert not (tmp_path / "dist").exists()
