"""Proving a model of tensors: routes are tried in children, every probe is compared through the runtime."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, cast

from mlpack.errors import ExampleError, ExportError, UsageError
from mlpack.format.contract import Contract
from mlpack.format.evidence import Golden
from mlpack.format.names import CERTIFICATES
from mlpack.format.stored import WEIGHTS_FEATURE
from mlpack.format.text_models import TOKENIZER_FEATURE, TOKENIZER_PATH
from mlpack.packing.adapters import Description
from mlpack.packing.child import ChildFailedError, run_child
from mlpack.packing.environment.wording import plain_reason
from mlpack.packing.evidence.parity import Asked, Measurement, measure
from mlpack.packing.evidence.probes import Probe
from mlpack.packing.notices import PackWarning
from mlpack.packing.tensors.drafting import contract_of, golden_of, output_shape, sizes_of, spreads_of
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
            golden=golden_of(contract, study.calls, golden),
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
        contract = contract_of(study, withheld)
        asked = _asked(study.calls, contract, withheld)
        measured = measure(
            contract,
            _artifact(study),
            asked,
            spreads_of(contract, study.calls[0]),
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
    if measured.certificate is None or CERTIFICATES.index(measured.certificate) > CERTIFICATES.index(wanted):
        worst = max(measured.methods, key=lambda item: item.worst)
        short = (
            f"{worst.method} is off by {worst.worst:.3g} of the spread: {measured.certificate}, not {wanted}"
        )
        return "; ".join(measured.complaints[:3]) or short
    return contract, measured


def _without_nothing(study: Study) -> Study:
    """Return the study with empty batches refused where the shape of their answer follows from values."""
    shapes = [output_shape(study, part) for part in study.outputs]
    if not any(None in shape for shape in shapes):
        return study
    some = {name: replace(item, minimum=max(item.minimum, 1)) for name, item in study.dimensions.items()}
    kept = [call for call in study.calls if 0 not in sizes_of(study, call).values()]
    return replace(study, dimensions=some, calls=kept)


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
