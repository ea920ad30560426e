"""Keras 3 models on the torch backend: PyTorch modules that are called with one structure of tensors."""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlpack.errors import ExampleError, MissingExtraError, ModelError
from mlpack.packing.tensors.example import named_arrays
from mlpack.packing.tensors.study import Arrays, Calling, StudyTask
from mlpack.packing.tensors.torch_export import ROUTES

__all__ = ["tensor_model"]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Keras:
    original: str
    subject: object
    model: bytes
    example: Arrays
    calling: Calling
    child: str = "mlpack.packing.tensors.torch_child"
    routes: Sequence[str] = ROUTES

    def task(self, route: str, folder: Path) -> StudyTask:
        return StudyTask(
            model=self.model,
            example=self.example,
            positional=len(self.example),
            calling=self.calling,
            route=route,
            folder=folder,
            paths=(os.getcwd(),) if "" in sys.path else (),  # noqa: PTH109  (what an empty entry stands for)
        )


def tensor_model(model: Any, example: object) -> _Keras:  # noqa: ANN401  (a Keras model of any class)
    """Return a model and its example call, ready for a child process.

    Raises:
        MissingExtraError: cloudpickle or onnxscript is not installed.
        ModelError: Keras runs on another backend here, or the model does not survive being saved.
        ExampleError: The example is no call of tensors, or the model rejects it.
    """
    import keras

    if keras.backend.backend() != "torch":
        raise ModelError(
            f"Keras runs on {keras.backend.backend()} here; models are packed from its torch backend",
            where="model",
            hint="model.save('model.keras'); in a new process with KERAS_BACKEND=torch, "
            "keras.saving.load_model('model.keras') and pack that",
        )
    if not model.built:
        raise ModelError("it has not been built", where="model", hint="call it once, or train it")
    structured = isinstance(example, (Mapping, tuple, list))
    calling: Calling = ("dict" if isinstance(example, Mapping) else "list") if structured else "arguments"
    arrays, _ = named_arrays(example, lambda count: _names(model, count))
    return _Keras(
        original=f"{type(model).__module__}.{type(model).__qualname__}",
        subject=model,
        model=_handed_over(model, arrays, calling),
        example=arrays,
        calling=calling,
    )


def _names(model: Any, count: int) -> list[str]:  # noqa: ANN401
    """Return the names that the model gives its inputs, as far as it does."""
    known = [str(item.name) for item in getattr(model, "inputs", None) or ()]
    if len(set(known)) == len(known) == count and not any(name.startswith("keras_tensor") for name in known):
        return known  # others are numbered as a process happens to make them
    return ["inputs"] if count == 1 else [f"input_{index}" for index in range(count)]


def _handed_over(model: Any, example: Arrays, calling: Calling) -> bytes:  # noqa: ANN401
    """Return the model as it saves itself, with classes of the caller's own.

    Saving calls constructors again: what a class keeps beside its layers may be lost. So the answer of what
    was read back is compared with the original's.
    """
    try:
        import cloudpickle
        import onnxscript  # noqa: F401  (torch.onnx needs it, in the child)
    except ImportError as error:
        raise MissingExtraError(
            f"packing a Keras model needs {error.name}", hint="pip install 'mlpack-sdk[torch]'"
        ) from error
    import numpy as np

    from mlpack.packing.tensors.flat import KERAS, FlatModule, read_module

    own = {
        type(part).__name__: type(part)
        for part in model._flatten_layers()  # noqa: SLF001  (there is no public walk)
        if not type(part).__module__.startswith("keras.")
    }
    hint = "classes of your own need get_config() to return what __init__ takes"
    try:
        content: bytes = KERAS + cloudpickle.dumps((own, cloudpickle.dumps(model)))
        again = read_module(content)
    except (pickle.PicklingError, TypeError, AttributeError, ValueError, RuntimeError, OSError) as error:
        said = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ModelError(f"cannot be saved and read back: {said}", where="model", hint=hint) from error
    answers = []
    for item in (model, again):
        flat = FlatModule(item, list(example), len(example), calling=calling)
        try:
            answers.append(flat.answer(example))
        except Exception as error:  # any layer may raise whatever it likes for an input
            raise ExampleError(f"the model rejects it: {type(error).__name__}", where="example") from error
    first, second = answers
    if first.keys() != second.keys() or any(
        not np.array_equal(first[name], second[name], equal_nan=first[name].dtype.kind == "f")
        for name in first
    ):
        raise ModelError("it answers otherwise once it is saved and read back", where="model", hint=hint)
    return content
