"""Cases of PyTorch: the table of modules, each with its example and calls of its own."""

# ruff: noqa: ANN401 - a model has no type of its own
from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np
from tests.zoo_tensors.case import Call, Case, Made, calls_like

__all__ = ["cases"]

QUICK = ("mlp", "trap: if batch > 2", "lstm, all states")


def cases() -> list[Case]:
    """Return every PyTorch case; the modules themselves are made where they are judged."""
    from tests.zoo_tensors.modules import MODULES

    return [
        Case(group="torch", name=name, make=lambda name=name: _make(name), quick=name in QUICK)  # type: ignore[misc]
        for name in MODULES
    ]


def _make(name: str) -> Made:
    import torch
    from tests.zoo_tensors.modules import MODULES

    torch.manual_seed(7)
    make, example, lengths = MODULES[name]
    module, call = make().eval(), example()
    names = _names(module, call)
    arrays = {key: value.numpy() for key, value in names.items()}
    return Made(
        model=module,
        example=call,
        native=lambda given: _native(module, given, isinstance(call, Mapping)),
        fresh=calls_like(arrays, lengths=lengths),
    )


def _names(module: Any, call: Any) -> dict[str, Any]:
    if isinstance(call, Mapping):
        return dict(call)
    values = call if isinstance(call, tuple) else (call,)
    try:
        known = [
            name for name in inspect.signature(module.forward).parameters if name not in ("args", "kwargs")
        ]
    except ValueError:
        known = []
    return {
        known[index] if index < len(known) else f"input_{index}": value for index, value in enumerate(values)
    }


def _native(module: Any, given: Call, by_name: bool) -> dict[str, np.ndarray]:  # noqa: FBT001
    import torch

    tensors = {name: torch.from_numpy(np.array(value)) for name, value in given.items()}
    with torch.no_grad():
        answer = module(**tensors) if by_name else module(*tensors.values())
    if isinstance(answer, Mapping):
        return {key: value.numpy() for key, value in answer.items()}
    if isinstance(answer, tuple):
        fields = getattr(answer, "_fields", None) or [f"output_{index}" for index in range(len(answer))]
        return {key: value.numpy() for key, value in zip(fields, answer, strict=True)}
    return {"": answer.numpy()}
