"""environment/training.json says the same in every process of the same environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mlpack.packing.environment.capture import capture_environment, installed_versions
from mlpack.packing.environment.natives import native_libraries

PROGRAM = """
import sys
{before}
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
import numpy as np
from mlpack.packing.environment.capture import capture_environment
model = make_pipeline(FunctionTransformer(np.log1p), StandardScaler(), LogisticRegression(random_state=3))
model.set_params(memory=None)
sys.stdout.buffer.write(capture_environment(model))
"""


def captured(cwd: Path, before: str = "", **environment: str) -> bytes:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(before=before)],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        check=True,
    )
    return done.stdout


@pytest.fixture(scope="module")
def document() -> Any:  # noqa: ANN401  (JSON)
    model = make_pipeline(StandardScaler(), LogisticRegression(random_state=3), memory="/home/someone/cache")
    return json.loads(capture_environment(model))


def test_two_processes_write_the_same_bytes(tmp_path: Path) -> None:
    first = captured(Path.cwd(), PYTHONHASHSEED="0", TZ="UTC", LC_ALL="C", OMP_NUM_THREADS="1")
    second = captured(
        tmp_path,
        before="import os, scipy.linalg, pandas, onnxruntime; os.umask(0o77)",
        PYTHONHASHSEED="4711",
        TZ="Asia/Tokyo",
        LC_ALL="C.UTF-8",
        HOME=str(tmp_path),
        OPENBLAS_CORETYPE="Nehalem",
    )
    assert first == second


def test_says_nothing_about_the_machine(tmp_path: Path) -> None:
    text = captured(tmp_path).decode()
    for trace in (str(tmp_path), sys.prefix, str(Path.home()) + "/", "num_threads", "architecture", "0x"):
        assert trace not in text


def test_records_parameters_without_paths(document: Any) -> None:  # noqa: ANN401
    parameters = document["model"]["parameters"]
    assert parameters["logisticregression__C"] == "1.0"
    assert parameters["memory"] == "<path>"
    assert parameters["logisticregression"] == "sklearn.linear_model._logistic.LogisticRegression"


def test_records_seeds(document: Any) -> None:  # noqa: ANN401
    assert document["model"]["seeds"] == {"logisticregression__random_state": "3"}


def test_records_the_numeric_libraries(document: Any) -> None:  # noqa: ANN401
    assert {"numpy", "scipy", "scikit-learn"} <= {entry["package"] for entry in document["libraries"]}
    assert {entry["user_api"] for entry in document["libraries"]} == {"blas", "openmp"}


def test_records_versions(document: Any) -> None:  # noqa: ANN401
    assert document["version"] == "1.0"
    assert document["packages"]["numpy"] == np.__version__
    assert document["packages"] == installed_versions()


def test_a_model_without_parameters_is_named() -> None:
    found = json.loads(capture_environment(object()))
    assert found["model"] == {"class": "object", "parameters": {}, "seeds": {}}


def test_native_libraries_are_found_and_extension_modules_are_not() -> None:
    from importlib.metadata import distribution

    names = [library.name for library in native_libraries("numpy", distribution("numpy"))]
    assert any("openblas" in name for name in names)
    assert not any("cpython" in name for name in names)
