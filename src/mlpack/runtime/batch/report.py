"""What a scoring run says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mlpack.runtime.batch.drift import DriftReport
from mlpack.show.facts import Facts, Level, Section

__all__ = ["Progress", "ScoreReport", "beside"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """How far a run is.

    Attributes:
        rows: Rows done in this part.
        expected: Rows that the part has, when its file says so.
        part: Number of the part, from 1.
        parts: How many parts there are.
    """

    rows: int
    expected: int | None
    part: int
    parts: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ScoreReport:
    """What a scoring run did.

    Attributes:
        target: Path or URL of the scored table.
        digest: Bundle that scored it, as `bundle:sha256:<hex>`.
        rows: Rows with scores.
        quarantined: Rows that were set aside.
        quarantine: Where they are; None when there are none.
        drift: How the table compares with the training data.
        drift_path: Where that stands as JSON.
        parts: Files that were scored.
        resumed: How many of them an earlier run had finished.
        taken: Rows of the others that an earlier run had scored.
        seconds: Time that this run took.
    """

    target: str
    digest: str
    rows: int
    quarantined: int
    quarantine: str | None
    drift: DriftReport
    drift_path: str
    parts: int
    resumed: int
    taken: int
    seconds: float

    def facts(self) -> Facts:
        """Return what there is to say, the drift report included."""
        level: Level = "warning" if self.quarantined else "good"
        pairs: list[tuple[str, str, Level]] = [
            ("written", self.target, "good"),
            ("rows", str(self.rows), "plain"),
            ("set aside", f"{self.quarantined} in {self.quarantine}" if self.quarantine else "0", level),
            ("bundle", self.digest, "plain"),
            ("parts", f"{self.parts}, {self.resumed} of them by an earlier run", "plain"),
            ("drift report", self.drift_path, "plain"),
            ("seconds", f"{self.seconds:.1f}", "plain"),
        ]
        if self.taken:
            pairs.insert(5, ("taken over", f"scores of {self.taken} rows of an unfinished file", "plain"))
        drift = self.drift.facts()
        return Facts(
            title="Scored",
            sections=(Section(title="Run", pairs=tuple(pairs)), *drift.sections),
            warnings=drift.warnings,
        )

    def _repr_html_(self) -> str:
        from mlpack.show.html import render_html

        return render_html(self.facts())


def beside(target: Path, word: str, *, folder: bool, ending: str | None = None) -> Path:
    """Return the path of what belongs to a target: `out.word.parquet`, or `out.word` for folders."""
    if folder:
        return target.with_name(f"{target.name}.{word}{ending or ''}")
    return target.with_name(f"{target.stem}.{word}{ending or target.suffix}")
