"""Rows in the media types that platforms send, and answers in those that they ask for.

Source: Amazon SageMaker developer guide, Common data formats for inference; Apache Arrow, IPC streaming
format.
"""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mlpack.errors import InputError
from mlpack.runtime.delimited import read_csv
from mlpack.runtime.server.cells import decode_json, encode_json, from_instances, plain
from mlpack.runtime.server.http import JSON, Refusal, Response

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlpack.format.contract import Input, Output

__all__ = [
    "ARROW",
    "CSV",
    "JSON_LINES",
    "PARQUET",
    "accepted",
    "media_type",
    "predictions",
    "read_rows",
    "write_answers",
]

CSV = "text/csv"
JSON_LINES = "application/jsonlines"
PARQUET = "application/x-parquet"
ARROW = "application/vnd.apache.arrow.stream"

_TABLES = (PARQUET, ARROW)

LARGE = 1 << 18
"""Bytes above which a body is read in a thread: meanwhile others are answered."""

_NAMES: Mapping[str, str] = {
    "": "application/json",
    "application/json": "application/json",
    "text/json": "application/json",
    CSV: CSV,
    "application/csv": CSV,
    JSON_LINES: JSON_LINES,
    "application/jsonl": JSON_LINES,
    "application/x-jsonlines": JSON_LINES,
    "application/x-ndjson": JSON_LINES,
    "application/ndjson": JSON_LINES,
    PARQUET: PARQUET,
    "application/vnd.apache.parquet": PARQUET,
    ARROW: ARROW,
    "application/x-apache-arrow-stream": ARROW,
}
"""Media type as sent -> as we name it."""

_ROWS = ("instances", "rows", "dataframe_records", "records")


def media_type(headers: Mapping[bytes, bytes]) -> str:
    """Return the media type of a body; JSON where nothing is said.

    Raises:
        Refusal: It is not one that is read.
    """
    name = headers.get(b"content-type", b"").decode("latin-1").partition(";")[0].strip().lower()
    if name not in _NAMES:
        raise Refusal(415, f"expected one of {', '.join(dict.fromkeys(_NAMES.values()))}", reason="media")
    return _NAMES[name]


def accepted(headers: Mapping[bytes, bytes], body: str) -> str:
    """Return the media type to answer in: the first one asked for that is written, or the body's own."""
    for item in headers.get(b"accept", b"").decode("latin-1").split(","):
        name = item.partition(";")[0].strip().lower()
        if name and name in _NAMES:
            return _NAMES[name]
    return body


async def read_rows(body: bytes, media: str, inputs: Sequence[Input]) -> tuple[object, int]:
    """Return rows as a Predictor takes them, and how many there are.

    Raises:
        Refusal: The body is not of its media type, or a row not of the contract.
    """
    if media in _TABLES or len(body) > LARGE:
        return await asyncio.to_thread(_read_rows, body, media, inputs)
    return _read_rows(body, media, inputs)


def _read_rows(body: bytes, media: str, inputs: Sequence[Input]) -> tuple[object, int]:
    match media:
        case "text/csv":
            return _from_csv(body, inputs)
        case "application/jsonlines":
            lines = [decode_json(line) for line in body.splitlines() if line.strip()]
            return from_instances([_features(line) for line in lines], inputs, where="lines")
        case "application/x-parquet" | "application/vnd.apache.arrow.stream":
            table = _table(body, media)
            return table, table.num_rows
        case _:
            return _from_json(decode_json(body), inputs)


def _from_csv(body: bytes, inputs: Sequence[Input]) -> tuple[object, int]:
    try:
        columns = read_csv(io.StringIO(body.decode("utf-8-sig"), newline=""), inputs, header=False)
    except UnicodeDecodeError:
        raise Refusal(400, "the body is not UTF-8", reason="malformed") from None
    except InputError as error:
        raise Refusal(400, f"{error.where}: {error.message}", reason="contract") from error
    return columns, len(next(iter(columns.values())))


def _features(line: object) -> object:
    """Return a row of JSON lines, which SageMaker's own algorithms wrap in `features`."""
    if isinstance(line, dict) and set(line) == {"features"}:
        return line["features"]
    return line


def _from_json(document: object, inputs: Sequence[Input]) -> tuple[object, int]:
    if isinstance(document, list):
        return from_instances(document, inputs, where="body")
    if not isinstance(document, dict):
        raise Refusal(400, "expected rows", reason="malformed")
    for key in _ROWS:
        if key in document:
            return from_instances([_features(row) for row in _list(document[key], key)], inputs, where=key)
    split = document.get("dataframe_split", document)
    if isinstance(split, dict) and "columns" in split and "data" in split:
        return _from_split(split, inputs)
    if {item.name for item in inputs} <= set(document):
        return from_instances([document], inputs, where="body")  # one record, by itself
    raise Refusal(
        400, f"expected a list of rows, or an object with one of {', '.join(_ROWS)}", reason="malformed"
    )


def _list(value: object, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise Refusal(400, f"{where}: expected a list of rows", reason="malformed")
    return value


def _from_split(split: Mapping[str, Any], inputs: Sequence[Input]) -> tuple[object, int]:
    """Return rows in pandas' `split` orientation."""
    names, rows = _list(split["columns"], "columns"), _list(split["data"], "data")
    if not all(isinstance(name, str) for name in names) or len(set(names)) != len(names):
        raise Refusal(400, "columns: expected distinct names", reason="malformed")
    if any(not isinstance(row, list) or len(row) != len(names) for row in rows):
        raise Refusal(400, f"data: expected {len(names)} cells in each row", reason="malformed")
    records = [dict(zip(names, row, strict=True)) for row in rows]
    return from_instances(records, inputs, where="data")


def _table(body: bytes, media: str) -> Any:  # noqa: ANN401  (a pyarrow.Table)
    try:
        import pyarrow as pa
    except ImportError as error:
        raise Refusal(415, "this server reads no Arrow: pyarrow is not installed", reason="media") from error
    try:
        if media == PARQUET:
            import pyarrow.parquet as pq

            return pq.read_table(pa.BufferReader(body))
        with pa.ipc.open_stream(body) as reader:
            return reader.read_all()
    except (pa.ArrowException, OSError, ValueError):
        raise Refusal(400, f"the body is no {media}", reason="malformed") from None


def write_answers(media: str, outputs: Sequence[Output], answers: Sequence[NDArray[Any]]) -> Response:
    """Return answers in a media type: values for one output, records for several."""
    match media:
        case "text/csv":
            return Response(_to_csv(outputs, answers), media=b"text/csv; charset=utf-8")
        case "application/jsonlines":
            lines = [encode_json(row) + b"\n" for row in predictions(outputs, answers)]
            return Response(b"".join(lines), media=JSON_LINES.encode())
        case "application/x-parquet" | "application/vnd.apache.arrow.stream":
            return Response(_to_arrow(media, outputs, answers), media=media.encode())
        case _:
            return Response(encode_json({"predictions": predictions(outputs, answers)}), media=JSON)


def predictions(outputs: Sequence[Output], answers: Sequence[NDArray[Any]]) -> Any:  # noqa: ANN401
    """Return one value per row for one output, one object per row for several."""
    cells = [plain(answer) for answer in answers]
    if len(outputs) == 1:
        return cells[0]
    lists = [cell.tolist() if hasattr(cell, "tolist") else cell for cell in cells]
    names = [output.key for output in outputs]
    return [dict(zip(names, row, strict=True)) for row in zip(*lists, strict=True)]


def _to_csv(outputs: Sequence[Output], answers: Sequence[NDArray[Any]]) -> bytes:
    """Return one line per row, without a header, as batch transform joins them to its input."""
    del outputs
    columns: list[list[Any]] = []
    for answer in answers:
        wide = answer.reshape(len(answer), -1)
        columns += [wide[:, place].tolist() for place in range(wide.shape[1])]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(zip(*columns, strict=True))
    return text.getvalue().encode()


def _to_arrow(media: str, outputs: Sequence[Output], answers: Sequence[NDArray[Any]]) -> bytes:
    try:
        import pyarrow as pa

        from mlpack.runtime.batch._answers import answer_arrays, answer_fields
    except ImportError as error:
        raise Refusal(415, "this server writes no Arrow: pyarrow is not installed", reason="media") from error
    fields = answer_fields(outputs, "")
    table = pa.Table.from_arrays(answer_arrays(answers, fields), schema=pa.schema(fields))
    sink = pa.BufferOutputStream()
    if media == PARQUET:
        import pyarrow.parquet as pq

        pq.write_table(table, sink)
    else:
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
    return bytes(sink.getvalue())
