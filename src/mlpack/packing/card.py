"""README.md of a bundle: the model card, written from facts and from what the author adds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields

from mlpack.errors import UsageError
from mlpack.format.contract import CategoricalProfile, Contract, Input, NumericProfile
from mlpack.packing.markdown import code, inline, paragraphs, table

__all__ = ["CardFacts", "CardInput", "CardOutput", "CardParity", "ModelCard", "render_card"]

MAX_LISTED = 10
"""Categories shown of one column; contract.json has them all."""


_METRICS_NOTE = (
    "Metrics whose names end in (example) were measured on the example when the bundle was packed; "
    "others are as the author reported them."
)


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelCard:
    """What only the author of a model can say. Every part may stay empty.

    Attributes:
        title: Heading; the bundle's name when empty.
        description: What the model does.
        intended_use: What it was made for, and by whom it should be used.
        out_of_scope: What it must not be used for.
        limitations: Where it is known to be weak.
        training_data: Where the data came from.
        evaluation: How the metrics were measured.
        ethical_considerations: Risks to people, and what was done about them.
        authors: Who made it and who answers for it.
        license: Terms of use.
        citation: How to cite it.
        contact: Where to ask.
    """

    title: str = ""
    description: str = ""
    intended_use: str = ""
    out_of_scope: str = ""
    limitations: str = ""
    training_data: str = ""
    evaluation: str = ""
    ethical_considerations: str = ""
    authors: str = ""
    license: str = ""
    citation: str = ""
    contact: str = ""

    def __post_init__(self) -> None:
        """Refuse anything but strings.

        Raises:
            UsageError: A part is something else.
        """
        for item in fields(self):
            value = getattr(self, item.name)
            if not isinstance(value, str):
                raise UsageError(
                    f"expected a string, found {type(value).__name__}", where=f"card.{item.name}"
                )


@dataclass(frozen=True, kw_only=True, slots=True)
class CardInput:
    """One line of the table of inputs.

    Attributes:
        name: Name of the column.
        type: Type that it had in the example.
        nulls: Whether missing values are accepted.
        range: What the example held: "0 to 94.5", "a, b, c".
    """

    name: str
    type: str
    nulls: bool
    range: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class CardOutput:
    """One line of the table of outputs.

    Attributes:
        method: Method that returns it.
        type: NumPy dtype, `string` for text of any length.
        shape: Shape in words ("rows x 3").
        classes: Labels, or empty.
    """

    method: str
    type: str
    shape: str
    classes: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class CardParity:
    """One line of the table of parity.

    Attributes:
        method: Method that was compared with the original.
        certificate: `exact`, `tight` or `loose`.
        worst_error: Largest relative error that was found.
    """

    method: str
    certificate: str
    worst_error: float


@dataclass(frozen=True, kw_only=True, slots=True)
class CardFacts:
    """What mlpack knows about a bundle without asking anyone.

    Attributes:
        name: Name of the bundle.
        version: Version of the bundle.
        task: "classification", "regression", ...
        model_class: Class of the original, with its module.
        methods: Methods that the bundle offers.
        inputs: One line per input.
        outputs: One line per method.
        parity: One line per method.
        metrics: Name to value, as the author gave them.
        datasets: Names of data sets, as the author gave them.
        golden_rows: Number of reference rows.
        golden_note: Where they came from ("drawn from the contract", "real rows of the example").
        requires_python: Range of Python versions of the lock.
        packages: What serving needs, each as `name==version`.
        platforms: Platforms that the lock was made for.
        trained_with: Framework with its version.
        form: What runs, where that is no graph.
        license: SPDX expression of the model's licence, or empty.
    """

    name: str
    version: str
    task: str
    model_class: str
    methods: tuple[str, ...]
    inputs: tuple[CardInput, ...]
    outputs: tuple[CardOutput, ...]
    parity: tuple[CardParity, ...] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)
    datasets: tuple[str, ...] = ()
    golden_rows: int = 0
    golden_note: str = ""
    requires_python: str = ""
    packages: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    trained_with: str = ""
    form: str = ""
    license: str = ""

    @staticmethod
    def lines_of(contract: Contract) -> tuple[tuple[CardInput, ...], tuple[CardOutput, ...]]:
        """Return the two tables that a contract fills: inputs and outputs."""
        inputs = tuple(
            CardInput(name=item.name, type=item.source, nulls=item.nulls, range=_range(item))
            for item in contract.inputs
        )
        outputs = tuple(
            CardOutput(
                method=item.method,
                type="string" if item.dtype.startswith("<U") else item.dtype,
                shape=" x ".join("rows" if size is None else str(size) for size in item.shape),
                classes=_listed(str(label) for label in item.classes or ()),
            )
            for item in contract.outputs
        )
        return inputs, outputs


def render_card(card: ModelCard, facts: CardFacts) -> bytes:
    """Return README.md: CommonMark with tables, UTF-8, the same bytes for the same arguments.

    Every value is escaped, so that none can add a link, an image, a tag or a heading of its own.

    Args:
        card: The author's own words.
        facts: What mlpack knows.
    """
    sections = [
        f"# {inline(card.title or facts.name)}",
        _lead(card, facts),
        _section("Intended use", card.intended_use),
        _section("Out of scope", card.out_of_scope),
        _section("Limitations", card.limitations),
        _section("Ethical considerations", card.ethical_considerations),
        _interface(facts),
        _fidelity(facts),
        _training(card, facts),
        _requirements(facts),
        _usage(facts),
        _section("Authors", card.authors),
        _section("Contact", card.contact),
        _section("Citation", card.citation),
        _section("License", card.license),
    ]
    return ("\n\n".join(section for section in sections if section) + "\n").encode("utf-8")


def _section(title: str, text: str) -> str:
    body = paragraphs(text)
    return f"## {title}\n\n{body}" if body else ""


def _lead(card: ModelCard, facts: CardFacts) -> str:
    rows = [
        ("Bundle", f"{facts.name} {facts.version}"),
        ("Task", facts.task),
        ("Original", facts.model_class),
        ("Trained with", facts.trained_with),
        ("Form", facts.form),
        ("Methods", ", ".join(facts.methods)),
        ("License", facts.license),
    ]
    found = table(("Fact", "Value"), [row for row in rows if row[1]])
    return "\n\n".join(part for part in (paragraphs(card.description), found) if part)


def _interface(facts: CardFacts) -> str:
    inputs = table(
        ("Input", "Type", "Missing values", "Seen in the example"),
        [(i.name, i.type, "accepted" if i.nulls else "refused", i.range) for i in facts.inputs],
    )
    returned = [(o.method, o.type, o.shape, o.classes) for o in facts.outputs]
    outputs = table(("Method", "Type", "Shape", "Classes"), returned)
    return (
        f"## Interface\n\n{inputs}\n\n{outputs}\n\n"
        "Types and missing values are enforced; values outside of what the example showed are counted and "
        "reported. The whole contract is `contract.json`."
    )


def _fidelity(facts: CardFacts) -> str:
    if not facts.parity:
        return ""
    rows = [(p.method, p.certificate, f"{p.worst_error:.3g}") for p in facts.parity]
    parts = [
        "## Parity with the original",
        "The bundle was compared with the model that it was made from; `evidence/parity.json` has all of it.",
        table(("Method", "Certificate", "Worst relative error"), rows),
    ]
    if facts.golden_rows:
        note = f" ({inline(facts.golden_note)})" if facts.golden_note else ""
        parts.append(
            f"{facts.golden_rows} reference rows with the original's answers{note} are in "
            "`evidence/golden.json`; they are replayed when the bundle is loaded."
        )
    return "\n\n".join(parts)


def _training(card: ModelCard, facts: CardFacts) -> str:
    parts = [paragraphs(card.training_data)]
    if facts.datasets:
        parts.append("Data sets: " + ", ".join(inline(name) for name in facts.datasets) + ".")
    parts.append(paragraphs(card.evaluation))
    if facts.metrics:
        rows = [(name, f"{value:.6g}") for name, value in sorted(facts.metrics.items())]
        parts.append(table(("Metric", "Value"), rows) + "\n\n" + _METRICS_NOTE)
    body = "\n\n".join(part for part in parts if part)
    return f"## Data and evaluation\n\n{body}" if body else ""


def _requirements(facts: CardFacts) -> str:
    lines = []
    if facts.requires_python:
        lines.append(f"- Python {code(facts.requires_python)}")
    if facts.platforms:
        lines.append("- " + ", ".join(code(name) for name in facts.platforms))
    lines += [f"- {code(package)}" for package in facts.packages]
    if not lines:
        return ""
    return (
        "## What it needs to run\n\n" + "\n".join(lines) + "\n\n"
        "`environment/pylock.toml` pins every wheel by hash; `sbom/bom.cdx.json` says what is inside them."
    )


def _usage(facts: CardFacts) -> str:
    stem = f"{facts.name}-{facts.version}.mlpack"
    method = facts.methods[0] if facts.methods else "predict"
    # names and versions of bundles cannot hold quotes, line breaks or backticks, but a card trusts nobody
    python = [
        "import mlpack",
        "",
        f"model = mlpack.load({stem!r}, policy='policy.yaml')",
        f"model.{method}(rows)" if method.isidentifier() else "",
    ]
    block = "\n".join("    " + line if line else "" for line in python).rstrip()
    return (
        f"## Verify and load\n\n{code(f'mlpack verify {stem} --policy policy.yaml')}\n\n{block}\n\n"
        "The policy says whose signature counts; it never comes from the bundle itself. "
        "`sha256sum -c SHA256SUMS` checks the files without mlpack, but not who made them."
    )


def _range(item: Input) -> str:
    profile = item.profile
    if isinstance(profile, NumericProfile):
        return f"{profile.minimum:.6g} to {profile.maximum:.6g}"
    if isinstance(profile, CategoricalProfile):
        more = profile.other_share > 0
        return _listed(profile.categories) + (", and others" if more and profile.categories else "")
    return ""


def _listed(values: Iterable[str]) -> str:
    found = list(values)
    rest = len(found) - MAX_LISTED
    shown = [value if len(value) <= 40 else value[:40] + "..." for value in found[:MAX_LISTED]]
    return ", ".join(shown) + (f", and {rest} more" if rest > 0 else "")
