"""A real local Spark: the same answers, whatever becomes of a worker, a file or a row."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import mlpack
from mlpack.errors import ContentMismatchError, InputError, UntrustedSignerError
from mlpack.runtime.batch import spark as engine
from mlpack.runtime.batch.scorer import ScoreOptions
from mlpack.runtime.notices import UnsignedWarning

pytestmark = [pytest.mark.engines, pytest.mark.filterwarnings("default")]

METHODS = ("predict", "predict_proba")
ROWS = 20_000


@pytest.fixture(scope="module")
def spark(ended_after: Any) -> Iterator[Any]:
    from pyspark.sql import SparkSession

    os.environ["PYSPARK_PYTHON"] = sys.executable
    with ended_after():
        builder = SparkSession.builder.master("local[2, 3]")  # two threads; a task may fail twice
        for name, value in {
            "spark.ui.enabled": "false",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.host": "127.0.0.1",
            "spark.sql.shuffle.partitions": "2",
            "spark.sql.execution.arrow.maxRecordsPerBatch": "1000",
        }.items():
            builder = builder.config(name, value)
        session = builder.getOrCreate()
        session.sparkContext.setLogLevel("OFF")
        yield session
        session.stop()


def plain(table: pa.Table) -> pa.Table:
    """Spark has no dictionaries."""
    return table.set_column(table.schema.get_field_index("plan"), "plan", table["plan"].cast(pa.string()))


@pytest.mark.slice
def test_one_partition_gives_the_very_bytes(spark: Any, churn: Any, local: Any, rows: Any) -> None:
    table = plain(rows(ROWS))
    options = ScoreOptions(methods=METHODS)
    frame = spark.createDataFrame(table).coalesce(1)
    scored = engine.score_dataframe(frame, churn.path, policy=churn.policy, options=options).toArrow()
    expected = local(churn, table, options)
    assert scored.column_names == expected.column_names
    for name in expected.column_names:
        assert scored[name].to_pylist() == expected[name].to_pylist(), name


def test_schema_is_known_before_anything_runs(spark: Any, churn: Any, rows: Any) -> None:
    frame = spark.createDataFrame(plain(rows(8)))
    options = ScoreOptions(keep=("key", "tags"), prefix="m_", mode="quarantine")
    scored = engine.score_dataframe(frame, churn.path, policy=churn.policy, options=options)
    assert [(field.name, field.dataType.simpleString()) for field in scored.schema.fields] == [
        ("key", "bigint"),
        ("tags", "array<string>"),
        ("m_predict", "string"),
        ("m_mlpack_digest", "string"),
        ("m_mlpack_version", "string"),
        ("m_mlpack_reason", "string"),
    ]


def test_missing_input_is_refused_on_the_driver(spark: Any, churn: Any, rows: Any) -> None:
    frame = spark.createDataFrame(plain(rows(8))).drop("age")
    with pytest.raises(InputError, match="age"):
        engine.score_dataframe(frame, churn.path, policy=churn.policy)


def test_wrong_signer_is_refused_on_the_driver(spark: Any, churn: Any, line: Any, rows: Any) -> None:
    frame = spark.createDataFrame(plain(rows(8)))
    with pytest.raises(UntrustedSignerError):
        engine.score_dataframe(frame, churn.path, policy=line.policy)


@pytest.mark.slice
def test_poison_rows_come_back_in_place_with_their_reason(
    spark: Any, churn: Any, local: Any, rows: Any, poisoned: Any
) -> None:
    table = plain(poisoned(rows(5000)))
    options = ScoreOptions(mode="quarantine", chunk_rows=1000)
    frame = spark.createDataFrame(table).coalesce(1)
    scored = engine.score_dataframe(frame, churn.path, policy=churn.policy, options=options).toArrow()
    assert scored["row"].to_pylist() == list(range(5000))
    bad = [row for row, reason in enumerate(scored["mlpack_reason"].to_pylist()) if reason is not None]
    assert bad == [*range(1000, 2000), 4321]
    assert scored["predict"].to_pylist() == local(churn, table, options)["predict"].to_pylist()


def test_bad_row_is_one_readable_error(
    spark: Any, churn: Any, rows: Any, poisoned: Any, tmp_path: Path
) -> None:
    frame = spark.createDataFrame(plain(poisoned(rows(5000)))).coalesce(1)
    scored = engine.score_dataframe(frame, churn.path, policy=churn.policy)
    with pytest.raises(InputError) as caught, engine.readable_errors():
        scored.write.parquet(str(tmp_path / "out"))
    assert "partition 0: row 1000" in caught.value.where
    assert "'tenure'" in caught.value.message


@pytest.mark.slice
def test_killed_worker_changes_nothing(spark: Any, churn: Any, local: Any, rows: Any, helpers: Any) -> None:
    table = plain(rows(ROWS))
    options = ScoreOptions(methods=METHODS, chunk_rows=500)

    def slow(batches: Any) -> Any:
        for batch in batches:
            time.sleep(0.3)
            yield batch

    frame = spark.createDataFrame(table).coalesce(1)
    frame = frame.mapInArrow(slow, frame.schema)
    scored = engine.score_dataframe(frame, churn.path, policy=churn.policy, options=options)
    result, killed = helpers.kill_while(scored.toArrow)
    assert killed
    assert helpers.same_scores(result, local(churn, table, options))


@pytest.mark.slice
def test_corrupted_file_on_a_node_is_refused_and_named(spark: Any, line: Any, rows: Any) -> None:
    from pyspark import SparkFiles

    frame = spark.createDataFrame(rows(100).select(["tenure"]).drop_null())
    scored = engine.score_dataframe(frame, line.path, policy=line.policy)
    name = f"{line.digest.rpartition(':')[2]}.mlpack"
    spark.range(1).collect()  # any task brings the file; Spark itself compares it then, and never again
    arrived = Path(SparkFiles.get(name))
    data = bytearray(arrived.read_bytes())
    data[len(data) // 2] ^= 1
    arrived.write_bytes(data)
    with pytest.raises(ContentMismatchError) as caught, engine.readable_errors():
        scored.collect()
    assert "Spark worker on" in caught.value.where
    assert name in caught.value.where


def test_closure_holds_no_model_and_no_policy(churn: Any) -> None:
    from pyspark import cloudpickle

    sent = cloudpickle.dumps(engine._task(churn.digest, ScoreOptions()))
    assert len(sent) < 5000
    assert b"Policy" not in sent
    assert b"Unsigned" not in sent
    assert churn.digest.encode() in sent


def test_unsigned_is_said_aloud_and_pins_what_was_seen(spark: Any, churn: Any, rows: Any) -> None:
    frame = spark.createDataFrame(plain(rows(50)))
    with pytest.warns(UnsignedWarning, match=churn.digest):
        scored = engine.score_dataframe(frame, churn.path, policy=mlpack.UNSIGNED)
    assert {row.mlpack_digest for row in scored.collect()} == {churn.digest}


@pytest.mark.parametrize("method", METHODS)
def test_pandas_udf(spark: Any, churn: Any, local: Any, rows: Any, method: str) -> None:
    from pyspark.sql.functions import struct

    table = plain(rows(3000))
    frame = spark.createDataFrame(table).coalesce(1)
    udf = engine.predict_udf(spark, churn.path, method, policy=churn.policy)
    inputs = struct("age", "tenure", frame["price"].cast("double").alias("price"), "city", "plan")
    found = frame.withColumn("answer", udf(inputs)).toArrow()["answer"].to_pylist()
    expected = local(churn, table, ScoreOptions(methods=(method,)))
    columns = [name for name in expected.column_names if name.startswith("predict")]
    wanted = list(zip(*(expected[name].to_pylist() for name in columns), strict=True))
    flat = [value if isinstance(value, list) else [value] for value in found]
    for one, other in zip(flat, wanted, strict=True):
        assert one == pytest.approx(list(other), abs=1e-12) if method != "predict" else one == list(other)


@pytest.mark.slow
def test_a_million_rows(
    spark: Any, churn: Any, *, local: Any, rows: Any, helpers: Any, tmp_path: Path
) -> None:
    import pyarrow.parquet as pq

    table = plain(rows(1_000_000))
    pq.write_table(table, tmp_path / "in.parquet")
    options = ScoreOptions(methods=METHODS, keep=("row",))
    frame = spark.read.parquet(str(tmp_path / "in.parquet"))
    engine.score_dataframe(frame, churn.path, policy=churn.policy, options=options).write.parquet(
        str(tmp_path / "out")
    )
    assert helpers.same_scores(pq.read_table(tmp_path / "out"), local(churn, table, options))
