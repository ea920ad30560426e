"""The export ladder: from the most exact way to ONNX to the least, one candidate at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from mlpack.errors import UsageError

if TYPE_CHECKING:
    from mlpack.format.contract import Contract

__all__ = ["RUNGS", "Candidate", "Refusal", "candidates"]

RUNGS = ("emitters-float64", "skl2onnx-float64", "skl2onnx-float32")
"""In ladder order: our own emitters, then the public converter in double, then in single precision."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A graph to be measured against the model.

    Attributes:
        rung: One of `RUNGS`.
        model: Canonical serialised ModelProto.
    """

    rung: str
    model: bytes


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
    model: object, contract: Contract, *, rungs: Sequence[str] | None = None
) -> Iterator[Candidate | Refusal]:
    """Yield one result per rung, lazily: a rung is tried when the caller asks for it.

    Args:
        model: A fitted scikit-learn estimator or pipeline.
        contract: Inputs and outputs that the graph must have, exactly.
        rungs: Which rungs to try; default: all. Always in ladder order.

    Raises:
        UsageError: An unknown rung.
    """
    for rung in rungs or ():
        if rung not in RUNGS:
            raise UsageError(f"unknown rung {rung!r}", where="rungs", hint=f"known: {', '.join(RUNGS)}")
    return (_climb(rung, model, contract) for rung in RUNGS if rungs is None or rung in rungs)


def _climb(rung: str, model: object, contract: Contract) -> Candidate | Refusal:
    from mlpack.packing.export import converters, emission
    from mlpack.packing.export.graph import Unsupported

    steps: dict[str, Callable[[object, Contract], bytes]] = {
        "emitters-float64": emission.emit,
        "skl2onnx-float64": _converter(converters.convert, "float64"),
        "skl2onnx-float32": _converter(converters.convert, "float32"),
    }
    try:
        return Candidate(rung=rung, model=steps[rung](model, contract))
    except Unsupported as refused:
        return Refusal(rung=rung, reason=" ".join(str(refused).split()))


def _converter(
    convert: Callable[..., bytes], precision: Literal["float64", "float32"]
) -> Callable[[object, Contract], bytes]:
    return lambda model, contract: convert(model, contract, precision=precision)
