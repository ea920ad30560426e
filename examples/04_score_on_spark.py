"""Score a table on Spark: the bundle that was verified here is the one that every executor accepts.

Run it with `python examples/04_score_on_spark.py`; it starts a local Spark and needs Java 17 and
`pip install 'mlpack-sdk[spark]'`.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from sklearn.linear_model import Ridge

import mlpack
from mlpack.runtime.batch.scorer import ScoreOptions
from mlpack.runtime.batch.spark import predict_udf, readable_errors, score_dataframe


def made_flats(rows: int) -> pa.Table:
    """Return made-up flats; the area of two is missing, which the model cannot take."""
    rng = np.random.default_rng(4)
    gaps = np.isin(np.arange(rows), [5, 700])
    area = pa.array(rng.normal(70, 20, rows).round(1), mask=gaps)
    return pa.table({"flat": np.arange(rows), "area": area, "floor": rng.integers(0, 9, rows)})


def main() -> None:
    """Pack, sign, and score a Parquet file, once as rows and once in a query."""
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    from pyspark.sql import SparkSession
    from pyspark.sql.functions import struct

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        known = made_flats(300).to_pandas().dropna()[["area", "floor"]]
        model = Ridge().fit(known, known["area"] * 3000 + known["floor"] * 1000)
        bundle = mlpack.pack(model, name="flats", version="1.0.0", example=known, output=folder)
        key, public = mlpack.trust.generate_key(folder / "release", password=None)
        mlpack.sign(bundle, mlpack.trust.KeySigner.from_file(key))
        policy = mlpack.Policy.from_key(public)
        pq.write_table(made_flats(10_000), folder / "in.parquet")

        builder = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
        spark = builder.config("spark.driver.host", "127.0.0.1").getOrCreate()
        try:
            flats = spark.read.parquet(str(folder / "in.parquet"))
            scored = score_dataframe(
                flats, bundle.path, policy=policy, options=ScoreOptions(mode="quarantine")
            ).cache()
            with readable_errors():
                good = scored.where("mlpack_reason is null").count()
                bad = scored.where("mlpack_reason is not null").orderBy("flat").collect()
            print(f"scored    {good} rows with {bundle.digest[:30]}...")
            for row in bad:
                print(f"set aside flat {row.flat}: {row.mlpack_reason}")

            price = predict_udf(spark, bundle.path, policy=policy)
            complete = flats.where("area is not null")
            dearest = complete.withColumn("price", price(struct("area", "floor"))).agg({"price": "max"})
            with readable_errors():
                print(f"dearest   {dearest.first()[0]:.0f}")
        finally:
            spark.stop()
        if good != 9_998 or [row.flat for row in bad] != [5, 700]:
            raise SystemExit("rows were lost, or the wrong ones set aside")


if __name__ == "__main__":
    main()
