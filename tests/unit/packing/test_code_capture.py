"""Functions and classes, written down with what they use."""

# ruff: noqa: ANN401  (models and JSON are of any type)
from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np
import pytest

from mlpack.errors import ModelError
from mlpack.packing.code_capture import capture, is_own

LOCAL = '''
import math
import numpy as np
from collections import OrderedDict
LIMITS = {"low": -1.5, "high": (float("inf"), None)}
NAMES = {"b", "a"}
LIVE = object()
class Base:
    """A base."""
    scale = LIMITS["low"]
def helper(x, floor=LIMITS["low"]):
    return np.maximum(x, floor)
def entry(x):
    return helper(x) + math.pi + len(NAMES)
class Child(Base):
    @staticmethod
    def twice(x):
        return [helper(item) for item in (x, x)]
    def run(self, x):
        return self.twice(x), OrderedDict
def live(x):
    return LIVE
def unknown(x):
    return not_defined_anywhere
def outer():
    secret = 5
    def inner(x):
        return x + secret
    return inner
def recursive(n):
    return n and recursive(n - 1)
nameless = lambda x: x
def lazily(x):
    import json
    import pandas
    return json, pandas
def again(x):
    return entry2(x)
entry2 = entry
'''


@pytest.fixture
def local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    import importlib

    (tmp_path / "own_steps.py").write_text(LOCAL)
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("own_steps")
    del sys.modules["own_steps"]


def run(source: str) -> dict[str, Any]:
    scope: dict[str, Any] = {"__name__": "captured"}
    exec(source, scope)  # noqa: S102 - what capturing is for
    return scope


def test_a_function_comes_with_all_that_it_uses(local: Any) -> None:
    found = capture(local.entry)
    assert run(found.source)["entry"](-9.0) == pytest.approx(local.entry(-9.0))
    assert found.imports == ("numpy",)
    assert "LIVE" not in found.source
    assert "OrderedDict" not in found.source


def test_a_class_comes_with_its_bases_and_defaults(local: Any) -> None:
    scope = run(capture(local.Child).source)
    assert scope["Child"]().twice(3.0) == local.Child().twice(3.0)
    assert scope["Child"].scale == -1.5


def test_the_same_definition_gives_the_same_source(local: Any) -> None:
    assert capture(local.entry).source == capture(local.entry).source
    assert "NAMES = set(['a', 'b'])" in capture(local.entry).source


def test_a_second_name_for_a_function_is_kept(local: Any) -> None:
    assert run(capture(local.again).source)["again"](2.0) == local.entry(2.0)


def test_a_function_may_call_itself(local: Any) -> None:
    assert run(capture(local.recursive).source)["recursive"](3) == 0


def test_imports_inside_functions_are_counted(local: Any) -> None:
    assert capture(local.lazily).imports == ("pandas",)


def test_a_ufunc_is_imported_from_where_people_find_it(monkeypatch: pytest.MonkeyPatch) -> None:
    import linecache

    from scipy.special import expit

    cell = "def f(x):\n    return expit(x)\n"
    monkeypatch.setitem(
        linecache.cache, "<cell>", (len(cell), None, cell.splitlines(keepends=True), "<cell>")
    )
    scope: dict[str, Any] = {"expit": expit, "__name__": "__main__"}
    exec(compile(cell, "<cell>", "exec"), scope)  # noqa: S102 - as a notebook runs it
    found = capture(scope["f"])
    assert "from scipy.special import expit as expit" in found.source
    assert found.imports == ("scipy",)


def test_a_local_module_comes_with_what_is_used_of_it(local: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import linecache

    cell = "def f(x):\n    return tools.entry(x) + tools.recursive(3) + tools.LIMITS['low']\n"
    name = "<cell>"
    monkeypatch.setitem(linecache.cache, name, (len(cell), None, cell.splitlines(keepends=True), name))
    scope: dict[str, Any] = {"tools": local, "__name__": "__main__"}
    exec(compile(cell, name, "exec"), scope)  # noqa: S102 - as a notebook runs it
    found = capture(scope["f"])
    assert run(found.source)["f"](2.0) == scope["f"](2.0)
    assert "tools = SimpleNamespace(LIMITS=LIMITS, entry=entry, recursive=recursive)" in found.source
    assert "LIVE" not in found.source


def test_a_local_module_that_is_handed_on_is_refused(local: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import linecache

    cell = "def f(x):\n    return tools.entry(x) + len(vars(tools))\n"
    monkeypatch.setitem(
        linecache.cache, "<cell>", (len(cell), None, cell.splitlines(keepends=True), "<cell>")
    )
    scope: dict[str, Any] = {"tools": local, "__name__": "__main__"}
    exec(compile(cell, "<cell>", "exec"), scope)  # noqa: S102 - as a notebook runs it
    with pytest.raises(ModelError, match="local module 'own_steps' as a whole") as caught:
        capture(scope["f"])
    assert caught.value.where == "<cell>, line 2"


@pytest.mark.parametrize(
    ("name", "reason", "line"),
    [
        ("live", r"uses 'LIVE', a live object \(builtins.object\)", 22),
        ("unknown", "uses the name 'not_defined_anywhere', which is not defined", 24),
        ("nameless", "a lambda has no name", 32),
    ],
)
def test_what_source_cannot_hold_is_refused_with_its_line(
    local: Any, name: str, reason: str, line: int
) -> None:
    with pytest.raises(ModelError, match=reason) as caught:
        capture(getattr(local, name))
    assert caught.value.where == f"own_steps.py, line {line}"


def test_a_closure_is_refused_by_the_names_it_keeps(local: Any) -> None:
    with pytest.raises(ModelError, match="variables of the function around it: secret"):
        capture(local.outer())


def test_two_things_of_one_name_are_refused(local: Any) -> None:
    def helper(x: float) -> float:
        return x

    def both(x: float) -> float:
        return x

    both = FunctionType(both.__code__, {**vars(local)}, "entry")
    assert isinstance(both, FunctionType)
    with pytest.raises(ModelError, match="two different things are called 'entry'"):
        capture(local.entry, both)
    assert helper(1.0) == 1.0


def test_a_cell_of_a_notebook_is_source_too(monkeypatch: pytest.MonkeyPatch) -> None:
    import linecache

    cell = "def f(x):\n    return numpy.abs(x) * WEIGHT\n"
    name = "<ipython-input-1>"
    monkeypatch.setitem(linecache.cache, name, (len(cell), None, cell.splitlines(keepends=True), name))
    scope: dict[str, Any] = {"numpy": np, "WEIGHT": 2.5, "__name__": "__main__"}
    exec(compile(cell, name, "exec"), scope)  # noqa: S102 - as a notebook runs it
    found = capture(scope["f"])
    assert run(found.source)["f"](-2.0) == 5.0


@pytest.mark.parametrize("item", [np.sum, math.sin, Path, ModelError])
def test_libraries_are_not_the_authors_own(item: Callable[..., Any]) -> None:
    assert not is_own(item)
