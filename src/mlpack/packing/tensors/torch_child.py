"""The child process that exports and asks a PyTorch module."""

from __future__ import annotations

import inspect
import os
import pickle
import random
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mlpack.format.evidence import Precision
from mlpack.format.tensors import Dimension
from mlpack.packing.tensors.asking import (
    MOST_ROWS,
    Asker,
    Probes,
    ask,
    batch_axes,
    learn_bounds,
    learn_range,
    resized,
    sampled_rows,
    tied,
)
from mlpack.packing.tensors.study import Arrays, InputFacts, Study, StudyTask
from mlpack.packing.tensors.torch_export import Exported, NoExportError, export
from mlpack.packing.tensors.weights import LARGE

if TYPE_CHECKING:
    import torch

__all__ = [
    "FlatModule",
    "answer_task",
    "architecture",
    "leaves",
    "main",
    "module_size",
    "positional_names",
    "prepared",
    "read_pickle",
    "torch_version",
]

SCRIPTED = b"torchscript:"
"""Stands before a TorchScript archive, which pickle cannot carry."""

TRACE_ROWS = 5
"""Rows that are traced: more than 1, which an export takes for a constant, and no size of anything else."""


def main() -> None:
    """Read a task from standard input, write the study to the real standard output."""
    answer_task(_study)


def answer_task(study: Callable[[StudyTask], Study]) -> None:
    """Answer one task on the real standard output, whatever libraries and the model print meanwhile."""
    out = os.dup(1)
    os.dup2(2, 1)
    task: StudyTask = pickle.load(sys.stdin.buffer)  # noqa: S301  (written by our own parent process)
    sys.path.extend(task.paths)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = study(task)
    with os.fdopen(out, "wb") as stream:
        stream.write(pickle.dumps(found))


def prepared(module: Any) -> torch.nn.Module:  # noqa: ANN401  (a torch module of any class)
    """Return the module as it is asked and exported: evaluating, on one thread, without its own cache."""
    import logging

    import torch

    logging.disable(logging.CRITICAL)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(mode=True, warn_only=True)
    torch.set_grad_enabled(False)
    ready: torch.nn.Module = module.eval()
    config = getattr(ready, "config", None)
    if config is not None and getattr(config, "use_cache", None):
        config.use_cache = False  # what a text generator keeps for its next token is no answer
    return ready


def torch_version() -> str:
    """Return the version of torch without the name of its build."""
    import torch

    return str(torch.__version__).partition("+")[0]


def _study(task: StudyTask) -> Study:
    module = prepared(_module(task.model))
    flat = FlatModule(module, list(task.example), task.positional)
    example = sampled_rows(task.example, MOST_ROWS)
    asker = Asker(model=flat.answer, double=flat.in_double())
    if problem := _foreign_type(module) or _unusable(flat, asker, example):
        return Study(refusal=problem, final=True)
    base = _base(asker, example)
    try:
        made = export(flat, base, route=task.route, folder=task.folder)
    except NoExportError as error:
        return Study(refusal=str(error), final=error.final)
    if problem := _one_batch_only(asker, base, made):
        return Study(refusal=problem)
    return _studied(flat, asker, example, base, made)


def _unusable(flat: FlatModule, asker: Asker, example: Arrays) -> str:
    """Return why the model cannot be packed whatever the route; empty if it can.

    Raises:
        Exception: The model rejects the example: the caller's to see.
    """
    if problem := flat.problem(flat.answer(example)):
        return problem
    return "" if _repeats(asker, example) else "the model answers the same call differently each time"


def _studied(flat: FlatModule, asker: Asker, example: Arrays, base: Arrays, made: Exported) -> Study:
    """Return the study of a graph: sizes, numbers and calls."""
    answer = flat.answer(example)
    axes, dimensions, notes = _dimensions(asker, base, made)
    facts = _facts(asker, base, made, axes)
    probes = Probes(
        example=example,
        base=base,
        axes=axes,
        dimensions=dimensions,
        bounds={name: fact.bounds for name, fact in facts.items() if fact.bounds is not None},
    )
    calls = ask(asker, probes)
    if not _repeats(asker, example, expected=answer):
        return Study(refusal="the model keeps something from one call to the next", final=True)
    return Study(
        graph=made.graph,
        stored=made.stored,
        inputs=facts,
        outputs=dict(zip(flat.parts, made.outputs, strict=True)),
        dimensions=dimensions,
        calls=calls,
        notes=notes,
        architecture=architecture(flat.module),
        precision=_precision(flat.module, base),
        framework=("torch", torch_version()),
    )


def read_pickle(content: bytes | Path) -> Any:  # noqa: ANN401  (whatever our own parent process wrote)
    """Return what the parent process handed over, in memory or in a file."""
    if isinstance(content, bytes):
        return pickle.loads(content)  # noqa: S301  (written by our own parent process)
    with content.open("rb") as file:
        return pickle.load(file)  # noqa: S301  (the same)


def _module(content: bytes | Path) -> Any:  # noqa: ANN401  (a torch module of any class)
    import io

    import torch

    if isinstance(content, bytes) and content.startswith(SCRIPTED):
        return torch.jit.load(io.BytesIO(content.removeprefix(SCRIPTED)))
    return read_pickle(content)


def _foreign_type(module: torch.nn.Module) -> str:
    import torch

    for name, tensor in (*module.named_parameters(), *module.named_buffers()):
        if tensor.dtype == torch.bfloat16:
            return f"{name} is bfloat16, which onnxruntime cannot multiply on a CPU: pack model.float()"
        if tensor.is_complex():
            return f"{name} holds complex numbers, which ONNX has no operators for"
        if tensor.device.type != "cpu":
            return f"{name} is on {tensor.device.type}: pack model.cpu()"
    return ""


def _precision(module: torch.nn.Module, base: Arrays) -> Precision:
    import torch

    tensors = (*module.parameters(), *module.buffers())
    types = {tensor.dtype for tensor in tensors if tensor.is_floating_point()}
    types |= {torch.from_numpy(value).dtype for value in base.values() if value.dtype.kind == "f"}
    if torch.float16 in types:
        return "float16-network"
    # A model without numbers of its own computes in torch's default type as soon as it divides.
    return "float64" if types == {torch.float64} else "float32-network"


def architecture(module: torch.nn.Module) -> list[str]:
    """Return the class names of a module and its parts, outermost first, each once."""
    names: dict[str, None] = {}
    for part in module.modules():
        names.setdefault(type(part).__name__)
    return list(names)[:50]


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

    def __init__(self, module: torch.nn.Module, names: Sequence[str], positional: int) -> None:
        """Keep how the original is called."""
        self.module = module
        self.names = list(names)
        self.positional = positional
        self.parts: list[str] = []

    @property
    def size(self) -> int:
        """Bytes of its numbers."""
        return module_size(self.module)

    def call(self, tensors: Sequence[Any]) -> list[tuple[str, Any]]:
        """Return what the original answers as named leaves; the only one has no name."""
        named = dict(zip(self.names[self.positional :], tensors[self.positional :], strict=True))
        found = list(leaves(self.module(*tensors[: self.positional], **named), ""))
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
            twin = FlatModule(copy.deepcopy(self.module).double(), self.names, self.positional)
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


def _repeats(asker: Asker, call: Arrays, expected: Mapping[str, np.ndarray] | None = None) -> bool:
    first = asker.answer(call) if expected is None else expected
    again = asker.answer(call)
    if first is None or again is None or first.keys() != again.keys():
        return False
    return all(
        np.array_equal(first[name], again[name], equal_nan=first[name].dtype.kind == "f") for name in first
    )


def _base(asker: Asker, example: Arrays) -> Arrays:
    """Return the call that is traced: a few rows, unless the model takes no other number of them."""
    if batch_axes(example):
        call = resized(example, [(name, 0) for name in example], TRACE_ROWS)
        if asker.accepts(call):
            return call
    return example


def _dimensions(
    asker: Asker, base: Arrays, made: Exported
) -> tuple[dict[str, Any], dict[str, Dimension], list[str]]:
    """Return places and ranges of every dimension, under names of our own, and what is not dynamic."""
    axes: dict[str, list[tuple[str, int]]] = {}
    ranges: dict[str, Dimension] = {}
    taken = 0
    for places, known in tied(asker, base, made.axes, made.ranges):
        first = places[0][1] == 0
        name = "batch" if first and "batch" not in axes else f"size_{taken}"
        taken += name != "batch"
        axes[name] = places
        ranges[name] = learn_range(asker, base, places, known)
    notes = [
        f"input {name!r} is fixed to {base[name].shape[axis]} along axis {axis}: the model is written for it"
        for name, axis in made.frozen
        if _takes_other_sizes(asker, base, name, axis)
    ]
    return axes, _with_empty(asker, base, axes, ranges), notes


def _one_batch_only(asker: Asker, base: Arrays, made: Exported) -> str:
    """Return why a graph for one number of rows is none; empty if the model itself takes no other."""
    rows = [(name, axis) for name, axis in made.frozen if axis == 0]
    if len(rows) < len(base) or not batch_axes(base):
        return ""
    if not any(asker.accepts(resized(base, rows, batch_axes(base) + more)) for more in (1, 2)):
        return ""
    return "the model makes a plain number of its number of rows: the graph would hold for that number alone"


def _takes_other_sizes(asker: Asker, base: Arrays, name: str, axis: int) -> bool:
    have = base[name].shape[axis]
    return any(asker.accepts(resized(base, [(name, axis)], size)) for size in (have + 1, have + 2))


def _with_empty(
    asker: Asker, base: Arrays, axes: Mapping[str, Any], ranges: dict[str, Dimension]
) -> dict[str, Dimension]:
    """Allow a batch of nothing where the original does and the shape of its answer follows from the sizes."""
    if "batch" not in axes or ranges["batch"].minimum != 1:
        return ranges
    answer = asker.answer(resized(base, axes["batch"], 0))
    rows = base[axes["batch"][0][0]].shape[0]
    ordinary = asker.answer(base)
    if answer is None or ordinary is None:
        return ranges
    for name, part in ordinary.items():
        expected = tuple(0 if size == rows and axis == 0 else size for axis, size in enumerate(part.shape))
        if answer[name].shape != expected or 0 not in expected:
            return ranges
    return {**ranges, "batch": Dimension(minimum=0, maximum=ranges["batch"].maximum)}


def _facts(asker: Asker, base: Arrays, made: Exported, axes: Mapping[str, Any]) -> dict[str, InputFacts]:
    facts = {}
    for (name, value), tensor in zip(base.items(), made.inputs, strict=True):
        shape: list[int | str] = list(value.shape)
        for dimension, places in axes.items():
            for input_, axis in places:
                if input_ == name:
                    shape[axis] = dimension
        bounds = learn_bounds(asker, base, name) if value.dtype.kind in "iu" else None
        facts[name] = InputFacts(shape=tuple(shape), tensor=tensor, bounds=bounds)
    return facts


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
