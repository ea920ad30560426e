"""A digest of a data set that depends on its contents only: not on index, file format or machine."""

from __future__ import annotations

import hashlib

from mlpack.packing.example import read_example

__all__ = ["ALGORITHM", "fingerprint"]

ALGORITHM = "mlpack-columns-1"
"""SHA-256 over each column's name, kind and values in order; a change of the rule changes this name."""


def fingerprint(table: object) -> str:
    """Return the hex digest of a pandas or polars DataFrame or a 2-D array.

    Columns and rows count in their order. Numbers are hashed as little-endian doubles or 64-bit integers,
    every NaN as the same one; strings as UTF-8 with their length before them, a missing one as length -1.

    Raises:
        ExampleError: The table is of another type, or empty.
    """
    import numpy as np

    hasher = hashlib.sha256(ALGORITHM.encode())
    for column in read_example(table).columns:
        hasher.update(_text(column.name) + _text(column.kind))
        if column.kind == "text":
            for value in column.values.tolist():
                hasher.update(_text(value))
            continue
        values = column.values
        if values.dtype.kind == "f":
            values = np.where(np.isnan(values), np.nan, values)
        hasher.update(np.ascontiguousarray(values.astype(values.dtype.newbyteorder("<"))).tobytes())
    return hasher.hexdigest()


def _text(value: str | None) -> bytes:
    if value is None:
        return (-1).to_bytes(8, "little", signed=True)
    data = value.encode("utf-8", "surrogatepass")
    return len(data).to_bytes(8, "little", signed=True) + data
