"""Scoring a file against the loop that a careful person would write with pyarrow and onnxruntime.

Both run in turn, in one process, with the same number of threads, so that a busy machine slows both; seconds
of CPU are printed, too, because only they say something there.
Memory is measured in a process of its own, over a table several times larger than what it may take.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import mlpack
from mlpack.format.contract import Contract
from mlpack.format.opening import inspect
from mlpack.runtime.session import open_session

Anything: TypeAlias = Any

CITIES = np.array(["amsterdam", "berlin", "copenhagen", "dublin", "edinburgh"], dtype=object)
NUMBERS = [f"number {index}" for index in range(7)]
TEXTS = [f"city {index}" for index in range(3)]
ROWS = 400_000
CHUNK = 8192
TURNS = 4
LEAST = 0.85
"""Throughput that is promised, as a share of the loop's."""


def made(rows: int, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {name: rng.normal(size=rows) for name in NUMBERS} | {name: rng.choice(CITIES, rows) for name in TEXTS}
    )
    frame.loc[rng.random(rows) < 0.1, NUMBERS[0]] = np.nan
    return frame


def original(kind: str, frame: pd.DataFrame) -> Pipeline:
    model = LogisticRegression() if kind == "linear" else HistGradientBoostingClassifier(random_state=0)
    columns = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), NUMBERS),
            ("texts", OneHotEncoder(handle_unknown="ignore", sparse_output=False), TEXTS),
        ]
    )
    return make_pipeline(columns, model).fit(frame, frame[NUMBERS[1]] + frame[NUMBERS[2]] > 0)


@pytest.fixture(scope="module", params=["linear", "trees"])
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp(request.param)
    example = made(2000)
    bundle = mlpack.pack(
        original(request.param, example), name="bench", version="1.0.0", example=example, output=folder
    )
    pq.write_table(pa.Table.from_pandas(made(ROWS, 1), preserve_index=False), folder / "in.parquet")
    return bundle.path, folder / "in.parquet"


def loop(bundle: Path, source: Path, target: Path, threads: int) -> None:
    """Score with nothing but pyarrow, NumPy and onnxruntime: the same columns out, no check, no report."""
    opened = inspect(bundle)
    contract = Contract.from_bytes(opened.read(opened.manifest.one("contract")))
    session = open_session(opened.read(opened.manifest.model.path))
    tensors = [contract.output(method).tensor for method in ("predict", "predict_proba")]
    labels = np.array(contract.output("predict").classes)
    digest, version = pa.scalar(opened.digest), pa.scalar(opened.version)

    def scored(batch: pa.RecordBatch) -> pa.RecordBatch:
        feeds = {}
        for item in contract.inputs:
            column = batch.column(item.name).to_numpy(zero_copy_only=False)
            feeds[item.tensor] = column.reshape(-1, 1)
        label, proba = session.run(tensors, feeds)
        rows = batch.num_rows
        return pa.RecordBatch.from_arrays(
            [
                *batch.columns,
                pa.array(labels[label]),
                pa.array(np.ascontiguousarray(proba[:, 0])),
                pa.array(np.ascontiguousarray(proba[:, 1])),
                pa.repeat(digest, rows),
                pa.repeat(version, rows),
            ],
            names=[*batch.schema.names, "predict", "no", "yes", "digest", "version"],
        )

    batches = pq.ParquetFile(source).iter_batches(batch_size=CHUNK)
    writer: pq.ParquetWriter | None = None
    held: list[pa.RecordBatch] = []
    with ThreadPoolExecutor(threads) as pool:
        results = map(scored, batches) if threads == 1 else pool.map(scored, batches)
        for result in results:
            writer = writer or pq.ParquetWriter(target, result.schema)
            held.append(result)
            if len(held) == 16:
                writer.write_table(pa.Table.from_batches(held))
                held.clear()
    assert writer is not None
    if held:
        writer.write_table(pa.Table.from_batches(held))
    writer.close()


def ours(bundle: Path, source: Path, target: Path, threads: int) -> None:
    mlpack.score(
        bundle,
        source,
        target,
        policy=mlpack.UNSIGNED,
        methods=("predict", "predict_proba"),
        threads=threads,
        overwrite=True,
    )


def spent(function: Callable[..., None], *arguments: Anything) -> tuple[float, float]:
    """Return seconds by the clock, and of CPU in all threads."""
    start, before = time.perf_counter(), time.process_time()
    function(*arguments)
    return time.perf_counter() - start, time.process_time() - before


@pytest.mark.filterwarnings("ignore::mlpack.runtime.notices.UnsignedWarning")
@pytest.mark.parametrize("threads", [1, 2])
def test_throughput_beside_a_loop_by_hand(case: tuple[Path, Path], threads: int, tmp_path: Path) -> None:
    bundle, source = case
    busy = os.getloadavg()[1] > (os.cpu_count() or 1) + 1  # of five minutes; this test alone makes two
    best = {function: (float("inf"), float("inf")) for function in (loop, ours)}
    for _ in range(TURNS):
        for function in (loop, ours):
            now = spent(function, bundle, source, tmp_path / "out.parquet", threads)
            best[function] = (min(best[function][0], now[0]), min(best[function][1], now[1]))
    ratio, of_cpu = (theirs / mine for theirs, mine in zip(best[loop], best[ours], strict=True))
    print(
        f"\n{source.parent.name}, {threads} thread(s): {ROWS / best[ours][0]:,.0f} rows/s, "
        f"the loop {ROWS / best[loop][0]:,.0f}, ratio {ratio:.3f}, of CPU {of_cpu:.3f}",
        end="",
    )
    assert of_cpu >= LEAST
    assert ratio >= LEAST or busy, "and nobody else was there to slow it"


MEASURED = """
import resource, sys
import mlpack
bundle, source, target = sys.argv[1:]
mlpack.score(bundle, source, target, policy=mlpack.UNSIGNED)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def peak(bundle: Path, source: Path, target: Path) -> int:
    """Return the most memory, in bytes, that a process of its own took for scoring."""
    command = [sys.executable, "-W", "ignore", "-c", MEASURED, str(bundle), str(source), str(target)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(done.stdout.split()[-1]) * (1 if sys.platform == "darwin" else 1024)


def write_wide(place: Path, gigabytes: float) -> int:
    """Write a table with a wide column of texts that do not compress; return its size in memory."""
    rng = np.random.default_rng(5)
    size = 0
    writer: pq.ParquetWriter | None = None
    while size < gigabytes * 1e9:
        rows = 50_000
        frame = pa.Table.from_pandas(made(rows, size % 1000), preserve_index=False)
        texts = pa.FixedSizeBinaryArray.from_buffers(
            pa.binary(400), rows, [None, pa.py_buffer(rng.bytes(400 * rows))]
        )
        frame = frame.append_column("payload", texts)
        writer = writer or pq.ParquetWriter(place, frame.schema)
        writer.write_table(frame, row_group_size=rows)
        size += frame.nbytes
    assert writer is not None
    writer.close()
    return size


@pytest.mark.parametrize(
    "gigabytes",
    [
        1.0,
        pytest.param(
            3.0,
            marks=pytest.mark.skipif("MLPACK_BENCH_LARGE" not in os.environ, reason="takes 6 GB of disk"),
        ),
    ],
)
def test_memory_stays_bounded(case: tuple[Path, Path], gigabytes: float, tmp_path: Path) -> None:
    bundle, _ = case
    source = tmp_path / "wide.parquet"
    size = write_wide(source, gigabytes)
    most = peak(bundle, source, tmp_path / "out.parquet")
    print(f"\na table of {size / 1e9:.1f} GB: {most / 1e6:.0f} MB at most", end="")
    assert most <= 1e9
