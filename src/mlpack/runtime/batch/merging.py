"""Scored rows and quarantined ones in one table: an engine's stage has one output and one schema."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from mlpack.errors import MlpackError
from mlpack.runtime.batch.reporting import placed
from mlpack.runtime.batch.scorer import ScoreOptions, Scorer

if TYPE_CHECKING:
    import pyarrow as pa

    from mlpack.runtime.batch.scorer import Scored

__all__ = ["REASON", "merged_schema", "rechunked", "score_merged"]

REASON = "mlpack_reason"
"""Why a row was not scored; null where it was. Only there in mode `quarantine` and `warn`."""


def merged_schema(scorer: Scorer, options: ScoreOptions, schema: pa.Schema) -> pa.Schema:
    """Return what `score_merged` gives for rows of this schema, before any row is there.

    Raises:
        InputError: The schema lacks an input, or has one of an unusable type.
        UsageError: Names clash.
    """
    import pyarrow as pa

    result = scorer.output_schema(schema)
    if options.mode == "refuse":
        return result
    scorer.quarantine_schema(schema)
    kept = len(schema.names if options.keep is None else options.keep)
    fields = [
        field if place < kept else field.with_nullable(nullable=True) for place, field in enumerate(result)
    ]
    return pa.schema([*fields, pa.field(options.prefix + REASON, pa.string())], metadata=result.metadata)


def score_merged(
    scorer: Scorer, options: ScoreOptions, batch: pa.RecordBatch, *, place: str, first_row: int = 0
) -> pa.RecordBatch:
    """Score some rows; in every mode but `refuse` each row comes back, with its scores or with a reason.

    Args:
        scorer: What scores.
        options: What the scorer was made with.
        batch: Rows.
        place: Node and part of the table, for messages.
        first_row: Number of the first row in that part.

    Raises:
        MlpackError: As the scorer raises it, with the place.
    """
    try:
        scored = scorer.score(batch, first_row=first_row)
        if options.mode == "refuse":
            return scored.rows
        return _merged(scored, merged_schema(scorer, options, batch.schema))
    except MlpackError as error:
        raise placed(error, place) from error


def _merged(scored: Scored, schema: pa.Schema) -> pa.RecordBatch:
    """Put every row back to where it stood."""
    import numpy as np
    import pyarrow as pa

    good, bad = scored.rows, scored.quarantined
    total = good.num_rows + bad.num_rows
    taken = np.ones(total, dtype=np.bool_)
    taken[list(scored.positions)] = False
    order = np.empty(total, dtype=np.int64)
    order[taken] = np.arange(good.num_rows)
    order[~taken] = np.arange(good.num_rows, total)
    columns = []
    for field in schema:
        parts = [_column(part, field) for part in (good, bad)]
        columns.append(pa.concat_arrays(parts).take(pa.array(order)) if bad.num_rows else parts[0])
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _column(part: pa.RecordBatch, field: pa.Field) -> pa.Array:
    import pyarrow as pa

    if field.name in part.schema.names:
        return part.column(field.name)
    return pa.nulls(part.num_rows, field.type)


def rechunked(batches: Iterable[pa.RecordBatch], rows: int) -> Iterator[pa.RecordBatch]:
    """Yield the same rows in batches of exactly `rows`, the last one excepted: same chunks, same bytes."""
    import pyarrow as pa

    waiting: list[pa.RecordBatch] = []
    held = 0
    for batch in batches:
        rest = batch
        while held + rest.num_rows >= rows:
            waiting.append(rest.slice(0, rows - held))
            rest = rest.slice(rows - held)
            yield pa.concat_batches(waiting)
            waiting, held = [], 0
        if rest.num_rows:
            waiting.append(rest)
            held += rest.num_rows
    if waiting:
        yield pa.concat_batches(waiting)
