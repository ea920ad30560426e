"""Functions of one text that are nothing but methods of strings, recognised by watching them work."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mlpack.format.host_operations import CHAINABLE

__all__ = ["traced_methods"]

_EXAMPLES = ("", " ", "A b, c-D;e|F\tg", "Straße İI ΣΑΣ", "don't  _x_ 1.5\n")


class _Text:
    """Stands for a text and writes down the methods that are called; it is no string, so all else fails."""

    def __init__(self, calls: tuple[list[str], ...] = ()) -> None:
        self.calls = calls

    def __getattr__(self, name: str) -> Callable[..., _Text]:
        if name not in (*CHAINABLE, "split"):
            raise AttributeError(name)

        def call(*arguments: str) -> _Text:
            if not all(type(argument) is str for argument in arguments):
                raise TypeError(name)
            return _Text((*self.calls, [name, *arguments]))

        return call


def traced_methods(function: Callable[..., Any], *, ending: str = "") -> list[list[str]] | None:
    """Return the methods that a function calls on its text, with their arguments; None when it does more.

    Args:
        function: Takes one text.
        ending: Method that has to come last, and nowhere else; `split` gives tokens.
    """
    for name in (*CHAINABLE, "split"):
        if function is getattr(str, name, None):
            methods = [[name]]
            break
    else:
        try:
            result = function(_Text())
        except Exception:  # noqa: BLE001 - a stranger's function may fail in any way on what is no string
            return None
        if type(result) is not _Text:
            return None
        methods = list(result.calls)
    names = [name for name, *_ in methods]
    if ("split" in names[:-1]) or (bool(names) and names[-1] == "split") != (ending == "split"):
        return None
    return methods if all(_same(function, methods, text) for text in _EXAMPLES) else None


def _same(function: Callable[..., Any], methods: list[list[str]], text: str) -> bool:
    """Return whether the methods give what the function gives: it may look at the text in other ways."""
    found: Any = text
    for name, *arguments in methods:
        found = getattr(found, name)(*arguments)
    try:
        return bool(function(text) == found)
    except Exception:  # noqa: BLE001 - as above
        return False
