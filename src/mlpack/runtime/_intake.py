"""Rows as callers have them, to the tensors of the graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from mlpack.errors import InputError
from mlpack.format.contract import Contract
from mlpack.runtime._checks import Check, Ranges, check_texts, check_values, compile_check
from mlpack.runtime._columns import column_to_array, is_column, loaded
from mlpack.runtime._dates import column_to_dates
from mlpack.runtime._findings import Findings
from mlpack.runtime._matrix import MatrixReader
from mlpack.runtime._names import match_names
from mlpack.runtime._rows import Feeds, RowReader
from mlpack.runtime._tables import as_array, as_texts, cells_singly, one_block, one_pandas_row, refuse_others
from mlpack.runtime._texts import column_to_texts

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Intake"]

_ACCEPTED = (
    "pass a DataFrame, a two-dimensional array, a dict of columns, a dict of one row's cells "
    "or a list of rows"
)


class Intake:
    """Turns rows into feeds and enforces the contract on the way."""

    def __init__(self, contract: Contract, ranges: Ranges) -> None:
        """Work out once what every call needs."""
        self._checks: tuple[Check, ...] = tuple(compile_check(item, ranges) for item in contract.inputs)
        self._names = tuple(item.name for item in contract.inputs)
        self._width = len(self._names)
        self._by_array = contract.layout == "array"
        self._row = RowReader(self._checks, contract.layout)
        numeric = self._by_array and self._checks[0].dtype != "string"
        self._matrix = MatrixReader(self._checks) if numeric else None
        self._tensor = self._checks[0].tensor
        get = itemgetter(*self._names)
        self._cells: Callable[[Any], tuple[object, ...]] = get if self._width > 1 else lambda row: (get(row),)
        self._texts = not self._by_array and self._width == 1 and self._checks[0].dtype == "string"
        self._seen: tuple[object, list[object], list[int], bool] | None = None

    def read(self, X: object) -> tuple[Feeds | None, Findings | None]:  # noqa: N803  (scikit-learn's name)
        """Return the tensors for some rows, None when there are no rows, and what was remarkable.

        Raises:
            InputError: The rows break the contract.
        """
        feeds = self._at_a_glance(X)
        if feeds is not None:
            return feeds, None
        findings = Findings()
        columns, rows = self._columns(X, findings)
        findings.settle()
        if not rows:
            return None, findings
        if rows == 1:
            feeds = self._one(columns)
        if feeds is None:
            feeds = self._exact(columns, findings)
            findings.settle()
        return feeds, findings

    def _at_a_glance(self, X: object) -> Feeds | None:  # noqa: N803  (scikit-learn's name)
        """Return the tensors of rows that are plainly well, or None when they need a closer look."""
        kind = type(X)
        if kind is dict:
            row = cast("dict[str, object]", X)
            if len(row) != self._width:
                return None
            try:
                return self._row.read(self._cells(row))
            except KeyError:
                return None
        if self._matrix is None:
            return self._known_frame(X)
        matrix = cast("NDArray[Any]", X) if kind is np.ndarray else one_block(X)
        if matrix is None or matrix.ndim != 2 or not len(matrix):
            return None
        ready = self._matrix.read(matrix)
        return None if ready is None else {self._tensor: ready}

    def _known_frame(self, X: object) -> Feeds | None:  # noqa: N803  (scikit-learn's name)
        """Return the tensors of one row of a pandas DataFrame whose columns were matched before."""
        seen = self._seen
        if seen is None or getattr(X, "columns", None) is not seen[0]:
            return None
        frame: Any = X
        return self._row.read(one_pandas_row(frame, seen[2], singly=seen[3])) if len(frame) == 1 else None

    def _one(self, columns: Sequence[object]) -> Feeds | None:
        cells: list[object] = []
        for column in columns:
            if not isinstance(column, list | tuple) or len(column) != 1:
                return None
            cells.append(column[0])
        return self._row.read(cells)

    def _exact(self, columns: Sequence[object], findings: Findings) -> Feeds:
        arrays: list[NDArray[Any]] = []
        values: NDArray[Any]
        for check, column in zip(self._checks, columns, strict=True):
            if check.dtype == "string":
                texts = column_to_texts(column, check.name, findings)
                if texts is None:
                    continue
                values = texts[0]
                check_texts(check, *texts, findings)
            else:
                numbers: NDArray[Any] | None
                if check.dtype == "datetime":
                    numbers = column_to_dates(column, check.unit, check.name, findings, zone=check.zone)
                else:
                    numbers = column_to_array(column, check.dtype, check.name, findings)
                if numbers is None:
                    continue
                values = numbers
                check_values(check, values, findings)
            arrays.append(values)
        if len(findings):
            return {}
        if self._by_array:
            return {self._tensor: np.ascontiguousarray(np.stack(arrays, axis=1))}
        return {
            check.tensor: np.ascontiguousarray(values).reshape(-1, 1)
            for check, values in zip(self._checks, arrays, strict=True)
        }

    def _columns(  # noqa: PLR0911  (one return per form of rows)
        self,
        X: object,  # noqa: N803  (scikit-learn's name)
        findings: Findings,
    ) -> tuple[Sequence[object], int]:
        """Return one column per input, in the contract's order, and the number of rows."""
        if isinstance(X, Mapping) and not hasattr(X, "tocsr"):  # a sparse matrix of keys is a mapping too
            return self._from_mapping(X, findings)
        if self._texts and (texts := as_texts(X)) is not None:
            return [texts], len(texts)
        if isinstance(X, np.ndarray):
            return self._from_matrix(X)
        if isinstance(X, loaded("pandas", "DataFrame")):
            return self._from_pandas(X, findings)
        if isinstance(X, loaded("polars", "DataFrame")):
            return self._from_polars(X, findings)
        if isinstance(X, loaded("pyarrow", "Table", "RecordBatch")):
            return self._from_arrow(X, findings)
        if (matrix := as_array(X)) is not None:
            return self._from_matrix(matrix)
        refuse_others(X)
        if isinstance(X, list | tuple):
            return self._from_rows(X, findings)
        if hasattr(X, "__array__"):
            return self._from_matrix(np.asarray(X))
        raise InputError(f"expected rows, found {type(X).__name__}", where="X", hint=_ACCEPTED)

    def _from_pandas(self, frame: Any, findings: Findings) -> tuple[Sequence[object], int]:  # noqa: ANN401
        rows = len(frame)
        seen = self._seen
        if seen is not None and seen[0] is frame.columns:
            positions, singly = seen[2:]
        else:
            names = frame.columns.tolist()
            if seen is not None and seen[1] == names:
                positions, singly = seen[2:]
            else:
                positions, singly = self._positions(names, findings), cells_singly(frame)
            # An Index never changes, so its identity answers for its labels the next time.
            if len(names) == len(positions) and -1 not in positions:
                self._seen = (frame.columns, names, positions, singly)
        if rows == 1 and positions and -1 not in positions:
            return [(cell,) for cell in one_pandas_row(frame, positions, singly=singly)], 1
        if frame.columns.is_unique:
            labels = frame.columns
            return [frame[labels[position]] for position in positions], rows
        return [frame.iloc[:, position] for position in positions], rows

    def _from_polars(self, frame: Any, findings: Findings) -> tuple[Sequence[object], int]:  # noqa: ANN401
        positions = self._positions(frame.columns, findings)
        rows = frame.height
        if rows == 1 and positions:
            cells = frame.row(0)
            return [(cells[position],) for position in positions], 1
        return [frame.to_series(position) for position in positions], rows

    def _from_arrow(self, table: Any, findings: Findings) -> tuple[Sequence[object], int]:  # noqa: ANN401
        positions = self._positions(table.schema.names, findings)
        return [table.column(position) for position in positions], table.num_rows

    def _positions(self, found: Sequence[object], findings: Findings) -> list[int]:
        """Return where each input stands among a frame's columns; for arrays that is the order itself."""
        if self._by_array:
            if len(found) != self._width:
                raise _wrong_width(self._width, len(found))
            return list(range(self._width))
        return match_names(self._names, found, findings)

    def _from_mapping(
        self, mapping: Mapping[Any, object], findings: Findings
    ) -> tuple[Sequence[object], int]:
        found = list(mapping)
        positions = match_names(self._names, found, findings)
        findings.settle()
        values = [mapping[found[position]] for position in positions]
        lengths = [_length(value) if is_column(value) else None for value in values]
        counts = {length for length in lengths if length is not None}
        if not counts:
            return [(value,) for value in values], 1
        if len(counts) > 1:
            listed = tuple(
                f"column {name!r}: {length} rows"
                for name, length in zip(self._names, lengths, strict=True)
                if length is not None
            )
            raise InputError("columns differ in their number of rows", where="X", problems=listed[:20])
        rows = counts.pop()
        return [
            [value] * rows if length is None else value for value, length in zip(values, lengths, strict=True)
        ], rows

    def _from_matrix(self, matrix: NDArray[Any]) -> tuple[Sequence[object], int]:
        if matrix.dtype.names is not None:
            raise InputError(
                "expected rows, found a structured array",
                where="X",
                hint="pass {name: X[name] for each column}",
            )
        if matrix.ndim != 2:
            raise InputError(
                f"expected 2 dimensions, found {matrix.ndim}",
                where="X",
                hint="one row is X.reshape(1, -1), one column is X.reshape(-1, 1)",
            )
        if not isinstance(matrix, loaded("numpy.ma", "MaskedArray")):
            matrix = np.asarray(matrix)  # columns of an np.matrix would stay two-dimensional
        rows, width = matrix.shape
        if width != self._width:
            raise _wrong_width(self._width, width)
        return [matrix[:, position] for position in range(width)], rows

    def _from_rows(self, rows: Sequence[Any], findings: Findings) -> tuple[Sequence[object], int]:
        if not rows:
            return [()] * self._width, 0
        if all(isinstance(row, Mapping) for row in rows):
            return self._from_records(rows, findings), len(rows)
        plain: list[Sequence[object]] = []
        for number, row in enumerate(rows):
            cells = row.tolist() if isinstance(row, np.ndarray) and row.ndim == 1 else row
            if not isinstance(cells, list | tuple):
                raise InputError(
                    f"row {number}: expected a list of cells, found {type(row).__name__}",
                    where="X",
                    hint=_ACCEPTED,
                )
            if len(cells) != self._width:
                raise InputError(f"row {number}: expected {self._width} cells, found {len(cells)}", where="X")
            plain.append(cells)
        return list(zip(*plain, strict=True)), len(plain)

    def _from_records(self, rows: Sequence[Mapping[Any, object]], findings: Findings) -> Sequence[object]:
        columns: list[list[object]] = [[] for _ in self._names]
        extra = False
        for number, row in enumerate(rows):
            try:
                cells = self._cells(row)
                extra = extra or len(row) > self._width
            except KeyError:
                # Names may need matching (integers for strings); a missing one is reported with its row.
                found = list(row)
                positions = match_names(self._names, found, findings, row=number)
                findings.settle()
                cells = tuple(row[found[position]] for position in positions)
            for column, cell in zip(columns, cells, strict=True):
                column.append(cell)
        if extra:
            findings.remark("*", "extra columns ignored", 1)
        return columns


def _length(value: Any) -> int:  # noqa: ANN401  (anything that is_column accepts)
    return len(value)


def _wrong_width(expected: int, found: int) -> InputError:
    return InputError(f"expected {expected} columns, found {found}", where="X")
