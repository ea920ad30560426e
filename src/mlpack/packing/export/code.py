"""Forms that run code: source of the author's own functions and classes, or, asked for by name, a pickle."""

from __future__ import annotations

import io
import pickletools
import re
import sys
from importlib import metadata
from pathlib import Path
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any

from mlpack.errors import FormatError, ModelError
from mlpack.format.artifact import Artifact
from mlpack.format.documents import canonical_json
from mlpack.packing.code_capture import Captured, capture, is_own, is_own_module
from mlpack.packing.export.graph import Unsupported
from mlpack.packing.export.native import Own, make_archive, row_form, versions_of
from mlpack.runtime.engines._code import import_code
from mlpack.runtime.engines._native import DESCRIPTION, NATIVE_VERSION
from mlpack.runtime.engines.pickle import PICKLE
from mlpack.runtime.engines.python import DATA
from mlpack.runtime.engines.skops import ARCHIVE, load_archive
from mlpack.runtime.processed import Processed

if TYPE_CHECKING:
    from mlpack.packing.example import Example

__all__ = ["code_artifact", "pickle_artifact"]

SOURCE = "code/model.py"
_ENGINE = ("cloudpickle", "joblib", "threadpoolctl")
"""What the reader of pickles itself imports."""

_FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+-]{0,98}[A-Za-z0-9_+-]|[A-Za-z0-9_]")


def code_artifact(model: Any, example: Example | None) -> Artifact:  # noqa: ANN401  (whatever is packed)
    """Return a model with the source of its author's functions and classes.

    Raises:
        Unsupported: Some of it cannot be written as source, or does not come back.
    """
    kind = model if isinstance(model, FunctionType) else type(model)
    name = kind.__name__
    if example is None:
        raise Unsupported(name, "no example says how it takes its rows")
    try:
        if isinstance(model, FunctionType):
            return _artifact(example, capture(model), {"kind": "function", "name": name}, {})
        if _is_model(model):
            files = {DATA + file: data for file, data in _saved(model).items()}
            return _artifact(example, capture(type(model)), {"kind": "class", "name": name}, files)
        if isinstance(model, Processed):
            return _processed(model, example)
        return _estimator(model, example)
    except (ModelError, FormatError) as error:
        hint = f"; {error.hint}" if error.hint else ""
        raise Unsupported(name, f"{error.message} ({error.where}){hint}") from error


def _is_model(model: object) -> bool:
    from mlpack.runtime.model import Model

    return isinstance(model, Model)


def _saved(model: Any) -> dict[str, bytes]:  # noqa: ANN401  (a Model)
    files = dict(model.save())
    for file, data in files.items():
        if not isinstance(file, str) or not _FILE.fullmatch(file):
            raise ModelError("expected plain file names", where=f"save(): {str(file)[:80]!r}")
        if not isinstance(data, bytes):
            raise ModelError(f"expected bytes, found {type(data).__name__}", where=f"save()[{file!r}]")
    return dict(sorted(files.items()))


def _estimator(model: object, example: Example) -> Artifact:
    own = Own()
    archive = make_archive(model, own)
    captured = capture(*own.items())
    entry = {"kind": "estimator", "classes": sorted(own.names)}
    more = ["skops", *own.distributions]
    artifact = _artifact(example, captured, entry, {ARCHIVE: archive}, *more)
    load_archive(archive, module=import_code(artifact), own=frozenset(own.names))
    return artifact


def _processed(model: Processed, example: Example) -> Artifact:
    """Return the model inside as data, and the functions around it as source beside its own classes."""
    functions: dict[str, FunctionType] = {}
    for name, function in (("preprocess", model.preprocess), ("postprocess", model.postprocess)):
        if isinstance(function, FunctionType) and is_own(function):
            functions[name] = function
        elif function is not None:
            raise ModelError(
                "expected a function written with def", where=name, hint="wrap it: def prepare(rows): ..."
            )
    own = Own()
    archive = make_archive(model.estimator, own)
    captured = capture(*functions.values(), *own.items())
    entry = {"kind": "estimator", "classes": sorted(own.names), "changed": model.changed}
    entry |= {name: function.__name__ for name, function in functions.items()}
    artifact = _artifact(example, captured, entry, {ARCHIVE: archive}, "skops", *own.distributions)
    load_archive(archive, module=import_code(artifact), own=frozenset(own.names))
    return artifact


def _artifact(
    example: Example, captured: Captured, entry: dict[str, Any], files: dict[str, bytes], *more: str
) -> Artifact:
    description = {"version": NATIVE_VERSION, "rows": row_form(example).to_document(), "code": entry}
    library = () if example.library in ("numpy", "list") else (example.library,)
    return Artifact(
        format="code",
        path=DESCRIPTION,
        files={
            DESCRIPTION: canonical_json(description),
            SOURCE: captured.source.encode(),
            **files,
        },
        requires=("python",),
        runtime=versions_of(*{*_distributions(captured.imports), *library, *more}),
    )


def _distributions(packages: tuple[str, ...]) -> set[str]:
    provided = metadata.packages_distributions()
    found = set()
    for package in packages:
        names = sorted(set(provided.get(package, ())))
        if not names:
            raise ModelError("comes from no installed distribution, so it cannot be locked", where=package)
        found.add(names[0])
    return found


def _pickled(model: object) -> bytes:
    """Pickle a model; classes of the author's own modules go in whole, since nobody else can import them."""
    import cloudpickle

    class Writer(cloudpickle.Pickler):  # type: ignore[misc]
        """Leaves out the folders that functions come from, which are this machine's."""

        def reducer_override(self, item: Any) -> Any:  # noqa: ANN401  (anything)
            reduced = super().reducer_override(item)
            if isinstance(item, FunctionType) and isinstance(reduced, tuple):
                code, scope, *more = reduced[1]
                if "__file__" in scope:
                    scope["__file__"] = Path(scope["__file__"]).name
                return reduced[0], (_without_folder(code), scope, *more), *reduced[2:]
            return reduced

    stream = io.BytesIO()
    known = set(cloudpickle.list_registry_pickle_by_value())
    modules = [module for name, module in sorted(sys.modules.items()) if name not in known]
    own = [module for module in modules if module.__name__ != "__main__" and is_own_module(module)]
    for module in own:
        cloudpickle.register_pickle_by_value(module)
    try:
        Writer(stream, protocol=5).dump(model)
    finally:
        for module in own:
            cloudpickle.unregister_pickle_by_value(module)
    return stream.getvalue()


def _without_folder(code: CodeType) -> CodeType:
    inner = tuple(_without_folder(item) if isinstance(item, CodeType) else item for item in code.co_consts)
    return code.replace(co_filename=Path(code.co_filename).name, co_consts=inner)


def pickle_artifact(model: object, example: Example | None) -> Artifact:
    """Return a pickled model.

    Raises:
        Unsupported: It cannot be pickled.
    """
    name = type(model).__name__
    if example is None:
        raise Unsupported(name, "no example says how it takes its rows")
    try:
        data = _pickled(model)
    except (TypeError, ValueError, AttributeError, RecursionError, OSError) as error:
        raise Unsupported(name, f"cannot be pickled ({type(error).__name__})") from error
    description = {"version": NATIVE_VERSION, "rows": row_form(example).to_document()}
    library = [] if example.library in ("numpy", "list") else [example.library]
    return Artifact(
        format="code",
        path=DESCRIPTION,
        files={DESCRIPTION: canonical_json(description), PICKLE: data},
        requires=("pickle",),
        runtime=versions_of(*{*_ENGINE, *_mentioned(data), *library}),
    )


def _mentioned(data: bytes) -> set[str]:
    """Return distributions whose modules a pickle may name: more than it needs, which a replay then shows.

    Modules stand in a pickle as texts, and so do values. What came from no index is none of them: the replay
    says which module is missing if it is needed after all.
    """
    texts = {text for _, text, _ in pickletools.genops(data) if isinstance(text, str)}
    tops = {re.split("[. ]", text, maxsplit=1)[0] for text in texts} & sys.modules.keys()
    provided = metadata.packages_distributions()
    names = {name for top in tops for name in provided.get(top, ())}
    return {name for name in names if metadata.distribution(name).read_text("direct_url.json") is None}
