"""Python source of a bundle, imported in memory from bytes that were verified.

Only reached when a policy allows code for who signed, or when the caller says so in as many words. This says
who answers for the code; it is no sandbox.
"""

from __future__ import annotations

import ast
import hashlib
import re
import sys
from collections.abc import Iterator, Mapping
from importlib import metadata
from types import ModuleType

from mlpack.errors import FormatError, MlpackError
from mlpack.format.artifact import Artifact

__all__ = ["import_code"]

_NAME = re.compile(r"code/([a-z_][a-z0-9_]{0,60})\.py")


def import_code(artifact: Artifact) -> ModuleType:
    """Return the module of a bundle's code, under a name that nobody else has; nothing goes on `sys.path`.

    Raises:
        FormatError: A file is not one module of source, or imports what the bundle does not lock.
        MlpackError: The code fails while it is imported.
    """
    files = {path: data for path, data in artifact.files.items() if path.startswith("code/")}
    if len(files) != 1 or not (match := _NAME.fullmatch(path := next(iter(files)))):
        raise FormatError("expected one module of source", where="code")
    source = _text(path, files[path])
    try:
        tree = ast.parse(source, filename=path)
    except (SyntaxError, ValueError, RecursionError) as error:
        raise FormatError("not Python source", where=path) from error
    _check_imports(tree, artifact.runtime, path)
    package = f"_mlpack_code_{hashlib.sha256(files[path]).hexdigest()[:24]}"
    name = f"{package}.{match.group(1)}"
    if name in sys.modules:
        return sys.modules[name]
    module = ModuleType(name)
    module.__package__ = package
    module.__file__ = f"<bundle>/{path}"
    sys.modules[package] = ModuleType(package)
    sys.modules[package].__path__ = []
    sys.modules[name] = module
    try:
        exec(compile(tree, module.__file__, "exec", dont_inherit=True), module.__dict__)  # noqa: S102  (the point)
    except Exception as error:
        del sys.modules[name]
        raise MlpackError(
            f"the bundle's code fails when it is imported ({type(error).__name__})", code="engine", where=path
        ) from error
    return module


def _text(path: str, data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise FormatError("not UTF-8", where=path) from error


def _check_imports(tree: ast.Module, runtime: Mapping[str, str], path: str) -> None:
    provided = metadata.packages_distributions()
    locked = {_normal(name) for name in runtime}
    for line, module in _imports(tree):
        top = module.partition(".")[0]
        if top in sys.stdlib_module_names:
            continue
        if not top or not locked & {_normal(name) for name in provided.get(top, ())}:
            raise FormatError(
                f"imports {module[:80] or 'a module beside it'!r}, which the bundle does not lock",
                where=f"{path}, line {line}",
            )


def _imports(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, "" if node.level else node.module or ""


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
