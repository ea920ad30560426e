"""environment/training.json: the software that a model was trained with, and how it was set.

Facts only that are the same for everyone in the same environment: no host, user, path, time, locale or CPU.
When and where a model was packed is said elsewhere, in statements beside the bundle.
"""

from __future__ import annotations

import importlib
import platform
import sys
import sysconfig
import warnings
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from types import MappingProxyType
from typing import Any

from mlpack.format.documents import canonical_json
from mlpack.packing.environment.installed import (
    distribution,
    installed_closure,
    installed_versions,
    normal_name,
)
from mlpack.packing.environment.natives import native_libraries
from mlpack.packing.environment.records import changed_files
from mlpack.packing.environment.wording import class_name, wording
from mlpack.packing.notices import PackWarning

__all__ = ["TRAINING_VERSION", "capture_environment", "installed_versions"]

TRAINING_VERSION = "1.0"
"""Version of this document."""

_SEEDS = ("random_state", "seed", "random_seed")
_PRELOADED = {"numpy": "numpy.linalg", "scipy": "scipy.linalg", "scikit-learn": "sklearn"}
"""Loaded before libraries are listed, so that the list does not depend on what else was imported."""


def capture_environment(model: object, unlocked: Mapping[str, str] = MappingProxyType({})) -> bytes:
    """Return environment/training.json for a fitted `model`.

    Args:
        model: The model; its class and, when it has `get_params`, its parameters are recorded.
        unlocked: Installed distributions that the lock of the training environment lacks -> why.
    """
    parameters = _parameters(model)
    needed = _needed(model, parameters)
    changed = changed_files(needed)
    if changed:
        named = ", ".join(f"{name}: {', '.join(paths[:3])}" for name, paths in changed.items())
        warnings.warn(
            f"installed files were changed by hand, so no lock describes what ran: {named}",
            PackWarning,
            stacklevel=3,
        )
    return canonical_json(
        {
            "version": TRAINING_VERSION,
            "python": _python(),
            "system": _system(),
            "libraries": _libraries(needed),
            "packages": installed_versions(),
            **({"changed": changed} if changed else {}),
            **({"unlocked": dict(unlocked)} if unlocked else {}),
            "model": {
                "class": class_name(type(model)),
                "parameters": {name: wording(value) for name, value in parameters.items()},
                "seeds": {
                    name: wording(value)
                    for name, value in parameters.items()
                    if name.rpartition("__")[2] in _SEEDS
                },
            },
        }
    )


def _parameters(model: object) -> dict[str, object]:
    ask = getattr(model, "get_params", None)
    if not callable(ask):
        return {}
    found = ask()
    return {str(name): value for name, value in found.items()} if isinstance(found, Mapping) else {}


def _python() -> dict[str, Any]:
    # sys.flags.hash_randomization and utf8_mode follow the shell and the locale, so they are left out
    return {
        "implementation": platform.python_implementation(),
        "version": platform.python_version(),
        "build": platform.python_build()[0],
        "compiler": platform.python_compiler(),
        "debug": bool(sysconfig.get_config_var("Py_DEBUG")),
        "gil": not sysconfig.get_config_var("Py_GIL_DISABLED"),
        "optimize": sys.flags.optimize,
    }


def _system() -> dict[str, str]:
    libc, version = platform.libc_ver()
    return {"name": platform.system(), "libc": libc, "libc_version": version}


def _libraries(needed: Mapping[str, metadata.Distribution]) -> list[dict[str, str | None]]:
    """Return BLAS and OpenMP runtimes that the model's own packages use.

    threadpoolctl sees all that this process has loaded; libraries of packages that are none of the model's
    are left out, as are thread counts and the CPU that a kernel was chosen for.
    """
    for name, module in _PRELOADED.items():
        if name in needed:
            importlib.import_module(module)
    try:
        import threadpoolctl
    except ImportError:  # comes with scikit-learn; without it nothing is known, and nothing is claimed
        return []
    owners = {
        library.location.resolve(): name
        for name, item in needed.items()
        for library in native_libraries(name, item)
    }
    folders = {Path(str(item.locate_file(""))).resolve() for item in metadata.distributions()}
    found = []
    for entry in threadpoolctl.threadpool_info():
        path = Path(entry["filepath"]).resolve()
        owner = owners.get(path)
        if owner is None and not folders.isdisjoint(path.parents):
            continue  # another package's
        keys = ("user_api", "internal_api", "prefix", "version", "threading_layer")
        found.append({"package": owner, **{key: entry.get(key) for key in keys}})
    unique = {tuple(sorted((k, v or "") for k, v in item.items())): item for item in found}
    return [item for _, item in sorted(unique.items())]


def _needed(model: object, parameters: Mapping[str, object]) -> dict[str, metadata.Distribution]:
    """Return the distributions behind the model's classes, with all that they need; numpy always."""
    tops = {"numpy"}
    for part in _parts(model, parameters):
        tops |= {kind.__module__.partition(".")[0] for kind in type(part).__mro__}
    owners = metadata.packages_distributions()
    names = {normal_name(name) for top in tops for name in owners.get(top, ())}
    names = {name for name in names if distribution(name) is not None}
    return installed_closure(sorted(names), [_here()])


def _parts(model: object, parameters: Mapping[str, object]) -> Iterator[object]:
    yield model
    for value in parameters.values():
        if hasattr(value, "get_params"):
            yield value


def _here() -> dict[str, str]:
    from packaging.markers import default_environment

    return {key: str(value) for key, value in default_environment().items()}
