"""Functions and classes of a notebook, a script or a local module, as one source module of a bundle.

Definitions are found by the names that they use: other definitions come along as source, libraries as
imports, plain values as literals. What cannot be written down, a live object above all, is refused with its
line.
"""

from __future__ import annotations

import ast
import builtins
import linecache
import symtable
import sys
import sysconfig
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

from mlpack.errors import ModelError

__all__ = ["Captured", "capture", "is_own", "is_own_module"]

MAX_LITERAL = 20_000
"""Longest plain value that is written into source; more than that is data and belongs into a file."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Captured:
    """Source of a module.

    Attributes:
        source: The whole module.
        imports: Top-level packages that it imports, the standard library's left out, sorted.
    """

    source: str
    imports: tuple[str, ...]


def is_own(item: object) -> bool:
    """Return whether a class or function is the author's own: not Python's, not an installed library's."""
    module = sys.modules.get(getattr(item, "__module__", None) or "")
    if module is None or module.__name__ in ("__main__", "__mp_main__"):
        return True
    return is_own_module(module)


def is_own_module(module: ModuleType) -> bool:
    """Return whether a module is a file of the author's: not Python's, not installed, not ours."""
    top = module.__name__.partition(".")[0]
    if top in sys.stdlib_module_names or top in ("mlpack", "mlpack_sdk"):
        return False
    file = getattr(module, "__file__", None)
    if file is None:
        return False
    places = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    return not any(Path(file).resolve().is_relative_to(Path(place).resolve()) for place in places)


def capture(*roots: FunctionType | type) -> Captured:
    """Return the source of some functions and classes, with everything of the author's that they use.

    Raises:
        ModelError: Something cannot be written as source; the line is named.
    """
    work = _Capture()
    for root in roots:
        work.definition(root, root.__name__)
    parts = ["from __future__ import annotations\n"] if work.postponed else []
    if work.imports:
        parts.append("".join(f"{line}\n" for line in sorted(work.imports)))
    parts += [f"{text}\n" for text in work.texts]
    return Captured(source="\n\n".join(parts), imports=tuple(sorted(work.packages)))


@dataclass
class _Capture:
    """One module as it grows: dependencies stand before what uses them."""

    texts: list[str] = field(default_factory=list)
    imports: set[str] = field(default_factory=set)
    packages: set[str] = field(default_factory=set)
    names: dict[str, object] = field(default_factory=dict)
    postponed: bool = False

    def definition(self, item: FunctionType | type, name: str) -> None:
        """Add a function or class and what it uses."""
        if not self._is_new(name, item, item.__name__):
            return
        place = _find_source(item)
        self.postponed = self.postponed or place.postponed
        scope = _globals(item)
        for used in _global_names(place):
            if used in scope:
                self._value(used, scope[used], place)
            elif not hasattr(builtins, used):
                raise place.refuse(f"uses the name {used!r}, which is not defined", line=place.use(used))
        self._check_inner_imports(place)
        self.texts.append(place.text)
        if name != item.__name__:
            self.texts.append(f"{name} = {item.__name__}")

    def _is_new(self, name: str, value: object, where: str) -> bool:
        known = self.names.setdefault(name, value)
        if known is value:
            fresh = name not in self._done
            self._done.add(name)
            return fresh
        if _is_plain(known) and _is_plain(value) and known == value:
            return False
        raise ModelError(
            f"two different things are called {name!r}", where=where, hint="give one of them another name"
        )

    _done: set[str] = field(default_factory=set)

    def _value(self, name: str, value: Any, place: _Place) -> None:  # noqa: ANN401  (whatever a module holds)
        if isinstance(value, ModuleType):
            if is_own_module(value):
                self._namespace(name, value, place)
            else:
                self._import(value.__name__, f"import {value.__name__} as {name}")
        elif isinstance(value, (FunctionType, type)) and is_own(value):
            self.definition(value, name)
        elif isinstance(value, (FunctionType, type)) or _home(value):
            module = _home(value) or value.__module__
            inner = getattr(value, "__qualname__", value.__name__)
            if "." in inner or module is None:
                raise place.refuse(
                    f"uses {name!r}, which cannot be imported by a name of its own", line=place.use(name)
                )
            if self._is_new(name, value, place.name) and module != "builtins":
                self._import(module, f"from {module} import {inner} as {name}")
        elif _is_plain(value):
            literal = _literal(value)
            if len(literal) > MAX_LITERAL:
                raise place.refuse(
                    f"uses {name!r}, a value of {len(literal)} characters", line=place.use(name)
                )
            if self._is_new(name, value, place.name):
                self.texts.append(f"{name} = {literal}")
        else:
            kind = f"{type(value).__module__}.{type(value).__qualname__}"
            raise place.refuse(
                f"uses {name!r}, a live object ({kind}) that source cannot hold",
                line=place.use(name),
                hint="keep it in an attribute of a class with save and load, or make it in the function",
            )

    def _namespace(self, name: str, module: ModuleType, place: _Place) -> None:
        """Add what a definition takes from a module of the author's, under the module's name."""
        parts = place.attributes(name)
        if parts is None or any(isinstance(getattr(module, part, module), ModuleType) for part in parts):
            raise place.refuse(
                f"uses the local module {module.__name__!r} as a whole",
                line=place.use(name),
                hint=f"import what it needs by name: from {module.__name__} import ...",
            )
        self._is_new(name, module, place.name)
        known = self._parts.setdefault(name, [])
        new = [part for part in parts if part not in known]
        for part in new:
            self._value(part, getattr(module, part), place)
        known += new
        if new:
            self._import("types", "from types import SimpleNamespace")
            self.texts.append(f"{name} = SimpleNamespace({', '.join(f'{part}={part}' for part in known)})")

    _parts: dict[str, list[str]] = field(default_factory=dict)

    def _import(self, module: str, line: str) -> None:
        top = module.partition(".")[0]
        self.imports.add(line)
        if top not in sys.stdlib_module_names:
            self.packages.add(top)

    def _check_inner_imports(self, place: _Place) -> None:
        for node, module in imported_modules(place.tree):
            top = module.partition(".")[0]
            loaded = sys.modules.get(module) or sys.modules.get(top)
            if not module or (loaded is not None and is_own_module(loaded)):
                raise place.refuse(
                    "imports a local module inside a function", line=node.lineno, hint="import it at the top"
                )
            if top not in sys.stdlib_module_names:
                self.packages.add(top)


def imported_modules(tree: ast.AST) -> Iterator[tuple[ast.stmt, str]]:
    """Yield every import in some source with the module that it names; empty for a relative one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node, alias.name
        elif isinstance(node, ast.ImportFrom):
            yield node, "" if node.level else node.module or ""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Place:
    """Where a definition stands and what it says."""

    name: str
    text: str
    tree: ast.Module
    file: str
    line: int
    postponed: bool

    def use(self, name: str) -> int:
        """Return the line, from 1, in which a name is first used."""
        lines = [
            node.lineno for node in ast.walk(self.tree) if isinstance(node, ast.Name) and node.id == name
        ]
        return min(lines, default=1)

    def attributes(self, name: str) -> list[str] | None:
        """Return the attributes that are read of a name, sorted; None where it is used in any other way."""
        read = [
            node
            for node in ast.walk(self.tree)
            if isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == name
            and isinstance(node.ctx, ast.Load)
        ]
        uses = [node for node in ast.walk(self.tree) if isinstance(node, ast.Name) and node.id == name]
        return sorted({node.attr for node in read}) if len(read) == len(uses) else None

    def refuse(self, what: str, *, line: int = 1, hint: str = "") -> ModelError:
        where = f"{_place_name(self.file)}, line {self.line + line - 1}"
        return ModelError(f"{self.name} {what}", where=where, hint=hint)


def _find_source(item: FunctionType | type) -> _Place:
    """Return the source of a definition, from a file or from the cell that it was run in."""
    name = item.__qualname__
    code = _code_of(item)
    if item.__name__ == "<lambda>":
        raise ModelError("a lambda has no name to be called by", where=_at(code), hint="write it with def")
    if isinstance(item, FunctionType) and code is not None and item.__closure__:
        raise ModelError(
            f"{name} uses variables of the function around it: {', '.join(code.co_freevars)}",
            where=_at(code),
            hint="move it to the top level and pass them as arguments or attributes",
        )
    file = _file_of(item)
    lines = linecache.getlines(file)
    try:
        module = ast.parse("".join(lines))
    except (SyntaxError, ValueError) as error:
        raise ModelError(f"the source of {name} cannot be read", where=file) from error
    kinds = ast.ClassDef if isinstance(item, type) else (ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(module):
        if not isinstance(node, kinds) or node.name != item.__name__:
            continue
        first = min([node.lineno, *(mark.lineno for mark in node.decorator_list)])
        last = node.end_lineno or node.lineno
        if code is None or first <= code.co_firstlineno <= last:
            text = textwrap.dedent("".join(lines[first - 1 : last])).rstrip()
            return _Place(
                name=name,
                text=text,
                tree=ast.parse(text),
                file=file,
                line=first,
                postponed=_postpones(module),
            )
    raise ModelError(f"the source of {name} cannot be found", where=file, hint="run its cell again")


def _postpones(module: ast.Module) -> bool:
    return any(
        isinstance(node, ast.ImportFrom)
        and node.module == "__future__"
        and node.names[0].name == "annotations"
        for node in module.body
    )


def _at(code: CodeType | None) -> str:
    return "" if code is None else f"{_place_name(code.co_filename)}, line {code.co_firstlineno}"


def _place_name(file: str) -> str:
    """Return how people call a source: its file name, or the cell of the notebook that is running."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if shell is not None and (cell := shell.compile.format_code_name(file)) is not None:
        return " ".join(cell)
    return Path(file).name


def _functions(item: FunctionType | type) -> Iterator[FunctionType]:
    """Yield a function, or the functions that a class itself defines."""
    if isinstance(item, FunctionType):
        yield item
        return
    for member in vars(item).values():
        inner = getattr(member, "fget", None) or getattr(member, "__func__", member)
        if isinstance(inner, FunctionType) and inner.__qualname__ == f"{item.__qualname__}.{inner.__name__}":
            yield inner


def _code_of(item: FunctionType | type) -> CodeType | None:
    return next((function.__code__ for function in _functions(item)), None)


def _globals(item: FunctionType | type) -> Mapping[str, Any]:
    home = sys.modules.get(item.__module__)
    return next((function.__globals__ for function in _functions(item)), vars(home) if home else {})


def _file_of(item: FunctionType | type) -> str:
    """Return the file or cell that a definition stands in; of a class without functions its module's."""
    if (code := _code_of(item)) is not None:
        return code.co_filename
    return str(getattr(sys.modules.get(item.__module__), "__file__", None) or "")


def _global_names(place: _Place) -> list[str]:
    """Return the names that a definition takes from its module, sorted."""
    found: set[str] = set()
    waiting = [symtable.symtable(place.text, place.file, "exec")]
    while waiting:
        table = waiting.pop()
        waiting += table.get_children()
        for symbol in table.get_symbols():
            outer = symbol.is_global() or table.get_type() == "module"
            if (
                outer
                and symbol.is_referenced()
                and not (table.get_type() == "module" and symbol.is_assigned())
            ):
                found.add(symbol.get_name())
    return sorted(found - {place.tree.body[0].name})  # type: ignore[attr-defined]  # a def or a class


def _home(value: object) -> str:
    """Return the module that something callable of a library, such as a ufunc, is found in by its own name.

    Where a ufunc lives it does not say; of the loaded modules that have it, the shortest public one is taken.
    """
    name, module = getattr(value, "__name__", None), getattr(value, "__module__", None)
    if not isinstance(name, str) or not callable(value):
        return ""
    if module is not None:
        return module if getattr(sys.modules.get(module), name, None) is value else ""
    found = [
        home
        for home, loaded in list(sys.modules.items())
        if "._" not in home and not home.startswith("_") and vars(loaded).get(name) is value
    ]
    return min(found, key=lambda home: (len(home), home), default="")


def _is_plain(value: Any) -> bool:  # noqa: ANN401  (whatever a module holds)
    if type(value) in (tuple, list, set, frozenset):
        return all(map(_is_plain, value))
    if type(value) is dict:
        return all(_is_plain(key) and _is_plain(item) for key, item in value.items())
    return value is None or type(value) in (bool, int, float, complex, str, bytes)


def _literal(value: Any) -> str:  # noqa: ANN401  (a plain value)
    """Return source for a plain value, the same in every process."""
    if type(value) in (set, frozenset):
        inner = ", ".join(sorted(map(_literal, value)))
        return f"{type(value).__name__}([{inner}])"
    if type(value) in (tuple, list):
        inner = ", ".join(map(_literal, value))
        return f"[{inner}]" if type(value) is list else f"({inner}{',' if len(value) == 1 else ''})"
    if type(value) is dict:
        return "{" + ", ".join(f"{_literal(key)}: {_literal(item)}" for key, item in value.items()) + "}"
    if type(value) is float and (value != value or value in (float("inf"), float("-inf"))):  # noqa: PLR0124
        return f"float({str(value)!r})"
    return ascii(value)
