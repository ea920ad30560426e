"""Proving a model of tensors: routes are tried in children, every probe is compared through the runtime."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, cast

from mlpack.errors import ExampleError, ExportError, ModelError, UsageError
from mlpack.format.contract import Contract, DType, Input, Output
from mlpack.format.evidence import Golden, encode_cell
from mlpack.format.stored import WEIGHTS_FEATURE
from mlpack.format.text_models import TOKENIZER_FEATURE, TOKENIZER_PATH
from mlpack.packing.adapters import Description
from mlpack.packing.child import ChildFailedError, run_child
from mlpack.packing.environment.wording import plain_reason
from mlpack.packing.evidence.parity import Asked, Measurement, measure
from mlpack.packing.evidence.probes import Probe
from mlpack.packing.notices import PackWarning
from mlpack.packing.tensors.study import Call, Study, StudyTask

if TYPE_CHECKING:
    import numpy as np

    from mlpack.format.artifact import Artifact
    from mlpack.format.evidence import Parity
    from mlpack.packing.assembly import Certificate

__all__ = ["TensorModel", "TensorProof", "prove_tensors"]

SECONDS = 900.0
"""For one route: importing, exporting and asking."""

MEMORY = 48 << 30
"""Address space of a child; the libraries alone reserve several GB of it."""

MOST_GOLDEN = 12
MOST_GOLDEN_VALUES = 20_000
"""Numbers that golden.json may hold, inputs and outputs together."""


class TensorModel(Protocol):
    """What a framework's adapter knows of a model before any child has seen it."""

    @property
    def original(self) -> str:
        """Qualified class name."""
        ...

    @property
    def subject(self) -> object:
        """The model as an object of its framework, however handed over; `training.json` is about it."""
        ...

    @property
    def child(self) -> str:
        """Module whose `main` studies such models."""
        ...

    @property
    def routes(self) -> Sequence[str]:
        """Ways to ONNX, in order."""
        ...

    def task(self, route: str, folder: Path) -> StudyTask:
        """Return what the child is asked; what is too large for a pipe goes into the folder."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class TensorProof:
    """What is known of a model of tensors once it has been exported and measured."""

    description: Description
    contract: Contract
    artifact: Artifact
    parity: Parity
    golden: Golden


def prove_tensors(
    model: TensorModel,
    *,
    methods: Sequence[str] | None,
    certificate: Certificate,
    golden: Literal["synthetic", "sample"],
    folder: Path,
) -> TensorProof:
    """Export a model of tensors and measure that it agrees with the original.

    Large constants are left in `folder`, which must be empty, and stay there until the bundle is written.

    Raises:
        UsageError: A method is asked for that such models do not have.
        ModelError: The model cannot be packed whatever the route.
        ExampleError: The model rejects the example.
        ExportError: No route agrees within the certificate.
    """
    if methods is not None and tuple(methods) != ("predict",):
        raise UsageError("a model of tensors offers predict alone", where="methods")
    rejected: list[tuple[str, str]] = []
    for route in model.routes:
        study = _study(model, route, folder)
        if study.refusal:
            rejected.append((route, study.refusal))
            if study.final:
                break
            continue
        found = _measured(study, certificate)
        if isinstance(found, str):
            rejected.append((route, found))
            continue
        contract, measured = found
        for note in study.notes:
            warnings.warn(note, PackWarning, stacklevel=4)
        return TensorProof(
            description=_description(model, study),
            contract=contract,
            artifact=_artifact(study),
            parity=measured.parity(route, 1, rejected),
            golden=_golden(contract, study.calls, golden),
        )
    raise ExportError(
        f"no route to ONNX agrees with the original within {certificate!r}",
        where="model",
        problems=tuple(f"{route}: {plain_reason(reason)}" for route, reason in rejected),
        hint="" if certificate == "loose" else 'certificate="loose" accepts a larger difference',
    )


def _study(model: TensorModel, route: str, folder: Path) -> Study:
    inside = folder / route
    inside.mkdir(mode=0o700)
    try:
        task = model.task(route, inside)
        return cast("Study", run_child(model.child, task, seconds=SECONDS, memory=MEMORY))
    except ChildFailedError as error:
        return Study(refusal=f"the exporting process {error.message}")


def _description(model: TensorModel, study: Study) -> Description:
    return Description(
        original=model.original,
        architecture=tuple(study.architecture),
        framework=study.framework,
        task="inference",
        methods=("predict",),
        classes=None,
        columns=None,
        width=None,
    )


def _artifact(study: Study) -> Artifact:
    from mlpack.packing.export.graph import graph_artifact

    graph = graph_artifact(study.graph)
    features = ["onnx", "tensors"]
    if TOKENIZER_PATH in study.files:
        features.append(TOKENIZER_FEATURE)
    if study.stored:
        features.append(WEIGHTS_FEATURE)
    return replace(
        graph,
        files={**graph.files, **study.files},
        stored=study.stored,
        requires=tuple(sorted(features)),
        runtime={"onnxruntime": f">={study.onnxruntime}", **study.runtime},
    )


def _measured(study: Study, wanted: Certificate) -> tuple[Contract, Measurement] | str:
    """Return the contract under which the graph agrees, and how closely; or why there is none."""
    answered = [call for call in study.calls if call.outputs is not None]
    if not answered or study.calls[0].outputs is None:
        raise ExampleError("the model rejects it", where="example")
    study = _without_nothing(study)
    withheld = _withheld(study.calls)
    while True:
        contract = _contract(study, withheld)
        asked = _asked(study.calls, contract, withheld)
        measured = measure(
            contract,
            _artifact(study),
            asked,
            _spreads(contract, study.calls[0]),
            threads=1,
            precision=study.precision,
        )
        if isinstance(measured, str):
            return measured
        unusual = {item for item in _unusual(study.calls, measured) if item not in withheld}
        if not unusual:
            break
        # The packed model differs there: the contract refuses such numbers rather than answer otherwise.
        withheld = withheld | unusual
    if measured.certificate is None or _ORDER.index(measured.certificate) > _ORDER.index(wanted):
        worst = max(measured.methods, key=lambda item: item.worst)
        short = (
            f"{worst.method} is off by {worst.worst:.3g} of the spread: {measured.certificate}, not {wanted}"
        )
        return "; ".join(measured.complaints[:3]) or short
    return contract, measured


def _without_nothing(study: Study) -> Study:
    """Return the study with empty batches refused where the shape of their answer follows from values."""
    shapes = [_output_shape(study, part) for part in study.outputs]
    if not any(None in shape for shape in shapes):
        return study
    some = {name: replace(item, minimum=max(item.minimum, 1)) for name, item in study.dimensions.items()}
    kept = [call for call in study.calls if 0 not in _sizes(study, call).values()]
    return replace(study, dimensions=some, calls=kept)


_ORDER = ("exact", "tight", "loose")


def _withheld(calls: Sequence[Call]) -> frozenset[tuple[str, str]]:
    """Return (input, kind) of what the original itself refuses."""
    return frozenset(
        (call.name.partition(":")[0], call.kind)
        for call in calls
        if call.kind != "ordinary" and call.outputs is None
    )


def _unusual(calls: Sequence[Call], measured: Measurement) -> set[tuple[str, str]]:
    """Return (input, kind) of the unusual numbers that complaints are about."""
    found = set()
    for call in calls:
        if call.kind != "ordinary" and any(text.startswith(f"{call.name}: ") for text in measured.complaints):
            found.add((call.name.partition(":")[0], call.kind))
    return found


def _asked(calls: Sequence[Call], contract: Contract, withheld: frozenset[tuple[str, str]]) -> list[Asked]:
    """Return the probes with the original's answers; what the contract withholds counts as refused."""
    asked = []
    for call in calls:
        apart = call.kind != "ordinary" and (call.name.partition(":")[0], call.kind) in withheld
        answers: dict[str, np.ndarray] | Exception
        if call.outputs is None or apart:
            answers = ValueError("refused")
        else:
            answers = {output.key: call.outputs[output.name or ""] for output in contract.outputs}
        asked.append(Asked(probe=Probe(name=call.name, columns=call.inputs), answers=[answers]))
    return asked


def _contract(study: Study, withheld: frozenset[tuple[str, str]]) -> Contract:
    first = study.calls[0]
    assert first.outputs is not None  # noqa: S101  (checked by the caller)
    inputs = tuple(
        Input(
            name=name,
            tensor=facts.tensor,
            dtype=cast("DType", _dtype(first.inputs[name])),
            source=str(first.inputs[name].dtype),
            nulls=first.inputs[name].dtype.kind == "f" and (name, "NaN") not in withheld,
            infinities=first.inputs[name].dtype.kind == "f" and (name, "infinity") not in withheld,
            shape=facts.shape,
            bounds=facts.bounds,
        )
        for name, facts in study.inputs.items()
    )
    outputs = tuple(
        Output(
            method="predict",
            tensor=tensor,
            dtype=first.outputs[part].dtype.name,
            shape=_output_shape(study, part),
            name=part or None,
            classes=study.classes.get(part),
        )
        for part, tensor in study.outputs.items()
    )
    return Contract(layout="tensors", inputs=inputs, outputs=outputs, dimensions=dict(study.dimensions))


def _dtype(array: np.ndarray) -> str:
    return "string" if array.dtype.kind in "OU" else array.dtype.name


def _output_shape(study: Study, part: str) -> tuple[int | str | None, ...]:
    """Return what every answer's shape has in common: sizes, or dimensions that they always equal."""
    seen: list[tuple[Mapping[str, int], tuple[int, ...]]] = [
        (_sizes(study, call), call.outputs[part].shape) for call in study.calls if call.outputs is not None
    ]
    rank = len(seen[0][1])
    if any(len(shape) != rank for _, shape in seen):
        raise ModelError(
            f"the answer {part!r} differs in its number of dimensions from call to call", where="model"
        )
    shape: list[int | str | None] = []
    for axis in range(rank):
        found = {shape_[axis] for _, shape_ in seen}
        named = [
            name for name in study.dimensions if all(sizes[name] == shape_[axis] for sizes, shape_ in seen)
        ]
        shape.append(named[0] if named else found.pop() if len(found) == 1 else None)
    return tuple(shape)


def _sizes(study: Study, call: Call) -> dict[str, int]:
    return {
        size: call.inputs[name].shape[axis]
        for name, facts in study.inputs.items()
        for axis, size in enumerate(facts.shape)
        if isinstance(size, str)
    }


def _spreads(contract: Contract, example: Call) -> dict[str, float]:
    import numpy as np

    spreads = {}
    for output in contract.outputs:
        assert example.outputs is not None  # noqa: S101  (checked before)
        answer = example.outputs[output.name or ""]
        finite = answer[np.isfinite(answer)].astype(np.float64) if answer.dtype.kind == "f" else np.zeros(0)
        spreads[output.key] = float(finite.std()) if finite.size and finite.std() > 0 else 1.0
    return spreads


def _golden(contract: Contract, calls: Sequence[Call], origin: Literal["synthetic", "sample"]) -> Golden:
    """Return calls that tell a runtime that computes otherwise, small enough to read."""
    chosen: list[Call] = []
    spent = 0
    for call in calls:
        if (not call.golden and origin == "synthetic") or call.outputs is None or call.kind != "ordinary":
            continue
        size = sum(value.size for value in (*call.inputs.values(), *call.outputs.values()))
        if chosen and (spent + size > MOST_GOLDEN_VALUES or len(chosen) == MOST_GOLDEN):
            continue
        spent += size
        chosen.append(call)
    if not chosen:
        raise ModelError("the model refuses every call that was drawn", where="golden")
    return Golden(
        origin=origin,
        rows=len(chosen),
        inputs={item.name: [_cells(call.inputs[item.name]) for call in chosen] for item in contract.inputs},
        outputs={
            item.key: [_cells(call.outputs[item.name or ""]) for call in chosen if call.outputs is not None]
            for item in contract.outputs
        },
    )


def _cells(array: np.ndarray) -> dict[str, list[object]]:
    return {"shape": list(array.shape), "values": [encode_cell(value) for value in array.ravel().tolist()]}
