"""Tables of text, CSV and JSON lines: what is no row is handed on as text, with the reason."""

from __future__ import annotations

import collections
import contextlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any, TypeAlias

import pyarrow as pa

from mlpack.errors import InputError
from mlpack.format.contract import DType
from mlpack.runtime._cells import EXPECTED
from mlpack.runtime.batch._arrow import arrow_type
from mlpack.runtime.batch._unread import UNREAD, none_unread

__all__ = ["csv_batches", "jsonl_batches"]

Unread: TypeAlias = dict[str, str | None]
"""A line that is no row, and why."""

_BLOCK = 4 << 20
"""Bytes of JSON lines that are parsed at once."""

_DEEPEST = 200
"""Objects and lists within one another."""
_TOO_DEEP = "expected a row, found one that is nested too deeply"

_LONGEST = 256 << 20
"""A line of more bytes is none: the file has another form."""


def csv_batches(stack: contextlib.ExitStack, file: IO[bytes]) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    """Read every column as text: cells are judged row by row, and what nobody reads stays as it is."""
    from pyarrow import csv

    first = file.read(1 << 20)
    while b"\n" not in first and len(first) < _LONGEST and (more := file.read(1 << 20)):
        first += more
    file.seek(0)
    skipped: collections.deque[Any] = collections.deque()

    def skip(row: Any) -> str:  # noqa: ANN401  (pyarrow's InvalidRow)
        skipped.append(row)
        return "skip"

    parse = csv.ParseOptions(newlines_in_values=True)
    with csv.open_csv(pa.BufferReader(first[: first.find(b"\n") + 1 or None]), parse_options=parse) as head:
        names = head.schema.names
    # Bytes, because one that is not UTF-8 concerns one row. One thread, because only then rows have numbers.
    convert = csv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.binary()), strings_can_be_null=True, null_values=[""]
    )
    parse = csv.ParseOptions(newlines_in_values=True, invalid_row_handler=skip)
    read = csv.ReadOptions(use_threads=False)
    table = stack.enter_context(
        csv.open_csv(file, read_options=read, parse_options=parse, convert_options=convert)
    )
    schema = pa.schema([pa.field(name, pa.string()) for name in table.schema.names])
    return schema, _with_skipped(iter(table), skipped, schema)


def _with_skipped(
    batches: Iterator[pa.RecordBatch], skipped: collections.deque[Any], schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    """Yield batches as text, with a row of nulls wherever the reader skipped a line."""
    row = 0
    for batch in batches:
        places: list[int | None] = list(range(batch.num_rows))
        unread: list[Unread | None] = [None] * len(places)
        while skipped and (place := skipped[0].number - 2 - row) < len(places):  # the head is row 1
            places.insert(place, None)
            unread.insert(place, _skipped(skipped.popleft()))
        row += len(places)
        whole = len(places) == batch.num_rows
        yield _as_text(batch if whole else batch.take(pa.array(places, pa.int64())), unread, schema)
    if skipped:
        nothing = [pa.nulls(len(skipped), pa.binary()) for _ in schema]
        batch = pa.RecordBatch.from_arrays(nothing, schema.names)
        yield _as_text(batch, [_skipped(line) for line in skipped], schema)


def _skipped(line: Any) -> Unread:  # noqa: ANN401  (pyarrow's InvalidRow)
    return {
        "line": line.text,
        "reason": f"expected {line.expected_columns} cells, found {line.actual_columns}",
    }


def _as_text(batch: pa.RecordBatch, unread: list[Unread | None], schema: pa.Schema) -> pa.RecordBatch:
    """Return cells as text; a row with one that is not UTF-8 counts as unread, and shows its bytes."""
    columns = []
    for name, column in zip(schema.names, batch.columns, strict=True):
        try:
            columns.append(column.cast(pa.string()))
        except pa.ArrowInvalid:
            texts = []
            for row, cell in enumerate(column.to_pylist()):
                text = None if cell is None else cell.decode("utf-8", "backslashreplace")
                texts.append(text)
                if cell is not None and text is not None and text.encode() != cell and unread[row] is None:
                    reason = f"column {name[:80]!r}: expected a text in UTF-8, found other bytes"
                    unread[row] = {"line": None, "reason": reason}
            columns.append(pa.array(texts, pa.string()))
    return _marked(columns, schema, unread)


def _marked(columns: Sequence[pa.Array], schema: pa.Schema, unread: list[Unread | None]) -> pa.RecordBatch:
    """Return rows with the column that says which lines are none."""
    marks = pa.array(unread, UNREAD) if any(unread) else none_unread(len(unread))
    return pa.RecordBatch.from_arrays([*columns, marks], schema=schema.append(pa.field("", UNREAD)))


def jsonl_batches(file: IO[bytes], inputs: Mapping[str, DType]) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    """Read objects, one per line; the first block decides about the columns that are no input.

    Args:
        file: Bytes.
        inputs: Columns whose types are known.

    Raises:
        InputError: There is no object at all in the first block.
    """
    blocks = _blocks(file)
    reader = _Objects(inputs)
    first = reader.batch(next(blocks, b""))

    def batches() -> Iterator[pa.RecordBatch]:
        yield first
        for block in blocks:
            yield reader.batch(block)

    return reader.schema, batches()


def _blocks(file: IO[bytes]) -> Iterator[bytes]:
    """Yield whole lines, about as many as fit into a block."""
    rest = b""
    while data := file.read(_BLOCK):
        rest += data
        end = rest.rfind(b"\n") + 1
        if end:
            yield rest[:end]
            rest = rest[end:]
        elif len(rest) > _LONGEST:
            raise InputError(f"a line is longer than {_LONGEST >> 20} MiB")
    if rest:
        yield rest


class _Objects:
    """Parses blocks of lines; what the first one held is what all are expected to hold."""

    def __init__(self, inputs: Mapping[str, DType]) -> None:
        self._inputs = inputs
        self._open = True
        self.schema = pa.schema([(name, arrow_type(dtype)) for name, dtype in inputs.items()])

    def batch(self, block: bytes) -> pa.RecordBatch:
        """Return a row for each line that is not blank, with the added column.

        Raises:
            InputError: It is the first block, and none of its lines is an object.
        """
        try:
            block.decode()  # Arrow takes strings as they come
            table = None if _may_be_deep(block) else self._parsed(block)
        except (pa.ArrowInvalid, UnicodeDecodeError):
            table = None
        unread: list[Unread | None]
        if table is None:
            table, unread = self._line_by_line(block)
        else:
            unread = [None] * table.num_rows
        if self._open:
            if not table.num_rows or not any(item is None for item in unread):
                raise InputError("cannot be read as jsonl", hint="the file is damaged, or has another form")
            self.schema, self._open = table.schema, False
        columns = table.combine_chunks().columns
        return _marked([_one(column) for column in columns], table.schema, unread)

    def _parsed(self, lines: bytes) -> pa.Table:
        from pyarrow import json as arrow_json

        parse = arrow_json.ParseOptions(
            explicit_schema=self.schema, unexpected_field_behavior="infer" if self._open else "error"
        )
        read = arrow_json.ReadOptions(use_threads=False, block_size=len(lines) + 1)
        return arrow_json.read_json(pa.BufferReader(lines), read_options=read, parse_options=parse)

    def _line_by_line(self, block: bytes) -> tuple[pa.Table, list[Unread | None]]:
        unread: list[Unread | None] = []
        good: list[bytes] = []
        for line in block.split(b"\n"):
            if not line.strip():
                continue
            whole, reason = _judged(line, self._inputs)
            unread.append(None if reason is None else _no_row(line, reason))
            if reason is None:
                good.append(whole)
        tables: list[pa.Table] = []
        misfits = set(self._fitting(good, 0, tables))
        fits = iter(range(len(good) - len(misfits)))
        number = 0
        places: list[int | None] = []
        for row, item in enumerate(unread):
            if item is None:
                if number in misfits:
                    unread[row] = _no_row(good[number], "its fields do not fit those of the lines before it")
                number += 1
            places.append(None if unread[row] is not None else next(fits))
        table = pa.concat_tables([self.schema.empty_table(), *tables], promote_options="default")
        return table.take(pa.array(places, pa.int64())), unread

    def _fitting(self, lines: Sequence[bytes], start: int, tables: list[pa.Table]) -> Iterator[int]:
        """Parse what fits into `tables`, and yield the numbers of the lines that do not, by halving."""
        if not lines:
            return
        try:
            table = self._parsed(b"\n".join(lines))
        except pa.ArrowInvalid:
            if len(lines) == 1:
                yield start
                return
            middle = len(lines) // 2
            yield from self._fitting(lines[:middle], start, tables)
            yield from self._fitting(lines[middle:], start + middle, tables)
            return
        tables.append(table)
        if self._open:
            self.schema = pa.unify_schemas([self.schema, table.schema])


def _no_row(line: bytes, reason: str) -> Unread:
    return {"line": line.decode("utf-8", "backslashreplace"), "reason": reason}


def _object(line: bytes) -> dict[str, Any] | str:
    """Return what a line says, or why that is no object."""
    try:
        record = json.loads(line)
    except UnicodeDecodeError:
        return "expected UTF-8, found other bytes"
    except json.JSONDecodeError as error:
        return f"expected JSON: {error.msg}"
    except ValueError:  # an integer of thousands of digits
        return "expected JSON"
    except RecursionError:
        return _TOO_DEEP
    if not isinstance(record, dict):
        return f"expected an object, found {type(record).__name__}"
    return _TOO_DEEP if _may_be_deep(line) and _depth(record) > _DEEPEST else record


def _judged(line: bytes, inputs: Mapping[str, DType]) -> tuple[bytes, str | None]:
    """Return a line, with whole numbers written as such where they are asked for, and why it is no row."""
    record = _object(line)
    if isinstance(record, str):
        return line, record
    changed = False
    for name, dtype in inputs.items():
        cell = record.get(name)
        if dtype == "int64" and isinstance(cell, float) and cell.is_integer():
            record[name] = cell = int(cell)
            changed = True
        if found := _misfit(cell, dtype):
            return line, f"column {name[:80]!r}: expected {EXPECTED[dtype]}, found {found}"
    return json.dumps(record, ensure_ascii=False).encode() if changed else line, None


def _may_be_deep(lines: bytes) -> bool:
    """Return whether a line could be nested so deeply that Arrow's recursion ends the process."""
    if lines.count(b"[") + lines.count(b"{") <= _DEEPEST:
        return False
    return any(line.count(b"[") + line.count(b"{") > _DEEPEST for line in lines.split(b"\n"))


def _depth(value: object) -> int:
    depth, level = 0, [value]
    while level:
        depth += 1
        level = [
            below
            for item in level
            if isinstance(item, dict | list)
            for below in (item.values() if isinstance(item, dict) else item)
        ]
    return depth


def _misfit(cell: object, dtype: DType) -> str | None:
    """Return what a cell is, if it is nothing that an input of this type takes."""
    if cell is None:
        return None
    if not isinstance(cell, _FITTING[dtype]) or isinstance(cell, bool) != (dtype == "bool"):
        return type(cell).__name__
    if isinstance(cell, int) and not -(2**63) <= cell < 2**63:
        return "one beyond 64 bits"
    return "one beyond its range" if isinstance(cell, float) and math.isinf(cell) else None


_FITTING: Mapping[DType, tuple[type, ...]] = {
    "float64": (int, float),
    "float32": (int, float),
    "int64": (int,),
    "bool": (bool,),
    "string": (str,),
    "datetime": (str,),
}


def _one(column: pa.ChunkedArray) -> pa.Array:
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.nulls(0, column.type)
