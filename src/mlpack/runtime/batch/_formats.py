"""Tables in files, read and written batch by batch."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import IO, Any, Protocol

import pyarrow as pa

from mlpack.errors import InputError, StorageError, UsageError
from mlpack.format.contract import DType
from mlpack.runtime.batch._lines import csv_batches, jsonl_batches

__all__ = [
    "FORMS",
    "ParquetSink",
    "Sink",
    "TableReader",
    "form_of",
    "open_sink",
    "open_table",
    "rechunked",
    "refuse_nested",
]

FORMS: Mapping[str, str] = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
    ".arrows": "stream",
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}
"""End of a file's name -> its form."""

_AT_ONCE = 65536
"""About so many rows are read at once."""

_GROUP_ROWS, _GROUP_BYTES = 131_072, 64 << 20
"""A row group of Parquet is written when it has so many rows or bytes."""


def form_of(name: str) -> str:
    """Return the form of a file by its name.

    Raises:
        UsageError: The name does not tell.
    """
    for ending, form in FORMS.items():
        if name.lower().endswith(ending):
            return form
    raise UsageError(f"expected a name that ends in {', '.join(FORMS)}", where=name)


@dataclass(frozen=True, kw_only=True, slots=True)
class TableReader:
    """An open table.

    Attributes:
        schema: Of every batch.
        batches: In the file's order.
        rows: How many there are, when the file says so beforehand.
        lines: Whether batches have one column more, last, with the lines that are no row (`_unread`).
    """

    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]
    rows: int | None = None
    lines: bool = False


@contextlib.contextmanager
def open_table(
    file: IO[bytes], form: str, where: str, *, inputs: Mapping[str, DType], chunk_rows: int
) -> Iterator[TableReader]:
    """Open a table for reading.

    Args:
        file: Its bytes.
        form: One of FORMS.
        where: Its name, for messages.
        inputs: Columns whose types JSON cannot tell by itself.
        chunk_rows: Batches are read in about this size, or a multiple.

    Raises:
        InputError: It is not what its name says.
    """
    rows = chunk_rows * max(1, _AT_ONCE // chunk_rows)
    with contextlib.ExitStack() as stack:
        with _readable(form, where):
            reader = _READERS[form](stack, file, inputs, rows)
        yield replace(reader, batches=_guarded(reader.batches, form, where))


def _guarded(batches: Iterator[pa.RecordBatch], form: str, where: str) -> Iterator[pa.RecordBatch]:
    while True:
        with _readable(form, where):
            batch = next(batches, None)
        if batch is None:
            return
        yield batch


@contextlib.contextmanager
def _readable(form: str, where: str) -> Iterator[None]:
    """Name the file in what Arrow complains about, without any cell that it may quote."""
    try:
        yield
    except InputError as error:
        error.where = error.where or where
        raise
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise _unreadable(error, form, where) from error
    except OSError as error:
        if error.errno is None:  # Arrow's word for bytes that make no sense
            raise _unreadable(error, form, where) from error
        raise StorageError(f"cannot be read: {error.strerror}", where=where) from error


def _unreadable(error: Exception, form: str, where: str) -> InputError:
    if "straddl" in str(error):
        return InputError("a row is longer than 1 MiB", where=where, hint="write Parquet or JSON lines")
    return InputError(
        f"cannot be read as {form}", where=where, hint="the file is damaged, or has another form"
    )


def _read_parquet(stack: contextlib.ExitStack, file: IO[bytes], _: object, rows: int) -> TableReader:
    import pyarrow.parquet as pq

    # Streamed: buffering ahead holds all of a file in memory, and a row group may be huge.
    table = stack.enter_context(pq.ParquetFile(file, buffer_size=1 << 20, pre_buffer=False))
    batches = table.iter_batches(batch_size=rows)
    return TableReader(schema=table.schema_arrow, batches=iter(batches), rows=table.metadata.num_rows)


def _read_arrow(stack: contextlib.ExitStack, file: IO[bytes], _: object, __: int) -> TableReader:
    table = stack.enter_context(pa.ipc.open_file(file))
    batches = (_sound(table.get_batch(index)) for index in range(table.num_record_batches))
    return TableReader(schema=table.schema, batches=batches)


def _read_stream(stack: contextlib.ExitStack, file: IO[bytes], _: object, __: int) -> TableReader:
    table = stack.enter_context(pa.ipc.open_stream(file))
    return TableReader(schema=table.schema, batches=(_sound(batch) for batch in table))


def _sound(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return a batch whose offsets stay inside it: Arrow reads them as they come, wherever they lead."""
    batch.validate(full=True)
    return batch


def _read_csv(stack: contextlib.ExitStack, file: IO[bytes], _: object, __: int) -> TableReader:
    schema, batches = csv_batches(stack, file)
    return TableReader(schema=schema, batches=batches, lines=True)


def _read_jsonl(
    _: contextlib.ExitStack, file: IO[bytes], inputs: Mapping[str, DType], __: int
) -> TableReader:
    schema, batches = jsonl_batches(file, inputs)
    return TableReader(schema=schema, batches=batches, lines=True)


_READERS: Mapping[str, Callable[[contextlib.ExitStack, IO[bytes], Any, int], TableReader]] = {
    "parquet": _read_parquet,
    "arrow": _read_arrow,
    "stream": _read_stream,
    "csv": _read_csv,
    "jsonl": _read_jsonl,
}


def rechunked(batches: Iterable[pa.RecordBatch], rows: int) -> Iterator[pa.RecordBatch]:
    """Yield the same rows in batches of exactly `rows`, the last one apart."""
    held: list[pa.RecordBatch] = []
    count = 0
    for batch in batches:
        start = 0
        while start < batch.num_rows:
            piece = batch.slice(start, rows - count)
            held.append(piece)
            start += piece.num_rows
            count += piece.num_rows
            if count == rows:
                yield held[0] if len(held) == 1 else pa.concat_batches(held)
                held, count = [], 0
    if held:
        yield pa.concat_batches(held)


class Sink(Protocol):
    """A table that is being written."""

    def write(self, batch: pa.RecordBatch) -> None:
        """Add rows."""
        ...

    def close(self) -> None:
        """End the table."""
        ...


def refuse_nested(form: str, schema: pa.Schema, what: str) -> None:
    """Raise if a form cannot hold such columns.

    Raises:
        UsageError: It is CSV, and a column is nested.
    """
    nested = [field.name for field in schema if pa.types.is_nested(field.type)]
    if form == "csv" and nested:
        raise UsageError(
            f"CSV cannot hold nested columns: {', '.join(nested[:20])}",
            where=what,
            hint="write Parquet or JSON lines, or keep other columns if no rows are to be set aside",
        )


def open_sink(file: pa.NativeFile, form: str, schema: pa.Schema) -> Sink:
    """Start a table."""
    if form == "parquet":
        return ParquetSink(file, schema)
    if form in ("arrow", "stream"):
        return _plain(pa.ipc.new_file(file, schema) if form == "arrow" else pa.ipc.new_stream(file, schema))
    if form == "jsonl":
        return _JsonSink(file)
    from pyarrow import csv

    return _plain(csv.CSVWriter(file, schema))


def _plain(writer: Sink) -> Sink:
    return writer


class ParquetSink:
    """Collects rows, so that row groups get a size that suits whoever reads them."""

    def __init__(self, file: pa.NativeFile, schema: pa.Schema) -> None:
        import pyarrow.parquet as pq

        self._writer = pq.ParquetWriter(file, schema)
        self._held: list[pa.RecordBatch] = []
        self._rows = self._bytes = 0

    def write(self, batch: pa.RecordBatch) -> None:
        self._held.append(batch)
        self._rows += batch.num_rows
        self._bytes += batch.nbytes
        if self._rows >= _GROUP_ROWS or self._bytes >= _GROUP_BYTES:
            self._flush()

    def _flush(self) -> None:
        if self._rows:
            self._writer.write_table(pa.Table.from_batches(self._held), row_group_size=_GROUP_ROWS)
        self._held, self._rows, self._bytes = [], 0, 0

    def close(self) -> None:
        self._flush()
        self._writer.close()

    def abandon(self) -> None:
        """Leave the file as it is: Arrow would otherwise try to end it when the writer is forgotten."""
        self._writer.is_open = False


class _JsonSink:
    """One object per line. JSON has no word for NaN and infinities: they become null."""

    def __init__(self, file: pa.NativeFile) -> None:
        self._file = file

    def write(self, batch: pa.RecordBatch) -> None:
        try:
            records = batch.to_pylist()
        except UnicodeDecodeError as error:
            raise InputError(
                "a text is not UTF-8, so JSON cannot hold it", hint="write Parquet, or keep other columns"
            ) from error
        for record in records:
            text = json.dumps(_finite(record), ensure_ascii=False, allow_nan=False, default=str)
            self._file.write(text.encode() + b"\n")

    def close(self) -> None:
        """Nothing is held back."""


def _finite(value: Any) -> Any:  # noqa: ANN401  (whatever a cell may be)
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
