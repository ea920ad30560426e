"""Columns of Arrow batches, in the forms that the contract's checks read fastest."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

from mlpack.errors import InputError
from mlpack.format.contract import DType, Input
from mlpack.runtime._cells import EXPECTED
from mlpack.runtime._findings import Findings
from mlpack.runtime._names import match_names

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Column", "arrow_type", "columns_of", "missing_rows", "parsed", "places"]

Column: TypeAlias = Any
"""A NumPy array, a masked one, an Arrow array of encoded strings or of timestamps, or a list: N cells."""


def places(
    inputs: Sequence[Input], schema: pa.Schema, *, by_position: bool, texts: bool = False
) -> list[int]:
    """Return where each input stands in a schema, after a look at the types.

    Args:
        inputs: What the model reads.
        schema: What a table offers.
        by_position: Whether a table of exactly as many columns may name them otherwise (plain arrays).
        texts: Whether every cell may come as text (CSV).

    Raises:
        InputError: A column is missing, there twice, or of a type that no cell could make good.
    """
    findings = Findings()
    names = [item.name for item in inputs]
    if by_position and len(schema.names) == len(names) and not set(names) & set(schema.names):
        positions = list(range(len(names)))
    else:
        positions = match_names(names, schema.names, findings)
        findings.settle()
    for item, position in zip(inputs, positions, strict=True):
        kind = schema.field(position).type
        if not _usable(kind, item.dtype) and not (texts and _is_text(kind)):
            expected = EXPECTED[item.dtype]
            findings.broken(item.name, f"expected {expected} in each row, found Arrow type {_short(kind)}")
    try:
        findings.settle()
    except InputError as error:
        error.hint = "cast the column before scoring"
        raise
    return positions


def _short(kind: pa.DataType) -> str:
    text = str(kind)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _usable(kind: pa.DataType, dtype: DType) -> bool:
    """Return whether a column of this type may feed an input: text text, numbers numbers."""
    kind = _plain_type(kind)
    if types.is_null(kind):
        return True
    if dtype == "string":
        return _is_text(kind)
    if dtype == "bool":
        return bool(types.is_boolean(kind))
    if dtype == "datetime":
        return _is_text(kind) or bool(types.is_timestamp(kind) or types.is_date(kind))
    return bool(
        types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind) or types.is_decimal(kind)
    )


def _plain_type(kind: pa.DataType) -> pa.DataType:
    """Return the type of the cells, without the ways to encode them."""
    while True:
        if isinstance(kind, pa.BaseExtensionType):
            kind = kind.storage_type
        elif types.is_dictionary(kind) or types.is_run_end_encoded(kind):
            kind = kind.value_type
        else:
            return kind


def _is_text(kind: pa.DataType) -> bool:
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def columns_of(batch: pa.RecordBatch, inputs: Sequence[Input], positions: Sequence[int]) -> dict[str, Column]:
    """Return one column per input, every cell as the file holds it."""
    return {
        item.name: _column(parsed(batch.column(position), item.dtype), item.dtype)
        for item, position in zip(inputs, positions, strict=True)
    }


_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[+-]?inf(?:inity)?|nan", re.IGNORECASE)
_TRUTH = {"true": True, "1": True, "false": False, "0": False}
_ARROW: dict[DType, pa.DataType] = {
    "float64": pa.float64(),
    "float32": pa.float64(),  # rounded once, by the contract's own rule
    "int64": pa.int64(),
    "bool": pa.bool_(),
    "string": pa.string(),
    "datetime": pa.string(),  # files of text hold ISO 8601, which the contract itself reads
}


def parsed(array: pa.Array, dtype: DType) -> pa.Array | list[object]:
    """Return texts as what they say where numbers or booleans are asked for; a text that says none stays."""
    if dtype in ("string", "datetime") or not _is_text(array.type):
        return array
    try:
        return pc.cast(array, _ARROW[dtype])
    except pa.ArrowInvalid:
        return [None if text is None else _cell(text.strip(), dtype) for text in array.to_pylist()]


def _cell(text: str, dtype: DType) -> object:
    if dtype == "bool":
        return _TRUTH.get(text.lower(), text)
    if dtype == "int64" and re.fullmatch(r"[+-]?\d{1,40}", text):
        return int(text)
    return float(text) if dtype != "int64" and _NUMBER.fullmatch(text) else text


_NULLS: dict[DType, pa.DataType] = {"string": pa.string(), "datetime": pa.string()}


def arrow_type(dtype: DType) -> pa.DataType:
    """Return the type of a column that was parsed."""
    return _ARROW[dtype]


def _column(array: pa.Array | list[object], dtype: DType) -> Column:  # noqa: PLR0911  (one return per encoding)
    if isinstance(array, list):
        return array
    kind = array.type
    if isinstance(kind, pa.BaseExtensionType):
        return _column(array.storage, dtype)
    if types.is_run_end_encoded(kind):
        return _column(pc.run_end_decode(array), dtype)
    if types.is_null(kind):
        return _column(pa.nulls(len(array), _NULLS.get(dtype, pa.float64())), dtype)
    if types.is_dictionary(kind):
        return _encoded(array, dtype)
    if _is_text(kind):
        plain = array.cast(pa.large_string()) if types.is_string_view(kind) else array
        return _valid(plain.dictionary_encode())
    if types.is_integer(kind) or types.is_boolean(kind) or types.is_floating(kind):
        return _numbers(array)
    if types.is_timestamp(kind):
        return array  # which says whether there is a zone
    return array.to_pylist()  # decimals and days, judged one by one


def _encoded(array: pa.DictionaryArray, dtype: DType) -> Column:
    # A dictionary may be much longer than the rows at hand, may hold nulls, and may say a value twice.
    values = array.dictionary
    if _is_text(values.type) and len(values) <= len(array) and not values.null_count:
        return _valid(array)
    return _column(values.take(array.indices), dtype)


def _valid(array: pa.DictionaryArray) -> Column:
    """Return encoded strings; or cells, where those that are not UTF-8 are bytes, which no contract takes."""
    try:
        array.dictionary.validate(full=True)
    except pa.ArrowInvalid:
        wide = array.dictionary.cast(pa.large_binary(), safe=False).take(array.indices)
        return [None if cell is None else _text_or_bytes(cell) for cell in wide.to_pylist()]
    return array


def _text_or_bytes(cell: bytes) -> str | bytes:
    try:
        return cell.decode()
    except UnicodeDecodeError:
        return cell


def _numbers(array: pa.Array) -> Column:
    if not array.null_count or types.is_floating(array.type):
        return array.to_numpy(zero_copy_only=False)  # floats: nulls become NaN, which is how they are missing
    missing = array.is_null().to_numpy(zero_copy_only=False)
    zero = pa.scalar(value=False) if types.is_boolean(array.type) else pa.scalar(0, array.type)
    return np.ma.MaskedArray(array.fill_null(zero).to_numpy(zero_copy_only=False), missing)


def missing_rows(column: Column) -> NDArray[np.bool_]:
    """Return where a column is missing, of shape `(N,)`."""
    if isinstance(column, np.ma.MaskedArray):
        return np.ma.getmaskarray(column)
    if isinstance(column, np.ndarray):
        return np.isnan(column) if column.dtype.kind == "f" else np.zeros(len(column), np.bool_)
    if isinstance(column, pa.Array):
        mask: NDArray[np.bool_] = column.is_null().to_numpy(zero_copy_only=False)
        return mask
    return np.fromiter((cell is None for cell in column), np.bool_, len(column))
