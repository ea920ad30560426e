"""One module per framework: recognise a model and ask it what it is, without importing the others."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from mlpack.errors import ModelError, UsageError
from mlpack.runtime.model import Model
from mlpack.runtime.processed import Processed

if TYPE_CHECKING:
    import numpy as np

    from mlpack.format.contract import Method
    from mlpack.format.evidence import Precision
    from mlpack.packing.tensors.proving import TensorModel

__all__ = ["Adapter", "Description", "find_adapter", "find_tensor_model"]

_CODE = "mlpack.packing.adapters.python_code"
_ADAPTERS = {
    "sklearn.base.BaseEstimator": "mlpack.packing.adapters.scikit_learn",
    "catboost.core.CatBoost": "mlpack.packing.adapters.catboost",
    "lightgbm.basic.Booster": "mlpack.packing.adapters.boosters",
    "xgboost.core.Booster": "mlpack.packing.adapters.boosters",
    "builtins.function": _CODE,
    "mlpack.runtime.processed.Processed": "mlpack.packing.adapters.processed",
}
_TENSOR_ADAPTERS = {
    "keras.src.models.model.Model": "mlpack.packing.adapters.keras_model",  # on torch, a module too: first
    "torch.nn.modules.module.Module": "mlpack.packing.adapters.pytorch",
    "onnx.onnx_ml_pb2.ModelProto": "mlpack.packing.adapters.onnx_model",
    "builtins.bytes": "mlpack.packing.adapters.onnx_model",
    "builtins.str": "mlpack.packing.adapters.onnx_model",
    "pathlib.Path": "mlpack.packing.adapters.onnx_model",
}
"""Qualified name of a base class -> module; compared as text, so that recognising imports nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Description:
    """What a fitted model says of itself.

    Attributes:
        original: Qualified class name.
        architecture: Class names of the steps, outermost first.
        framework: Distribution and version.
        task: `classification`, `regression`, `clustering`, `outlier-detection` or `transformation`.
        methods: Methods it offers, of those that a bundle can hold.
        classes: Labels in class order, with their dtype; None without labels.
        columns: Column names it was fitted on; None when it saw an array.
        width: Number of columns it was fitted on; None when it does not say.
        precision: Precision in which the coarsest of its steps computes, whatever type its answers have.
        changed: Method whose answers a function of the author's makes into others; they are no labels.
    """

    original: str
    architecture: tuple[str, ...]
    framework: tuple[str, str]
    task: str
    methods: tuple[Method, ...]
    classes: np.ndarray | None
    columns: tuple[str, ...] | None
    width: int | None
    precision: Precision = "float64"
    changed: Method | None = None


class Adapter(Protocol):
    """What packing asks of a framework."""

    def describe(self, model: Any) -> Description:  # noqa: ANN401  (a stranger's object)
        """Return what the fitted model says of itself; ModelError when it is not fitted."""

    def call(self, model: Any, method: str, rows: Any) -> np.ndarray:  # noqa: ANN401
        """Return what the original answers, on one thread; errors of the framework pass through."""


def find_adapter(model: object) -> Adapter:
    """Return the adapter for a model.

    Raises:
        ModelError: No adapter knows its class.
    """
    for name in _ancestry(type(model)):
        if name in _ADAPTERS:
            return cast("Adapter", importlib.import_module(_ADAPTERS[name]))
    if not isinstance(model, type) and isinstance(model, Model):
        return cast("Adapter", importlib.import_module(_CODE))
    hint = "pass a fitted scikit-learn estimator or Pipeline, or a model of XGBoost, LightGBM or CatBoost"
    if type(model).__module__.partition(".")[0] in _JAX:
        hint = _JAX_HINT
    if isinstance(model, type):
        raise ModelError(
            f"expected a fitted model, found the class {model.__name__}", where="model", hint=hint
        )
    raise ModelError(
        f"expected a fitted model, found {type(model).__module__}.{type(model).__qualname__}",
        where="model",
        hint=hint,
    )


_JAX = ("jax", "jaxlib", "flax", "equinox")
_JAX_HINT = (
    "JAX has no exporter to ONNX of its own: convert it with jax2onnx and pack the ModelProto, or pack an "
    "object with predict, save and load (mlpack.Model) with code=True; see 'Pack a Keras or JAX model'"
)


def find_tensor_model(model: object, example: object) -> TensorModel | None:
    """Return a model of tensors with its example, ready to be proven; None when it is one of tables.

    Raises:
        PackError: It cannot be used.
        MissingExtraError: Its framework's extra is not installed.
    """
    if isinstance(model, Processed):
        if find_tensor_model(model.estimator, example) is not None:
            raise UsageError(
                "only models of tables take functions around them",
                where="preprocess",
                hint="put the operations into the module's forward",
            )
        return None
    for name in _ancestry(type(model)):
        if _is_text_model(model) or name in _TENSOR_ADAPTERS:
            place = _TEXT_MODELS if _is_text_model(model) else _TENSOR_ADAPTERS[name]
            module = importlib.import_module(place)
            return cast("TensorModel", module.tensor_model(model, example))
    return None


_TEXT_MODELS = "mlpack.packing.adapters.transformers_model"
_TOKENIZER = "transformers.tokenization_utils_base.PreTrainedTokenizerBase"


def _is_text_model(model: object) -> bool:
    """Return whether this is a transformer and its tokenizer: a pair, a pipeline, or a folder of both."""
    if isinstance(model, (str, Path)):
        return (Path(model) / "config.json").is_file()
    if isinstance(model, (tuple, list)):
        return len(model) == 2 and any(_TOKENIZER in _ancestry(type(part)) for part in model)
    return "transformers.pipelines.base.Pipeline" in _ancestry(type(model))


def _ancestry(kind: type) -> Iterable[str]:
    return (f"{base.__module__}.{base.__qualname__}" for base in kind.__mro__)
