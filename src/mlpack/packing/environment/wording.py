"""Values of any kind as words that are the same in every process: no address, no path, no order of a set."""

from __future__ import annotations

import enum
import functools
import hashlib
import os
import re
import types
from collections.abc import Mapping
from typing import Any

__all__ = ["class_name", "plain_reason", "wording"]

MAX_ITEMS = 50
MAX_TEXT = 300
MAX_DEPTH = 6

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_PATH = re.compile(
    r"""~?/[\w.+-]+                                     # a whole text like /tmp
      | (?:.*[^\w/])?(?:~?/|[A-Za-z]:[\\/]|\\\\)[^\s/\\'"]+[/\\].*   # /home/x/ anywhere
      | [A-Za-z]:[\\/].*
    """,
    re.VERBOSE | re.DOTALL,
)


_ADDRESS = re.compile(r"0x[0-9a-fA-F]{4,}")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_FOLDERS = re.compile(r"(?<![\w.])(?:~|[A-Za-z]:)?[\\/](?:[\w.+-]+[\\/])+")


def plain_reason(text: str) -> str:
    """Return a library's message without what differs between processes or may be somebody's data.

    Addresses and folders are taken out, and so is everything in quotes: libraries quote the values of rows.
    """
    quiet = _QUOTED.sub("'...'", _FOLDERS.sub("", _ADDRESS.sub("0x...", " ".join(text.split()))))
    return quiet if len(quiet) <= MAX_TEXT else f"{quiet[:MAX_TEXT]}..."


def class_name(kind: type) -> str:
    """Return module and qualified name of a class."""
    return f"{kind.__module__}.{kind.__qualname__}" if kind.__module__ != "builtins" else kind.__qualname__


def wording(value: object) -> str:
    """Return words for `value` that depend on nothing but the value.

    Numbers, texts and containers come out as Python writes them, classes and functions by name, arrays
    by type, shape and digest, and everything else by its class: a `repr` may hold an address or a path.
    """
    text = _word(value, 0)
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}... ({len(text)} characters)"


def _word(value: object, depth: int) -> str:
    if isinstance(value, enum.Enum):
        return f"{class_name(type(value))}.{value.name}"
    if isinstance(value, float):
        return repr(float(value))  # numpy's float64 is a float whose own repr names numpy
    if value is None or isinstance(value, (bool, int, complex)):
        return repr(value)
    if isinstance(value, str):
        return _text(value)
    return _callable(value, depth) or ("..." if depth >= MAX_DEPTH else _container(value, depth))


def _callable(value: object, depth: int) -> str | None:
    if isinstance(value, type):
        return class_name(value)
    if isinstance(value, functools.partial):
        return f"partial({_items((value.func, *value.args, value.keywords), depth)})"
    if isinstance(value, (types.FunctionType, types.BuiltinFunctionType, types.MethodType)):
        return f"{value.__module__}.{value.__qualname__}"
    return "<path>" if isinstance(value, os.PathLike) else None


def _text(value: str) -> str:
    if _URL.search(value):
        return "<url>"
    return "<path>" if _PATH.fullmatch(value) else repr(str(value))


def _container(value: object, depth: int) -> str:
    if isinstance(value, (list, tuple)):
        ends = "[]" if isinstance(value, list) else "()"
        return ends[0] + _items(value, depth) + ends[1]
    if isinstance(value, (set, frozenset)):
        return "{" + ", ".join(sorted(_word(item, depth + 1) for item in value)[:MAX_ITEMS]) + "}"
    if isinstance(value, Mapping):
        pairs = sorted((_word(k, depth + 1), _word(v, depth + 1)) for k, v in value.items())
        more = [f"... ({len(pairs)} items)"] if len(pairs) > MAX_ITEMS else []
        return "{" + ", ".join([f"{k}: {v}" for k, v in pairs[:MAX_ITEMS]] + more) + "}"
    if isinstance(value, (bytes, bytearray)):
        return f"bytes({len(value)}, sha256 {hashlib.sha256(value).hexdigest()[:16]})"
    return _array(value, depth)


def _items(values: Any, depth: int) -> str:  # noqa: ANN401  (a list or a tuple)
    words = [_word(item, depth + 1) for item in values[:MAX_ITEMS]]
    return ", ".join(words + ([f"... ({len(values)} items)"] if len(values) > MAX_ITEMS else []))


def _array(value: object, depth: int) -> str:
    import numpy as np

    if isinstance(value, np.generic):
        return _word(value.item(), depth + 1) if value.dtype.kind in "biufcSU" else class_name(type(value))
    if not isinstance(value, np.ndarray):
        return class_name(type(value))
    if value.dtype == object or value.size <= MAX_ITEMS:
        return f"array({_word(value.tolist(), depth + 1)}, dtype={value.dtype.name})"
    digest = hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()[:16]
    return f"array({value.shape}, dtype={value.dtype.name}, sha256 {digest})"
