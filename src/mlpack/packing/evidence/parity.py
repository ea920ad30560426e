"""Measured agreement: the original against the packed model, over every probe and method."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, cast

from mlpack.errors import ExportError
from mlpack.format.evidence import MethodParity, Parity, Precision, ProbeResult
from mlpack.format.host import HOST_PATH
from mlpack.format.names import CERTIFICATES
from mlpack.packing.child import ChildFailedError, run_child
from mlpack.packing.environment.wording import plain_reason
from mlpack.packing.evidence.worker import Answer, Question, Reply, Task
from mlpack.runtime.comparison import compare, tolerance

if TYPE_CHECKING:
    import numpy as np

    from mlpack.format.artifact import Artifact
    from mlpack.format.contract import Contract
    from mlpack.packing.evidence.native import Columns, NativeModel
    from mlpack.packing.evidence.probes import Probe

__all__ = ["Asked", "Measurement", "ask_original", "measure"]

SECONDS = 300.0
_MARGIN: Mapping[Precision, int] = {"float32": 4}
"""In single precision errors crowd below the limit: what is certified keeps this many times away from it, for
the rows that no probe tries."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A probe and what the original said: one entry for all rows, or one per row."""

    probe: Probe
    answers: Sequence[Mapping[Any, np.ndarray] | Exception]


@dataclass(kw_only=True, slots=True)
class _Tally:
    """What one method adds up to while probes are compared."""

    spread: float
    exact: bool = True
    worst: float = 0.0
    labels_differ: int = 0
    ties: int = 0
    precision: Precision = "float64"


@dataclass(frozen=True, kw_only=True, slots=True)
class Measurement:
    """The verdict on one candidate.

    Attributes:
        certificate: Strongest certificate that holds, or None.
        methods: Per method.
        probes: Per probe set.
        complaints: What disagrees, one sentence each.
        disagreeing: Methods that the complaints are about.
    """

    certificate: str | None
    methods: tuple[MethodParity, ...]
    probes: tuple[ProbeResult, ...]
    complaints: tuple[str, ...]
    disagreeing: frozenset[str]

    def weaker_than(self, wanted: str) -> set[str]:
        """Return the methods that disagree or do not reach a certificate; `*` stands for refusals."""
        limit = CERTIFICATES.index(wanted)
        weak = {item.method for item in self.methods if CERTIFICATES.index(item.certificate) > limit}
        return weak | self.disagreeing

    def parity(self, rung: str, threads: int, rejected: Sequence[tuple[str, str]]) -> Parity:
        """Return parity.json for a candidate that was taken."""
        if self.certificate is None:
            raise ExportError("a candidate that disagrees cannot be certified", where=rung)
        return Parity(
            rung=rung,
            certificate=self.certificate,
            threads=threads,
            methods=self.methods,
            probes=self.probes,
            rejected=tuple((name, plain_reason(reason)) for name, reason in rejected),
        )


def ask_original(native: NativeModel, probes: Iterable[Probe]) -> list[Asked]:
    """Return what the original says to every probe.

    Rows that may be refused are asked for together first: only when that fails does each one speak for
    itself.
    """
    asked = []
    for probe in probes:
        answer = native.answer(probe.columns)
        if probe.one_by_one and isinstance(answer, Exception):
            asked.append(Asked(probe=probe, answers=[native.answer(rows) for rows in _single_rows(probe)]))
        else:
            asked.append(Asked(probe=replace(probe, one_by_one=False), answers=[answer]))
    return asked


def _single_rows(probe: Probe) -> list[Columns]:
    return [
        {name: values[row : row + 1] for name, values in probe.columns.items()} for row in range(probe.rows)
    ]


def measure(
    contract: Contract,
    artifact: Artifact,
    asked: Sequence[Asked],
    spreads: Mapping[Any, float],
    *,
    threads: int = 1,
    precision: Precision = "float64",
) -> Measurement | str:
    """Compare a candidate with what the original said.

    Args:
        contract: The contract that the runtime enforces.
        artifact: The candidate.
        asked: Probes and the original's answers.
        spreads: Method -> spread of the original's answers, for relative errors.
        threads: Threads of the session.
        precision: Precision in which some step of the original computes. Methods that answer in float32 are
            judged so whatever it is.

    Returns:
        The measurement, or one line that says why there is none: the engine refused the model, or crashed.
    """
    questions = [
        Question(columns=_sent(contract, item.probe.columns), one_by_one=item.probe.one_by_one)
        for item in asked
    ]
    task = Task(contract=contract.to_bytes(), artifact=artifact, threads=threads, questions=questions)
    try:
        reply = cast("Reply", run_child("mlpack.packing.evidence.worker", task, seconds=SECONDS))
    except ChildFailedError as error:
        return f"the runtime {error.message}"
    if reply.failure:
        return reply.failure
    comparison = _Comparison(
        contract=contract, spreads=spreads, precision=precision, repeats=not _pads_rows(artifact)
    )
    return comparison.over(asked, reply)


def _pads_rows(artifact: Artifact) -> bool:
    """Return whether sparse rows are padded to the longest of their batch.

    The order in which a product adds then depends on the batch: no measurement can promise identical bits.
    """
    host = artifact.files.get(HOST_PATH, b"")
    return any(feed["form"] == "indices" for feed in json.loads(host)["feeds"]) if host else False


def _sent(contract: Contract, columns: Columns) -> Columns:
    """Return rows as a caller would send them: points in time with their zone, which NumPy's do not have."""
    import numpy as np

    sent = dict(columns)
    for item in contract.inputs:
        if item.zone:
            values = columns[item.name]
            texts = np.datetime_as_string(values, timezone="UTC").astype(object)
            texts[np.isnat(values)] = None
            sent[item.name] = texts
    return sent


@dataclass(kw_only=True)
class _Comparison:
    """Accumulates over probes; one per candidate."""

    contract: Contract
    spreads: Mapping[Any, float]
    precision: Precision
    repeats: bool = True
    tallies: dict[str, _Tally] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)
    disagreeing: set[str] = field(default_factory=set)

    def over(self, asked: Sequence[Asked], reply: Reply) -> Measurement:
        """Compare every answer and sum up."""
        self.tallies = {
            method: _Tally(spread=spread, precision=self._precision(method))
            for method, spread in self.spreads.items()
        }
        results = [self._probe(item, answers) for item, answers in zip(asked, reply.answers, strict=True)]
        methods = tuple(
            MethodParity(
                method=method,
                certificate=_certificate(tally) or "loose",
                worst=tally.worst,
                spread=tally.spread,
                labels_differ=tally.labels_differ,
                ties=tally.ties,
                precision=tally.precision,
            )
            for method, tally in self.tallies.items()
        )
        found = [_certificate(tally) for tally in self.tallies.values()]
        weakest = (
            None
            if None in found or self.complaints
            else max(cast("list[str]", found), key=CERTIFICATES.index)
        )
        return Measurement(
            certificate=weakest,
            methods=methods,
            probes=tuple(results),
            complaints=tuple(self.complaints),
            disagreeing=frozenset(self.disagreeing),
        )

    def _precision(self, method: str) -> Precision:
        dtype = self.contract.output(method).dtype
        if self.contract.layout == "tensors":
            return "float16-network" if dtype == "float16" else self.precision
        return "float32" if dtype == "float32" else self.precision

    def _probe(self, item: Asked, answers: Sequence[Answer]) -> ProbeResult:
        worst, refused, unrefused = 0.0, 0, 0
        for expected, actual in zip(item.answers, answers, strict=True):
            if isinstance(expected, Exception):
                refused += 1
                unrefused += actual.outputs is not None
            elif actual.outputs is None:
                self._complain(
                    item.probe.name, "*", f"the original answers, the contract refuses: {actual.refused}"
                )
            else:
                worst = max(worst, self._outputs(item.probe.name, expected, actual.outputs))
        if unrefused:
            self._complain(item.probe.name, "*", f"{unrefused} row(s) that the original refuses are answered")
        outcome: Literal["agree", "refused", "answered"] = "agree"
        if unrefused:
            outcome = "answered"
        elif refused == len(answers):
            outcome = "refused"
        return ProbeResult(name=item.probe.name, rows=item.probe.rows, outcome=outcome, worst=worst)

    def _scores_precision(self) -> Precision:
        """Return the precision of the scores that labels are made from, as `_ties` chooses them."""
        scores = next((m for m in ("predict_proba", "decision_function") if m in self.tallies), None)
        return self.precision if scores is None else self.tallies[scores].precision

    def _complain(self, probe: str, method: str, what: str) -> None:
        self.disagreeing.add(method)
        self.complaints.append(f"{probe}: {what}" if method == "*" else f"{probe}: {method}: {what}")

    def _outputs(
        self, probe: str, expected: Mapping[Any, np.ndarray], actual: Mapping[str, np.ndarray]
    ) -> float:
        worst = 0.0
        for method, tally in self.tallies.items():
            difference = compare(expected[method], actual[method], spread=tally.spread)
            repeats = self.repeats or expected[method].dtype.kind != "f"
            tally.exact = tally.exact and difference.exact and repeats
            if difference.mismatch:
                self._complain(probe, method, difference.mismatch)
            elif difference.labels:
                differ = actual[method] != expected[method]
                ties = _ties(expected, differ, tolerance("tight", self._scores_precision()))
                tally.ties += ties
                tally.labels_differ += difference.labels - ties
                if difference.labels > ties:
                    count = f"{difference.labels - ties} of {len(expected[method])}"
                    self._complain(probe, method, f"{count} labels differ")
            elif difference.worst > tolerance("loose", tally.precision):
                self._complain(probe, method, f"off by {difference.worst:.3g} of the spread")
            tally.worst = max(tally.worst, difference.worst)
            worst = max(worst, difference.worst)
        return worst


def _certificate(tally: _Tally) -> str | None:
    if tally.labels_differ:
        return None
    if tally.exact:
        return "exact"
    if tally.worst <= tolerance("tight", tally.precision) / _MARGIN.get(tally.precision, 1):
        return "tight"
    return "loose" if tally.worst <= tolerance("loose", tally.precision) else None


def _ties(expected: Mapping[Any, np.ndarray], differ: np.ndarray, within: float) -> int:
    """Return how many of the rows that differ are ties: the original's two best scores are this close."""
    import numpy as np

    scores = expected.get("predict_proba", expected.get("decision_function"))
    if scores is None:
        return 0
    rows = scores[differ]
    if rows.ndim == 1:
        return int((np.abs(rows) <= within).sum())
    if rows.shape[1] < 2:
        return 0
    best = np.sort(rows, axis=1)
    return int((best[:, -1] - best[:, -2] <= within).sum())
