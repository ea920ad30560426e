"""Scoring on Spark against MLflow's Spark UDF: the same pipeline, rows and session, turn by turn.

Run it with `nox -s peers`; a number after `--` sets the rows. Our answers are compared with MLflow's, too.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import mlpack

TURNS = 3
AT_LEAST = 3.0
"""How many times as fast as the peer."""


def made_customers(rows: int) -> pd.DataFrame:
    """Return numbers and texts, some of the numbers missing."""
    rng = np.random.default_rng(7)
    frame = pd.DataFrame(
        {
            "age": rng.integers(18, 90, rows).astype(float),
            "charge": rng.gamma(4.0, 15.0, rows).round(2),
            "tenure": rng.exponential(24.0, rows).round(1),
            "city": rng.choice(["Łódź", "Zürich", "São Paulo", "Oslo"], rows),
            "plan": rng.choice(["basic", "plus", "pro"], rows),
        }
    )
    frame.loc[rng.random(rows) < 0.1, "tenure"] = np.nan
    return frame


def fitted(frame: pd.DataFrame) -> Pipeline:
    target = np.where(frame["charge"] / 40 - frame["tenure"].fillna(20) / 30 > 0.5, "leaves", "stays")
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    columns = ColumnTransformer(
        [("n", numbers, ["age", "charge", "tenure"]), ("t", OneHotEncoder(), ["city", "plan"])]
    )
    return Pipeline([("columns", columns), ("model", GradientBoostingClassifier(random_state=0))]).fit(
        frame, target
    )


def seconds(frame: Any) -> float:
    """Return how long it takes to compute every row of a DataFrame and throw it away."""
    start = time.perf_counter()
    frame.write.format("noop").mode("overwrite").save()
    return time.perf_counter() - start


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

    return {
        "mlpack, score_dataframe": lambda table: score_dataframe(table, bundle.path, policy=policy),
        "mlpack, predict_udf": udf,
        "MLflow, spark_udf": peer,
    }


def _options(save: Callable[..., Any]) -> dict[str, Any]:
    """Newer MLflow would rather not pickle; the peer is measured as people used it so far."""
    import inspect

    return (
        {"serialization_format": "cloudpickle"}
        if "serialization_format" in inspect.signature(save).parameters
        else {}
    )


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 500_000
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    from pyspark.sql import SparkSession

    warnings.simplefilter("ignore")
    known = made_customers(2000)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made_customers(rows).to_parquet(folder / "in.parquet", row_group_size=rows // 8)
        builder = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
        spark = builder.config("spark.driver.host", "127.0.0.1").getOrCreate()
        spark.sparkContext.setLogLevel("ERROR")
        try:
            table = spark.read.parquet(str(folder / "in.parquet")).cache()
            table.count()
            frames = {what: ask(table) for what, ask in contenders(folder, fitted(known), known).items()}
            answers = {what: _counts(frame) for what, frame in frames.items()}  # also warms the workers
            times: dict[str, list[float]] = {what: [] for what in frames}
            for _ in range(TURNS):
                for what, frame in frames.items():
                    times[what].append(seconds(frame))
        finally:
            spark.stop()
    _report(rows, times, answers)


def _counts(frame: Any) -> dict[str, int]:
    return {row["predict"]: row["count"] for row in frame.groupBy("predict").count().collect()}


def _report(rows: int, times: dict[str, list[float]], answers: dict[str, dict[str, int]]) -> None:
    peer = statistics.median(times["MLflow, spark_udf"])
    for what, turns in times.items():
        middle = statistics.median(turns)
        print(f"{what:24} {middle:7.2f} s  {rows / middle:10,.0f} rows/s  {peer / middle:5.2f} x the peer")
    assert len({tuple(sorted(counts.items())) for counts in answers.values()}) == 1, answers
    ratio = peer / statistics.median(times["mlpack, score_dataframe"])
    assert ratio >= AT_LEAST, f"expected at least {AT_LEAST} times the peer, found {ratio:.2f}"


if __name__ == "__main__":
    main()
