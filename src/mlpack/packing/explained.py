"""An explanation as facts: the text of a dry run and the box in a notebook."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mlpack.show.facts import Facts, Level, Section, Table

if TYPE_CHECKING:
    from mlpack.packing.explaining import ExportExplanation, StepReport

__all__ = ["explanation_facts"]

_LONGEST = 300
"""Characters of a reason; the exception of `pack` has all of it."""

_PLACES = {
    "emitters-float64": "in the graph",
    "skl2onnx-float64": "in the graph, by skl2onnx",
    "skl2onnx-float32": "in the graph, by skl2onnx in single precision",
    "hybrid": "host steps before the graph",
    "native": "in its own library",
    "code": "as code",
    "": "no route to a graph",
}


def explanation_facts(explanation: ExportExplanation) -> Facts:
    """Return the verdict, the steps, and why routes were not taken."""
    level: Level = "good" if explanation.packs else "bad"
    if explanation.certificate == "loose":
        level = "warning"
    pairs: list[tuple[str, str, Level]] = [
        ("packs", f"yes, {explanation.certificate}" if explanation.packs else "no", level),
        ("asked for", explanation.wanted, "plain"),
    ]
    if explanation.packs:
        pairs.append(("route", explanation.route, "plain"))
    pairs += [(method, certificate, "plain") for method, certificate in explanation.methods.items()]
    sections = [
        Section(title="The whole", pairs=tuple(pairs)),
        Section(
            title="Step by step",
            table=Table(
                columns=("step", "what", "columns", "where", "by itself"),
                rows=tuple(_row(step, explanation.route) for step in explanation.steps),
            ),
        ),
    ]
    found = [pair for step in explanation.steps for pair in _remarks(step)]
    if found:
        sections.append(Section(title="Why, and what to change", pairs=tuple(found)))
    if explanation.problems:
        title = "Routes tried before" if explanation.packs else "Why no route takes it"
        problems = tuple(_split(problem, explanation.packs) for problem in explanation.problems)
        sections.append(Section(title=title, pairs=problems))
    return Facts(
        title=f"What packing makes of {explanation.original}",
        sections=tuple(sections),
        warnings=tuple(_short(said) for said in explanation.warnings),
    )


def _row(step: StepReport, route: str) -> tuple[str, ...]:
    """Return a line; where the whole runs in its own library, the word `could` stands before a graph."""
    place = _PLACES.get(step.route, step.route)
    if route == "native" and place.startswith("in the graph"):
        place = f"could be {place}"
    return (
        step.path or "(the model)",
        step.kind,
        "" if step.columns is None else str(step.columns),
        place,
        step.certificate or "-",
    )


def _remarks(step: StepReport) -> Iterator[tuple[str, str, Level]]:
    """Yield why a step is where it is, and what its author can do about it."""
    level: Level = "plain" if step.route else "bad"
    if step.reason:
        yield step.path or step.kind, _short(step.reason), level
    if step.change:
        yield "→ change" if step.reason else step.path or step.kind, step.change, "plain"


def _split(problem: str, packs: bool) -> tuple[str, str, Level]:  # noqa: FBT001 - private
    route, _, reason = problem.partition(": ")
    return route, _short(reason or problem), "plain" if packs else "bad"


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
