"""evidence/: golden rows with the original's answers, and how closely the packed model agrees."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

from mlpack.errors import FormatError, UnsupportedVersionError
from mlpack.format.documents import Fields, canonical_json, compact_json, parse_json
from mlpack.format.names import CERTIFICATES
from mlpack.format.tensors import tensor_problem

__all__ = [
    "EVIDENCE_VERSION",
    "Cell",
    "Golden",
    "MethodParity",
    "Parity",
    "Precision",
    "ProbeResult",
    "decode_number",
    "encode_cell",
]

EVIDENCE_VERSION = "1.0"

Cell = str | int | float | bool | None
"""One value as JSON holds it. Floats that JSON has no word for are the strings below."""

Precision = Literal["float64", "float32", "float32-network", "float16-network"]
"""Precision in which an original computes, and at which it is judged. A network chains sums of many products,
and each of them rounds in an order that no two runtimes share."""

_SPECIAL = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def encode_cell(value: Cell) -> Cell:
    """Return `value` as golden.json holds it: exact floats, with words for NaN and the infinities."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def decode_number(cell: Cell) -> float:
    """Return the float of a cell of a numeric column; null means missing, hence NaN.

    Raises:
        FormatError: The cell is not a number.
    """
    if cell is None:
        return math.nan
    if isinstance(cell, str):
        if cell not in _SPECIAL:
            raise FormatError("expected a number, NaN, Infinity or -Infinity", where="golden.json")
        return _SPECIAL[cell]
    return float(cell)


@dataclass(frozen=True, kw_only=True, slots=True)
class Golden:
    """Reference rows and what the original model answered.

    Attributes:
        origin: `synthetic` rows were drawn from the contract; `sample` rows are real ones.
        rows: Number of rows; for tensors, of calls.
        inputs: Input name -> one cell per row; for tensors one `{"shape": ..., "values": ...}` per call.
        outputs: Key of the output -> one cell per row, or one list of cells per row where the output has
            columns; for tensors as for inputs.
    """

    origin: Literal["synthetic", "sample"]
    rows: int
    inputs: Mapping[str, Sequence[Cell] | Sequence[Mapping[str, Any]]]
    outputs: Mapping[str, Sequence[Cell] | Sequence[Sequence[Cell]] | Sequence[Mapping[str, Any]]]

    def to_bytes(self) -> bytes:
        """Return golden.json."""
        return compact_json(
            {
                "version": EVIDENCE_VERSION,
                "origin": self.origin,
                "rows": self.rows,
                "inputs": {name: list(cells) for name, cells in self.inputs.items()},
                "outputs": {method: list(cells) for method, cells in self.outputs.items()},
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Golden:
        """Parse golden.json.

        Raises:
            FormatError: The document breaks the format.
        """
        top = Fields(parse_json(data, where="golden.json"), "golden.json")
        _check_version(top)
        rows = top.integer("rows", minimum=1)
        golden = cls(
            origin=cast("Literal['synthetic', 'sample']", top.choice("origin", ("synthetic", "sample"))),
            rows=rows,
            inputs=_columns(top, "inputs", rows, wide=False),
            outputs=_columns(top, "outputs", rows, wide=True),
        )
        top.done()
        return golden


def _check_version(top: Fields) -> None:
    if (version := top.text("version")) != EVIDENCE_VERSION:
        raise UnsupportedVersionError(
            f"this reader knows version {EVIDENCE_VERSION}, found {version[:40]!r}",
            where=f"{top.where}.version",
        )


def _columns(top: Fields, key: str, rows: int, *, wide: bool) -> dict[str, Any]:
    columns = top.mapping(key)
    for name, cells in columns.items():
        where = f"{top.where}.{key}[{name[:80]!r}]"
        if not isinstance(cells, list) or len(cells) != rows:
            raise FormatError(f"expected {rows} rows", where=where)
        if isinstance(cells[0], dict):
            for cell in cells:
                if problem := tensor_problem(cell):
                    raise FormatError(problem, where=where)
            continue
        if wide and isinstance(cells[0], list):
            if any(not isinstance(row, list) or len(row) != len(cells[0]) for row in cells):
                raise FormatError("expected rows of one length", where=where)
            cells = [cell for row in cells for cell in row]  # noqa: PLW2901  (the cells of all its columns)
        if any(isinstance(cell, (list, dict)) for cell in cells):
            raise FormatError("expected plain values", where=where)
    return columns


@dataclass(frozen=True, kw_only=True, slots=True)
class MethodParity:
    """How one method of the packed model agrees with the original over all probes.

    Attributes:
        method: The method.
        certificate: `exact`, `tight` or `loose`.
        worst: Largest `|a - b| / (spread + |a|)` of values; 0 for labels.
        spread: Standard deviation of the original's answers on the example (1 for probabilities).
        labels_differ: Labels that differ although the original's two best scores do not tie.
        ties: Labels that differ where they do tie: reported, not counted.
        precision: Precision in which the original computes. `tight` means 1e-9 in float64, 1e-6 in float32,
            1e-5 in a network of float32, 1e-2 in one of float16.
    """

    method: str
    certificate: str
    worst: float
    spread: float
    labels_differ: int
    ties: int
    precision: Precision = "float64"

    def to_json(self) -> dict[str, Any]:
        """Return the entry of parity.json; the precision is only written when it is single."""
        entry: dict[str, Any] = {
            "method": self.method,
            "certificate": self.certificate,
            "worst": encode_cell(self.worst),
            "spread": self.spread,
            "labels_differ": self.labels_differ,
            "ties": self.ties,
        }
        return entry if self.precision == "float64" else {**entry, "precision": self.precision}


@dataclass(frozen=True, kw_only=True, slots=True)
class ProbeResult:
    """One set of rows that both models were asked.

    Attributes:
        name: What the rows try (`example`, `nulls: age`, `unknown: city`).
        rows: Number of rows.
        outcome: `agree`; `refused` when the original refuses such rows and the contract does too; `answered`
            when the original refuses some of them and the packed model answers.
        worst: Largest relative error over all methods; 0 when refused.
    """

    name: str
    rows: int
    outcome: Literal["agree", "refused", "answered"]
    worst: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Parity:
    """parity.json: the measured agreement.

    Attributes:
        rung: Route of the export ladder that was taken.
        certificate: Weakest certificate over all methods.
        threads: Threads of the session it was measured with.
        methods: Per method.
        probes: Per probe set, in the order tried.
        rejected: (rung, reason) of the routes that were tried before and not taken.
        plugins: Distributions besides mlpack whose emitters took part, with their versions.
    """

    rung: str
    certificate: str
    threads: int
    methods: tuple[MethodParity, ...]
    probes: tuple[ProbeResult, ...]
    rejected: tuple[tuple[str, str], ...] = ()
    plugins: tuple[str, ...] = ()

    def to_bytes(self) -> bytes:
        """Return parity.json."""
        return canonical_json(
            {
                "version": EVIDENCE_VERSION,
                "rung": self.rung,
                "certificate": self.certificate,
                "threads": self.threads,
                "methods": [item.to_json() for item in self.methods],
                "probes": [
                    {
                        "name": item.name,
                        "rows": item.rows,
                        "outcome": item.outcome,
                        "worst": encode_cell(item.worst),
                    }
                    for item in self.probes
                ],
                "rejected": [{"rung": rung, "reason": reason} for rung, reason in self.rejected],
                **({"plugins": list(self.plugins)} if self.plugins else {}),
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Parity:
        """Parse parity.json.

        Raises:
            FormatError: The document breaks the format.
        """
        top = Fields(parse_json(data, where="parity.json"), "parity.json")
        _check_version(top)
        parity = cls(
            rung=top.text("rung"),
            certificate=top.choice("certificate", CERTIFICATES),
            threads=top.integer("threads", minimum=1),
            methods=tuple(_method_parity(item) for item in top.each("methods")),
            probes=tuple(_probe(item) for item in top.each("probes")),
            rejected=tuple(_rejected(item) for item in top.each("rejected")),
            plugins=top.texts("plugins") if top.holds("plugins") else (),
        )
        top.done()
        return parity


def _worst(item: Fields) -> float:
    """Return an error, which is infinite or NaN where the two models differ in kind."""
    if isinstance(item.any("worst"), str):
        return _SPECIAL[item.choice("worst", tuple(_SPECIAL))]
    return item.number("worst")


def _method_parity(item: Fields) -> MethodParity:
    result = MethodParity(
        method=item.text("method"),
        certificate=item.choice("certificate", CERTIFICATES),
        worst=_worst(item),
        spread=item.number("spread"),
        labels_differ=item.integer("labels_differ"),
        ties=item.integer("ties"),
        precision=_precision(item),
    )
    item.done()
    return result


def _precision(item: Fields) -> Precision:
    if not item.holds("precision"):
        return "float64"
    return cast("Precision", item.choice("precision", get_args(Precision)[1:]))


def _probe(item: Fields) -> ProbeResult:
    result = ProbeResult(
        name=item.text("name"),
        rows=item.integer("rows"),
        outcome=cast(
            "Literal['agree', 'refused', 'answered']",
            item.choice("outcome", ("agree", "refused", "answered")),
        ),
        worst=_worst(item),
    )
    item.done()
    return result


def _rejected(item: Fields) -> tuple[str, str]:
    pair = item.text("rung"), item.text("reason")
    item.done()
    return pair
