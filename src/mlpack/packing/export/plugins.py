"""Emitters of other distributions, found by entry point, and what one of them may import.

Only packing looks for them, and loads one only for a model that has its class: verifying and loading a bundle
never do.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata
from types import ModuleType
from typing import TYPE_CHECKING, Any

from mlpack.errors import PackError, PluginError
from mlpack.packing.export import formulas
from mlpack.packing.export.graph import Block, Columns, GraphBuilder, Tensor, Unsupported

if TYPE_CHECKING:
    from mlpack.format.contract import Method
    from mlpack.packing.export.registry import Fitted, Scope

__all__ = [
    "GROUP",
    "Block",
    "Columns",
    "GraphBuilder",
    "Plugin",
    "Tensor",
    "Unsupported",
    "find_plugin",
    "formulas",
]

GROUP = "mlpack.emitters"
"""Entry points of this group: qualified class name -> module with `transform`, `respond`, or both."""


@dataclass(frozen=True, slots=True)
class Plugin:
    """An emitter module of another distribution; its errors become ours, with its name.

    Attributes:
        entry: Name of the entry point: the class that it emits.
        distribution: Distribution and version that declare it.
        module: The module, loaded.
    """

    entry: str
    distribution: str
    module: ModuleType

    def offers(self, ability: str) -> bool:
        """Return whether the module has `transform` or `respond`."""
        return hasattr(self.module, ability)

    @property
    def checks_input(self) -> bool:
        """Whether the class refuses rows that are not finite, as scikit-learn's own input check does."""
        return bool(getattr(self.module, "CHECKS_INPUT", False))

    def transform(self, scope: Scope, model: Fitted, columns: Columns) -> Columns:
        """Emit `model.transform` by the plug-in."""
        made: Columns = self._call(Columns, self.module.transform, scope, model, columns)
        return made

    def respond(self, scope: Scope, model: Fitted, columns: Columns, method: Method) -> Tensor:
        """Emit another method by the plug-in."""
        made: Tensor = self._call(Tensor, self.module.respond, scope, model, columns, method)
        return made

    def _call(self, kind: type[Any], function: Callable[..., Any], scope: Scope, *rest: object) -> Any:  # noqa: ANN401
        scope.graph.plugins.add(self.distribution)
        try:
            result = function(scope, *rest)
        except (Unsupported, PackError):
            raise
        except Exception as error:
            raise self._broken(f"{type(error).__name__}: {' '.join(str(error).split())[:200]}") from error
        if not isinstance(result, kind):
            raise self._broken(f"it returned {type(result).__name__}, expected {kind.__name__}")
        return result

    def _broken(self, what: str) -> PluginError:
        return PluginError(
            f"the emitter of {self.distribution} failed: {what}",
            where=f"entry point {GROUP}: {self.entry}",
            hint="report it to that distribution, or uninstall it to pack without its emitter",
        )


def find_plugin(name: str) -> Plugin | None:
    """Return the emitter that another distribution declares for a class, loaded; None when there is none.

    Args:
        name: Qualified class name, without private modules.

    Raises:
        PluginError: It cannot be loaded, offers nothing, or two distributions declare one.
    """
    return _load(name, tuple(sys.path))


@lru_cache(maxsize=256)
def _load(name: str, path: tuple[str, ...]) -> Plugin | None:  # noqa: ARG001  (another path, other entries)
    found = [entry for entry in metadata.entry_points(group=GROUP) if entry.name == name]
    if not found:
        return None
    where = f"entry point {GROUP}: {name}"
    owners = sorted({_owner(entry) for entry in found})
    if len(owners) > 1:
        raise PluginError(
            f"declared by {' and '.join(owners)}", where=where, hint="uninstall all but one of them"
        )
    try:
        module = found[0].load()
    except Exception as error:
        raise PluginError(
            f"the emitter of {owners[0]} cannot be loaded: "
            f"{type(error).__name__}: {' '.join(str(error).split())[:200]}",
            where=where,
            hint="repair or uninstall that distribution",
        ) from error
    if not (hasattr(module, "transform") or hasattr(module, "respond")):
        raise PluginError(
            f"the emitter of {owners[0]} has neither transform nor respond",
            where=where,
            hint="the entry point must name a module that has at least one of the two functions",
        )
    return Plugin(name, owners[0], module)


def _owner(entry: metadata.EntryPoint) -> str:
    owner = entry.dist
    return "an unknown distribution" if owner is None else f"{owner.name} {owner.version}"
