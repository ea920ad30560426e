"""The child process that exports and asks a PyTorch module."""

from __future__ import annotations

import os
import pickle
import sys
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mlpack.format.evidence import Precision
from mlpack.format.tensors import Dimension
from mlpack.packing.tensors.asking import (
    MOST_ROWS,
    Asker,
    batch_axes,
    learn_bounds,
    learn_range,
    resized,
    sampled_rows,
    tied,
)
from mlpack.packing.tensors.flat import FlatModule, read_module
from mlpack.packing.tensors.probes import Probes, ask_within
from mlpack.packing.tensors.study import Arrays, InputFacts, Study, StudyTask
from mlpack.packing.tensors.torch_export import Exported, NoExportError, export

if TYPE_CHECKING:
    import torch

__all__ = [
    "answer_task",
    "architecture",
    "main",
    "prepared",
    "torch_version",
]

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
    module = prepared(read_module(task.model))
    flat = FlatModule(module, list(task.example), task.positional, calling=task.calling)
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
        return Study(refusal=problem, final=True)
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
    probes, calls = ask_within(asker, probes)
    facts = {name: replace(fact, bounds=probes.bounds.get(name)) for name, fact in facts.items()}
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
    return (
        "the model makes a plain number of its number of rows (float(len(x)), a loop over rows), so the "
        "graph would hold for that number alone: keep it a tensor, or use torch.vmap"
    )


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
