"""The export ladder: from the most exact way to ONNX to the least, one candidate at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal

from mlpack.errors import UsageError
from mlpack.runtime.processed import Processed

if TYPE_CHECKING:
    from mlpack.format.artifact import Artifact
    from mlpack.format.contract import Contract
    from mlpack.packing.example import Example

__all__ = ["RUNGS", "Candidate", "Original", "Refusal", "candidates"]

RUNGS = (
    "emitters-float64",
    "hybrid",
    "skl2onnx-float64",
    "skl2onnx-float32",
    "native",
    "code",
    "pickle",
)
"""In ladder order: our own emitters, these behind steps of the host, the public converter in double, then in
single precision, then the model's own library, which reads it from data. The last two run code, and are
climbed only when asked for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Original:
    """What a rung starts from.

    Attributes:
        model: The fitted model.
        contract: Inputs and outputs that its form must have, exactly.
        example: How it takes its rows; None when only graphs are wanted.
    """

    model: object
    contract: Contract
    example: Example | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A form of the model, to be measured against the original.

    Attributes:
        rung: One of `RUNGS`.
        artifact: What would run.
    """

    rung: str
    artifact: Artifact

    @property
    def model(self) -> bytes:
        """The file to load first: for a graph, the canonical serialised ModelProto."""
        return self.artifact.entry


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """Why one rung has no graph.

    Attributes:
        rung: One of `RUNGS`.
        reason: One line that a user can act on.
    """

    rung: str
    reason: str


def candidates(
    model: object,
    contract: Contract,
    *,
    example: Example | None = None,
    rungs: Sequence[str] | None = None,
) -> Iterator[Candidate | Refusal]:
    """Yield one result per rung, lazily: a rung is tried when the caller asks for it.

    Args:
        model: A fitted scikit-learn estimator or pipeline.
        contract: Inputs and outputs that the graph must have, exactly.
        example: How the original takes its rows, for rungs that hand them to code of its own.
        rungs: Which rungs to try; default: all. Always in ladder order.

    Raises:
        UsageError: An unknown rung.
    """
    for rung in rungs or ():
        if rung not in RUNGS:
            raise UsageError(f"unknown rung {rung!r}", where="rungs", hint=f"known: {', '.join(RUNGS)}")
    original = Original(model=model, contract=contract, example=example)
    return (_climb(rung, original) for rung in RUNGS if rungs is None or rung in rungs)


def _climb(rung: str, original: Original) -> Candidate | Refusal:
    from mlpack.packing.export.graph import Unsupported

    steps: dict[str, Callable[[Original], Artifact]] = {
        "emitters-float64": _emitted,
        "hybrid": _hybrid,
        "skl2onnx-float64": partial(_converted, precision="float64"),
        "skl2onnx-float32": partial(_converted, precision="float32"),
        "native": _native,
        "code": _code,
        "pickle": _pickled,
    }
    try:
        return Candidate(rung=rung, artifact=steps[rung](original))
    except Unsupported as refused:
        return Refusal(rung=rung, reason=" ".join(str(refused).split()))


def _emitted(original: Original) -> Artifact:
    from mlpack.packing.export.emission import emit
    from mlpack.packing.export.graph import graph_artifact

    plugins: set[str] = set()
    return graph_artifact(emit(original.model, original.contract, plugins=plugins), plugins=plugins)


def _hybrid(original: Original) -> Artifact:
    from mlpack.packing.export.emission import emit_hybrid
    from mlpack.packing.export.graph import graph_artifact

    plugins: set[str] = set()
    made = emit_hybrid(original.model, original.contract, original.example, plugins=plugins)
    return graph_artifact(*made, plugins=plugins)


def _native(original: Original) -> Artifact:
    from mlpack.packing.export.booster_files import booster_artifact, is_booster
    from mlpack.packing.export.graph import Unsupported
    from mlpack.packing.export.native import native_artifact

    if isinstance(original.model, Processed):
        raise Unsupported(type(original.model.estimator).__name__, "the functions around it are code")
    if original.example is not None and is_booster(original.model):
        return booster_artifact(original.model, original.example)
    return native_artifact(original.model, original.example)


def _code(original: Original) -> Artifact:
    from mlpack.packing.export.code import code_artifact

    return code_artifact(original.model, original.example)


def _pickled(original: Original) -> Artifact:
    from mlpack.packing.export.code import pickle_artifact

    return pickle_artifact(original.model, original.example)


def _converted(original: Original, *, precision: Literal["float64", "float32"]) -> Artifact:
    from mlpack.packing.documents import holds_text
    from mlpack.packing.export import converters
    from mlpack.packing.export.graph import Unsupported, graph_artifact

    if any(item.dtype == "datetime" for item in original.contract.inputs):
        raise Unsupported(type(original.model).__name__, "a column of dates has no form in a graph")
    if isinstance(original.model, Processed):
        name = type(original.model.estimator).__name__
        raise Unsupported(name, "the functions around it have no converter")
    if holds_text(original.model):
        # Its tokens agree for plain ASCII only, and no example proves that other texts never come.
        raise Unsupported(type(original.model).__name__, "text has no exact form in a graph")
    return graph_artifact(converters.convert(original.model, original.contract, precision=precision))
