"""Functions whose answer depends on more than their rows: the clock, chance, the machine.

Following a function writes down what it did once. A year that it asked the clock for would stay in the graph
for ever, and no measurement of today could tell.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Iterator

from mlpack.packing.export.tensors import Unsupported

__all__ = ["refuse_volatile"]

_NAMES = {
    **dict.fromkeys(("now", "today", "utcnow", "time_ns", "monotonic", "perf_counter"), "the clock"),
    **dict.fromkeys(("localtime", "gmtime", "strftime"), "the clock"),
    **dict.fromkeys(("random", "rand", "randn", "randint", "default_rng", "urandom", "uuid4"), "chance"),
    **dict.fromkeys(("getenv", "environ", "open", "gethostname", "urlopen"), "the machine that it runs on"),
}


def refuse_volatile(function: object) -> None:
    """Refuse a function that asks for the time, for random numbers, or for something outside.

    Raises:
        Unsupported: It, or a function of the same module that it calls, names one of these.
    """
    for name in _names(function, set()):
        if name in _NAMES:
            raise Unsupported(
                "its function", f"depends on {_NAMES[name]} ({name}), which a graph would freeze"
            )


def _names(function: object, seen: set[int]) -> Iterator[str]:
    while isinstance(function, functools.partial):
        function = function.func
    function = getattr(function, "__func__", function)
    if not isinstance(function, types.FunctionType) or id(function) in seen:
        return
    seen.add(id(function))
    waiting = [function.__code__]
    while waiting:
        code = waiting.pop()
        waiting += [item for item in code.co_consts if isinstance(item, types.CodeType)]
        for name in code.co_names:
            yield name
            known = function.__globals__.get(name)
            if isinstance(known, types.FunctionType) and known.__globals__ is function.__globals__:
                yield from _names(known, seen)
