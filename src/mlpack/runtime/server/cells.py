"""Cells of JSON: rows in, answers out.

JSON has no NaN and no infinities. Both ways they are the words `NaN`, `Infinity` and `-Infinity`, as in the
JSON form of Protocol Buffers; null is a missing value. Source: protobuf.dev, ProtoJSON format.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mlpack.format.evidence import encode_cell
from mlpack.runtime.server.http import Refusal

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlpack.format.contract import Input

__all__ = ["Rows", "by_name", "decode_json", "encode_json", "from_instances", "from_records", "plain"]

Rows = object
"""What a Predictor takes."""

_WORDS = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}
_NUMBERS = ("float64", "float32", "float16")


def decode_json(body: bytes) -> Any:  # noqa: ANN401  (whatever the body holds)
    """Return what a body says.

    Raises:
        Refusal: It is not JSON.
    """
    import orjson

    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Refusal(
            400, f"the body is not JSON (line {error.lineno}, column {error.colno})", reason="malformed"
        ) from None


def encode_json(document: object) -> bytes:
    """Return JSON."""
    import orjson

    return orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)


def plain(answer: NDArray[Any]) -> Any:  # noqa: ANN401  (an array, or lists of cells)
    """Return an answer as `encode_json` writes it without loss."""
    import numpy as np

    if answer.dtype.kind == "f":
        if np.isfinite(answer).all():
            return answer if answer.flags.c_contiguous and answer.dtype.itemsize > 2 else answer.tolist()
        return _spelt(answer.tolist())
    return answer.tolist()


def _spelt(cells: Any) -> Any:  # noqa: ANN401
    return [_spelt(cell) for cell in cells] if isinstance(cells, list) else encode_cell(cells)


def from_instances(instances: object, inputs: Sequence[Input], *, where: str) -> tuple[Rows, int]:
    """Return rows given as a list of objects (by name) or of lists (by position), and how many there are.

    Raises:
        Refusal: It is not such a list.
    """
    if not isinstance(instances, list):
        raise Refusal(400, f"{where}: expected a list of rows", reason="malformed")
    if instances and isinstance(instances[0], dict):
        return from_records(instances, inputs, where=where), len(instances)
    if len(inputs) == 1 and instances and not isinstance(instances[0], list):
        instances = [[cell] for cell in instances]
    width = len(inputs)
    for number, row in enumerate(instances):
        if not isinstance(row, list) or len(row) != width:
            raise Refusal(
                400, f"{where}: row {number}: expected {width} cells or an object", reason="contract"
            )
        _check_cells(row, where, number)
    columns = zip(*instances, strict=True) if instances else [()] * width
    return (
        {
            item.name: [_cell(item, cell) for cell in column]
            for item, column in zip(inputs, columns, strict=True)
        },
        len(instances),
    )


def from_records(records: Sequence[Any], inputs: Sequence[Input], *, where: str) -> Rows:
    """Return rows given as objects.

    Raises:
        Refusal: One is no object, or has no cell for an input.
    """
    if len(records) == 1 and isinstance(records[0], dict):
        # One row goes the short way: the contract names what is missing.
        row = records[0]
        if str in _check_cells(row.values(), where, 0):
            row = {item.name: _cell(item, row[item.name]) for item in inputs if item.name in row}
        return row
    columns: dict[str, list[Any]] = {item.name: [] for item in inputs}
    for number, record in enumerate(records):
        if not isinstance(record, dict):
            raise Refusal(400, f"{where}: row {number}: expected an object", reason="malformed")
        _check_cells(record.values(), where, number)
        try:
            for item in inputs:
                columns[item.name].append(_cell(item, record[item.name]))
        except KeyError:
            missing = next(item.name for item in inputs if item.name not in record)
            raise Refusal(
                400, f"{where}: row {number}: column {missing[:80]!r} is missing", reason="contract"
            ) from None
    return columns


def _check_cells(cells: Iterable[object], where: str, row: int) -> set[type]:
    """Return the types of a row's cells, all of them plain."""
    kinds = set(map(type, cells))
    if list in kinds or dict in kinds:
        raise Refusal(
            400, f"{where}: row {row}: expected plain values, found a nested one", reason="contract"
        )
    return kinds


def _cell(item: Input, cell: object) -> object:
    if type(cell) is str and item.dtype in _NUMBERS:
        return _WORDS.get(cell, cell)
    return cell


def by_name(outputs: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return one object per row from one list per output."""
    names = list(outputs)
    return [dict(zip(names, cells, strict=True)) for cells in zip(*outputs.values(), strict=True)]
