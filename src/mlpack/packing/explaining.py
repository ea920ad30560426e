"""What becomes of each step of a model when it is packed: where it goes, why, and what to change."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

from mlpack.errors import ExampleError, ExportError, MlpackError
from mlpack.packing.advice import advice
from mlpack.packing.assembly import CERTIFICATES, Certificate, check_choice
from mlpack.packing.processing import between
from mlpack.packing.proving import PackWarning, Prefer, Proof, prove
from mlpack.packing.steps import Step, steps_of

if TYPE_CHECKING:
    from mlpack.show.facts import Facts

__all__ = ["ExportExplanation", "StepReport", "explain_export"]

ROWS = 300
"""Rows of the example that each step is looked at with; the model as a whole gets all of them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StepReport:
    """What becomes of one step, measured on the rows that reach it.

    Attributes:
        path: Names of the steps that lead here, joined by dots; empty for a model that is one step.
        kind: Class name, or `passthrough`, `drop`.
        columns: Number of columns that reach it; None where it was not asked.
        route: Rung of the ladder that carries it; empty when none does.
        certificate: Strongest certificate that it reaches by itself; empty when none.
        reason: Why no route, or no better one, took it; empty when there is nothing to say.
        change: What its author can do about it; empty when there is nothing to do.
    """

    path: str
    kind: str
    columns: int | None
    route: str
    certificate: str
    reason: str
    change: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportExplanation:
    """What packing would make of a model, step by step; shows itself in a notebook, and as text by `str()`.

    Attributes:
        original: Class name of the model.
        wanted: Weakest certificate that was asked for.
        packs: Whether `pack` would take the model.
        route: Rung of the ladder that carries it as a whole; empty when none does.
        certificate: Certificate of the whole; empty when it does not pack.
        methods: Method -> certificate.
        steps: One report per step, in the order in which rows meet them.
        problems: Why the routes that were tried before, or all of them, were not taken.
        warnings: What `pack` would warn of.
    """

    original: str
    wanted: str
    packs: bool
    route: str
    certificate: str
    methods: dict[str, str]
    steps: tuple[StepReport, ...]
    problems: tuple[str, ...]
    warnings: tuple[str, ...]

    def facts(self) -> Facts:
        """Return what there is to say."""
        from mlpack.packing.explained import explanation_facts

        return explanation_facts(self)

    def __str__(self) -> str:
        """Return it as text."""
        from mlpack.show.text import render_text

        return render_text(self.facts())

    def _repr_html_(self) -> str:
        from mlpack.show.html import render_html

        return render_html(self.facts())


def explain_export(
    model: object,
    example: object,
    *,
    methods: Sequence[str] | None = None,
    certificate: Certificate = "tight",
    prefer: Prefer = "onnx",
    code: bool = False,
    preprocess: Callable[[Any], Any] | None = None,
    postprocess: Callable[[Any], Any] | None = None,
) -> ExportExplanation:
    """Say what becomes of each step of a model when it is packed, whether it packs or not. Writes nothing.

    The whole model goes through the proof that `pack` asks for. Then every step is proved by itself, on the
    rows that reach it, so that the one in the way is named with its reason.

    Args:
        model: A fitted model, as for `mlpack.pack`.
        example: Rows as the model was fitted on, as for `mlpack.pack`.
        methods: Methods to offer; None takes all that the model has.
        certificate: Weakest parity that would be accepted.
        prefer: What would be packed, as for `mlpack.pack`.
        code: Whether classes and functions of your own may come along as source.
        preprocess: Function before the model, as for `mlpack.pack`.
        postprocess: Function after it.

    Raises:
        UsageError: An argument is wrong.
        ModelError: The model is not fitted or not of a known kind.
        ExampleError: The example is empty, of a wrong type, or the model rejects it.
    """
    check_choice("certificate", certificate, CERTIFICATES)
    check_choice("prefer", prefer, get_args(Prefer))
    original = type(model).__name__
    model = between(model, example, preprocess=preprocess, postprocess=postprocess, methods=methods)
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always", PackWarning)
        whole = _whole(model, example, methods, certificate, prefer, code=code)
    said = tuple(str(item.message) for item in heard if issubclass(item.category, PackWarning))
    proof = whole if isinstance(whole, Proof) else None
    parity = None if proof is None else proof.parity
    problems: tuple[str, ...] = ()
    if isinstance(whole, ExportError):
        problems = tuple(whole.problems) or (whole.message,)
    elif parity is not None:
        problems = tuple(f"{route}: {reason}" for route, reason in parity.rejected)
    return ExportExplanation(
        original=original,
        wanted=certificate,
        packs=proof is not None,
        route="" if parity is None else parity.rung,
        certificate="" if parity is None else parity.certificate,
        methods={} if parity is None else {item.method: item.certificate for item in parity.methods},
        steps=tuple(_reports(model, example, whole)),
        problems=problems,
        warnings=said,
    )


def _whole(
    model: object,
    example: object,
    methods: Sequence[str] | None,
    certificate: Certificate,
    prefer: Prefer,
    *,
    code: bool,
) -> Proof | ExportError:
    try:
        return prove(model, example, methods=methods, certificate=certificate, prefer=prefer, code=code)
    except ExportError as error:
        return error


def _reports(model: Any, example: Any, whole: Proof | ExportError) -> Iterator[StepReport]:  # noqa: ANN401
    """Yield a report per step; a model that is one step has been proved already."""
    for step in steps_of(model, example, ROWS):
        if step.model is model:
            yield _report(step, whole)
        elif step.model is None:
            yield StepReport(
                path=step.path,
                kind=step.kind,
                columns=step.columns,
                route="as they are" if step.kind == "passthrough" else "not read",
                certificate="",
                reason="",
                change="",
            )
        else:
            yield _report(step, _proved(step))


def _proved(step: Step) -> Proof | MlpackError:
    """Prove a step by itself, with the weakest certificate, so that the one it reaches is shown."""
    if step.rows is None:
        return ExampleError("the steps before it give rows that cannot be looked at one step at a time")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PackWarning)
        try:
            return prove(step.model, step.rows, methods=step.methods, certificate="loose", prefer="onnx-only")
        except MlpackError as error:
            return error


def _report(step: Step, outcome: Proof | MlpackError) -> StepReport:
    route = certificate = reason = ""
    if isinstance(outcome, Proof):
        route, certificate = outcome.parity.rung, outcome.parity.certificate
        reason = "; ".join(f"{rung}: {said}" for rung, said in outcome.parity.rejected)
    elif isinstance(outcome, ExportError) and outcome.problems:
        reason = "; ".join(outcome.problems)
    else:
        reason = outcome.message
    return StepReport(
        path=step.path,
        kind=step.kind,
        columns=step.columns,
        route=route,
        certificate=certificate,
        reason=reason,
        change=advice(step.model, route=route, certificate=certificate, reason=reason),
    )
