"""Models that are code: a function, a class with its files, or estimators with classes of their author's."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

from mlpack.errors import FormatError, MlpackError
from mlpack.format.artifact import Artifact
from mlpack.format.contract import Contract
from mlpack.format.documents import Fields
from mlpack.runtime.engines._code import import_code
from mlpack.runtime.engines._native import NativeSession, check_versions, on_threads, read_description
from mlpack.runtime.engines._rows import RowForm
from mlpack.runtime.engines.skops import ARCHIVE, load_archive
from mlpack.runtime.processed import Processed
from mlpack.runtime.session import Session

__all__ = ["DATA", "open_engine"]

DATA = "model/data/"
"""Folder of the files that a class saved."""


def open_engine(artifact: Artifact, contract: Contract, *, threads: int) -> Session:
    """Open a model whose code is in the bundle; the code runs.

    Raises:
        FormatError: The parts do not fit together, or the code imports what is not locked.
        MissingExtraError: A library is not installed.
        MlpackError: The code fails.
    """
    description = read_description(artifact)
    rows = RowForm.from_fields(description.fields("rows"))
    entry = description.fields("code")
    kind = entry.choice("kind", ("function", "class", "estimator"))
    check_versions(artifact)
    module = import_code(artifact)
    call = _call(artifact, module, entry, kind)
    entry.done()
    description.done()
    name = module.__name__.rpartition(".")[2]
    if "scikit-learn" in artifact.runtime:
        return NativeSession(
            contract, rows, call, title=f"the bundle's {name}.py", around=on_threads(threads)
        )
    return NativeSession(contract, rows, call, title=f"the bundle's {name}.py")


def _asked(model: Any, method: str, rows: Any) -> Any:  # noqa: ANN401
    answer = getattr(model, method)(rows)
    return answer.toarray() if hasattr(answer, "toarray") else answer


def _between(entry: Fields, module: ModuleType, model: Any) -> Processed:  # noqa: ANN401
    """Return the model between the functions that the bundle's code has for it."""

    def named(field: str) -> Callable[[Any], Any] | None:
        if not entry.holds(field):
            return None
        function: object = getattr(module, entry.text(field), None)
        if not callable(function):
            raise FormatError("the code has no such name", where=f"{entry.where}.{field}")
        return function

    changed = entry.text("changed") if entry.holds("changed") else ""
    return Processed(
        estimator=model,
        preprocess=named("preprocess"),
        postprocess=named("postprocess"),
        changed=changed,
    )


def _call(artifact: Artifact, module: ModuleType, entry: Fields, kind: str) -> Callable[[str, Any], Any]:
    if kind == "estimator":
        own = frozenset(entry.texts("classes"))
        model = load_archive(artifact.files.get(ARCHIVE, b""), module=module, own=own)
        whole = _between(entry, module, model)
        return lambda method, rows: whole.ask(method, rows, _asked)
    named = getattr(module, entry.text("name"), None)
    if not callable(named):
        raise FormatError("the code has no such name", where=f"{entry.where}.name")
    if kind == "function":
        return lambda _, rows: named(rows)
    files = {path.removeprefix(DATA): data for path, data in artifact.files.items() if path.startswith(DATA)}
    try:
        loaded = named()
        loaded.load(files)
    except Exception as error:
        raise MlpackError(
            f"the bundle's code cannot load its files ({type(error).__name__})", code="engine", where="code"
        ) from error
    return lambda method, rows: getattr(loaded, method)(rows)
