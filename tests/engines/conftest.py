"""What both engines are tested with: one signed bundle, one awkward table, and an eye on their processes."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import mlpack
from mlpack.runtime.batch.merging import score_merged
from mlpack.runtime.batch.scorer import ScoreOptions, Scorer

METHODS = ("predict", "predict_proba")


@dataclass(frozen=True, kw_only=True, slots=True)
class Packed:
    """A signed bundle and the policy that accepts it."""

    path: Path
    digest: str
    policy: mlpack.Policy


def made_rows(rows: int, seed: int = 1) -> pa.Table:
    """Return numbers, decimals, strings and a category, all with nulls, and columns no model reads."""
    rng = np.random.default_rng(seed)
    gaps = rng.random((5, rows)) < 0.1
    cents = rng.integers(0, 100_000, rows)
    price = pa.array(cents, pa.int64()).cast(pa.decimal128(21, 0))
    table = {
        # Beyond what a float holds, and null now and then: pandas would change it.
        "key": pa.array(np.arange(rows) + 2**60, pa.int64(), mask=gaps[0] & (np.arange(rows) % 2 > 0)),
        "row": pa.array(np.arange(rows), pa.int64()),
        "age": pa.array(rng.integers(18, 90, rows), pa.int32(), mask=gaps[1]),
        "tenure": pa.array(rng.exponential(24.0, rows), pa.float64(), mask=gaps[2]),
        "price": price.cast(pa.decimal128(21, 2), safe=False),
        "city": pa.array(rng.choice(["Łódź", "Zürich", "São Paulo", "Oslo"], rows), mask=gaps[3]),
        "plan": pa.array(rng.choice(["basic", "plus", "pro"], rows), mask=gaps[4]).dictionary_encode(),
        "tags": pa.array([["a", None], [], None, ["b"]] * (rows // 4) + [None] * (rows % 4)),
    }
    return pa.table(table)


@pytest.fixture(scope="session")
def churn(tmp_path_factory: pytest.TempPathFactory) -> Packed:
    """Return a pipeline over numbers and texts."""
    frame = _features(made_rows(600, seed=0))
    target = np.where(frame["age"].fillna(40) + frame["tenure"].fillna(20) > 65, "leaves", "stays")
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    texts = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore"))
    columns = ColumnTransformer([("n", numbers, ["age", "tenure", "price"]), ("t", texts, ["city", "plan"])])
    model = GradientBoostingClassifier(n_estimators=30, random_state=0)
    pipeline = Pipeline([("columns", columns), ("model", model)]).fit(frame, target)
    return _packed(tmp_path_factory.mktemp("churn"), pipeline, frame, "churn")


@pytest.fixture(scope="session")
def line(tmp_path_factory: pytest.TempPathFactory) -> Packed:
    """Return a bundle that no worker has loaded yet: what arrives of it can be damaged."""
    frame = pd.DataFrame({"tenure": np.linspace(0, 90, 50)})
    model = LinearRegression().fit(frame, frame["tenure"] * 2)
    return _packed(tmp_path_factory.mktemp("line"), model, frame, "line")


def _features(table: pa.Table) -> pd.DataFrame:
    price = table["price"].cast(pa.float64())
    frame = pd.DataFrame(table.select(["age", "tenure"]).append_column("price", price).to_pandas())
    for name in ("city", "plan"):  # missing as scikit-learn's imputer knows it
        texts = [np.nan if text is None else text for text in table[name].to_pylist()]
        frame[name] = pd.Series(texts, dtype=object)
    return frame


def _packed(folder: Path, model: object, frame: pd.DataFrame, name: str) -> Packed:
    bundle = mlpack.pack(model, name=name, version="1.0.0", example=frame, output=folder, replay=False)
    key, public = mlpack.trust.generate_key(folder / "release", password=None)
    mlpack.sign(bundle, mlpack.trust.KeySigner.from_file(key))
    return Packed(path=bundle.path, digest=bundle.digest, policy=mlpack.Policy.from_key(public))


@pytest.fixture(scope="session")
def local() -> Callable[[Packed, pa.Table, ScoreOptions], pa.Table]:
    """Return what scores a table in this process, in one piece."""

    def score(bundle: Packed, table: pa.Table, options: ScoreOptions) -> pa.Table:
        scorer = Scorer(mlpack.load(bundle.path, policy=bundle.policy, ranges="ignore"), options)
        batch = pa.concat_batches(table.to_batches())
        return pa.Table.from_batches([score_merged(scorer, options, batch, place="here")])

    return score


def same_scores(one: pa.Table, other: pa.Table) -> bool:
    """Return whether two tables hold the same rows and labels, and scores within 1e-12 of their spread."""
    one, other = one.sort_by("row"), other.sort_by("row")
    for name in one.column_names:
        if name.startswith("predict_proba"):
            a, b = one[name].to_numpy(), other[name].to_numpy()
            if np.abs(a - b).max() > 1e-12 * (b.max() - b.min()):
                return False
        elif one[name].to_pylist() != other[name].to_pylist():
            return False
    return True


def descendants(root: int) -> list[int]:
    """Return the processes that a process started, and those that they started."""
    children: dict[int, list[int]] = {}
    for place in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = place.read_text().rpartition(")")[2].split()
            children.setdefault(int(fields[1]), []).append(int(place.parent.name))
    found: list[int] = []
    waiting = [root]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def scoring() -> list[int]:
    """Return which of our descendants run a model."""
    found = []
    for pid in descendants(os.getpid()):
        with contextlib.suppress(OSError):
            if "onnxruntime" in Path(f"/proc/{pid}/maps").read_text():
                found.append(pid)
    return found


def kill_while(job: Callable[[], pa.Table]) -> tuple[pa.Table, int]:
    """Run a job, kill the processes that score meanwhile, once, and return its answer and how many died."""
    result: list[pa.Table] = []
    thread = threading.Thread(target=lambda: result.append(job()))
    thread.start()
    killed = 0
    end = time.monotonic() + 60
    while not killed and thread.is_alive() and time.monotonic() < end:
        time.sleep(0.5)
        for pid in scoring():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                killed += 1
    thread.join(timeout=120)
    assert result, "the job did not end"
    return result[0], killed


@contextlib.contextmanager
def ended_after() -> Iterator[None]:
    """End every process that started inside, by its id, if it has not ended by itself."""
    before = set(descendants(os.getpid()))
    started: set[int] = set()
    try:
        yield
    finally:
        started |= set(descendants(os.getpid())) - before
        for pid in started:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        time.sleep(1)
        for pid in started & set(descendants(os.getpid())):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


class Helpers:
    """What tests of both engines call."""

    kill_while = staticmethod(kill_while)
    same_scores = staticmethod(same_scores)


@pytest.fixture(scope="session")
def helpers() -> Helpers:
    """Return the functions of this file: test modules cannot import one another."""
    return Helpers()


@pytest.fixture(scope="session", name="ended_after")
def ended_after_fixture() -> Callable[[], contextlib.AbstractContextManager[None]]:
    """Return what ends processes that a block started."""
    return ended_after


@pytest.fixture(scope="session")
def rows() -> Callable[[int], pa.Table]:
    """Return what makes a table."""
    return made_rows


@pytest.fixture(scope="session")
def poisoned() -> Callable[[pa.Table], pa.Table]:
    """Return what spoils rows 1000 to 1999 and row 4321 with an infinity, which no imputer takes."""

    def spoil(table: pa.Table) -> pa.Table:
        values = [
            float("inf") if 1000 <= row < 2000 or row == 4321 else value
            for row, value in enumerate(table["tenure"].to_pylist())
        ]
        return table.set_column(table.schema.get_field_index("tenure"), "tenure", pa.array(values))

    return spoil
