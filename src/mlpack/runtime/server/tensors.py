"""Tensors of the Open Inference Protocol: data types, shapes, and bytes in both directions.

Source: Open Inference Protocol v2, REST and gRPC, and its binary tensor data extension (KServe).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mlpack.format.contract import Contract, Input, Output
from mlpack.runtime.server.http import Refusal

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "DATATYPES",
    "Spec",
    "Tensor",
    "check_shape",
    "datatype_of",
    "from_list",
    "from_raw",
    "input_specs",
    "one_cell",
    "one_raw_cell",
    "output_datatype",
    "output_specs",
    "to_bytes_elements",
    "to_raw",
]

DATATYPES: Mapping[str, str] = {
    "BOOL": "bool",
    "UINT8": "uint8",
    "UINT16": "uint16",
    "UINT32": "uint32",
    "UINT64": "uint64",
    "INT8": "int8",
    "INT16": "int16",
    "INT32": "int32",
    "INT64": "int64",
    "FP16": "float16",
    "FP32": "float32",
    "FP64": "float64",
    "BYTES": "object",
}
"""Data type -> NumPy's."""

_NAMES = {numpy: name for name, numpy in DATATYPES.items()}
MAX_ELEMENTS = 1 << 28

_ONE = ([1], [1, 1])
_CELLS: Mapping[str, tuple[type, ...]] = {
    "FP64": (float, int),
    "INT64": (int,),
    "BOOL": (bool,),
    "BYTES": (str,),
}
_RAW = {"FP64": "<d", "INT64": "<q"}

Tensor = Any
"""An array; or, of one element, that element as a Python value."""

Spec = dict[str, Any]
"""`name`, `datatype` and `shape` of one tensor, with -1 for what varies."""


def datatype_of(dtype: str) -> str:
    """Return the data type of a contract's element type; texts and instants (ISO 8601) are BYTES."""
    return _NAMES.get(dtype, "BYTES")


def input_specs(contract: Contract) -> list[Spec]:
    """Return what `infer` takes: a column each, or one tensor for a model of arrays."""
    if contract.layout == "array":
        first = contract.inputs[0]
        return [_spec("input", datatype_of(first.dtype), (-1, len(contract.inputs)))]
    return [_spec(item.name, datatype_of(item.dtype), _shape(item)) for item in contract.inputs]


def _shape(item: Input) -> tuple[int, ...]:
    if item.shape is None:
        return (-1, 1)
    return tuple(size if isinstance(size, int) else -1 for size in item.shape)


def output_specs(contract: Contract) -> list[Spec]:
    """Return what `infer` answers: one tensor per output of the contract."""
    return [
        _spec(
            output.key,
            output_datatype(output),
            tuple(size if isinstance(size, int) else -1 for size in output.shape),
        )
        for output in contract.outputs
    ]


def output_datatype(output: Output) -> str:
    """Return the data type of an output; mixed labels and texts are BYTES."""
    import numpy as np

    dtype = np.dtype(output.dtype)
    return "BYTES" if dtype.kind in "OU" else _NAMES[dtype.name]


def _spec(name: str, datatype: str, shape: Sequence[int]) -> Spec:
    return {"name": name, "datatype": datatype, "shape": list(shape)}


def check_shape(shape: object, where: str) -> tuple[int, ...]:
    """Return a shape as sent.

    Raises:
        Refusal: It is none, or too large.
    """
    if not isinstance(shape, list) or not all(type(size) is int and size >= 0 for size in shape):
        raise Refusal(400, f"{where}: expected a shape of whole numbers, 0 or more", reason="malformed")
    if math.prod(shape) > MAX_ELEMENTS:
        raise Refusal(400, f"{where}: the shape has too many elements", reason="size")
    return tuple(shape)


def one_cell(item: Mapping[str, Any]) -> Any:  # noqa: ANN401
    """Return the element of a tensor with one, from JSON; None where it needs a closer look.

    Most requests are one row of many such tensors: an array for each would cost more than the model.
    """
    if item.get("shape") not in _ONE:
        return None
    data = item.get("data")
    while type(data) is list and len(data) == 1:
        data = data[0]
    if type(data) not in _CELLS.get(item.get("datatype"), ()):  # type: ignore[arg-type]
        return None
    if type(data) is int and not -(2**63) <= data < 2**63:
        return None
    return data


def one_raw_cell(item: Mapping[str, Any], raw: memoryview) -> Any:  # noqa: ANN401
    """Return the element of a tensor with one, from its bytes; None where it needs a closer look."""
    if item.get("shape") not in _ONE:
        return None
    datatype = item.get("datatype")
    if datatype == "BYTES" and len(raw) >= 4 and struct.unpack_from("<I", raw)[0] == len(raw) - 4:
        try:
            return str(raw[4:], "utf-8")
        except UnicodeDecodeError:
            return None
    kind = _RAW.get(datatype)  # type: ignore[arg-type]
    return None if kind is None or len(raw) != 8 else struct.unpack(kind, raw)[0]


def from_list(data: object, datatype: object, shape: tuple[int, ...], where: str) -> NDArray[Any]:
    """Return an array from JSON, flat or nested.

    Raises:
        Refusal: The elements are not of this data type, or not as many as the shape says.
    """
    import numpy as np

    flat: list[Any] = data if isinstance(data, list) else [data]
    while flat and isinstance(flat[0], list):
        if not all(isinstance(part, list) for part in flat):
            raise Refusal(400, f"{where}: data is nested unevenly", reason="malformed")
        flat = [cell for part in flat for cell in part]
    if len(flat) != math.prod(shape):
        raise Refusal(
            400,
            f"{where}: the shape asks for {math.prod(shape)} elements, found {len(flat)}",
            reason="malformed",
        )
    dtype = _dtype(datatype, where)
    if dtype.kind == "O":
        return _objects(flat, where).reshape(shape)
    kinds = _ACCEPTED[dtype.kind]
    if dtype.kind == "f":
        flat = [_number(cell) for cell in flat]
    if not all(type(cell) in kinds for cell in flat):
        raise Refusal(400, f"{where}: an element is no {datatype}", reason="contract")
    try:
        array = np.array(flat, dtype=dtype)
    except (OverflowError, ValueError, TypeError):
        raise Refusal(400, f"{where}: an element is no {datatype}", reason="contract") from None
    return array.reshape(shape)


_ACCEPTED: Mapping[str, tuple[type, ...]] = {"b": (bool,), "i": (int,), "u": (int,), "f": (int, float)}
_WORDS = {None: math.nan, "NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def _number(cell: Any) -> Any:  # noqa: ANN401
    return _WORDS.get(cell, cell) if cell is None or type(cell) is str else cell


def _objects(flat: Sequence[Any], where: str) -> NDArray[Any]:
    import numpy as np

    if not all(cell is None or type(cell) is str for cell in flat):
        raise Refusal(400, f"{where}: expected texts", reason="contract")
    array = np.empty(len(flat), dtype=object)
    array[:] = flat
    return array


def _dtype(datatype: object, where: str) -> Any:  # noqa: ANN401
    import numpy as np

    if not isinstance(datatype, str) or datatype not in DATATYPES:
        raise Refusal(400, f"{where}: expected a data type of the protocol", reason="malformed")
    return np.dtype(DATATYPES[datatype])


def from_raw(raw: bytes | memoryview, datatype: object, shape: tuple[int, ...], where: str) -> NDArray[Any]:
    """Return an array from its bytes: little-endian, row-major; BYTES with 4-byte lengths before each.

    Raises:
        Refusal: There are more or fewer bytes than the shape asks for, or a text is not UTF-8.
    """
    import numpy as np

    dtype = _dtype(datatype, where)
    count = math.prod(shape)
    if dtype.kind == "O":
        return _objects(_texts(bytes(raw), count, where), where).reshape(shape)
    if len(raw) != count * dtype.itemsize:
        raise Refusal(
            400,
            f"{where}: the shape asks for {count * dtype.itemsize} bytes, found {len(raw)}",
            reason="malformed",
        )
    if dtype.kind == "b" and any(byte > 1 for byte in raw):
        raise Refusal(400, f"{where}: a BOOL is 0 or 1", reason="malformed")
    return np.frombuffer(raw, dtype=dtype.newbyteorder("<")).astype(dtype, copy=False).reshape(shape)


def _texts(raw: bytes, count: int, where: str) -> list[str]:
    found: list[str] = []
    at = 0
    try:
        while at < len(raw):
            (length,) = struct.unpack_from("<I", raw, at)
            if at + 4 + length > len(raw):
                raise Refusal(400, f"{where}: a text ends beyond the data", reason="malformed")
            found.append(raw[at + 4 : at + 4 + length].decode())
            at += 4 + length
    except (struct.error, UnicodeDecodeError):
        raise Refusal(
            400, f"{where}: expected texts in UTF-8, each after its length", reason="malformed"
        ) from None
    if len(found) != count:
        raise Refusal(
            400, f"{where}: the shape asks for {count} texts, found {len(found)}", reason="malformed"
        )
    return found


def to_bytes_elements(array: NDArray[Any]) -> list[bytes]:
    """Return the elements of an array of texts or labels as BYTES."""
    return [str(cell).encode() for cell in array.ravel().tolist()]


def to_raw(array: NDArray[Any]) -> bytes:
    """Return an array's bytes, as `from_raw` reads them."""
    import numpy as np

    if array.dtype.kind in "OU":
        return b"".join(struct.pack("<I", len(text)) + text for text in to_bytes_elements(array))
    return np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
