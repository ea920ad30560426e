"""pack and load on real models and data: the answers of the bundle are those of the notebook."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

import mlpack
from mlpack.errors import (
    ExampleError,
    ExportError,
    ModelError,
    StorageError,
    TargetExistsError,
    UsageError,
)

pytestmark = pytest.mark.network


def people(rows: int, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "age": rng.integers(18, 90, rows),
            "income (€)": rng.lognormal(10, 1, rows),
            "member": rng.random(rows) < 0.5,
            "city": pd.Series(rng.choice(["Łódź", "Oslo", "São Paulo"], rows), dtype="category"),
            "note": rng.choice(["a b", "it's", '"quoted"'], rows),
        }
    )
    frame.loc[rng.random(rows) < 0.1, "income (€)"] = np.nan
    frame.loc[rng.random(rows) < 0.1, "note"] = None
    return frame, rng.choice(["no", "yes"], rows)


def frame_pipeline(last: object) -> Pipeline:
    columns = make_column_transformer(
        (make_pipeline(SimpleImputer(), StandardScaler()), ["age", "income (€)"]),
        (OneHotEncoder(handle_unknown="ignore"), ["city", "note"]),
        ("passthrough", ["member"]),
    )
    return make_pipeline(columns, last)


ARRAYS = {
    "forest": (RandomForestClassifier(n_estimators=30, random_state=0), load_breast_cancer),
    "tree of three classes": (DecisionTreeClassifier(random_state=0), load_iris),
    "scaled logistic": (make_pipeline(StandardScaler(), LogisticRegression()), load_wine),
    "ridge": (Ridge(), load_diabetes),
    "boosted regression": (GradientBoostingRegressor(n_estimators=30, random_state=0), load_diabetes),
    "histogram boosting": (HistGradientBoostingClassifier(max_iter=20, random_state=0), load_wine),
    "regression forest": (RandomForestRegressor(n_estimators=20, random_state=0), load_diabetes),
    "components of digits": (
        make_pipeline(PCA(10, svd_solver="full"), LogisticRegression(max_iter=2000)),
        load_digits,
    ),
    "a transformer": (StandardScaler(), load_wine),
}


@pytest.mark.parametrize("case", ARRAYS)
def test_an_array_model_answers_as_in_the_notebook(case: str, tmp_path: Path) -> None:
    model, load_data = ARRAYS[case]
    rows, target = load_data(return_X_y=True)
    model.fit(rows[::2], target[::2])
    bundle = mlpack.pack(model, name="m", version="1.0", example=rows[::2], output=tmp_path, replay=False)
    loaded = mlpack.load(bundle.path, policy=mlpack.Policy.from_digest(bundle.digest), ranges="ignore")
    fresh = rows[1::2]
    for method in bundle.manifest.model.methods:
        with np.errstate(divide="ignore"):  # a forest takes the logarithm of 0
            expected, found = getattr(model, method)(fresh), getattr(loaded, method)(fresh)
        assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
        if expected.dtype.kind == "f":
            finite = np.isfinite(expected)
            assert np.array_equal(found[~finite], expected[~finite], equal_nan=True)
            np.testing.assert_allclose(found[finite], expected[finite], rtol=1e-9, atol=1e-9)
        else:
            assert np.array_equal(found, expected)


@pytest.mark.parametrize("library", ["pandas", "polars"])
@pytest.mark.parametrize("last", [LogisticRegression(), RandomForestClassifier(20, random_state=0)], ids=str)
def test_a_frame_model_answers_as_in_the_notebook(last: object, library: str, tmp_path: Path) -> None:
    people_frame, target = people(400)
    as_library = pl.from_pandas if library == "polars" else pd.DataFrame
    frame, fresh = as_library(people_frame), as_library(people(300, seed=1)[0])
    model = frame_pipeline(last).fit(frame, target)
    bundle = mlpack.pack(model, name="m", version="1.0", example=frame, output=tmp_path, replay=False)
    loaded = mlpack.load(bundle.path, policy=mlpack.Policy.from_digest(bundle.digest), ranges="ignore")
    assert np.array_equal(loaded.predict(fresh), model.predict(fresh))
    np.testing.assert_allclose(loaded.predict_proba(fresh), model.predict_proba(fresh), rtol=0, atol=1e-12)
    assert np.array_equal(loaded.classes_, model.classes_)


def test_a_column_that_the_pipeline_drops_is_not_needed_later(tmp_path: Path) -> None:
    frame, target = people(200)
    columns = make_column_transformer((StandardScaler(), ["age"]))
    model = make_pipeline(columns, LogisticRegression()).fit(frame, target)
    bundle = mlpack.pack(model, name="m", version="1.0", example=frame, output=tmp_path, replay=False)
    loaded = mlpack.load(bundle.path, policy=mlpack.Policy.from_digest(bundle.digest))
    assert np.array_equal(loaded.predict(frame[["age"]]), model.predict(frame))


def test_unknown_categories_get_the_answer_of_the_original(tmp_path: Path) -> None:
    frame, target = people(200)
    columns = make_column_transformer(
        (OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), ["city"])
    )
    model = make_pipeline(columns, DecisionTreeClassifier(random_state=0)).fit(frame, target)
    bundle = mlpack.pack(model, name="m", version="1.0", example=frame, output=tmp_path, replay=False)
    loaded = mlpack.load(bundle.path, policy=mlpack.Policy.from_digest(bundle.digest), ranges="ignore")
    fresh = pd.DataFrame({"city": pd.Series(["Oslo", "Atlantis"], dtype="category")})
    assert np.array_equal(loaded.predict(fresh), model.predict(fresh))


def test_only_the_methods_asked_for_are_offered(tmp_path: Path) -> None:
    rows, target = load_iris(return_X_y=True)
    model = LogisticRegression(max_iter=1000).fit(rows, target)
    bundle = mlpack.pack(
        model, name="m", version="1.0", example=rows, output=tmp_path, replay=False, methods=["predict_proba"]
    )
    loaded = mlpack.load(bundle.path, policy=mlpack.Policy.from_digest(bundle.digest))
    assert (hasattr(loaded, "predict_proba"), hasattr(loaded, "predict")) == (True, False)


def fitted() -> LogisticRegression:
    return LogisticRegression(max_iter=1000).fit(*load_iris(return_X_y=True))


ROWS = load_iris().data
REFUSED: dict[str, tuple[dict[str, object], type[Exception], str]] = {
    "an unfitted model": ({"model": LogisticRegression()}, ModelError, "not fitted"),
    "no model": ({"model": "model.pkl"}, ModelError, "model.pkl: cannot be read"),
    "too few columns": ({"example": ROWS[:, :2]}, ExampleError, "4 columns, found 2"),
    "an empty example": ({"example": ROWS[:0]}, ExampleError, "empty"),
    "missing values that the model rejects": ({"example": np.full((3, 4), np.nan)}, ExampleError, "NaN"),
    "text instead of numbers": ({"example": np.full((3, 4), "a")}, ExampleError, "the model rejects it"),
    "a list": ({"example": ROWS.tolist()}, ExampleError, "found list"),
    "a name with a slash": ({"name": "a/b"}, UsageError, "'a/b'"),
    "a name in capitals": ({"name": "Churn"}, UsageError, "lower-case"),
    "no version": ({"version": ""}, UsageError, "SemVer"),
    "an unknown certificate": ({"certificate": "perfect"}, UsageError, "exact, tight, loose"),
    "an unknown method": ({"methods": ["transform"]}, ModelError, "offers predict"),
    "an unknown platform": ({"platforms": ["plan9/mips"]}, UsageError, "plan9/mips"),
    "a metric that is no number": ({"metrics": {"auc": "high"}}, UsageError, "metrics"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_input_is_one_clear_error_and_writes_nothing(case: str, tmp_path: Path) -> None:
    changes, kind, said = REFUSED[case]
    arguments: dict[str, object] = {
        "model": fitted(),
        "name": "m",
        "version": "1.0",
        "example": ROWS,
        "output": tmp_path / "out",
        **changes,
    }
    with pytest.raises(kind, match=said):
        mlpack.pack(**arguments)  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()


def test_an_existing_bundle_is_not_replaced_unasked(tmp_path: Path) -> None:
    (tmp_path / "m-1.0.mlpack").write_bytes(b"mine")
    with pytest.raises(TargetExistsError):
        mlpack.pack(fitted(), name="m", version="1.0", example=ROWS, output=tmp_path, replay=False)
    assert (tmp_path / "m-1.0.mlpack").read_bytes() == b"mine"


def test_a_folder_that_is_a_file_is_an_error_of_storage(tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(b"")
    with pytest.raises(StorageError):
        mlpack.pack(fitted(), name="m", version="1.0", example=ROWS, output=tmp_path / "out", replay=False)


def test_single_precision_has_to_be_asked_for(tmp_path: Path) -> None:
    rows = ROWS.astype(np.float32)
    model = LogisticRegression(max_iter=1000).fit(rows, load_iris().target)
    with pytest.raises(ExportError, match="loose"):
        mlpack.pack(
            model, name="m", version="1.0", example=rows, output=tmp_path, replay=False, prefer="onnx-only"
        )


def test_the_directory_and_the_archive_of_a_model_have_one_digest(tmp_path: Path) -> None:
    archive = mlpack.pack(fitted(), name="m", version="1.0", example=ROWS, output=tmp_path, replay=False)
    folder = mlpack.pack(
        fitted(), name="m", version="1.0", example=ROWS, output=tmp_path, replay=False, layout="directory"
    )
    assert archive.digest == folder.digest


def test_of_the_example_only_the_extremes_are_stored_unless_asked_for(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(200, 2))
    model = Ridge().fit(rows, rows[:, 0])
    bundle = mlpack.pack(model, name="m", version="1.0", example=rows, output=tmp_path, replay=False)
    golden = bundle.read("evidence/golden.json").decode()
    stored = [value for value in rows[:, 0].tolist() if repr(value) in golden]
    assert bundle.manifest.golden == "synthetic"
    assert sorted(stored) == [rows[:, 0].min(), rows[:, 0].max()]


def test_a_reader_has_to_know_of_a_guard_in_the_graph(tmp_path: Path) -> None:
    rows = np.abs(np.random.default_rng(0).normal(size=(200, 2)))
    logged = make_pipeline(FunctionTransformer(np.log1p), Ridge()).fit(rows, rows[:, 0])
    plain = Ridge().fit(rows, rows[:, 0])
    guarded = mlpack.pack(logged, name="logged", version="1.0", example=rows, output=tmp_path, replay=False)
    simple = mlpack.pack(plain, name="plain", version="1.0", example=rows, output=tmp_path, replay=False)
    assert (guarded.manifest.requires, simple.manifest.requires) == (("guard", "onnx"), ("onnx",))


def test_targets_put_measured_metrics_on_the_card(tmp_path: Path) -> None:
    target = load_iris().target
    bundle = mlpack.pack(
        fitted(), name="m", version="1.0", example=ROWS, targets=target, output=tmp_path, replay=False
    )
    accuracy = float((fitted().predict(ROWS) == target).mean())
    assert f"{accuracy:.6g}" in bundle.read("README.md").decode()


def test_targets_of_another_length_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ExampleError, match="expected 150 values"):
        mlpack.pack(
            fitted(), name="m", version="1.0", example=ROWS, targets=[0, 1], output=tmp_path, replay=False
        )


KILLED = """
import pathlib, sys
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
import mlpack
X, y = load_iris(return_X_y=True)
model = LogisticRegression(max_iter=1000).fit(X, y)
print("packing", flush=True)
mlpack.pack(model, name="m", version="1.0", example=X, output=sys.argv[1], replay=False)
print("packed", flush=True)
"""


@pytest.mark.parametrize("seconds", [0.2, 1.5, 2.2, 2.6, 3.0])
def test_killing_pack_leaves_nothing_or_a_whole_bundle(seconds: float, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "packing\n"
        time.sleep(seconds)
        os.killpg(process.pid, signal.SIGKILL)
    if (tmp_path / "m-1.0.mlpack").exists():
        mlpack.inspect(tmp_path / "m-1.0.mlpack")
    again = mlpack.pack(
        fitted(), name="m", version="1.0", example=ROWS, output=tmp_path, replay=False, overwrite=True
    )
    assert [path.name for path in tmp_path.iterdir()] == [again.path.name]
