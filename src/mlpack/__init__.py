"""mlpack: from a fitted model to something that an operator can trust and run anywhere."""

from __future__ import annotations

TYPE_CHECKING = False  # type checkers know the name; importing typing would cost more than all the rest
if TYPE_CHECKING:
    from mlpack import errors, trust
    from mlpack.delivery.artifacts import pull, push
    from mlpack.format.opening import UnverifiedBundle, inspect
    from mlpack.packing.explaining import explain_export
    from mlpack.packing.pack import pack
    from mlpack.packing.unsafe import UnsafePickle
    from mlpack.runtime.batch.local import score
    from mlpack.runtime.loading import load
    from mlpack.runtime.model import Model
    from mlpack.runtime.predictor import Predictor
    from mlpack.trust.policy import Policy
    from mlpack.trust.signing import sign
    from mlpack.trust.unsigned import UNSIGNED
    from mlpack.trust.verification import VerifiedBundle, verify

__version__ = "0.1.0.dev0"

__all__ = [
    "UNSIGNED",
    "Model",
    "Policy",
    "Predictor",
    "UnsafePickle",
    "UnverifiedBundle",
    "VerifiedBundle",
    "errors",
    "explain_export",
    "inspect",
    "load",
    "pack",
    "pull",
    "push",
    "score",
    "sign",
    "trust",
    "verify",
]

_HOME = {
    "UNSIGNED": "mlpack.trust.unsigned",
    "Model": "mlpack.runtime.model",
    "Policy": "mlpack.trust.policy",
    "Predictor": "mlpack.runtime.predictor",
    "UnsafePickle": "mlpack.packing.unsafe",
    "UnverifiedBundle": "mlpack.format.opening",
    "VerifiedBundle": "mlpack.trust.verification",
    "explain_export": "mlpack.packing.explaining",
    "inspect": "mlpack.format.opening",
    "load": "mlpack.runtime.loading",
    "pack": "mlpack.packing.pack",
    "pull": "mlpack.delivery.artifacts",
    "push": "mlpack.delivery.artifacts",
    "score": "mlpack.runtime.batch.local",
    "sign": "mlpack.trust.signing",
    "verify": "mlpack.trust.verification",
}
"""Where each lazy name lives; nothing of it is imported before it is used (PEP 562)."""


def __getattr__(name: str) -> object:
    import importlib

    if name in _HOME:
        value = getattr(importlib.import_module(_HOME[name]), name)
        globals()[name] = value
        return value
    if name in ("errors", "trust"):
        return importlib.import_module(f"mlpack.{name}")
    raise AttributeError(f"module 'mlpack' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
