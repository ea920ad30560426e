"""Proving a model: its contract, a graph that agrees with it, golden rows; nothing is written or locked."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from mlpack.errors import ExampleError, ExportError, ModelError, UsageError
from mlpack.format.contract import Contract, Method, Output
from mlpack.packing.adapters import Description, find_adapter
from mlpack.packing.assembly import CERTIFICATES, THREADS, Certificate
from mlpack.packing.disclosure import ALL, Disclose, withhold
from mlpack.packing.documents import documents
from mlpack.packing.environment.wording import plain_reason
from mlpack.packing.evidence.golden import make_golden
from mlpack.packing.evidence.native import NativeModel
from mlpack.packing.evidence.parity import Asked, Measurement, ask_original, measure
from mlpack.packing.evidence.probes import probes
from mlpack.packing.evidence.rules import base_rows, learn_rules
from mlpack.packing.example import read_example
from mlpack.packing.export.ladder import Refusal, candidates
from mlpack.packing.notices import PackWarning
from mlpack.packing.profile import infer_contract
from mlpack.packing.unsafe import UnsafePickle
from mlpack.runtime.processed import Processed

if TYPE_CHECKING:
    import numpy as np

    from mlpack.format.artifact import Artifact
    from mlpack.format.evidence import Golden, Parity

__all__ = ["PackWarning", "Proof", "prove"]

GRAPHS: Mapping[Certificate, tuple[str, ...]] = {
    "exact": ("emitters-float64", "hybrid", "skl2onnx-float64"),
    "tight": ("emitters-float64", "hybrid", "skl2onnx-float64"),
    "loose": ("emitters-float64", "hybrid", "skl2onnx-float64", "skl2onnx-float32"),
}
"""Rungs to ONNX worth trying for each certificate: single precision never reaches the stronger two."""

Prefer = Literal["onnx", "onnx-only", "native"]
"""onnx: a graph, or else the model's own library. onnx-only: a graph. native: the model's own library."""

_LOGARITHM: Method = "predict_log_proba"
"""The logarithm of a probability near 0 magnifies its last bit."""

_ASIDE: tuple[Method, ...] = (_LOGARITHM, "score_samples", "transform")
"""Methods beside the ones that a model is made for (`transform` only beside `predict`)."""


class _LogarithmError(ExportError):
    """Nothing but predict_log_proba keeps the model from being exported."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Proof:
    """What is known of a model once it has been exported and measured."""

    native: NativeModel
    description: Description
    contract: Contract
    artifact: Artifact
    parity: Parity
    golden: Golden


def prove(
    model: object,
    example: object,
    *,
    methods: Sequence[str] | None = None,
    certificate: Certificate = "tight",
    golden: Literal["synthetic", "sample"] = "synthetic",
    prefer: Prefer = "onnx",
    code: bool = False,
    disclose: Sequence[Disclose] = ALL,
) -> Proof:
    """Export a model and measure that it agrees with the original; see `mlpack.pack` for the arguments.

    Raises:
        UsageError: An argument is wrong.
        ModelError: The model is not fitted or not of a known kind.
        ExampleError: The example is empty, of a wrong type, or the model rejects it.
        ExportError: No route gives a graph that agrees within the certificate.
    """
    pickled = isinstance(model, UnsafePickle)
    native, description = _read(model.model if isinstance(model, UnsafePickle) else model, example, methods)
    learned = _learn(native, description, disclose=disclose)
    refused: list[tuple[str, str]] = []
    code = code or isinstance(model, Processed)
    if pickled or description.framework[0] == "python":
        return _proof(learned, ("pickle" if pickled else "code",), certificate, golden, refused)
    if prefer != "native":
        try:
            return _proof(learned, GRAPHS[certificate], certificate, golden, refused)
        except ExportError as error:
            fewer = _essential(native.methods, error)
            if methods is None and fewer != tuple(native.methods):
                less = _without(learned, fewer, certificate, golden, error)
                if less is not None:
                    return less
            if prefer == "onnx-only":
                raise
    proof = _proof(learned, ("native", "code") if code else ("native",), certificate, golden, refused)
    if prefer == "onnx" or proof.artifact.format == "code":
        form = "code of your own runs with" if proof.artifact.format == "code" else "it is run by"
        warnings.warn(
            f"no route to ONNX is taken: {form} {', '.join(proof.artifact.runtime)}: "
            + "; ".join(f"{rung}: {plain_reason(reason)}" for rung, reason in refused),
            PackWarning,
            stacklevel=4,
        )
    return proof


def _without(
    learned: _Learned,
    fewer: Sequence[Method],
    certificate: Certificate,
    golden: Literal["synthetic", "sample"],
    error: ExportError,
) -> Proof | None:
    """Return a proof of a graph that lacks methods which nobody asked for by name, if there is one."""
    native = replace(learned.native, methods=fewer)
    try:
        proof = _proof(
            _learn(native, learned.description, disclose=learned.disclose),
            GRAPHS[certificate],
            certificate,
            golden,
            [],
        )
    except ExportError:
        return None  # the reasons for the whole model are the ones to read
    left_out = [method for method in learned.native.methods if method not in fewer]
    warnings.warn(
        f"{', '.join(left_out)} left out of the bundle: no route to ONNX agrees there: "
        + "; ".join(error.problems),
        PackWarning,
        stacklevel=5,
    )
    return proof


def _essential(methods: Sequence[Method], error: ExportError) -> tuple[Method, ...]:
    """Return the methods without those that nobody asked for by name and that stand in the way."""
    aside = {_LOGARITHM} if isinstance(error, _LogarithmError) else set(_ASIDE)
    if "predict" not in methods:
        aside.discard("transform")
    return tuple(method for method in methods if method not in aside)


def _read(model: object, example: object, methods: Sequence[str] | None) -> tuple[NativeModel, Description]:
    adapter = find_adapter(model)
    description = adapter.describe(model)
    rows = read_example(example, description.columns)
    if (
        description.width is not None
        and description.columns is None
        and len(rows.columns) != description.width
    ):
        raise ExampleError(
            f"the model was fitted on {description.width} columns, found {len(rows.columns)}", where="example"
        )
    rows = rows.with_words(documents(model, [column.name for column in rows.columns]))
    chosen = _choose_methods(description, methods)
    native = NativeModel(adapter=adapter, model=model, example=rows, methods=chosen)
    return (native if methods is not None else _without_unimplemented(native)), description


def _without_unimplemented(native: NativeModel) -> NativeModel:
    """Leave out methods that the class has and this model's options have not: they answer for no row."""
    few = base_rows(native.example, 3)
    answers = {method: replace(native, methods=(method,)).answer(few) for method in native.methods}
    kept = [method for method, answer in answers.items() if not isinstance(answer, Exception)]
    if not kept or len(kept) == len(answers):
        return native  # what is wrong with the example is found out where all of it is asked for
    everything = {column.name: column.values for column in native.example.columns}
    for method, answer in answers.items():
        if isinstance(answer, Exception) and not isinstance(answer, NotImplementedError):
            whole = replace(native, methods=(method,)).answer(everything)
            if not isinstance(whole, Exception):
                kept.append(method)
                continue
            warnings.warn(
                f"{method} left out of the bundle: the model refuses the example itself there",
                PackWarning,
                stacklevel=5,
            )
    return replace(native, methods=[method for method in native.methods if method in kept])


def _choose_methods(description: Description, methods: Sequence[str] | None) -> tuple[Method, ...]:
    if methods is None:
        return description.methods
    if isinstance(methods, str) or not (hasattr(methods, "__iter__") and methods):
        raise UsageError('expected a list of method names, such as ("predict",)', where="methods")
    methods = tuple(methods)
    for method in methods:
        if method not in description.methods:
            raise ModelError(
                f"{description.original} does not offer {method!r}",
                where="methods",
                hint=f"it offers {', '.join(description.methods)}",
            )
    return tuple(method for method in description.methods if method in methods)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Learned:
    """Everything that the original was asked, which contract and evidence rest on."""

    native: NativeModel
    description: Description
    contract: Contract
    asked: Sequence[Asked]
    spreads: Mapping[Method, float]
    unbounded: bool
    """Whether there are numbers that the original refuses and the contract lets pass."""
    disclose: Sequence[Disclose]


def _learn(
    native: NativeModel, description: Description, *, disclose: Sequence[Disclose], limits: bool = False
) -> _Learned:
    """Ask the original everything; `limits` also asks for the largest number that each column takes."""
    everything = {column.name: column.values for column in native.example.columns}
    answers = native.answer(everything)
    if isinstance(answers, Exception):
        raise ExampleError(
            f"the model rejects it: {type(answers).__name__}: {plain_reason(str(answers))}",
            where="example",
            hint="pass rows in the very form that the model was fitted on",
        ) from answers
    rules = learn_rules(native, limits=limits)
    shown = infer_contract(native.example, rules, description, answers)
    contract = withhold(shown, native.example.rows, disclose)
    return _Learned(
        native=native,
        description=description,
        contract=contract,
        asked=ask_original(native, probes(native.example, rules)),
        spreads={output.method: _spread(output, answers[output.method]) for output in contract.outputs},
        unbounded=not limits and any(rule.overflows for rule in rules.values()),
        disclose=disclose,
    )


def _spread(output: Output, answer: np.ndarray) -> float:
    """Return what differences are measured against: the standard deviation of the original's answers."""
    import numpy as np

    if output.method == "predict_proba" or (output.method == "predict" and output.classes is not None):
        return 1.0
    if answer.dtype.kind in "UO":
        return 1.0  # texts, which agree or not
    finite = answer[np.isfinite(answer)].astype(np.float64)
    largest = float(np.abs(finite).max(initial=0.0))
    if largest == 0.0:
        return 1.0
    # Scaled first: squares of answers above 1e154 overflow, and no difference is large beside infinity.
    return float((finite / largest).std() * largest) or 1.0


def _proof(
    learned: _Learned,
    rungs: Sequence[str],
    wanted: Certificate,
    golden: Literal["synthetic", "sample"],
    refused: list[tuple[str, str]],
) -> Proof:
    """Return the proof for the first form of the ladder that agrees within the certificate asked for.

    Where the original overflows, a graph of ours says so itself. Only when no form does are the limits
    learnt: that asks the original some fifty times for every column.

    Args:
        learned: The original's answers.
        rungs: Which to climb.
        wanted: The weakest certificate accepted.
        golden: Where golden rows come from.
        refused: Rungs tried before and why they were refused; the ones refused here are added.
    """
    native, before = learned.native, len(refused)
    disagreeing: set[str] = set()
    acceptable = CERTIFICATES[: CERTIFICATES.index(wanted) + 1]
    for candidate in candidates(native.model, learned.contract, example=native.example, rungs=rungs):
        if isinstance(candidate, Refusal):
            refused.append((candidate.rung, candidate.reason))
            continue
        contract = _contract_of(learned.contract, candidate.artifact)
        measured = measure(
            contract,
            candidate.artifact,
            learned.asked,
            learned.spreads,
            threads=THREADS,
            precision=learned.description.precision,
        )
        if isinstance(measured, str):
            refused.append((candidate.rung, measured))
            disagreeing.add("*")
        elif measured.certificate not in acceptable:
            refused.append((candidate.rung, _shortfall(measured, wanted)))
            disagreeing |= measured.weaker_than(wanted)
        else:
            return Proof(
                native=native,
                description=learned.description,
                contract=contract,
                artifact=candidate.artifact,
                parity=replace(
                    measured.parity(candidate.rung, THREADS, refused), plugins=candidate.artifact.plugins
                ),
                golden=make_golden(native, contract, golden),
            )
    if learned.unbounded and "*" in disagreeing:
        del refused[before:]
        again = _learn(native, learned.description, disclose=learned.disclose, limits=True)
        return _proof(again, rungs, wanted, golden, refused)
    kind = _LogarithmError if disagreeing == {_LOGARITHM} else ExportError
    raise kind(
        f"no form of the model agrees with the original within {wanted!r}",
        where="model",
        problems=tuple(f"{rung}: {reason}" for rung, reason in refused),
        hint=_hint(refused, wanted),
    )


def _hint(refused: Sequence[tuple[str, str]], wanted: Certificate) -> str:
    last = refused[-1] if refused else ("", "")
    if last[0] == "native" and "not on the list of reviewed names" in last[1]:
        return "code=True packs classes and functions of your own as source; such a bundle runs code"
    if wanted == "loose":
        return ""
    return 'certificate="loose" also tries single precision, and accepts 1e-5 of the spread'


def _contract_of(contract: Contract, artifact: Artifact) -> Contract:
    """Return the contract that a form is held to: the original itself knows what is too large for it."""
    if artifact.format == "onnx":
        return contract
    return replace(contract, inputs=tuple(replace(item, limit=None) for item in contract.inputs))


def _shortfall(measured: Measurement, wanted: Certificate) -> str:
    if measured.complaints:
        more = f" (and {len(measured.complaints) - 3} more)" if len(measured.complaints) > 3 else ""
        return "; ".join(measured.complaints[:3]) + more
    worst = max(measured.methods, key=lambda item: item.worst)
    return f"{worst.method} is off by {worst.worst:.3g} of the spread: {measured.certificate}, not {wanted}"
