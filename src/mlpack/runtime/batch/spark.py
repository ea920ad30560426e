"""Scoring on Spark: record batches through `mapInArrow`, the bundle as a file, the digest in the closure."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from mlpack.errors import MissingExtraError, MlpackError, UsageError
from mlpack.runtime.batch.merging import merged_schema, rechunked, score_merged
from mlpack.runtime.batch.reporting import placed, rebuilt
from mlpack.runtime.batch.scorer import ScoreOptions, Scorer
from mlpack.runtime.batch.shipping import Shipment, archive_name, load_shipped, prepare

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

    from mlpack.runtime.predictor import Predictor
    from mlpack.trust.location import BundleLike
    from mlpack.trust.policy import Policy, Unsigned

__all__ = ["predict_udf", "readable_errors", "score_dataframe"]

_loaded: dict[str, Predictor] = {}
"""Models of this process by digest. A Python worker of Spark serves one task at a time."""


def score_dataframe(
    df: DataFrame,
    bundle: BundleLike,
    *,
    policy: Policy | Unsigned | str | os.PathLike[str] | None = None,
    options: ScoreOptions | None = None,
) -> DataFrame:
    """Add a model's answers to a DataFrame. Nothing runs before an action needs it.

    Args:
        df: Rows with the model's inputs among their columns; further columns pass through.
        bundle: A bundle directory, a `.mlpack` file, or a bundle that was opened before.
        policy: As for `mlpack.load`; checked here, on the driver. `mlpack.UNSIGNED` warns.
        options: How to score. In mode `quarantine` every row comes back once: bad rows have null scores and
            say why in `mlpack_reason`, which is null for the others.

    Returns:
        Kept columns, one column per score, `mlpack_digest` and `mlpack_version`, in the rows' own order
        within each partition.

    Raises:
        VerificationError: The bundle does not fulfil the policy.
        PolicyError: There is no usable policy.
        InputError: The DataFrame lacks an input, or has one of an unusable type.
        UsageError: Options and names contradict one another.
        MissingExtraError: pyspark or pyarrow is not installed.
    """
    _need_pyspark()
    options = options or ScoreOptions()
    from pyspark.sql.pandas.types import from_arrow_schema, to_arrow_schema

    shipment, predictor = prepare(bundle, policy)
    arrow = to_arrow_schema(df.schema)
    schema = from_arrow_schema(_sparkable(merged_schema(Scorer(predictor, options), options, arrow)))
    # What was kept is the caller's own; only what was added takes the types that Arrow's translate to.
    for field in schema.fields:
        if field.name in df.columns:
            field.dataType = df.schema[field.name].dataType
    _ship(df.sparkSession, shipment)
    return df.mapInArrow(_task(shipment.digest, options), schema)


def predict_udf(
    spark: SparkSession,
    bundle: BundleLike,
    method: str | None = None,
    *,
    policy: Policy | Unsigned | str | os.PathLike[str] | None = None,
) -> Callable[..., Any]:
    """Return a pandas UDF over one struct column that holds the model's inputs.

    `df.withColumn("score", udf(struct("age", "city")))`. Rows that break the contract are an error. pandas
    holds integers that may be null as floats, exact below 2**53; beyond, use `score_dataframe`.

    Args:
        spark: The session that will run it.
        bundle: A bundle directory, a `.mlpack` file, or a bundle that was opened before.
        method: Method of the model; None for its first.
        policy: As for `mlpack.load`; checked here, on the driver. `mlpack.UNSIGNED` warns.

    Returns:
        A UDF: one value per row, or an array of them for methods with several columns.

    Raises:
        VerificationError: The bundle does not fulfil the policy.
        PolicyError: There is no usable policy.
        UsageError: The bundle does not offer the method.
        MissingExtraError: pyspark or pyarrow is not installed.
    """
    _need_pyspark()
    from pyspark.sql.functions import pandas_udf
    from pyspark.sql.pandas.types import from_arrow_type
    from pyspark.sql.types import ArrayType

    from mlpack.runtime.batch._answers import answer_fields

    shipment, predictor = prepare(bundle, policy)
    scorer = Scorer(predictor, ScoreOptions(methods=() if method is None else (method,)))
    output = next(item for item in predictor.outputs if item.method == scorer.methods[0])
    kind = from_arrow_type(_sparkable_type(answer_fields([output], "")[0].type))
    wide = len(output.shape) > 1
    _ship(spark, shipment)
    # The pandas types that Spark reads off the annotations are not imported by this module.
    task = _udf_task(shipment.digest, output.method)
    result: Callable[..., Any] = pandas_udf(task, ArrayType(kind) if wide else kind)
    return result


@contextlib.contextmanager
def readable_errors() -> Iterator[None]:
    """Turn the Java stack of a failed action back into the error that a worker raised.

    `with readable_errors(): scored.write.parquet(...)`. Failures of Spark itself pass through unchanged.

    Raises:
        MlpackError: The worker's own error, with node, partition, row and column.
    """
    _need_pyspark()
    from pyspark.errors import PySparkException

    try:
        yield
    except PySparkException as failure:
        error = rebuilt(str(failure))
        if error is None:
            raise
        raise error from failure


def _ship(spark: SparkSession, shipment: Shipment) -> None:
    """Have Spark bring the archive to every executor, as a file: archives are unpacked by other readers."""
    if type(spark).__module__.startswith("pyspark.sql.connect"):
        raise UsageError(
            "expected a classic session, found Spark Connect",
            where="spark",
            hint="start the driver with a master",
        )
    context = spark.sparkContext
    if not any(place.endswith(f"/{shipment.archive.name}") for place in context.listFiles):
        context.addFile(str(shipment.archive))


def _task(
    digest: str, options: ScoreOptions
) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """Return what runs on the executors. It carries a digest and options, and neither model nor policy."""

    def task(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        place = _place()
        scorer = Scorer(_predictor(digest, place), options)
        first_row = 0
        for batch in rechunked(batches, options.chunk_rows):
            yield _spark_batch(score_merged(scorer, options, batch, place=place, first_row=first_row))
            first_row += batch.num_rows

    return task


def _udf_task(digest: str, method: str) -> Callable[[Iterator[Any]], Iterator[Any]]:
    import pandas as pd

    def task(frames: Any) -> Any:  # noqa: ANN401  (Spark wants pandas' own types here, set below)
        place = _place()
        answer = getattr(_predictor(digest, place), method)
        for frame in frames:
            try:
                values = answer(frame)
            except MlpackError as error:
                raise placed(error, place) from error
            yield pd.Series(values if values.ndim == 1 else list(values))

    task.__annotations__ = {"frames": Iterator[pd.DataFrame], "return": Iterator[pd.Series]}
    return task


def _place() -> str:
    from pyspark import TaskContext

    context = TaskContext.get()
    part = "" if context is None else f", partition {context.partitionId()}"
    return f"Spark worker on {socket.gethostname()}{part}"


def _predictor(digest: str, place: str) -> Predictor:
    """Return this process's model, loading it from the file that Spark brought when there is none yet."""
    from pathlib import Path

    from pyspark import SparkFiles

    found = _loaded.get(digest)
    if found is None:
        try:
            found = _loaded[digest] = load_shipped(Path(SparkFiles.get(archive_name(digest))), digest)
        except MlpackError as error:
            raise placed(error, place) from error
    return found


def _sparkable_type(kind: pa.DataType) -> pa.DataType:
    """Return the type that holds the same values in Spark, which has neither unsigned nor encoded types."""
    import pyarrow as pa
    from pyarrow import types

    wider = {pa.uint8(): pa.int16(), pa.uint16(): pa.int32(), pa.uint32(): pa.int64()}
    wider |= {pa.uint64(): pa.decimal128(20, 0), pa.float16(): pa.float32()}
    return kind.value_type if types.is_dictionary(kind) else wider.get(kind, kind)


def _sparkable(schema: pa.Schema) -> pa.Schema:
    import pyarrow as pa

    return pa.schema([field.with_type(_sparkable_type(field.type)) for field in schema])


def _spark_batch(batch: pa.RecordBatch) -> pa.RecordBatch:
    schema = _sparkable(batch.schema)
    return batch if schema.equals(batch.schema) else batch.cast(schema)


def _need_pyspark() -> None:
    try:
        import pyspark  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(
            "scoring on Spark needs pyspark", where="pyspark", hint="pip install 'mlpack-sdk[spark]'"
        ) from error
