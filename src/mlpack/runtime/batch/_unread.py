"""Lines of text files that are no row: carried along beside the rows, so that one of them ends no run.

A reader of lines adds one column, always the last, whose name nobody sees: null where the line was read, and
else the line as it stands and what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from mlpack.errors import InputError
from mlpack.runtime.batch.scorer import Scored, ScoreOptions, Scorer

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["LINE", "UNREAD", "none_unread", "score_lines", "unread_schema", "with_keys", "without_unread"]

UNREAD = pa.struct([("line", pa.string()), ("reason", pa.string())])
"""The type of the added column."""

LINE = "mlpack_line"
"""Column of quarantined rows from lines; null where the line was a row."""


def none_unread(rows: int) -> pa.Array:
    """Return the added column for rows that were all read."""
    return pa.nulls(rows, UNREAD)


def without_unread(chunk: pa.RecordBatch) -> pa.RecordBatch:
    """Return the rows without the added column."""
    return chunk.select(list(range(chunk.num_columns - 1)))


def unread_schema(aside: pa.Schema, prefix: str) -> pa.Schema:
    """Return the schema of quarantined rows with the line before the reason."""
    return aside.insert(len(aside) - 1, pa.field(f"{prefix}{LINE}", pa.string()))


def _with_line(aside: pa.RecordBatch, lines: pa.Array, schema: pa.Schema) -> pa.RecordBatch:
    """Return quarantined rows with the lines that they came from."""
    *columns, reasons = aside.columns
    return pa.RecordBatch.from_arrays([*columns, lines, reasons], schema=schema)


def with_keys(batch: pa.RecordBatch, keys: Mapping[str, pa.Scalar]) -> pa.RecordBatch:
    """Return rows with what the names of folders say."""
    for name, value in keys.items():
        batch = batch.append_column(name, pa.repeat(value, batch.num_rows))
    return batch


def score_lines(
    scorer: Scorer,
    options: ScoreOptions,
    chunk: pa.RecordBatch,
    keys: Mapping[str, pa.Scalar],
    first_row: int,
) -> Scored:
    """Score a chunk that ends in the added column; `keys` are appended to its rows.

    Raises:
        InputError: As `Scorer.score` raises it; in mode `refuse` for a line that is no row, too.
    """
    unread = chunk.column(chunk.num_columns - 1)
    batch = with_keys(without_unread(chunk), keys)
    aside_schema = unread_schema(scorer.quarantine_schema(batch.schema), options.prefix)
    if unread.null_count == len(unread):
        scored = scorer.score(batch, first_row=first_row)
        lines = pa.nulls(scored.quarantined.num_rows, pa.string())
        return Scored(
            rows=scored.rows,
            quarantined=_with_line(scored.quarantined, lines, aside_schema),
            positions=scored.positions,
        )
    bad = np.flatnonzero(unread.is_valid().to_numpy(zero_copy_only=False))
    if options.mode == "refuse":
        first = int(bad[0])
        if first:
            scorer.score(batch.slice(0, first), first_row=first_row)  # a row before it may be bad
        raise InputError(
            unread[first]["reason"].as_py(),
            where=f"row {first_row + first}",
            hint="mode='quarantine' sets bad rows aside",
        )
    good = np.setdiff1d(np.arange(len(unread)), bad)
    scored = scorer.score(batch.take(pa.array(good)), first_row=first_row)
    refused = good[np.asarray(scored.positions, dtype=np.int64)]
    return _together(scored, batch, unread, (bad, refused), aside_schema)


def _together(
    scored: Scored,
    batch: pa.RecordBatch,
    unread: pa.StructArray,
    bad: tuple[NDArray[np.int64], NDArray[np.int64]],
    schema: pa.Schema,
) -> Scored:
    """Return what was scored, with the lines that are no rows and the rows that are bad in their order."""
    lines, rows = bad
    marks = unread.take(pa.array(lines))
    no_rows = pa.RecordBatch.from_arrays(
        [*batch.take(pa.array(lines)).columns, marks.field("line"), marks.field("reason")], schema=schema
    )
    bad_rows = _with_line(scored.quarantined, pa.nulls(len(rows), pa.string()), schema)
    where = np.concatenate([lines, rows])
    order = np.argsort(where)
    aside = pa.concat_batches([no_rows, bad_rows]).take(pa.array(order))
    return Scored(rows=scored.rows, quarantined=aside, positions=tuple(where[order].tolist()))
