"""Engines: one small module for each way to run a model. The predictor knows their Session only."""

from __future__ import annotations

import importlib
from typing import Protocol, cast

from mlpack.errors import MlpackError
from mlpack.format.artifact import Artifact
from mlpack.format.contract import Contract
from mlpack.runtime.session import Session

__all__ = ["open_engine"]

_ENGINES = {
    "host-steps": "mlpack.runtime.engines.hosted",
    "tokenizer": "mlpack.runtime.engines.tokenizer",
    "onnx": "mlpack.runtime.engines.onnx",
    "skops": "mlpack.runtime.engines.skops",
    "catboost": "mlpack.runtime.engines.boosters",
    "lightgbm": "mlpack.runtime.engines.boosters",
    "xgboost": "mlpack.runtime.engines.boosters",
    "python": "mlpack.runtime.engines.python",
    "pickle": "mlpack.runtime.engines.pickle",
}
"""Feature of the format -> module that runs what requires it. The first one that applies is taken, so an
engine that works around another one stands before it."""


class _EngineModule(Protocol):
    def open_engine(self, artifact: Artifact, contract: Contract, *, threads: int) -> Session: ...


def open_engine(artifact: Artifact, contract: Contract, *, threads: int = 1) -> Session:
    """Open a model for predictions.

    Args:
        artifact: The model; code in it runs, so whoever calls has made sure that it may.
        contract: Its inputs and outputs.
        threads: Threads of one prediction. With 1, sums keep their order and results repeat to the last bit.

    Raises:
        FormatError: The model is not what its form allows.
        MlpackError: The engine refuses the model, or is not there.
        UsageError: `threads` is no positive integer.
    """
    for feature, name in _ENGINES.items():
        if feature in artifact.requires:
            module = cast("_EngineModule", importlib.import_module(name))
            return module.open_engine(artifact, contract, threads=threads)
    raise MlpackError(
        f"no engine runs a model of format class {artifact.format!r} that requires "
        f"{', '.join(artifact.requires) or 'nothing'}",
        code="unsupported-model",
        where=artifact.path,
    )
