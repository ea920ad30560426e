"""One Arrow scorer for every engine: record batches in, record batches with scores out."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from mlpack.errors import InputError, MissingExtraError, UsageError

if TYPE_CHECKING:
    import pyarrow as pa

    from mlpack.format.contract import Output
    from mlpack.runtime.batch._arrow import Column
    from mlpack.runtime.predictor import Predictor

__all__ = ["Mode", "ScoreOptions", "Scored", "Scorer"]

Mode = Literal["refuse", "quarantine", "warn"]
"""What happens to rows that break the contract."""

_MARKS = ("mlpack_digest", "mlpack_version")
"""Columns that say which bundle scored a row; always the last."""

Watch = Callable[[Mapping[str, Any], int], None]
"""Sees the columns and the number of rows of each chunk that was scored."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ScoreOptions:
    """How a table is scored.

    Attributes:
        methods: Methods of the model to ask; empty for the bundle's first.
        mode: `refuse`: the first bad row is an error that names row and column. `quarantine`: bad rows leave
            with their reason, the others are scored. `warn`: the same for rows that the original itself would
            refuse, while values outside the training data are only ever counted.
        chunk_rows: Rows that run through the graph at once. The same chunks give the same bytes; another
            size can move the last bit of a sum.
        keep: Input columns to keep, in this order; None keeps all. None is changed.
        prefix: Stands before the name of every column that is added.
    """

    methods: tuple[str, ...] = ()
    mode: Mode = "refuse"
    chunk_rows: int = 8192
    keep: tuple[str, ...] | None = None
    prefix: str = ""

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        if self.mode not in get_args(Mode):
            raise UsageError(f"expected one of {', '.join(get_args(Mode))}", where="mode")
        if type(self.chunk_rows) is not int or self.chunk_rows < 1:
            raise UsageError("expected a positive number of rows", where="chunk_rows")


@dataclass(frozen=True, kw_only=True, slots=True)
class Scored:
    """What became of some rows, each part in the order that the rows had.

    Attributes:
        rows: Kept columns and scores.
        quarantined: Input columns and `mlpack_reason`.
        positions: Where the quarantined rows stood in the batch, ascending.
    """

    rows: pa.RecordBatch
    quarantined: pa.RecordBatch
    positions: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class _Plan:
    """What follows from the schema of a table."""

    schema: pa.Schema
    positions: list[int]
    kept: list[int]
    out: pa.Schema
    none_aside: pa.RecordBatch


class Scorer:
    """Scores record batches with one predictor; may be used from several threads at once."""

    def __init__(
        self,
        predictor: Predictor,
        options: ScoreOptions,
        *,
        watch: Watch | None = None,
        texts: bool = False,
    ) -> None:
        """Bind a predictor to options.

        Args:
            predictor: What `mlpack.load` returned; its `ranges` says whether values outside the training
                data make a row bad.
            options: How to score.
            watch: Sees the columns of each chunk that was scored.
            texts: Whether numbers and booleans may come as text, as they do in CSV.

        Raises:
            MissingExtraError: pyarrow is not installed.
            UsageError: The options contradict the predictor.
        """
        _need_pyarrow()
        from mlpack.runtime.batch._answers import answer_fields

        if predictor.layout == "tensors":
            raise UsageError(
                "a model of tensors has no columns to score",
                where="predictor",
                hint="call its predict with arrays",
            )
        offered: dict[str, Output] = {output.method: output for output in predictor.outputs}
        self.methods = options.methods or (predictor.outputs[0].method,)
        if unknown := [method for method in self.methods if method not in offered]:
            raise UsageError(
                f"not offered: {', '.join(unknown)}",
                where="methods",
                hint=f"choose from {', '.join(offered)}",
            )
        if len(set(self.methods)) != len(self.methods):
            raise UsageError("a method is named twice", where="methods")
        if options.mode == "warn" and predictor.ranges == "refuse":
            raise UsageError(
                "warn counts values outside the training data, but the predictor refuses them",
                where="mode",
                hint="load with ranges='warn', or choose quarantine",
            )
        self._predictor = predictor
        self._options = options
        self._watch = watch
        self._texts = texts
        self._outputs: tuple[Output, ...] = tuple(offered[method] for method in self.methods)
        self._fields = answer_fields(self._outputs, options.prefix)
        self._last: _Plan | None = None
        self._by_position = predictor.layout == "array"

    def output_schema(self, schema: pa.Schema) -> pa.Schema:
        """Return the schema of scored rows: kept columns, scores, `mlpack_digest`, `mlpack_version`.

        Raises:
            InputError: The schema lacks an input, or has one of an unusable type.
            UsageError: A kept column does not exist, or is called like one that is added.
        """
        import pyarrow as pa

        self._places(schema)
        prefix = self._options.prefix
        kept = [schema.field(place) for place in self._kept(schema)]
        marks = [pa.field(f"{prefix}{name}", pa.string(), nullable=False) for name in _MARKS]
        fields = [*kept, *self._fields, *marks]
        _refuse_twins([field.name for field in fields[len(kept) :]], {field.name for field in kept})
        return pa.schema(fields, metadata=schema.metadata)

    def quarantine_schema(self, schema: pa.Schema) -> pa.Schema:
        """Return the schema of rows that were set aside: input columns and `mlpack_reason`.

        Raises:
            UsageError: There is a column of that name.
        """
        import pyarrow as pa

        reason = f"{self._options.prefix}mlpack_reason"
        _refuse_twins([reason], set(schema.names))
        return schema.append(pa.field(reason, pa.string(), nullable=False))

    def score(self, batch: pa.RecordBatch, *, first_row: int = 0) -> Scored:
        """Score some rows, chunk by chunk from the first.

        Args:
            batch: Rows; columns that are no input pass through untouched.
            first_row: Number of the first row, for messages.

        Raises:
            InputError: The rows break the contract and the mode is `refuse`; or a column cannot be used.
            UsageError: Names clash.
            MlpackError: onnxruntime failed.
        """
        import pyarrow as pa

        size = self._options.chunk_rows
        if 0 < batch.num_rows <= size:
            return self._chunk(batch, first_row)
        chunks = [
            self._chunk(batch.slice(start, size), first_row + start)
            for start in range(0, max(batch.num_rows, 1), size)
        ]
        return Scored(
            rows=pa.concat_batches([chunk.rows for chunk in chunks]),
            quarantined=pa.concat_batches([chunk.quarantined for chunk in chunks]),
            positions=tuple(
                index * size + position for index, chunk in enumerate(chunks) for position in chunk.positions
            ),
        )

    def scores_of(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        """Return the scores of rows that `score` returned, without the columns around them."""
        first = len(rows.schema) - len(self._fields) - len(_MARKS)
        return rows.select(list(range(first, first + len(self._fields))))

    def rejoined(self, batch: pa.RecordBatch, scores: pa.RecordBatch) -> pa.RecordBatch:
        """Return what `score` returned as rows, given its scores: the model is not asked.

        Args:
            batch: The rows that got scores, and no others; `watch` sees them.
            scores: What `scores_of` returned for them.
        """
        from mlpack.runtime.batch._arrow import columns_of

        plan = self._plan(batch.schema)
        if self._watch is not None and batch.num_rows:
            self._watch(columns_of(batch, self._predictor.inputs, plan.positions), batch.num_rows)
        return self._joined(batch, plan, scores.columns)

    def _chunk(self, batch: pa.RecordBatch, first_row: int) -> Scored:
        from mlpack.runtime.batch._answers import answer_arrays
        from mlpack.runtime.batch._arrow import columns_of

        plan = self._plan(batch.schema)
        columns = columns_of(batch, self._predictor.inputs, plan.positions)
        try:
            answers = self._predictor.answers(columns, self.methods)
        except InputError as error:
            return self._divided(batch, columns, first_row, error)
        if self._watch is not None and batch.num_rows:
            self._watch(columns, batch.num_rows)
        scores = answer_arrays(answers, self._fields)
        return Scored(rows=self._joined(batch, plan, scores), quarantined=plan.none_aside)

    def _plan(self, schema: pa.Schema) -> _Plan:
        """Return what follows from a schema, worked out once for all the batches that share it."""
        plan = self._last
        if plan is None or not plan.schema.equals(schema, check_metadata=True):
            plan = _Plan(
                schema=schema,
                positions=self._places(schema),
                kept=self._kept(schema),
                out=self.output_schema(schema),
                none_aside=_empty(self.quarantine_schema(schema)),
            )
            self._last = plan  # another thread may have put the same there
        return plan

    def _joined(self, batch: pa.RecordBatch, plan: _Plan, scores: list[pa.Array]) -> pa.RecordBatch:
        import pyarrow as pa

        from mlpack.runtime.batch._answers import constant

        rows = batch.num_rows
        kept = [batch.column(place) for place in plan.kept]
        marks = [constant(self._predictor.digest, rows), constant(self._predictor.version, rows)]
        return pa.RecordBatch.from_arrays([*kept, *scores, *marks], schema=plan.out)

    def _divided(
        self, batch: pa.RecordBatch, columns: dict[str, Column], first_row: int, error: InputError
    ) -> Scored:
        """Score the good rows of a chunk and set the bad ones aside, or refuse the first of them."""
        import numpy as np
        import pyarrow as pa

        from mlpack.runtime.batch._badrows import bad_rows

        bad = bad_rows(self._predictor, columns, batch.num_rows, first=self._options.mode == "refuse")
        if not bad:
            raise error  # it lies in no single row
        if self._options.mode == "refuse":
            row, error = next(iter(bad.items()))
            raise InputError(
                _reason(error), where=f"row {first_row + row}", hint="mode='quarantine' sets bad rows aside"
            )
        mask = np.ones(batch.num_rows, dtype=np.bool_)
        mask[list(bad)] = False
        good = self._chunk(batch.filter(pa.array(mask)), first_row)
        left = batch.filter(pa.array(~mask))
        reasons = pa.array([_reason(error) for error in bad.values()], pa.string())
        quarantined = pa.RecordBatch.from_arrays(
            [*left.columns, reasons], schema=self._plan(batch.schema).none_aside.schema
        )
        return Scored(rows=good.rows, quarantined=quarantined, positions=tuple(bad))

    def _places(self, schema: pa.Schema) -> list[int]:
        from mlpack.runtime.batch._arrow import places

        inputs = self._predictor.inputs
        return places(inputs, schema, by_position=self._by_position, texts=self._texts)

    def _kept(self, schema: pa.Schema) -> list[int]:
        if self._options.keep is None:
            return list(range(len(schema.names)))
        found = {name: schema.get_field_index(name) for name in self._options.keep}
        if wrong := [name for name, place in found.items() if place < 0]:
            raise UsageError(f"not once in the table: {', '.join(wrong[:20])}", where="keep")
        return list(found.values())


def _reason(error: InputError) -> str:
    """Return why one row is bad, without its number among the rows that were looked at."""
    listed = error.problems or (f"{error.where}, {error.message}",)
    return "; ".join(re.sub(r", row 0: ", ": ", problem, count=1) for problem in listed)


def _refuse_twins(added: list[str], there: set[str]) -> None:
    twins = [name for index, name in enumerate(added) if name in there or name in added[:index]]
    if twins:
        raise UsageError(
            f"would be there twice: {', '.join(twins[:20])}",
            where="columns",
            hint="choose a prefix for the columns that are added, or columns to keep",
        )


def _empty(schema: pa.Schema) -> pa.RecordBatch:
    import pyarrow as pa

    return pa.RecordBatch.from_arrays([pa.nulls(0, field.type) for field in schema], schema=schema)


def _need_pyarrow() -> None:
    try:
        import pyarrow as pa  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(
            "batch scoring needs pyarrow", where="pyarrow", hint="pip install 'mlpack-sdk[batch]'"
        ) from error
