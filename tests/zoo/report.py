"""The table of the documentation, from the verdicts alone: no times, no machine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from importlib import metadata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.zoo.keeper import Result

__all__ = ["BAD", "summary", "table_text"]

BAD = ("DISAGREES", "ANSWERS-WHERE-NATIVE-REFUSES", "CRASHED", "CONTRACT-REFUSES-MORE")
"""Verdicts that must not be."""

_FORMS = {
    "emitters-float64": "graph",
    "skl2onnx-float64": "graph",
    "skl2onnx-float32": "graph",
    "hybrid": "host",
}
"""Rung -> form; any other rung hands the rows to the model's own library, or to code."""

_HEAD = """# Which models can be packed

Measured by `nox -s zoo`: every model below is fitted on small data and packed with `certificate="loose"`, so
that the table shows the certificate reached and not the one asked for. It is judged against the original by
a judge that shares nothing with the probes of packing: training and fresh rows, shuffled columns, values on
and beside thresholds, missing, infinite and huge values in every column, unknown, empty and padded strings,
batches from 1 to 5,000 rows. **exact**, **tight** and **loose** mean the same shapes, types, labels and
values within that certificate, and the same refusals. **refused** means that `mlpack.pack` said no, and why.
**wrong** counts disagreements, answers where the original refuses, refusals where it answers, and crashes: it
must be 0, and the command ends with status 1 when it is not.

**graph** needs NumPy and onnxruntime to run; **host + graph** also runs mlpack's own text and date steps
before it; **own library** needs the library that the model was fitted with, and is what is left where no
graph agrees.

One refusal is stricter than the original's, on purpose: integers beyond 2**53 in columns with missing values.
"""


def table_text(results: Sequence[Result]) -> str:
    """Return the whole page."""
    lines = [_HEAD, *summary(results), *_versions()]
    for group in dict.fromkeys(result.group for result in results):
        lines += ["", f"## {group.capitalize()}", "", "| model | verdict | by, or why not |", "|---|---|---|"]
        lines += [_line(item) for item in results if item.group == group and item.verdict != "unfit"]
    return "\n".join(lines) + "\n"


def summary(results: Sequence[Result]) -> list[str]:
    """Return the table of groups: how many agree and how closely, in which form, how many are refused."""
    lines = [
        "| group | cases | graph | host + graph | own library | exact | tight | loose | refused | wrong |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for group in [*dict.fromkeys(result.group for result in results), "all"]:
        mine = [item for item in results if group in (item.group, "all") and item.verdict != "unfit"]
        agreed = [item.detail.split(", ") for item in mine if item.verdict == "agrees"]
        forms = Counter(_FORMS.get(rung, "own library") for _, rung in agreed)
        certificates = Counter(certificate for certificate, _ in agreed)
        cells = [
            group,
            len(mine),
            *(forms[name] for name in ("graph", "host", "own library")),
            *(certificates[name] for name in ("exact", "tight", "loose")),
            sum(item.verdict == "refused" for item in mine),
            sum(item.verdict in BAD for item in mine),
        ]
        lines.append("| " + " | ".join(str(cell) for cell in cells) + " |")
    return lines


def _versions() -> list[str]:
    names = ("scikit-learn", "onnxruntime", "onnx", "skl2onnx", "numpy", "pandas")
    return ["", "With " + ", ".join(f"{name} {metadata.version(name)}" for name in names) + "."]


def _line(result: Result) -> str:
    verdict, detail = result.verdict, result.detail
    if verdict == "agrees":
        verdict, _, detail = detail.partition(", ")
    if verdict == "refused":
        detail = detail.replace("model: no form of the model agrees with the original within 'loose' - ", "")
    detail = detail if len(detail) <= 160 else detail[:157] + "..."
    return f"| {result.name} | {verdict} | {_plain(detail)} |"


def _plain(text: str) -> str:
    for character in "\\|<>*_`[]":
        text = text.replace(character, "\\" + character)
    return text
