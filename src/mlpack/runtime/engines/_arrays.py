"""Arrays in a skops archive, held to their size before NumPy makes room for them."""

from __future__ import annotations

import io
import math

import numpy as np

from mlpack.errors import FormatError
from mlpack.runtime.engines._archive import read_archive

__all__ = ["check_entry"]

_SPARSE = {"format.npy", "data.npy", "indices.npy", "indptr.npy", "shape.npy"}


def check_entry(name: str, data: bytes) -> None:
    """Refuse an entry whose contents are not what its name says.

    Raises:
        FormatError: An array is of objects, or its size differs from what it says.
    """
    if name.endswith(".npy"):
        _check_array(name, data)
    elif name.endswith(".npz"):
        parts = read_archive(data, where=name)
        if parts.keys() - {"_is_array.npy"} != _SPARSE:
            raise FormatError("not a compressed sparse matrix", where=name)
        for part, array in parts.items():
            _check_array(f"{name}/{part}", array)


def _check_array(name: str, data: bytes) -> None:
    stream = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(stream)
        if version == (1, 0):
            shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
        elif version == (2, 0):
            shape, _, dtype = np.lib.format.read_array_header_2_0(stream)
        else:
            raise FormatError("an array of another version of the format", where=name)
    except ValueError as error:
        raise FormatError("not an array", where=name) from error
    count = math.prod(shape)
    if dtype.hasobject or (dtype.itemsize == 0 and count):
        raise FormatError("an array of objects, or of nothing", where=name)
    if any(size < 0 for size in shape) or count * dtype.itemsize != len(data) - stream.tell():
        raise FormatError("an array that is larger or smaller than its data", where=name)
