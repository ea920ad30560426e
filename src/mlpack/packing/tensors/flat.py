"""A PyTorch module as a function from named arrays to named arrays."""

from __future__ import annotations

import inspect
import pickle
import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mlpack.packing.tensors.study import Arrays, Calling
from mlpack.packing.tensors.weights import LARGE

if TYPE_CHECKING:
    import torch

__all__ = [
    "KERAS",
    "SCRIPTED",
    "FlatModule",
    "blank",
    "leaves",
    "positional_names",
    "read_module",
    "read_pickle",
]

SCRIPTED = b"torchscript:"
"""Stands before a TorchScript archive, which pickle cannot carry."""

KERAS = b"keras:"
"""Stands before a Keras model, which pickle reads back where its classes are known."""


def blank(kind: type) -> Any:  # noqa: ANN401  (of that class)
    """Return an object whose state is set afterwards."""
    return object.__new__(kind)


def read_pickle(content: bytes | Path) -> Any:  # noqa: ANN401  (whatever our own parent process wrote)
    """Return what the parent process handed over, in memory or in a file."""
    if isinstance(content, bytes):
        return pickle.loads(content)  # noqa: S301  (written by our own parent process)
    with content.open("rb") as file:
        return pickle.load(file)  # noqa: S301  (the same)


def read_module(content: bytes | Path) -> Any:  # noqa: ANN401  (a torch module of any class)
    """Return the module that the parent process handed over."""
    import io

    import torch

    if isinstance(content, bytes) and content.startswith(SCRIPTED):
        return torch.jit.load(io.BytesIO(content.removeprefix(SCRIPTED)))
    if isinstance(content, bytes) and content.startswith(KERAS):
        own, saved = pickle.loads(content.removeprefix(KERAS))  # noqa: S301  (the same)
        import keras

        with keras.saving.custom_object_scope(own):
            return pickle.loads(saved)  # noqa: S301  (the same)
    return read_pickle(content)


def module_size(module: torch.nn.Module) -> int:
    """Return how many bytes a module's numbers have."""
    return sum(int(tensor.nbytes) for tensor in (*module.parameters(), *module.buffers()))


class FlatModule:
    """A module as a function from named arrays to named arrays; and as a module of plain tensors.

    Attributes:
        names: Names of the inputs, in order.
        module: The original.
        parts: Names of the parts of the answer, [""] for one; known after the first answer.
    """

    def __init__(
        self,
        module: torch.nn.Module,
        names: Sequence[str],
        positional: int,
        *,
        calling: Calling = "arguments",
    ) -> None:
        """Keep how the original is called."""
        self.module = module
        self.names = list(names)
        self.positional = positional
        self.calling = calling
        self.parts: list[str] = []

    @property
    def size(self) -> int:
        """Bytes of its numbers."""
        return module_size(self.module)

    def call(self, tensors: Sequence[Any]) -> list[tuple[str, Any]]:
        """Return what the original answers as named leaves; the only one has no name."""
        if self.calling == "list":
            answer = self.module(list(tensors))
        elif self.calling == "dict":
            answer = self.module(dict(zip(self.names, tensors, strict=True)))
        else:
            named = dict(zip(self.names[self.positional :], tensors[self.positional :], strict=True))
            answer = self.module(*tensors[: self.positional], **named)
        found = list(leaves(answer, ""))
        return [("", found[0][1])] if len(found) == 1 else found

    def answer(self, arrays: Arrays) -> Mapping[str, np.ndarray]:
        """Return what the original answers to one call."""
        import torch

        random.seed(0)
        np.random.seed(0)  # noqa: NPY002  (the model's own generator, not ours)
        tensors = [torch.from_numpy(np.array(arrays[name], order="C")) for name in self.names]
        found = self.call(tensors)
        self.parts = [name for name, _ in found]
        return {name: np.array(_numbers(leaf)) for name, leaf in found}

    def in_double(self) -> Callable[[Arrays], Mapping[str, np.ndarray]] | None:
        """Return the same function in double precision; None where the module cannot be copied."""
        import copy

        import torch

        if isinstance(self.module, torch.jit.ScriptModule) or self.size >= LARGE:
            return None  # of a large one, there is no room for another
        try:
            twin = FlatModule(
                copy.deepcopy(self.module).double(), self.names, self.positional, calling=self.calling
            )
        except (RuntimeError, TypeError, AttributeError):
            return None

        def answer(arrays: Arrays) -> Mapping[str, np.ndarray]:
            wide = {k: v.astype(np.float64) if v.dtype.kind == "f" else v for k, v in arrays.items()}
            return twin.answer(wide)

        return answer

    def problem(self, answer: Mapping[str, np.ndarray]) -> str:
        """Return why the answer cannot be carried; empty if it can."""
        if not answer or len(set(self.parts)) != len(self.parts):
            return "the model returns no tensor, or two of one name"
        for name, part in answer.items():
            if part.dtype.kind not in "fiub" or part.dtype.name in ("uint16", "uint32", "uint64"):
                return f"the model returns {part.dtype} {name}, which a bundle cannot hold"
        return ""

    def as_module(self) -> torch.nn.Module:
        """Return a module that takes the tensors by position and returns a tuple of tensors."""
        import torch

        outer = self

        class Flat(torch.nn.Module):  # type: ignore[misc]
            def __init__(self) -> None:
                super().__init__()
                self.inner = outer.module

            def forward(self, *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
                return tuple(leaf for _, leaf in outer.call(tensors))

        return Flat().eval()


def _numbers(leaf: Any) -> np.ndarray:  # noqa: ANN401  (a tensor, or what a model returns instead)
    import torch

    if not isinstance(leaf, torch.Tensor):
        raise TypeError(f"the model returns {type(leaf).__name__} where a tensor is expected")
    found: np.ndarray = leaf.detach().cpu().numpy()
    return found


def leaves(value: Any, name: str) -> Any:  # noqa: ANN401  (whatever a model returns)
    """Yield (name, tensor) of a nested answer, depth first; what is None is left out."""
    if value is None:
        return
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key != "past_key_values":  # what a text generator keeps for its next token is no answer
                yield from leaves(item, f"{name}.{key}" if name else str(key))
    elif isinstance(value, tuple) and hasattr(value, "_fields"):
        for key, item in zip(value._fields, value, strict=True):
            yield from leaves(item, f"{name}.{key}" if name else str(key))
    elif isinstance(value, (tuple, list)):
        if len(value) == 1:
            yield from leaves(value[0], name)
            return
        for index, item in enumerate(value):
            yield from leaves(item, f"{name}.{index}" if name else f"output_{index}")
    else:
        yield name, value


def positional_names(module: torch.nn.Module, count: int) -> list[str]:
    """Return the names of the first parameters of `forward`."""
    try:
        parameters = list(inspect.signature(module.forward).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    plain = [
        item.name for item in parameters if item.kind in (item.POSITIONAL_ONLY, item.POSITIONAL_OR_KEYWORD)
    ]
    return [plain[index] if index < len(plain) else f"input_{index}" for index in range(count)]
