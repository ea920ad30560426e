"""What an ONNX model may hold, checked on its bytes before onnxruntime sees them.

onnxruntime resolves external data of a model that it gets as bytes against a folder, `..` included, and
takes one name for an address in memory. Predictions would then rest on bytes that nobody verified. So data is
only taken from files of the bundle, by their exact names and within their sizes, and operators that load
compiled code are refused, wherever in the model they stand. The walk below reads Protocol Buffers directly:
serving has no onnx library.

Source: onnx.proto of ONNX 1.18 for field numbers; the Protocol Buffers encoding guide for the wire format.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from mlpack.errors import FormatError

__all__ = ["check_graph"]

_DOMAINS = frozenset((b"", b"ai.onnx", b"ai.onnx.ml", b"com.microsoft"))
_EXTERNAL, _LOCATION = 13, 14
"""Fields of a tensor: where its data is, and whether that is elsewhere."""

_MAX_DEPTH = 100
"""Nesting that protobuf itself accepts."""

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5

# Message -> field number -> message in that field. Fields that cannot lead to a tensor or a node are absent.
_CHILDREN: Mapping[str, Mapping[int, str]] = {
    "Model": {7: "Graph", 20: "Training", 25: "Function"},
    "Training": {1: "Graph", 2: "Graph"},
    "Graph": {1: "Node", 5: "Tensor", 15: "Sparse"},
    "Function": {7: "Node", 11: "Attribute"},
    "Node": {5: "Attribute"},
    "Attribute": {5: "Tensor", 6: "Graph", 10: "Tensor", 11: "Graph", 22: "Sparse", 23: "Sparse"},
    "Sparse": {1: "Tensor", 2: "Tensor"},
    "Tensor": {},
}

# Attributes hold long lists as one field per element. A run of them is passed over at once: field 7, a float
# of four bytes; field 8, an integer; field 9, a string, here of up to 31 bytes.
_SHORT = b"|".join(b"\\x%02x.{%d}" % (length, length) for length in range(32))
_RUN = re.compile(
    rb"(?:\x3d.{4})+|(?:\x40[\x80-\xff]{0,9}[\x00-\x7f])+|(?:\x4a(?:" + _SHORT + rb"))+", re.DOTALL
)


def check_graph(model: bytes, data: Mapping[str, int] | None = None) -> int:
    """Refuse a model that would reach beyond its own bytes and the files that belong to it.

    Args:
        model: The serialised model.
        data: Name of a file with weights -> its size in bytes.

    Returns:
        The length of its longest constant along any axis: a row that meets it becomes as many numbers.

    Raises:
        FormatError: It is no ONNX model, refers to other data, or has an operator of a foreign domain.
    """
    files = {name.encode(): size for name, size in (data or {}).items()}
    walk = _Walk(model, _DOMAINS | _function_domains(model), files)
    walk.message("Model", 0, len(model), depth=0)
    return walk.longest


def _function_domains(model: bytes) -> frozenset[bytes]:
    """Return the domains of the functions that the model itself defines out of allowed operators."""
    return frozenset(
        model[start:end]
        for field, value, begin, stop in _fields(model, 0, len(model))
        if field == 25 and value is None
        for inner, text, start, end in _fields(model, begin, stop)
        if inner == 10 and text is None
    )


class _Walk:
    """Visits every message of one model that can lead to a tensor or a node."""

    def __init__(self, data: bytes, domains: frozenset[bytes], files: Mapping[bytes, int]) -> None:
        self._data = data
        self._domains = domains
        self._files = files
        self.longest = 1

    def message(self, kind: str, start: int, end: int, *, depth: int) -> None:
        if depth > _MAX_DEPTH:
            raise FormatError("nested too deeply", where="model")
        if kind == "Tensor":
            self._check_tensor(start, end)
            return
        children = _CHILDREN[kind]
        for field, value, begin, stop in _fields(self._data, start, end, runs=kind == "Attribute"):
            if field in children and value is None:
                self.message(children[field], begin, stop, depth=depth + 1)
                if kind == "Graph" and field == 5:
                    self.longest = max(self.longest, 0, *_sizes(self._data, begin, stop))
            elif kind == "Node" and value is None:
                self._check_node(field, begin, stop)

    def _check_node(self, field: int, begin: int, stop: int) -> None:
        text = self._data[begin:stop]
        if field == 7 and text not in self._domains:
            raise FormatError("the model has an operator of an unknown domain", where="model")
        if field == 4 and text == b"EPContext":
            raise FormatError("the model has an operator that loads compiled code", where="model")

    def _check_tensor(self, start: int, end: int) -> None:
        """Refuse a tensor whose data is not here, unless it lies within one of the known files."""
        place: dict[bytes, bytes] = {}
        outside = False
        for field, value, begin, stop in _fields(self._data, start, end):
            outside = outside or field == _EXTERNAL or (field == _LOCATION and value != 0)
            if field == _EXTERNAL and value is None:
                key, text = self._entry(begin, stop)
                if key in place:
                    raise FormatError("the model says twice where its data is", where="model")
                place[key] = text
        if not outside:
            return
        if place.get(b"location") not in self._files:
            raise FormatError(
                "the model refers to external data, which a bundle cannot vouch for", where="model"
            )
        size = self._files[place[b"location"]]
        if not place.keys() <= {b"location", b"offset", b"length"} or size < _end(place):
            raise FormatError("the model refers to data beyond the end of its file", where="model")

    def _entry(self, start: int, end: int) -> tuple[bytes, bytes]:
        """Return key and value of one line about external data."""
        found = {
            field: self._data[begin:stop]
            for field, value, begin, stop in _fields(self._data, start, end)
            if value is None
        }
        return found.get(1, b""), found.get(2, b"")


def _end(place: Mapping[bytes, bytes]) -> float:
    """Return where data ends in its file; infinite where that is not said in plain digits."""
    offset, length = place.get(b"offset", b"0"), place.get(b"length", b"")
    plain = all(text.isdigit() and len(text) < 19 for text in (offset, length))
    return int(offset) + int(length) if plain else float("inf")


def _sizes(data: bytes, start: int, end: int) -> Iterator[int]:
    """Yield a tensor's sizes, which come one by one or packed together."""
    for field, value, begin, stop in _fields(data, start, end):
        if field == 1 and value is not None:
            yield value
        elif field == 1:
            position = begin
            while position < stop:
                size, position = _varint(data, position, stop)
                yield size


def _fields(
    data: bytes, start: int, end: int, *, runs: bool = False
) -> Iterator[tuple[int, int | None, int, int]]:
    """Yield (number, value, start, end) of the fields of one message; value is None for what has a length."""
    position = start
    while position < end:
        if runs and (run := _RUN.match(data, position, end)):
            position = run.end()
            continue
        tag, position = _varint(data, position, end)
        kind = tag & 7
        value: int | None = 0
        begin = position
        if kind == _VARINT:
            value, position = _varint(data, position, end)
        elif kind == _BYTES:
            length, begin = _varint(data, position, end)
            value, position = None, begin + length
        elif kind in (_FIXED64, _FIXED32):
            position += 8 if kind == _FIXED64 else 4
        else:
            raise FormatError("not an ONNX model", where="model")
        if position > end:
            raise FormatError("not an ONNX model: it ends too early", where="model")
        yield tag >> 3, value, begin, position


def _varint(data: bytes, position: int, end: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if position >= end:
            break
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise FormatError("not an ONNX model: a number without end", where="model")
