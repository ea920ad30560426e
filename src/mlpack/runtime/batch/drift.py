"""How far a scored table lies from the training data that the contract describes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlpack.format.contract import CategoricalProfile, Input, NumericProfile
from mlpack.format.documents import canonical_json
from mlpack.show.facts import Facts, Level, Section, Table

__all__ = ["ColumnDrift", "DriftReport", "jensen_shannon", "population_stability", "report_drift"]

FLOOR = 1e-4
"""Least share that the stability index reckons with: without a floor an empty bin makes it infinite."""

MODERATE, LARGE = 0.1, 0.25
"""Customary readings of the stability index. Source: Siddiqi, Credit Risk Scorecards (2006), chapter 8."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ColumnDrift:
    """How one column of a table compares with the training data.

    Attributes:
        name: Column.
        rows: Rows that were counted.
        population_stability: PSI over the contract's bins or categories, 0 or more; None without a baseline.
        jensen_shannon: Divergence in bits, 0 (alike) to 1 (nothing in common); None without a baseline.
        missing_share: Share of missing values, 0 to 1.
        expected_missing_share: The same in training; None without a baseline.
        below: Values under the smallest one of training.
        above: Values over the largest one of training.
        infinite: Infinite values, which stand in no bin.
        unknown: Values that are none of the categories of training.
    """

    name: str
    rows: int
    population_stability: float | None
    jensen_shannon: float | None
    missing_share: float
    expected_missing_share: float | None
    below: int = 0
    above: int = 0
    infinite: int = 0
    unknown: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class DriftReport:
    """What a table looks like beside the training data, column by column.

    Attributes:
        columns: In the contract's order.
    """

    columns: tuple[ColumnDrift, ...]

    def to_bytes(self) -> bytes:
        """Return the report as JSON."""
        return canonical_json(
            {
                "version": "1.0",
                "formulas": {
                    "population_stability": f"sum((q - p) * ln(q / p)), shares at least {FLOOR:g}",
                    "jensen_shannon": "(KL(p | m) + KL(q | m)) / 2 in bits, m = (p + q) / 2",
                },
                "columns": [
                    {name: getattr(column, name) for name in ColumnDrift.__slots__} for column in self.columns
                ],
            }
        )

    def facts(self) -> Facts:
        """Return one table, and a warning for each column that moved far."""
        far = [item.name for item in self.columns if (item.population_stability or 0) >= LARGE]
        rows = tuple(
            (
                item.name,
                _number(item.population_stability),
                _number(item.jensen_shannon),
                f"{item.missing_share:.2%}",
                "-" if item.expected_missing_share is None else f"{item.expected_missing_share:.2%}",
                str(item.below),
                str(item.above),
                str(item.unknown),
            )
            for item in self.columns
        )
        heads = ("column", "PSI", "JS", "missing", "in training", "below", "above", "unknown")
        level: Level = "warning" if far else "good"
        section = Section(
            title="Drift against the training data",
            pairs=((f"PSI of {LARGE} or more", str(len(far)), level),),
            table=Table(columns=heads, rows=rows),
        )
        warnings = tuple(f"column {name[:80]!r} lies far from the training data" for name in far[:20])
        return Facts(title="Drift", sections=(section,), warnings=warnings)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def population_stability(expected: Sequence[float], found: Sequence[float]) -> float:
    """Return the population stability index of two distributions over the same bins; shares sum to 1.

    Source: Siddiqi, Credit Risk Scorecards (2006), chapter 8; the same as Jeffreys' divergence J(p, q) in
    nats, Kullback and Leibler, On Information and Sufficiency (1951), with shares raised to FLOOR.
    """
    total = 0.0
    for p, q in zip(expected, found, strict=True):
        low, high = max(p, FLOOR), max(q, FLOOR)
        total += (high - low) * math.log(high / low)
    return total


def jensen_shannon(expected: Sequence[float], found: Sequence[float]) -> float:
    """Return the Jensen-Shannon divergence of two distributions over the same bins, in bits, 0 to 1.

    Source: Lin, Divergence Measures Based on the Shannon Entropy (1991), equation 4.1 with equal weights.
    """
    total = 0.0
    for p, q in zip(expected, found, strict=True):
        middle = (p + q) / 2
        total += sum(share / 2 * math.log2(share / middle) for share in (p, q) if share > 0)
    return min(max(total, 0.0), 1.0)


def report_drift(inputs: Sequence[Input], counts: Mapping[str, Mapping[str, Any]]) -> DriftReport:
    """Compare counts (see `Tally`) with the contract's profiles."""
    return DriftReport(columns=tuple(_column(item, counts[item.name]) for item in inputs))


def _column(item: Input, counts: Mapping[str, Any]) -> ColumnDrift:
    rows = int(counts["rows"])
    bins = list(counts.get("counts", ()))
    profile = item.profile
    expected: list[float] = []
    if isinstance(profile, NumericProfile):
        expected = list(profile.shares)
    elif isinstance(profile, CategoricalProfile):
        expected = [*profile.shares, profile.other_share]
        bins.append(counts["unknown"])
    present = sum(bins)
    comparable = present > 0 and sum(expected) > 0
    found = [count / present for count in bins] if comparable else []
    complete = isinstance(profile, CategoricalProfile) and profile.other_share == 0
    return ColumnDrift(
        name=item.name,
        rows=rows,
        population_stability=population_stability(expected, found) if comparable else None,
        jensen_shannon=jensen_shannon(expected, found) if comparable else None,
        missing_share=counts["missing"] / rows if rows else 0.0,
        expected_missing_share=None if profile is None else profile.null_share,
        below=counts.get("below", 0),
        above=counts.get("above", 0),
        infinite=counts.get("infinite", 0),
        unknown=counts.get("unknown", 0) if complete else 0,
    )
