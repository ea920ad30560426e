"""All that is recorded of a training run beside its data, parameters and metrics."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlpack.errors import UsageError
from mlpack.packing.lineage.source import running_source, source_facts

__all__ = ["check_lineage", "training_facts"]

_TORCH = ("torch", "transformers")
_FLAGS = ("CUBLAS_WORKSPACE_CONFIG", "TF_DETERMINISTIC_OPS", "TF_CUDNN_DETERMINISTIC")
"""Variables that make a framework deterministic; their values are a number or a word, never a place."""


def check_lineage(lineage: object) -> bool | Path:
    """Return the argument `lineage` of `pack`.

    Raises:
        UsageError: It is neither a truth value nor the path of something that exists.
    """
    if isinstance(lineage, bool):
        return lineage
    if not isinstance(lineage, (str, os.PathLike)):
        raise UsageError(f"expected a bool or a path, found {type(lineage).__name__}", where="lineage")
    path = Path(lineage)
    if not path.exists():
        raise UsageError("no such notebook, script or folder", where="lineage")
    return path


def training_facts(lineage: bool | Path, framework: str, environment: bytes) -> dict[str, str]:  # noqa: FBT001
    """Return facts on how a model was trained, the same for everyone who trains it from the same source.

    Args:
        lineage: True looks for the notebook or script that runs; a path names it; False records no source
            and no run.
        framework: Distribution that trained it; its own flags count.
        environment: environment/training.json, which holds the seeds of the model.
    """
    seeds = json.loads(environment)["model"]["seeds"]
    facts = {f"seed:{name}": str(value) for name, value in seeds.items()}
    if framework in _TORCH:
        facts |= _torch_flags()
        facts |= {f"flag:{name}": os.environ[name][:40] for name in _FLAGS if os.environ.get(name)}
    if lineage is not False:
        facts |= source_facts(running_source() if lineage is True else lineage)
        facts |= _mlflow_run()
    return dict(sorted(facts.items()))


def _torch_flags() -> dict[str, str]:
    torch: Any = sys.modules.get("torch")
    if torch is None:
        return {}
    flags: Mapping[str, Any] = {
        "flag:torch-deterministic-algorithms": torch.are_deterministic_algorithms_enabled(),
        "flag:cudnn-deterministic": torch.backends.cudnn.deterministic,
        "flag:cudnn-benchmark": torch.backends.cudnn.benchmark,
    }
    return {name: "yes" if value else "no" for name, value in flags.items()}


def _mlflow_run() -> dict[str, str]:
    """Return the MLflow run that is active in this process; mlflow is asked only where it was imported."""
    mlflow: Any = sys.modules.get("mlflow")
    if mlflow is None:
        return {}
    run = mlflow.active_run()
    return {} if run is None else {"mlflow:run": run.info.run_id, "mlflow:experiment": run.info.experiment_id}
