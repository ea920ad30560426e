"""Other people's clients ask a real server, and get what the original answers."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder
from tests.serving import Running, serving

import mlpack

pytestmark = [pytest.mark.clients, pytest.mark.network]
HERE = Path(__file__).parent


def made(rows: int, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "age": rng.integers(18, 90, rows),
            "charge": rng.gamma(4.0, 15.0, rows).round(2),
            "city": rng.choice(np.array(["Łódź", "Oslo", "Rome"], dtype=object), rows),
        }
    )


ROWS = made(30, seed=1)


@pytest.fixture(scope="module")
def original() -> Pipeline:
    frame = made(500)
    columns = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["city"]), remainder="passthrough"
    )
    target = np.where(frame["age"] + frame["charge"] > 110, "yes", "no")
    return make_pipeline(columns, GradientBoostingClassifier(n_estimators=20, random_state=0)).fit(
        frame, target
    )


@pytest.fixture(scope="module")
def server(original: Pipeline, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("dist")
    bundle = mlpack.pack(
        original, name="churn", version="1.2.0", example=made(500), output=folder, replay=False
    )
    with serving(Path(bundle.path), "--unsigned", "--grpc-port", 0, "--workers", 2) as running:
        yield running


def ask(script: str, *arguments: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, HERE / script, *arguments],
        input=json.dumps(ROWS.to_dict(orient="list")),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def check(found: dict[str, Any], original: Pipeline) -> None:
    assert found["predict"] == original.predict(ROWS).tolist()
    np.testing.assert_allclose(found["predict_proba"], original.predict_proba(ROWS), rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", ["http", "grpc"])
def test_tritonclient(server: Running, original: Pipeline, kind: str) -> None:
    address = server.grpc if kind == "grpc" else server.url.removeprefix("http://")
    found = ask("ask_tritonclient.py", kind, address, "churn")

    check(found, original)
    assert found["live"]
    assert found["ready"]
    assert found["server"] == "mlpack"
    assert found["refused"].endswith("missing inputs: charge, city")


@pytest.mark.parametrize("kind", ["v2", "grpc"])
def test_kserve(server: Running, original: Pipeline, kind: str) -> None:
    found = ask("ask_kserve.py", kind, server.grpc if kind == "grpc" else server.url, "churn")

    check(found, original)
    assert found["live"]


def test_kserve_v1(server: Running, original: Pipeline) -> None:
    found = ask("ask_kserve.py", "v1", server.url, "churn")

    assert found["predictions"] == original.predict(ROWS).tolist()
