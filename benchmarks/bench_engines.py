"""Scoring on Spark against MLflow's Spark UDF: the same pipelines, rows and session, turn by turn.

Run it with `nox -s peers`; a number after `--` sets the rows, further words choose among the models. Answers
are compared, too. Seconds of CPU are those of Spark and all its Python workers: on a busy machine only they
say something. What Spark takes to hand rows to Python and back bounds what any scorer can gain, so it is
measured as well, with functions that do nothing.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import mlpack
from mlpack.runtime.batch.scorer import ScoreOptions, Scorer

TURNS = 5
AT_LEAST = 3.0
"""How many times as fast as the peer is hoped for; what is reached depends on the model."""

PEER = "MLflow, spark_udf"
NUMBERS = ["age", "charge", "tenure", "visits", "calls", "balance"]
TEXTS = ["city", "plan", "channel"]
MODELS: dict[str, Any] = {
    "linear": LogisticRegression(max_iter=500),
    "small-forest": RandomForestClassifier(n_estimators=20, max_depth=6, random_state=0),
    "boosting": GradientBoostingClassifier(random_state=0),
    "hist-boosting": HistGradientBoostingClassifier(random_state=0),
}


def made_customers(rows: int, seed: int = 7) -> pd.DataFrame:
    """Return nine columns, numbers and texts; some of the numbers are missing."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "age": rng.integers(18, 90, rows).astype(float),
            "charge": rng.gamma(4.0, 15.0, rows).round(2),
            "tenure": rng.exponential(24.0, rows).round(1),
            "visits": rng.poisson(5.0, rows).astype(float),
            "calls": rng.poisson(2.0, rows).astype(float),
            "balance": rng.normal(100.0, 40.0, rows).round(2),
            "city": rng.choice(["Łódź", "Zürich", "São Paulo", "Oslo"], rows),
            "plan": rng.choice(["basic", "plus", "pro"], rows),
            "channel": rng.choice(["phone", "shop", "web"], rows),
        }
    )
    for name in NUMBERS:
        frame.loc[rng.random(rows) < 0.05, name] = np.nan
    return frame


def fitted(model: Any, frame: pd.DataFrame) -> Pipeline:
    score = frame["charge"].fillna(60) / 40 - frame["tenure"].fillna(20) / 30
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    columns = ColumnTransformer([("n", numbers, NUMBERS), ("t", OneHotEncoder(sparse_output=False), TEXTS)])
    return Pipeline([("columns", columns), ("model", model)]).fit(
        frame, np.where(score > 0.5, "leaves", "stays")
    )


def tree_seconds() -> float:
    """Return the CPU seconds of this process and all below it, those that ended included."""
    children: dict[int, list[int]] = {}
    ticks: dict[int, int] = {}
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = place.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has just ended
        children.setdefault(int(fields[1]), []).append(int(place.parent.name))
        ticks[int(place.parent.name)] = sum(map(int, fields[11:15]))
    total, waiting = 0, [os.getpid()]
    while waiting:
        pid = waiting.pop()
        total += ticks.get(pid, 0)
        waiting += children.get(pid, [])
    return total / os.sysconf("SC_CLK_TCK")


def spent(frame: Any) -> tuple[float, float]:
    """Return the seconds, by the clock and of CPU, that every row of a DataFrame takes; it is thrown away."""
    start, before = time.perf_counter(), tree_seconds()
    frame.write.format("noop").mode("overwrite").save()
    return time.perf_counter() - start, tree_seconds() - before


def floors(table: Any) -> dict[str, Any]:
    """Return what Spark does for a function that does nothing: all columns there and back, and a UDF."""
    from pyspark.sql.functions import pandas_udf, struct

    def same(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        yield from batches

    def constant(frames: Any) -> Any:
        for frame in frames:
            yield pd.Series(["stays"] * len(frame))

    constant.__annotations__ = {"frames": Iterator[pd.DataFrame], "return": Iterator[pd.Series]}
    udf = pandas_udf(constant, "string")
    return {
        "Spark alone, mapInArrow": table.mapInArrow(same, table.schema),
        "Spark alone, pandas UDF": table.withColumn("predict", udf(struct(*table.columns))),
    }


def contenders(folder: Path, pipeline: Pipeline, known: pd.DataFrame) -> dict[str, Callable[[Any], Any]]:
    import mlflow
    from mlflow.models import infer_signature
    from pyspark.sql.functions import struct

    from mlpack.runtime.batch.spark import predict_udf, score_dataframe

    bundle = mlpack.pack(pipeline, name="churn", version="1.0.0", example=known, output=folder)
    policy = mlpack.Policy.from_digest(bundle.digest)
    mlflow.sklearn.save_model(
        pipeline,
        str(folder / "mlflow"),
        signature=infer_signature(known, pipeline.predict(known)),
        pip_requirements=[],
        **_options(mlflow.sklearn.save_model),
    )

    def peer(table: Any) -> Any:
        udf = mlflow.pyfunc.spark_udf(
            table.sparkSession, str(folder / "mlflow"), result_type="string", env_manager="local"
        )
        return table.withColumn("predict", udf(struct(*known.columns)))

    def udf(table: Any) -> Any:
        ours = predict_udf(table.sparkSession, bundle.path, "predict", policy=policy)
        return table.withColumn("predict", ours(struct(*known.columns)))

    _alone(mlpack.load(bundle.path, policy=policy, ranges="ignore"), pipeline)
    return {
        "mlpack, score_dataframe": lambda table: score_dataframe(table, bundle.path, policy=policy),
        "mlpack, predict_udf": udf,
        PEER: peer,
    }


def _alone(predictor: Any, pipeline: Pipeline, rows: int = 50_000) -> None:
    """Print what the models take without Spark, on the chunks that they get there."""
    frame = made_customers(rows, seed=8)
    scorer = Scorer(predictor, ScoreOptions())
    batches = pa.Table.from_pandas(frame, preserve_index=False).to_batches(max_chunksize=8192)
    frames = [frame.iloc[start : start + 10_000] for start in range(0, rows, 10_000)]
    asks: dict[str, Callable[[], object]] = {
        "mlpack": lambda: [scorer.score(batch) for batch in batches],
        "scikit-learn": lambda: [pipeline.predict(one) for one in frames],
    }
    least = dict.fromkeys(asks, float("inf"))
    for _ in range(TURNS):
        for what, ask in asks.items():
            start = time.process_time()
            ask()
            least[what] = min(least[what], time.process_time() - start)
    words = [f"{what} {1e6 * taken / rows:.2f}" for what, taken in least.items()]
    print(f"  without Spark, microseconds of CPU for a row: {', '.join(words)}")


def _options(save: Callable[..., Any]) -> dict[str, Any]:
    """Newer MLflow would rather not pickle; the peer is measured as people used it so far."""
    import inspect

    return (
        {"serialization_format": "cloudpickle"}
        if "serialization_format" in inspect.signature(save).parameters
        else {}
    )


def main() -> None:
    numbers = [word for word in sys.argv[1:] if word.isdigit()]
    rows = int(numbers[0]) if numbers else 400_000
    chosen = [word for word in sys.argv[1:] if not word.isdigit()] or list(MODELS)
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    from pyspark.sql import SparkSession

    warnings.simplefilter("ignore")
    known = made_customers(2000)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made_customers(rows).to_parquet(folder / "in.parquet")
        builder = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
        builder = builder.config("spark.ui.showConsoleProgress", "false")
        spark = builder.config("spark.driver.host", "127.0.0.1").getOrCreate()
        spark.sparkContext.setLogLevel("ERROR")
        try:
            table = spark.read.parquet(str(folder / "in.parquet")).repartition(4).cache()
            table.count()
            for model in chosen:
                print(f"{model}, {rows:,} rows", flush=True)
                asks = contenders(folder / model, fitted(MODELS[model], known), known)
                compare(rows, floors(table) | {what: ask(table) for what, ask in asks.items()})
        finally:
            spark.stop()


def compare(rows: int, frames: dict[str, Any]) -> None:
    answers = {what: _counts(frame) for what, frame in frames.items() if "alone" not in what}  # warms, too
    assert len({tuple(sorted(counts.items())) for counts in answers.values()}) == 1, answers
    turns: dict[str, list[tuple[float, float]]] = {what: [] for what in frames}
    for _ in range(TURNS):
        for what, frame in frames.items():
            turns[what].append(spent(frame))
    middle = {
        what: (statistics.median(turn[0] for turn in taken), statistics.median(turn[1] for turn in taken))
        for what, taken in turns.items()
    }
    clock, cpu = middle[PEER]
    for what, (seconds, used) in middle.items():
        print(
            f"  {what:24} {seconds:6.2f} s {rows / seconds:10,.0f} rows/s {clock / seconds:6.2f} x"
            f"   {used:6.2f} s of CPU {cpu / used:6.2f} x",
            flush=True,
        )
    ours = middle["mlpack, score_dataframe"]
    reached = "reached" if clock / ours[0] >= AT_LEAST else "not reached"
    print(f"  {AT_LEAST:g} times the peer: {reached}", flush=True)
    assert cpu / ours[1] > 1, "slower than the peer"


def _counts(frame: Any) -> dict[str, int]:
    return {row["predict"]: row["count"] for row in frame.groupBy("predict").count().collect()}


if __name__ == "__main__":
    main()
