"""From one stage to the next, and back: promote, rollback, retire, history, list. Truth is a signed chain."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mlpack.delivery.lifecycle.acts import promote, retire, rollback
    from mlpack.delivery.lifecycle.auditing import History, fetch_history, history
    from mlpack.delivery.lifecycle.checkpointing import checkpoint
    from mlpack.delivery.lifecycle.copying import copy_history
    from mlpack.delivery.lifecycle.listing import Listing, list_bundles
    from mlpack.delivery.lifecycle.results import Act

__all__ = [
    "Act",
    "History",
    "Listing",
    "checkpoint",
    "copy_history",
    "fetch_history",
    "history",
    "list_bundles",
    "promote",
    "retire",
    "rollback",
]

_HOME = {
    "Act": "results",
    "History": "auditing",
    "Listing": "listing",
    "checkpoint": "checkpointing",
    "copy_history": "copying",
    "fetch_history": "auditing",
    "history": "auditing",
    "list_bundles": "listing",
    "promote": "acts",
    "retire": "acts",
    "rollback": "acts",
}


def __getattr__(name: str) -> object:
    import importlib

    if name in _HOME:
        value = getattr(importlib.import_module(f"mlpack.delivery.lifecycle.{_HOME[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'mlpack.delivery.lifecycle' has no attribute {name!r}")


def __dir__() -> list[str]:
    return list(__all__)
