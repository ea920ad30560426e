"""What the counts of a server say: which columns have moved."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from mlpack.runtime.batch.drift import population_stability
from mlpack.show.facts import Chart, Facts, Level, Section, Table

__all__ = ["ColumnReport", "ServedDrift", "alarm_threshold"]


def alarm_threshold(bins: int, rows: float) -> float:
    """Return the stability index above which a column has moved, whatever the number of rows.

    The index of a sample against fixed shares is about chi-squared, with `bins - 1` degrees of freedom, over
    the number of rows: the customary 0.2 would raise false alarms on few rows. 0.1 is tolerated on purpose;
    on top comes the chi-squared's mean and three of its standard deviations. Infinite where nothing can be
    said.

    Args:
        bins: Bins or categories that the index sums over.
        rows: Rows that were counted.
    """
    if rows <= 0 or bins < 2:
        return math.inf
    free = bins - 1
    return 0.1 + (free + 3 * math.sqrt(2 * free)) / rows


@dataclass(frozen=True, kw_only=True, slots=True)
class ColumnReport:
    """One column.

    Attributes:
        name: Column.
        bins: What its bins are.
        expected: Shares of training, one per bin.
        counts: Values per bin.
        missing: Missing values.
        expected_missing: Share of missing values in training.
        outside: Values outside those of training.
    """

    name: str
    bins: tuple[str, ...]
    expected: tuple[float, ...]
    counts: tuple[float, ...]
    missing: float
    expected_missing: float
    outside: float

    @property
    def rows(self) -> float:
        """Values counted, missing ones too."""
        return sum(self.counts) + self.missing

    @property
    def shares(self) -> tuple[float, ...]:
        """Share of each bin among what is not missing."""
        present = sum(self.counts)
        return tuple(count / present if present else 0.0 for count in self.counts)

    @property
    def index(self) -> float:
        """The population stability index over the bins and what is missing; 0 without rows.

        Every bin counts half a row more than it has (Jeffreys' prior): else a bin that is empty by chance,
        among few rows, would decide alone.
        """
        if not self.rows:
            return 0.0
        expected = [share * (1 - self.expected_missing) for share in self.expected]
        counts = [count + 0.5 for count in (*self.counts, self.missing)]
        total = sum(counts)
        return population_stability([*expected, self.expected_missing], [count / total for count in counts])

    @property
    def threshold(self) -> float:
        """Where the index raises an alarm."""
        return alarm_threshold(len(self.bins) + 1, self.rows)

    @property
    def moved(self) -> bool:
        """Whether it does."""
        return self.index > self.threshold


@dataclass(frozen=True, kw_only=True, slots=True)
class ServedDrift:
    """All columns, since the server started.

    Attributes:
        columns: In the contract's order.
        labels: Answers of `predict` by label; empty where it gives none.
    """

    columns: tuple[ColumnReport, ...]
    labels: tuple[tuple[str, float], ...]

    def document(self) -> dict[str, Any]:
        """Return the report for programs; a threshold of null means too few rows to tell."""
        return {
            "columns": [
                {
                    "name": column.name,
                    "rows": column.rows,
                    "population_stability": column.index,
                    "threshold": column.threshold if math.isfinite(column.threshold) else None,
                    "moved": column.moved,
                    "missing": column.missing,
                    "expected_missing_share": column.expected_missing,
                    "outside": column.outside,
                    "bins": [
                        {"bin": name, "expected_share": share, "count": count}
                        for name, share, count in zip(
                            column.bins, column.expected, column.counts, strict=True
                        )
                    ],
                }
                for column in self.columns
            ],
            "predicted_labels": dict(self.labels),
        }

    def facts(self, title: str) -> Facts:
        """Return the report for people."""
        moved = [column.name for column in self.columns if column.moved]
        table = Table(
            columns=("column", "rows", "index", "alarm above", "missing", "in training", "outside"),
            rows=tuple(
                (
                    column.name,
                    f"{column.rows:.0f}",
                    f"{column.index:.4f}",
                    f"{column.threshold:.4f}" if math.isfinite(column.threshold) else "-",
                    f"{column.missing / column.rows if column.rows else 0:.2%}",
                    f"{column.expected_missing:.2%}",
                    f"{column.outside:.0f}",
                )
                for column in self.columns
            ),
        )
        level: Level = "warning" if moved else "good"
        sections = [
            Section(
                title="Against the training data",
                pairs=(("columns that moved", str(len(moved)), level),),
                table=table,
                charts=tuple(map(_chart, self.columns)),
            )
        ]
        if self.labels:
            names, counts = zip(*self.labels, strict=True)
            drawn = Chart(title="answers of predict", labels=names, series=(("now", counts),))
            sections.append(Section(title="Predictions", charts=(drawn,)))
        warnings = tuple(f"column {name[:80]!r} has moved away from the training data" for name in moved[:20])
        return Facts(title=f"Drift of {title}", sections=tuple(sections), warnings=warnings)


def _chart(column: ColumnReport) -> Chart:
    return Chart(
        title=column.name,
        labels=column.bins,
        series=(("training", column.expected), ("now", column.shares)),
        level="warning" if column.moved else "plain",
    )
