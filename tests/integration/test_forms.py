"""Models that no graph can hold: from the notebook to a predictor, as data or as code, under a policy."""

# ruff: noqa: ANN401  (models and JSON are of any type)
from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import make_column_transformer
from sklearn.decomposition import NMF
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder

import mlpack
from mlpack.errors import (
    ExportError,
    FormatError,
    InputError,
    MlpackError,
    PolicyError,
    PolicyViolationError,
    UsageError,
)
from mlpack.packing.notices import PackWarning
from mlpack.packing.proving import prove
from mlpack.runtime.engines import open_engine
from mlpack.runtime.notices import UnsignedWarning
from mlpack.runtime.predictor import Predictor
from mlpack.trust.signer_rules import SignerRule

ROWS = np.abs(np.random.default_rng(0).normal(size=(60, 4)))
LABELS = (ROWS[:, 0] + ROWS[:, 1] > 1.5).astype(int)
HERE = ("linux/amd64",)
CEILING = 1.25
NUMBERS = ["height", "weight", "visits"]


def clip(rows: Any) -> Any:
    return np.array([[min(cell, CEILING) for cell in row] for row in np.asarray(rows)])


class Clip(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """A step that is nobody's but its author's."""

    def fit(self, X: Any, y: Any = None) -> Clip:  # noqa: ARG002
        self.mean_ = np.asarray(X).mean(axis=0)
        return self

    def transform(self, X: Any) -> Any:
        return clip(X) - self.mean_


class Weights:
    """A model with a file."""

    def __init__(self) -> None:
        self.weights = np.zeros(4)

    def save(self) -> dict[str, bytes]:
        return {"weights.bin": self.weights.tobytes()}

    def load(self, files: dict[str, bytes]) -> None:
        self.weights = np.frombuffer(files["weights.bin"])

    def predict(self, rows: Any) -> Any:
        return np.asarray(rows) @ self.weights


def own_pipeline() -> Any:
    return make_pipeline(Clip(), LogisticRegression()).fit(ROWS, LABELS)


def frame() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    numbers = pd.DataFrame(rng.normal(size=(60, 2)), columns=["height", "weight"])
    numbers.loc[::7, "height"] = np.nan
    numbers["visits"] = pd.array(rng.integers(0, 9, 60), dtype="Int64")
    numbers.loc[::11, "visits"] = pd.NA
    numbers["city"] = rng.choice(["Oslo", "Rome", "Århus"], size=60)
    numbers["kind"] = pd.Categorical(rng.choice(["a", "b"], size=60), categories=["b", "a"], ordered=True)
    return numbers


def test_a_frame_model_runs_in_its_own_library_when_no_graph_agrees() -> None:
    rows = frame()
    model = make_pipeline(
        make_column_transformer(
            (
                make_pipeline(SimpleImputer(), MinMaxScaler(clip=True), NMF(2, init="nndsvda", max_iter=500)),
                NUMBERS,
            ),
            (OneHotEncoder(handle_unknown="ignore"), ["city", "kind"]),
        ),
        LogisticRegression(),
    ).fit(rows, LABELS)
    with pytest.warns(PackWarning, match="no route to ONNX is taken"):
        proof = prove(model, rows, methods=["predict", "predict_proba"])
    assert proof.parity.rung == "native"
    assert proof.parity.certificate == "exact"
    assert {"pandas", "scikit-learn", "skops"} == set(proof.artifact.runtime)
    assert [rung for rung, _ in proof.parity.rejected] == [
        "emitters-float64",
        "hybrid",
        "skl2onnx-float64",
    ]
    loaded = Predictor(proof.contract, open_engine(proof.artifact, proof.contract), ranges="ignore")
    np.testing.assert_array_equal(loaded.predict_proba(rows), model.predict_proba(rows))
    one = rows.iloc[3].to_dict() | {"city": "Paris"}
    np.testing.assert_array_equal(
        loaded.predict_proba(one), model.predict_proba(rows.iloc[[3]].assign(city="Paris"))
    )


def test_a_graph_alone_can_be_insisted_on() -> None:
    model = make_pipeline(NMF(2, init="nndsvda", max_iter=400), LogisticRegression()).fit(ROWS, LABELS)
    with pytest.raises(ExportError, match="NMF"):
        prove(model, ROWS, methods=["predict"], prefer="onnx-only")


def test_the_native_form_can_be_preferred_without_a_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", PackWarning)
        proof = prove(
            LogisticRegression().fit(ROWS, LABELS), ROWS, methods=["predict_proba"], prefer="native"
        )
    assert proof.artifact.requires == ("skops",)


def test_what_the_original_refuses_is_refused_as_input() -> None:
    model = make_pipeline(NMF(2, init="nndsvda", max_iter=400), LogisticRegression()).fit(ROWS, LABELS)
    proof = prove(model, ROWS, methods=["predict"], prefer="native")
    loaded = Predictor(proof.contract, open_engine(proof.artifact, proof.contract), ranges="ignore")
    with pytest.raises(InputError, match=r"the original refuses these rows \(ValueError\)"):
        loaded.predict(-ROWS)


def test_own_classes_are_refused_unless_code_is_asked_for() -> None:
    with pytest.raises(ExportError, match=r"reviewed names.*Clip") as caught:
        prove(own_pipeline(), ROWS, methods=["predict"])
    assert "code=True" in caught.value.hint


@pytest.mark.network
def test_code_runs_only_for_a_signer_that_the_policy_names(tmp_path: Path) -> None:
    model = own_pipeline()
    with pytest.warns(PackWarning, match="code of your own"):
        bundle = mlpack.pack(
            model,
            name="own",
            version="1.0",
            example=ROWS,
            output=tmp_path,
            replay=False,
            platforms=HERE,
            code=True,
        )
    assert bundle.manifest.model.format == "code"
    assert bundle.manifest.requires == ("python",)
    assert "runs Python code" in " ".join(bundle.facts().warnings)
    assert b"Python source, which runs" in bundle.read("README.md")
    assert b"CEILING = 1.25" in bundle.read("code/model.py")
    secret, public = mlpack.trust.generate_key(str(tmp_path / "release"), password=None)
    mlpack.sign(bundle, mlpack.trust.KeySigner.from_file(secret))
    rules = (SignerRule(name="release", key=mlpack.trust.PublicKey.from_pem(Path(public).read_bytes())),)
    with pytest.raises(PolicyViolationError, match="code"):
        mlpack.load(bundle.path, policy=mlpack.Policy(id="p", signers=rules))
    allowing = mlpack.Policy(
        id="p", signers=rules, formats=("onnx", "data-only", "code"), allow_code=("release",)
    )
    loaded = mlpack.load(bundle.path, policy=allowing)
    np.testing.assert_array_equal(loaded.predict_proba(ROWS), model.predict_proba(ROWS))
    with pytest.warns(UnsignedWarning), pytest.raises(PolicyError) as caught:
        mlpack.load(bundle.path, policy=mlpack.UNSIGNED)
    assert caught.value.code == "unsafe-code"
    with pytest.warns(UnsignedWarning):
        unsafe = mlpack.load(bundle.path, policy=mlpack.UNSIGNED, unsafe_code=True)
    np.testing.assert_array_equal(unsafe.predict(ROWS), model.predict(ROWS))
    with pytest.warns(UnsignedWarning), pytest.raises(UsageError, match="golden rows"):
        mlpack.load(bundle.path, policy=mlpack.UNSIGNED, unsafe_code=True, replay=False)


def test_a_function_is_packed_with_the_constants_it_uses() -> None:
    proof = prove(clip, ROWS)
    assert proof.parity.certificate == "exact"
    loaded = Predictor(proof.contract, open_engine(proof.artifact, proof.contract), ranges="ignore")
    np.testing.assert_array_equal(loaded.predict(ROWS), clip(ROWS))


def test_a_class_is_made_again_from_its_files() -> None:
    model = Weights()
    model.weights = np.array([1.0, -2.0, 0.5, 3.0])
    proof = prove(model, ROWS)
    assert "model/data/weights.bin" in proof.artifact.files
    loaded = Predictor(proof.contract, open_engine(proof.artifact, proof.contract), ranges="ignore")
    np.testing.assert_array_equal(loaded.predict(ROWS), model.predict(ROWS))


def booster_cases() -> dict[str, tuple[Any, Any]]:
    catboost, lightgbm, xgboost = map(pytest.importorskip, ("catboost", "lightgbm", "xgboost"))
    words = frame()[["height", "weight", "city"]]
    labels = np.array(["no", "yes"])[LABELS]
    quiet = {"allow_writing_files": False, "verbose": 0, "random_seed": 0, "iterations": 4}
    return {
        "catboost": (catboost.CatBoostClassifier(cat_features=["city"], **quiet).fit(words, labels), words),
        "lightgbm": (
            lightgbm.train({"verbose": -1, "objective": "binary"}, lightgbm.Dataset(ROWS, LABELS), 4),
            ROWS,
        ),
        "xgboost": (xgboost.XGBClassifier(n_estimators=4).fit(ROWS, LABELS), ROWS),
    }


@pytest.mark.parametrize("library", ["catboost", "lightgbm", "xgboost"])
def test_a_booster_is_its_own_librarys_file(library: str) -> None:
    model, rows = booster_cases()[library]
    proof = prove(model, rows, methods=["predict"], prefer="native")
    assert proof.artifact.requires == (library,)
    assert proof.parity.certificate == "exact"
    broken = dict(proof.artifact.files)
    name = next(path for path in broken if path != proof.artifact.path)
    broken[name] = b"no model"
    with pytest.raises(MlpackError, match="refuses the model"):
        open_engine(replace(proof.artifact, files=broken), proof.contract)
    more = {**proof.artifact.files, "model/more.bin": b""}
    with pytest.raises(FormatError, match="nothing else"):
        open_engine(replace(proof.artifact, files=more), proof.contract)


def test_categories_that_xgboost_mistakes_for_one_another_are_refused() -> None:
    import xgboost

    rows = frame()[["height", "weight", "city"]].astype({"city": "category"})
    model = xgboost.XGBClassifier(n_estimators=4, enable_categorical=True).fit(rows, LABELS)
    if tuple(map(int, xgboost.__version__.split(".")[:2])) >= (3, 3):
        assert prove(model, rows, methods=["predict"], prefer="native").artifact.requires == ("xgboost",)
    else:
        with pytest.raises(ExportError, match="neighbour in the alphabet"):
            prove(model, rows, methods=["predict"], prefer="native")


def test_a_pickle_is_packed_only_when_it_is_called_one() -> None:
    model = own_pipeline()
    proof = prove(mlpack.UnsafePickle(model), ROWS, methods=["predict_proba"])
    assert (proof.artifact.format, proof.artifact.requires) == ("code", ("pickle",))
    assert proof.parity.certificate == "exact"


SCRIPT = """
import hashlib, json, sys
import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import KNNImputer
from sklearn.pipeline import make_pipeline
from mlpack.packing.example import read_example
from mlpack.packing.export.native import native_artifact
rows = np.random.default_rng(0).normal(size=(80, 3))
model = make_pipeline(KNNImputer(), RandomForestClassifier(5, random_state=0)).fit(rows, rows[:, 0] > 0)
made = native_artifact(model, read_example(rows))
print(hashlib.sha256(json.dumps({k: v.hex() for k, v in made.files.items()}).encode()).hexdigest())
"""


def test_the_native_form_has_the_same_bytes_in_every_process() -> None:
    found = {
        subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env={**os.environ, "PYTHONHASHSEED": seed, "MALLOC_PERTURB_": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "77")
    }
    assert len(found) == 1
    assert len(found.pop().strip()) == hashlib.sha256().digest_size * 2
