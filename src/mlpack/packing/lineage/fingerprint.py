"""Digests of a data set that depend on its contents only: not on library, chunks, file format or machine.

The rule `mlpack-arrow-1`, over the columns as Arrow types them: a category is its value, NaN is a missing
value, zero has no sign, an instant is seconds and nanoseconds, texts and lists are lengths and contents. What
is behind a missing value does not count. A change of the rule changes its name.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from mlpack.errors import ExampleError, MissingExtraError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["ALGORITHM", "Fingerprint", "fingerprint", "require_arrow"]

ALGORITHM: Final = "mlpack-arrow-1"


@dataclass(frozen=True, kw_only=True, slots=True)
class Fingerprint:
    """What identifies a data set.

    Attributes:
        sha256: Digest (hex) over columns and rows in their order.
        any_order: The same over the rows in sorted order; empty where columns cannot be sorted, as lists.
        rows: Number of rows.
        columns: Number of columns.
    """

    sha256: str
    any_order: str
    rows: int
    columns: int


def fingerprint(data: object, name: str) -> Fingerprint:
    """Return the digests of a data set.

    Args:
        data: A pandas or polars DataFrame or Series, an Arrow table, anything else that hands out Arrow
            streams, a NumPy array of shape (n,) or (n, k), or a dict of columns.
        name: What the author calls it, for messages.

    Raises:
        MissingExtraError: pyarrow is not installed.
        ExampleError: It is of another type, or holds something that Arrow has no type for.
    """
    import pyarrow as pa

    try:
        table = _table(data)
        columns = [
            _Column.of(column_name, table.column(at)) for at, column_name in enumerate(table.column_names)
        ]
    except (pa.ArrowException, TypeError, ValueError) as error:  # Arrow quotes values; its class must do
        raise ExampleError(
            f"cannot be read as columns of Arrow types ({type(error).__name__})",
            where=f"datasets[{name!r}]",
            hint="pass a DataFrame, an array or an Arrow table whose columns hold one type each",
        ) from error
    return Fingerprint(
        sha256=_digest(columns, table.num_rows, ""),
        any_order=_any_order(columns, table.num_rows),
        rows=table.num_rows,
        columns=table.num_columns,
    )


def require_arrow() -> None:
    """Raise MissingExtraError unless pyarrow is there: minutes before it is needed."""
    try:
        import pyarrow as pa
    except ImportError as error:
        raise MissingExtraError(
            "fingerprints of data sets need pyarrow", hint="pip install 'mlpack-sdk[batch]'"
        ) from error
    del pa


def _table(data: Any) -> pa.Table:  # noqa: ANN401  (see above)
    import numpy as np
    import pyarrow as pa

    if hasattr(data, "to_frame") and not hasattr(data, "columns"):
        data = data.to_frame()  # a Series
    if hasattr(data, "iloc"):
        # Names that are no texts would end up in the schema's metadata; the index is no data.
        return pa.Table.from_pandas(data.rename(columns=str), preserve_index=False)
    if hasattr(data, "__arrow_c_stream__"):
        return pa.table(data)
    if isinstance(data, dict):
        return pa.table(data)
    if hasattr(data, "detach"):
        data = data.detach().cpu().numpy()  # a tensor
    array = np.asarray(data)
    if array.ndim not in (1, 2) or array.dtype.kind not in "biufUOM":
        raise TypeError(f"{array.dtype} of {array.ndim} dimensions")
    wide = array.reshape(len(array), -1)
    return pa.table({f"x{at}": pa.array(np.ascontiguousarray(wide[:, at])) for at in range(wide.shape[1])})


@dataclass(frozen=True, kw_only=True, slots=True)
class _Column:
    """One column in the form that is hashed.

    Attributes:
        name: Its name.
        kind: Its type, by a word of ours: the libraries' own may change.
        values: Flat arrays without missing values in the order in which they are hashed.
        valid: One byte for each value, zero where it is missing.
        keys: Arrays to sort rows by; None where that is not possible.
    """

    name: str
    kind: str
    values: tuple[bytes, ...]
    valid: bytes
    keys: tuple[Any, ...] | None
    source: Any

    @classmethod
    def of(cls, name: str, column: pa.ChunkedArray) -> _Column:
        import pyarrow as pa

        array = column.combine_chunks() if column.num_chunks else pa.array([], column.type)
        if isinstance(array, pa.ChunkedArray):
            array = pa.concat_arrays(array.chunks)
        return cls.plain(name, array)

    @classmethod
    def plain(cls, name: str, array: pa.Array) -> _Column:
        import numpy as np

        kind, array = _canonical(array)
        valid = np.asarray(array.is_valid()).astype(np.uint8).tobytes()
        values, keys = _flat(array)
        return cls(name=name, kind=kind, values=tuple(values), valid=valid, keys=keys, source=array)

    def pieces(self) -> Iterator[bytes]:
        yield from (self.name.encode(), self.kind.encode(), self.valid, *self.values)


def _canonical(array: pa.Array) -> tuple[str, pa.Array]:
    """Return our word for the type, and the array in its plainest form."""
    import pyarrow as pa

    kind = array.type
    if isinstance(array, pa.ExtensionArray):
        return _canonical(array.storage)
    if pa.types.is_dictionary(kind):
        return _canonical(array.dictionary_decode())
    if pa.types.is_floating(kind):
        return str(kind), _floats(array.cast(pa.float64()) if pa.types.is_float16(kind) else array)
    word, plain = _plain(kind)
    return word, array if plain == kind else array.cast(plain)


def _plain(kind: pa.DataType) -> tuple[str, pa.DataType]:
    """Return our word for a type, and the type that stands for all that it is the same as."""
    from pyarrow import large_binary, large_list, large_string, types

    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        return "text", large_string()
    if types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind):
        return "bytes", large_binary()
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return "list", large_list(kind.value_type)
    if types.is_timestamp(kind):
        return f"instant[{kind.tz or ''}]", kind
    return str(kind), large_string() if types.is_decimal(kind) else kind


def _floats(array: pa.Array) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    known = pc.if_else(pc.is_nan(array), pa.scalar(None, array.type), array)
    zero = pa.scalar(0, array.type)
    return pc.if_else(pc.equal(known, zero), zero, known)


def _flat(array: pa.Array) -> tuple[list[bytes], tuple[Any, ...] | None]:
    """Return the bytes that are hashed, and what rows are sorted by."""
    import numpy as np
    import pyarrow as pa

    kind = array.type
    if pa.types.is_null(kind):
        return [], ()
    if pa.types.is_nested(kind):
        return list(_inner(array)), None
    if pa.types.is_large_string(kind) or pa.types.is_large_binary(kind):
        return _texts(array), (array,)
    if pa.types.is_timestamp(kind):
        return _instants(array), (array,)
    if pa.types.is_boolean(kind):
        array = array.cast(pa.uint8())
    if pa.types.is_temporal(kind):
        array = array.cast(pa.int32() if kind.bit_width == 32 else pa.int64())
    if not (pa.types.is_integer(array.type) or pa.types.is_floating(array.type)):
        raise TypeError(str(kind))
    plain = np.asarray(array.fill_null(0))
    return [plain.astype(plain.dtype.newbyteorder("<")).tobytes()], (array,)


def _inner(array: pa.Array) -> Iterator[bytes]:
    """Yield what a list or a structure holds."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_large_list(array.type):
        yield np.asarray(pc.fill_null(pc.list_value_length(array), -1)).astype("<i8").tobytes()
        yield from _Column.plain("", array.flatten()).pieces()
        return
    if not pa.types.is_struct(array.type):
        raise TypeError(str(array.type))
    for at, inner in enumerate(array.type):
        yield from _Column.plain(inner.name, pc.struct_field(array, at)).pieces()


def _texts(array: pa.Array) -> list[bytes]:
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    lengths = np.asarray(pc.fill_null(pc.binary_length(array), -1)).astype("<i8")
    if array.null_count:  # bytes behind a missing value are no data
        array = pc.fill_null(array, b"" if pa.types.is_large_binary(array.type) else "")
    _, places, texts = array.buffers()
    if texts is None or not len(array):
        return [lengths.tobytes(), b""]
    offsets = np.frombuffer(places, np.int64)[array.offset : array.offset + len(array) + 1]
    return [lengths.tobytes(), memoryview(texts)[offsets[0] : offsets[-1]].tobytes()]


def _instants(array: pa.Array) -> list[bytes]:
    import numpy as np
    import pyarrow as pa

    ticks = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[array.type.unit]
    seconds, rest = np.divmod(np.asarray(array.cast(pa.int64()).fill_null(0)), ticks)
    nanoseconds = rest * (10**9 // ticks)
    return [seconds.astype("<i8").tobytes(), nanoseconds.astype("<i4").tobytes()]


def _digest(columns: list[_Column], rows: int, domain: str) -> str:
    hasher = hashlib.sha256(f"{ALGORITHM}{domain}".encode())
    hasher.update(struct.pack("<qq", rows, len(columns)))
    for column in columns:
        pieces = list(column.pieces())
        hasher.update(struct.pack("<q", len(pieces)))
        for piece in pieces:
            hasher.update(struct.pack("<q", len(piece)))
            hasher.update(piece)
    return hasher.hexdigest()


def _any_order(columns: list[_Column], rows: int) -> str:
    """Return the digest of the rows in sorted order, or an empty text where they have none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if any(column.keys is None for column in columns):
        return ""
    keys = [key for column in columns for key in column.keys or ()]
    if not keys:
        return _digest(columns, rows, "/sorted")
    names = [str(at) for at in range(len(keys))]
    # Every column is a key, so rows that compare equal are the same, and their order does not matter.
    order = pc.sort_indices(pa.table(keys, names=names), sort_keys=[(name, "ascending") for name in names])
    return _digest(
        [_Column.plain(column.name, column.source.take(order)) for column in columns], rows, "/sorted"
    )
