"""The child process that asks an ONNX file, as it was given, and brings it into canonical form."""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlpack.errors import MlpackError
from mlpack.format.stored import StoredFile
from mlpack.format.tensors import Dimension
from mlpack.packing.tensors.asking import (
    MOST_ROWS,
    Asker,
    learn_bounds,
    learn_range,
    sampled_rows,
)
from mlpack.packing.tensors.probes import Probes, ask_within
from mlpack.packing.tensors.study import Arrays, InputFacts, Study, StudyTask
from mlpack.packing.tensors.weights import data_files, large_canonical
from mlpack.runtime._tensors import ELEMENTS

if TYPE_CHECKING:
    import onnx

    from mlpack.runtime.session import Session

__all__ = ["main"]


def main() -> None:
    """Read a task from standard input, write the study to the real standard output."""
    out = os.dup(1)
    os.dup2(2, 1)  # what the engine prints must not get into the answer
    task: StudyTask = pickle.load(sys.stdin.buffer)  # noqa: S301  (written by our own parent process)
    study = study_graph(task)
    with os.fdopen(out, "wb") as stream:
        stream.write(pickle.dumps(study))


def study_graph(task: StudyTask) -> Study:
    """Return what the file itself answers, and the bytes that are to be packed."""
    import onnxruntime

    try:
        session, proto = _opened(task.model)
        graph, stored = _packed(task, proto)
    except MlpackError as error:
        return Study(refusal=" ".join(str(error).split()), final=True)
    except ValueError as error:
        return Study(refusal=f"it has no canonical form: {error}")
    if problem := _foreign(session, task.example):
        return Study(refusal=problem, final=True)
    outputs = [item.name for item in session.get_outputs()]
    parts = [""] if len(outputs) == 1 else outputs
    asker = Asker(model=lambda call: dict(zip(parts, session.run(outputs, dict(call)), strict=True)))
    example = sampled_rows(task.example, MOST_ROWS) if _batched(session) else dict(task.example)
    if not asker.accepts(example):
        example = dict(task.example)
    session.run(outputs, example)  # an error here is the caller's to see
    axes = _axes(session)
    dimensions = {
        name: learn_range(asker, example, places, Dimension(minimum=1)) for name, places in axes.items()
    }
    facts = {
        item.name: InputFacts(
            shape=tuple(_size(item.name, axis, size) for axis, size in enumerate(item.shape)),
            bounds=learn_bounds(asker, example, item.name) if example[item.name].dtype.kind in "iu" else None,
            tensor=item.name,
        )
        for item in session.get_inputs()
    }
    probes = Probes(
        example=example,
        base=_base(example, axes),
        axes=axes,
        dimensions=dimensions,
        bounds={name: fact.bounds for name, fact in facts.items() if fact.bounds is not None},
    )
    probes, calls = ask_within(asker, probes)
    return Study(
        graph=graph,
        stored=stored,
        inputs={name: replace(fact, bounds=probes.bounds.get(name)) for name, fact in facts.items()},
        outputs=dict(zip(parts, outputs, strict=True)),
        dimensions=dimensions,
        calls=calls,
        architecture=sorted({node.op_type for node in proto.graph.node})[:50],
        framework=("onnx", _producer(proto)),
        precision="float32-network",
        onnxruntime=_oldest(proto, onnxruntime.__version__),
    )


def _opened(model: bytes | Path) -> tuple[Session, onnx.ModelProto]:
    """Return the original, running, and as a message without the data in files beside it."""
    import onnx

    from mlpack.runtime.session import open_session

    content = model if isinstance(model, bytes) else model.read_bytes()
    proto = onnx.load_model_from_string(content)
    beside = {} if isinstance(model, bytes) else data_files(proto, model)
    return open_session(content, data=beside), proto


def _packed(task: StudyTask, proto: onnx.ModelProto) -> tuple[bytes, dict[str, StoredFile]]:
    """Return the graph that is to be packed, and its large constants as files.

    Raises:
        ValueError: It has no canonical form.
    """
    from mlpack.packing.export.canonical import canonical_bytes

    if isinstance(task.model, Path):
        return large_canonical(_inlined(proto), task.model.parent, task.folder)
    return (task.model if task.route == "onnx-as-is" else canonical_bytes(_inlined(proto))), {}


def _inlined(proto: onnx.ModelProto) -> onnx.ModelProto:
    from onnx import inliner

    return inliner.inline_local_functions(proto) if proto.functions else proto


def _producer(proto: onnx.ModelProto) -> str:
    """Return the version of ONNX's operators that the file was written for."""
    own = [item.version for item in proto.opset_import if item.domain in ("", "ai.onnx")]
    return f"opset-{max(own, default=0)}"


def _oldest(proto: onnx.ModelProto, installed: str) -> str:
    """Return the oldest onnxruntime that reads the file: the one here, if 1.22 does not know its opset."""
    known = proto.ir_version <= 11 and all(
        item.version <= {"": 23, "ai.onnx": 23, "ai.onnx.ml": 5, "com.microsoft": 1}.get(item.domain, 10**6)
        for item in proto.opset_import
    )
    return "1.22" if known else ".".join(installed.split(".")[:2])


def _foreign(session: Session, example: Arrays) -> str:
    """Return why inputs or outputs cannot be carried; empty if they can."""
    types = {name: key for key, name in ELEMENTS.items() if key != "datetime"}  # carried as int64, in tables
    for item in (*session.get_inputs(), *session.get_outputs()):
        if item.type not in types:
            return f"{item.name} is {item.type}: a bundle holds tensors of numbers, booleans and strings"
    wanted = [item.name for item in session.get_inputs()]
    if sorted(wanted) != sorted(example):
        return f"the example has {', '.join(sorted(example))}; the file reads {', '.join(sorted(wanted))}"
    for item in session.get_inputs():
        array = example[item.name]
        found = "string" if array.dtype.kind == "O" else array.dtype.name
        if types[item.type] != found or len(item.shape) != array.ndim:
            return (
                f"the example's {item.name} is {found} of {array.ndim} dimensions; "
                f"the file reads {types[item.type]} of {len(item.shape)}"
            )
    return ""


def _size(name: str, axis: int, size: Any) -> int | str:  # noqa: ANN401  (int, str or None)
    if isinstance(size, int) and size > 0:
        return size
    return size if isinstance(size, str) and size else f"{name}_{axis}"


def _axes(session: Session) -> dict[str, Sequence[tuple[str, int]]]:
    axes: dict[str, list[tuple[str, int]]] = {}
    for item in session.get_inputs():
        for axis, size in enumerate(item.shape):
            if isinstance(name := _size(item.name, axis, size), str):
                axes.setdefault(name, []).append((item.name, axis))
    return dict(axes)


def _batched(session: Session) -> bool:
    first = {_size(item.name, 0, item.shape[0]) for item in session.get_inputs() if item.shape}
    return len(first) == 1 and isinstance(first.pop(), str)


def _base(example: Arrays, axes: Mapping[str, Sequence[tuple[str, int]]]) -> Arrays:
    """Return a few rows of the example."""
    rows = {name: value[:5] for name, value in example.items() if value.ndim}
    batch = any(all((name, 0) in places for name in rows) for places in axes.values())
    return {**example, **rows} if batch and rows else example
