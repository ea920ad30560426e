"""Scoring one file: read, score on all cores in order, write."""

from __future__ import annotations

import collections
import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from mlpack.errors import InputError
from mlpack.format.atomic import storage_errors
from mlpack.runtime.batch._arrow import arrow_type, parsed
from mlpack.runtime.batch._checkpoint import Kept
from mlpack.runtime.batch._formats import ParquetSink, Sink, open_sink, open_table, rechunked, refuse_nested
from mlpack.runtime.batch._journal import Journal
from mlpack.runtime.batch._parts import Part
from mlpack.runtime.batch._tally import Tally
from mlpack.runtime.batch._unread import score_lines, unread_schema, with_keys, without_unread
from mlpack.runtime.batch.scorer import Scored, ScoreOptions, Scorer

if TYPE_CHECKING:
    from mlpack.runtime.predictor import Predictor

__all__ = ["PartWork"]

Step = Callable[[int, int | None], None]
"""Told of the rows done and expected, after each chunk."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Plan:
    """What happens to the rows of one part: columns to add first, the scorer, schemas to write."""

    scorer: Scorer
    tally: Tally
    keys: dict[str, pa.Scalar]
    lines: bool
    out: pa.Schema
    aside: pa.Schema


class PartWork:
    """Scores parts of one run."""

    def __init__(
        self, predictor: Predictor, options: ScoreOptions, journal: Journal, form: str, threads: int
    ) -> None:
        """Take what is the same for all parts; `form` is that of the output."""
        self._predictor = predictor
        self._options = options
        self._journal = journal
        self._form = form
        self._threads = threads
        self._inputs = {item.name: item for item in predictor.inputs}

    def score(self, part: Part, index: int, name: str, step: Step) -> dict[str, Any]:
        """Score one part into the journal's `rows/name` and, if needed, `aside/name`; return its record.

        What a killed run had scored of it already is taken over.

        Raises:
            InputError: The file or its rows cannot be used.
            StorageError: The disk refuses.
        """
        types = {item.name: item.dtype for item in self._predictor.inputs}
        size = self._options.chunk_rows
        with (
            part.open() as file,
            open_table(file, part.form, part.place, inputs=types, chunk_rows=size) as table,
            _naming(part.place),
            self._journal.checkpoint(index) as checkpoint,
        ):
            plan = self._plan(part, table.schema, lines=table.lines)
            chunks = rechunked(table.batches, size)
            counts = {"rows": 0, "quarantined": 0, "taken": 0}
            with contextlib.ExitStack() as stack:
                rows = stack.enter_context(self._sink(self._journal.rows / name, plan.out))
                left: Sink | None = None
                for scored, earlier in self._in_order(plan, chunks, checkpoint.earlier()):
                    if earlier:
                        counts["taken"] += scored.rows.num_rows + scored.quarantined.num_rows
                    else:
                        checkpoint.keep(scored, plan.scorer.scores_of(scored.rows))
                    rows.write(self._typed(scored.rows, plan.out))
                    counts["rows"] += scored.rows.num_rows
                    counts["quarantined"] += scored.quarantined.num_rows
                    if scored.quarantined.num_rows:
                        if left is None:
                            left = stack.enter_context(self._sink(self._journal.aside / name, plan.aside))
                        left.write(scored.quarantined.drop_columns(list(plan.keys)))
                    step(counts["rows"] + counts["quarantined"], table.rows)
        return counts | {"tally": plan.tally.counts}

    def _plan(self, part: Part, found: pa.Schema, *, lines: bool) -> _Plan:
        """Work out what happens to the rows of one part."""
        keys = self._keys(part, found)
        schema = found
        for name, value in keys.items():
            schema = schema.append(pa.field(name, value.type))
        options = self._options
        if keys and options.keep is None:
            options = replace(options, keep=tuple(found.names))
        tally = Tally(self._predictor.inputs)
        csv = part.form == "csv"
        scorer = Scorer(self._predictor, options, watch=tally.see, texts=csv)
        out = scorer.output_schema(schema)
        aside = scorer.quarantine_schema(schema)
        if lines:
            aside = unread_schema(aside, options.prefix)
        aside = pa.schema([field for field in aside if field.name not in keys], metadata=schema.metadata)
        refuse_nested(self._form, out, "scored rows")
        if options.mode != "refuse":
            refuse_nested(self._form, aside, "rows that are set aside")
        return _Plan(
            scorer=scorer,
            tally=tally,
            keys=keys,
            lines=lines,
            out=self._typed_schema(out) if csv and self._form != "csv" else out,
            aside=aside,
        )

    def _keys(self, part: Part, schema: pa.Schema) -> dict[str, pa.Scalar]:
        """Return the inputs that only the names of the folders tell."""
        keys = {}
        for name, text in part.keys.items():
            if name not in self._inputs or name in schema.names:
                continue
            dtype = self._inputs[name].dtype
            value = parsed(pa.array([text], pa.string()), dtype)
            if isinstance(value, list):
                raise InputError(f"the folder's name holds no {dtype} for {name!r}", where=part.place)
            keys[name] = value[0]
        return keys

    def _chunk(
        self, plan: _Plan, chunk: pa.RecordBatch, first_row: int, kept: Kept | None
    ) -> tuple[Scored, bool]:
        """Score one chunk as the reader gave it, unless an earlier run did; return whether that is so."""
        if kept is not None:
            return _rejoined(plan, chunk, kept), True
        if plan.lines:
            return score_lines(plan.scorer, self._options, chunk, plan.keys, first_row), False
        return plan.scorer.score(with_keys(chunk, plan.keys), first_row=first_row), False

    def _in_order(
        self, plan: _Plan, chunks: Iterator[pa.RecordBatch], earlier: Iterator[Kept]
    ) -> Iterator[tuple[Scored, bool]]:
        """Score chunks on all threads and yield them in their order, few at a time."""
        first = 0
        if self._threads == 1:
            for chunk in chunks:
                yield self._chunk(plan, chunk, first, next(earlier, None))
                first += chunk.num_rows
            return
        waiting: collections.deque[Future[tuple[Scored, bool]]] = collections.deque()
        with ThreadPoolExecutor(self._threads, thread_name_prefix="mlpack-score") as pool:
            try:
                for chunk in chunks:
                    waiting.append(pool.submit(self._chunk, plan, chunk, first, next(earlier, None)))
                    first += chunk.num_rows
                    if len(waiting) > 2 * self._threads:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                pool.shutdown(cancel_futures=True)

    @contextlib.contextmanager
    def _sink(self, place: Path, schema: pa.Schema) -> Iterator[Sink]:
        with storage_errors(place), self._journal.table(place) as file:
            sink = open_sink(file, self._form, schema)
            try:
                yield sink
                sink.close()
            except BaseException:
                if isinstance(sink, ParquetSink):
                    sink.abandon()
                raise

    def _typed_schema(self, schema: pa.Schema) -> pa.Schema:
        """Return the schema with inputs from CSV as what their texts say."""
        fields = [
            field.with_type(arrow_type(self._inputs[field.name].dtype))
            if field.name in self._inputs
            else field
            for field in schema
        ]
        return pa.schema(fields, metadata=schema.metadata)

    def _typed(self, batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
        if batch.schema.types == schema.types:
            return batch
        columns = []
        for field, column in zip(schema, batch.columns, strict=True):
            if column.type == field.type:
                columns.append(column)
                continue
            value = parsed(column, self._inputs[field.name].dtype)
            columns.append(pa.array(value, field.type) if isinstance(value, list) else value)
        return pa.RecordBatch.from_arrays(columns, schema=schema)


def _rejoined(plan: _Plan, chunk: pa.RecordBatch, kept: Kept) -> Scored:
    """Put a chunk together again from its rows and what an earlier run made of them."""
    batch = with_keys(without_unread(chunk) if plan.lines else chunk, plan.keys)
    if kept.positions:
        mask = np.ones(batch.num_rows, dtype=np.bool_)
        mask[list(kept.positions)] = False
        batch = batch.filter(pa.array(mask))
    rows = plan.scorer.rejoined(batch, kept.scores)
    aside = _no_rows(plan.aside) if kept.aside is None else kept.aside
    return Scored(rows=rows, quarantined=aside, positions=kept.positions)


def _no_rows(schema: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([], schema=schema)


@contextlib.contextmanager
def _naming(place: str) -> Iterator[None]:
    """Put the file's name before what is wrong with its rows."""
    try:
        yield
    except InputError as error:
        if not error.where.startswith(place):
            error.where = f"{place}, {error.where}" if error.where else place
        raise
