"""PyTorch modules, handed over to a child process that exports and asks them."""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlpack.errors import MissingExtraError, ModelError
from mlpack.packing.tensors.example import named_arrays
from mlpack.packing.tensors.study import Arrays, StudyTask
from mlpack.packing.tensors.torch_export import RECURRENT, ROUTES

__all__ = ["tensor_model"]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Torch:
    original: str
    subject: object
    model: bytes
    example: Arrays
    positional: int
    routes: Sequence[str]
    child: str = "mlpack.packing.tensors.torch_child"

    def task(self, route: str, folder: Path) -> StudyTask:
        return StudyTask(
            model=self.model,
            example=self.example,
            positional=self.positional,
            route=route,
            folder=folder,
            paths=(os.getcwd(),) if "" in sys.path else (),  # noqa: PTH109  (what an empty entry stands for)
        )


def tensor_model(model: Any, example: object) -> _Torch:  # noqa: ANN401  (any module)
    """Return a module and its example call, ready for a child process.

    Raises:
        MissingExtraError: onnxscript or cloudpickle is not installed.
        ModelError: It cannot be sent to another process.
        ExampleError: The example is no call of tensors.
    """
    from mlpack.packing.tensors.flat import positional_names

    arrays, positional = named_arrays(example, lambda count: positional_names(model, count))
    return _Torch(
        original=f"{type(model).__module__}.{type(model).__qualname__}",
        subject=model,
        model=_handed_over(model),
        example=arrays,
        positional=positional,
        routes=(RECURRENT, *ROUTES) if _is_recurrent(model) else ROUTES,
    )


def _is_recurrent(model: Any) -> bool:  # noqa: ANN401
    import torch

    scripted = isinstance(model, torch.jit.ScriptModule)
    return not scripted and any(isinstance(part, torch.nn.RNNBase) for part in model.modules())


def _dumped(model: Any) -> bytes:  # noqa: ANN401
    """Return a module as cloudpickle writes it, with weights as parametrisations compute them.

    These make a class for every module, which torch refuses to pickle; what they compute is a plain weight
    once the model is trained. The module itself is left as it is.
    """
    import io

    import cloudpickle
    import torch
    from torch.nn.utils import parametrize

    from mlpack.packing.tensors.flat import blank

    class Pickler(cloudpickle.CloudPickler):  # type: ignore[misc]
        def reducer_override(self, obj: Any) -> Any:  # noqa: ANN401
            if not isinstance(obj, torch.nn.Module) or not parametrize.is_parametrized(obj):
                return super().reducer_override(obj)
            state = {**obj.__dict__, "_parameters": dict(obj._parameters), "_modules": dict(obj._modules)}  # noqa: SLF001
            for name, steps in state["_modules"].pop("parametrizations").items():
                was = [(part, part.training) for part in steps.modules()]
                steps.eval()  # spectral_norm would go on with its iteration
                with torch.no_grad():
                    state["_parameters"][name] = torch.nn.Parameter(getattr(obj, name).clone())
                for part, training in was:
                    part.training = training
            return blank, (type(obj).__bases__[0],), state

    buffer = io.BytesIO()
    Pickler(buffer).dump(model)
    return buffer.getvalue()


def _handed_over(model: Any) -> bytes:  # noqa: ANN401
    """Return the module as bytes that a process of ours reads back; classes of a notebook travel along."""
    try:
        import cloudpickle  # noqa: F401  (carries classes of a notebook)
        import onnxscript  # noqa: F401  (torch.onnx needs it, in the child)
    except ImportError as error:
        raise MissingExtraError(
            f"packing a PyTorch module needs {error.name}", hint="pip install 'mlpack-sdk[torch]'"
        ) from error
    import torch

    if isinstance(model, torch.jit.ScriptModule):
        import io

        buffer = io.BytesIO()
        torch.jit.save(model, buffer)
        return b"torchscript:" + buffer.getvalue()
    try:
        content = _dumped(model)
    except (pickle.PicklingError, TypeError, AttributeError, RuntimeError, RecursionError) as error:
        raise ModelError(f"cannot be sent to another process: {error}", where="model") from error
    return content
