"""host.json: exact steps before the graph, as data: which operation, of which values, with what parameters.

Text and calendars have no exact form in ONNX. These steps have one here, and no code: a reader interprets
names from a fixed list.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

from mlpack.errors import FormatError, UnsupportedVersionError
from mlpack.format.contract import Contract
from mlpack.format.documents import Fields, compact_json, parse_json
from mlpack.format.host_operations import OPERATIONS, Form

__all__ = ["HOST_FEATURE", "HOST_PATH", "HOST_VERSION", "Feed", "FeedForm", "HostProgram", "Step"]

HOST_VERSION = "1.0"
HOST_FEATURE = "host-steps"
"""Entry of `format.requires` of every bundle with such steps."""

HOST_PATH = "model/host.json"
_MAX_STEPS = 10_000

FeedForm = Literal["column", "dense", "indices", "values"]
"""column: `[N, 1]`. dense: `[N, k]`. indices and values: rows of a sparse matrix as `[N, m]`, padded with
column 0 and value 0 to the longest of the batch."""

_FORMS: Mapping[str, Form] = {"string": "text", "datetime": "date"}
_KINDS = ("float64", "float32", "int64", "bool", "string")


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One operation.

    Attributes:
        name: Name of its result; no input and no other step has it.
        operation: One of `OPERATIONS`.
        of: Names that it reads: inputs of the contract, by tensor, or earlier steps.
        parameters: As the operation asks for.
    """

    name: str
    operation: str
    of: tuple[str, ...]
    parameters: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Feed:
    """How one value reaches the graph.

    Attributes:
        tensor: Graph input.
        value: Name of a step.
        form: How it is laid out.
        kind: Element type of the tensor.
    """

    tensor: str
    value: str
    form: FeedForm
    kind: str


@dataclass(frozen=True, kw_only=True, slots=True)
class HostProgram:
    """All steps of a bundle in the order in which they run, and what the graph gets of them."""

    steps: tuple[Step, ...]
    feeds: tuple[Feed, ...]

    def to_bytes(self) -> bytes:
        """Return host.json."""
        return compact_json(
            {
                "version": HOST_VERSION,
                "steps": [
                    {
                        "name": step.name,
                        "operation": step.operation,
                        "of": list(step.of),
                        "parameters": dict(step.parameters),
                    }
                    for step in self.steps
                ],
                "feeds": [
                    {"tensor": feed.tensor, "value": feed.value, "form": feed.form, "kind": feed.kind}
                    for feed in self.feeds
                ],
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes, contract: Contract) -> HostProgram:
        """Parse host.json and check that every step can run.

        Args:
            data: The whole document.
            contract: Whose inputs the steps read.

        Raises:
            UnsupportedVersionError: Another version of the document.
            FormatError: The document breaks the format.
        """
        top = Fields(parse_json(data, where=HOST_PATH), HOST_PATH)
        if (version := top.text("version")) != HOST_VERSION:
            raise UnsupportedVersionError(
                f"this reader knows host steps of version {HOST_VERSION}, found {version[:40]!r}",
                where=f"{HOST_PATH}.version",
                hint="use a newer mlpack to read this bundle",
            )
        forms: dict[str, Form] = {item.tensor: _FORMS.get(item.dtype, "number") for item in contract.inputs}
        steps = top.each("steps")
        if not 0 < len(steps) <= _MAX_STEPS:
            raise FormatError(f"expected 1 to {_MAX_STEPS} steps", where=f"{HOST_PATH}.steps")
        program = cls(
            steps=tuple(_step(item, forms) for item in steps),
            feeds=tuple(_feed(item, forms) for item in top.each("feeds")),
        )
        top.done()
        tensors = [feed.tensor for feed in program.feeds]
        if not tensors or len(set(tensors)) != len(tensors):
            raise FormatError("expected at least one and no tensor twice", where=f"{HOST_PATH}.feeds")
        return program


def _step(item: Fields, forms: dict[str, Form]) -> Step:
    """Return one step, and note the form of its result."""
    name, operation = item.text("name"), item.choice("operation", tuple(OPERATIONS))
    if not name or name in forms:
        raise FormatError("expected a name that nothing else has", where=f"{item.where}.name")
    of = item.texts("of")
    if unknown := [source for source in of if source not in forms]:
        raise FormatError(f"nothing before it is called {unknown[0][:80]!r}", where=f"{item.where}.of")
    rule = OPERATIONS[operation]
    found = tuple(forms[source] for source in of)
    fields = item.fields("parameters")
    parameters = rule.read(fields)
    fields.done()
    item.done()
    form = rule.result(found, parameters)
    if form is None:
        wanted = " or ".join(" and ".join(forms) for forms in rule.takes[:3])
        raise FormatError(
            f"{operation} takes {wanted}, found {' and '.join(found[:5]) or 'nothing'}",
            where=f"{item.where}.of",
        )
    forms[name] = form
    return Step(name=name, operation=operation, of=of, parameters=parameters)


def _feed(item: Fields, forms: Mapping[str, Form]) -> Feed:
    feed = Feed(
        tensor=item.text("tensor"),
        value=item.text("value"),
        form=cast("FeedForm", item.choice("form", get_args(FeedForm))),
        kind=item.choice("kind", _KINDS),
    )
    item.done()
    if feed.value not in forms:
        raise FormatError(f"no step is called {feed.value[:80]!r}", where=f"{item.where}.value")
    form = forms[feed.value]
    if form in ("date", "span") or (form == "sparse") == (feed.form == "column"):
        raise FormatError(f"a value of the form {form!r} cannot be laid out so", where=f"{item.where}.form")
    if (form == "text") != (feed.kind == "string"):
        raise FormatError(f"a value of the form {form!r} is not of this kind", where=f"{item.where}.kind")
    if feed.form == "indices" and feed.kind != "int64":
        raise FormatError("indices are int64", where=f"{item.where}.kind")
    return feed
