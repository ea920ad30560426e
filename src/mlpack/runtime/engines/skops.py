"""scikit-learn models as skops archives, read under a list of reviewed names and with bounds of our own.

Loading runs no code that the archive chooses. A file that a trusted signer made badly could still make
compiled code of scikit-learn misbehave; what is known to follow numbers blindly is checked first.
"""

from __future__ import annotations

import json
import warnings
from types import ModuleType
from typing import Any

from mlpack.errors import FormatError, MlpackError
from mlpack.format.artifact import Artifact
from mlpack.format.contract import Contract
from mlpack.format.documents import parse_json
from mlpack.runtime.engines._archive import read_archive, write_archive
from mlpack.runtime.engines._native import NativeSession, check_versions, on_threads, read_description
from mlpack.runtime.engines._rows import RowForm
from mlpack.runtime.engines._schema import check_schema
from mlpack.runtime.session import Session

__all__ = ["ARCHIVE", "OLDEST_SKOPS", "OWN", "load_archive", "open_engine"]

ARCHIVE = "model/model.skops"
OWN = "bundle"
"""Module that an archive gives to classes of the bundle's own code; the real one is named by its digest."""

OLDEST_SKOPS = (0, 16)
"""Older ones have holes in their own audit (CVE-2025-54412, CVE-2025-54413) or other nodes than we check."""


def open_engine(artifact: Artifact, contract: Contract, *, threads: int) -> Session:
    """Open a model that its own library runs.

    Raises:
        FormatError: The archive holds what it may not hold.
        MissingExtraError: A library is not installed.
        MlpackError: The library refuses the model.
    """
    description = read_description(artifact)
    rows = RowForm.from_fields(description.fields("rows"))
    description.done()
    if artifact.files.keys() != {artifact.path, ARCHIVE}:
        raise FormatError(f"expected {artifact.path} and {ARCHIVE}, and nothing else", where="model")
    check_versions(artifact)
    model = load_archive(artifact.files[ARCHIVE])
    import sklearn

    return NativeSession(
        contract,
        rows,
        lambda method, table: getattr(model, method)(table),
        title=f"scikit-learn {sklearn.__version__}",
        around=on_threads(threads),
    )


def load_archive(data: bytes, *, module: ModuleType | None = None, own: frozenset[str] = frozenset()) -> Any:  # noqa: ANN401  (any estimator)
    """Return the model in an archive, once everything in it has been checked.

    Args:
        data: The archive.
        module: Code of the bundle's own, whose classes the archive names as of the module `OWN`.
        own: Names of those classes and functions.

    Raises:
        FormatError: It holds what it may not hold.
        MlpackError: scikit-learn cannot make a model of it.
    """
    entries = read_archive(data, where=ARCHIVE)
    if "schema.json" not in entries:
        raise FormatError("no schema.json", where=ARCHIVE)
    files = {name: content for name, content in entries.items() if name != "schema.json"}
    schema = parse_json(entries["schema.json"], where="schema.json")
    names = frozenset(f"{OWN}.{name}" for name in own)
    check_schema(schema, files, own=names)

    from mlpack.runtime.engines._arrays import check_entry
    from mlpack.runtime.engines._bounds import check_bounds

    for name, content in files.items():
        check_entry(name, content)
    if module is not None:
        # Every name was checked above; the bundle's own ones are now given the module that they live in.
        entries = {**entries, "schema.json": json.dumps(_renamed(schema, module.__name__)).encode()}
        data = write_archive(entries)
        names = frozenset(f"{module.__name__}.{name}" for name in own)
    model = _construct(data, names)
    try:
        check_bounds(model)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, FormatError):
            raise
        raise FormatError("a model with parts missing or of a wrong kind", where=ARCHIVE) from error
    return model


def _renamed(value: Any, module: str) -> Any:  # noqa: ANN401  (JSON is any of six types)
    if isinstance(value, list):
        return [_renamed(item, module) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: module if key == "__module__" and item == OWN else _renamed(item, module)
        for key, item in value.items()
    }


def _construct(data: bytes, own: frozenset[str]) -> Any:  # noqa: ANN401  (any estimator)
    import skops
    from skops.io import loads

    from mlpack.runtime.engines._reviewed import CLASSES, FUNCTIONS, LOSSES, TYPES

    if tuple(map(int, skops.__version__.split(".")[:2])) < OLDEST_SKOPS:
        raise MlpackError(
            f"skops {skops.__version__} does not check what it loads well enough",
            code="engine",
            where="skops",
            hint=f"install skops>={'.'.join(map(str, OLDEST_SKOPS))}",
        )
    trusted = sorted({*own, *CLASSES, *FUNCTIONS, *LOSSES, *TYPES, "numpy.dtype", "sklearn.tree._tree.Tree"})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # versions are judged before this, by the golden rows after it
        try:
            return loads(data, trusted=trusted)
        except Exception as error:
            raise MlpackError(
                f"scikit-learn cannot make a model of the archive ({type(error).__name__})",
                code="engine",
                where=ARCHIVE,
            ) from error
