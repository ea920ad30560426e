"""How far what is asked lies from what the model was fitted on, counted in the contract's own bins.

Counting a value takes a fraction of a microsecond. Prometheus gets the counts, beside the shares of training,
and computes indices over any window it likes.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter as Often
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlpack.format.contract import NULL_TEXT, CategoricalProfile, Contract, Input, NumericProfile, Output
from mlpack.runtime.server.counters import Counter, Counters, Vector
from mlpack.runtime.server.drift_report import ColumnReport, ServedDrift
from mlpack.runtime.server.exposition import Labels, family

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlpack.runtime._rows import Feeds

_INFINITE = (math.inf, -math.inf)

__all__ = ["ColumnCounts", "DriftCounts"]

FEW = 8
"""Up to so many rows, one value after another is quicker than one array operation per column."""


@dataclass(frozen=True, slots=True)
class ColumnCounts:
    """One column's cells in shared memory.

    Attributes:
        item: The column.
        bins: Values per bin or category; of categories the last is for all that are not listed.
        missing: Missing values.
        outside: Values under the smallest or over the largest of training, or infinite.
        edges: Inner edges of the bins.
        low: Smallest value of training.
        high: Largest value of training.
        never: Number that stands for a missing instant; None where NaN does.
        place: Category -> bin.
        complete: Whether the categories are all that there were.
    """

    item: Input
    bins: Vector
    missing: Counter
    outside: Counter
    edges: tuple[float, ...] = ()
    low: float = -math.inf
    high: float = math.inf
    never: int | None = None
    place: dict[str, int] | None = None
    complete: bool = False

    def see_text(self, places: Mapping[str, int], value: object, often: int) -> None:
        """Count a category, or one of the two of a truth value."""
        row = self.bins.counters.row
        text = value if type(value) is str else str(value)
        if text == NULL_TEXT:
            row[self.missing.cell] += often
            return
        place = places.get(text, self.bins.size - 1)
        row[self.bins.first + place] += often
        if place == self.bins.size - 1 and self.complete:
            row[self.outside.cell] += often

    @property
    def expected(self) -> tuple[float, ...]:
        """Shares of training, one per bin."""
        profile = self.item.profile
        if isinstance(profile, CategoricalProfile):
            return (*profile.shares, profile.other_share)
        return profile.shares if profile is not None else ()

    def samples(self, values: Sequence[float]) -> Iterator[tuple[Labels, float]]:
        """Yield one value per bin, labelled."""
        for name, value in zip(self.names, values, strict=True):
            yield {"feature": self.item.name, "bin": name}, value

    def report(self) -> ColumnReport:
        """Return what the counts say."""
        profile = self.item.profile
        return ColumnReport(
            name=self.item.name,
            bins=tuple(self.names),
            expected=self.expected,
            counts=tuple(self.bins.totals),
            missing=self.missing.total,
            expected_missing=profile.null_share if profile is not None else 0.0,
            outside=self.outside.total,
        )

    @property
    def names(self) -> list[str]:
        """What the bins are called in metrics: their number, or the category."""
        profile = self.item.profile
        if isinstance(profile, CategoricalProfile):
            return [*profile.categories, "<other>"]
        return [str(number) for number in range(self.bins.size)]


class DriftCounts:
    """Counts per column and bin of what a server is asked, and of the classes that it answers."""

    def __init__(self, contract: Contract, counters: Counters) -> None:
        """Declare a cell per bin of every column that has a profile."""
        tabular = contract.layout != "tensors"
        self.columns = [
            (place if contract.layout == "array" else 0, _declared(item, counters))
            for place, item in enumerate(contract.inputs)
            if tabular and item.profile is not None
        ]
        self._labelled = next(
            (item for item in contract.outputs if item.method == "predict" and item.classes and tabular), None
        )
        self._counters = counters
        self._numbers = [
            (
                column.item.tensor,
                place,
                column.edges,
                column.low,
                column.high,
                column.never,
                column.bins.first,
                column.missing.cell,
                column.outside.cell,
            )
            for place, column in self.columns
            if column.place is None
        ]
        self._texts = [
            (column.item.tensor, place, column, column.place)
            for place, column in self.columns
            if column.place is not None
        ]
        classes = (self._labelled.classes if self._labelled else None) or ()
        self.labels = Vector.of(counters, len(classes)) if classes else None
        self._label_places = {label: place for place, label in enumerate(classes)}

    def see(self, feeds: Feeds, rows: int, outputs: Sequence[Output], answers: Sequence[Any]) -> None:
        """Count rows and their answers."""
        if rows <= FEW:
            for row in range(rows):
                self._see_row(feeds, row)
        else:
            for place, column in self.columns:
                _count(column, feeds[column.item.tensor][:, place])
        if self._labelled is not None and self.labels is not None:
            for output, answer in zip(outputs, answers, strict=True):
                if output.method == "predict":
                    self._see_labels(self.labels, answer)

    def _see_row(self, feeds: Feeds, row: int) -> None:
        """Count one row: a loop without calls, because every request pays for it."""
        cells = self._counters.row
        for tensor, place, edges, low, high, never, bins, missing, outside in self._numbers:
            value = feeds[tensor].item(row, place)
            if low <= value <= high:
                cells[bins + bisect_right(edges, value)] += 1.0
            elif value != value or value == never:  # noqa: PLR0124  (NaN differs from itself)
                cells[missing] += 1.0
            else:
                cells[outside] += 1.0
                if value not in _INFINITE:
                    cells[bins + bisect_right(edges, value)] += 1.0
        for tensor, place, column, places in self._texts:
            column.see_text(places, feeds[tensor].item(row, place), 1)

    def _see_labels(self, labels: Vector, answer: NDArray[Any]) -> None:
        for label, often in Often(answer.tolist()).items():
            if (place := self._label_places.get(label)) is not None:
                labels.counters.add(labels.first + place, often)

    def report(self) -> ServedDrift:
        """Return what the counts say."""
        totals = self.labels.totals if self.labels is not None else []
        return ServedDrift(
            columns=tuple(column.report() for _, column in self.columns),
            labels=tuple(zip(map(str, self._label_places), totals, strict=True)),
        )

    def lines(self) -> Iterator[str]:
        """Yield counts and shares of training in Prometheus' text format."""
        columns = [column for _, column in self.columns]
        yield from family(
            "mlpack_feature_values_total",
            "counter",
            "Values per bin of the training data.",
            (sample for column in columns for sample in column.samples(column.bins.totals)),
        )
        yield from family(
            "mlpack_feature_expected_share",
            "gauge",
            "Share of the training data's values in each bin.",
            (sample for column in columns for sample in column.samples(column.expected)),
        )
        yield from family(
            "mlpack_feature_missing_total",
            "counter",
            "Missing values.",
            (({"feature": column.item.name}, column.missing.total) for column in columns),
        )
        yield from family(
            "mlpack_feature_outside_total",
            "counter",
            "Values outside those of training.",
            (({"feature": column.item.name}, column.outside.total) for column in columns),
        )
        if self.labels is not None:
            yield from family(
                "mlpack_predicted_labels_total",
                "counter",
                "Answers of predict, by label.",
                (
                    ({"label": str(label)}, count)
                    for label, count in zip(self._label_places, self.labels.totals, strict=True)
                ),
            )


def _declared(item: Input, counters: Counters) -> ColumnCounts:
    missing, outside = Counter.of(counters), Counter.of(counters)
    match item.profile:
        case NumericProfile() as profile:
            return ColumnCounts(
                item,
                Vector.of(counters, len(profile.shares)),
                missing,
                outside,
                edges=profile.edges[1:-1],
                low=profile.minimum,
                high=profile.maximum,
                never=-(2**63) if item.dtype == "datetime" else None,
            )
        case CategoricalProfile() as profile:
            return ColumnCounts(
                item,
                Vector.of(counters, len(profile.categories) + 1),
                missing,
                outside,
                place={text: number for number, text in enumerate(profile.categories)},
                complete=not profile.other_share,
            )
        case None:
            raise ValueError("a column without a profile is not counted")


def _count(column: ColumnCounts, values: NDArray[Any]) -> None:
    """Count many values: what `see` does, at once."""
    import numpy as np

    if column.place is not None:
        for text, often in Often(values.tolist()).items():
            column.see_text(column.place, text, often)
        return
    present = values if column.never is None else values[values != column.never]
    if present.dtype.kind == "f":
        present = present[~np.isnan(present)]
    column.missing.add(len(values) - len(present))
    if outside := int(((present < column.low) | (present > column.high)).sum()):
        column.outside.add(outside)
        present = present[np.isfinite(present)] if present.dtype.kind == "f" else present
    bins = np.searchsorted(np.asarray(column.edges), present, side="right")
    column.bins.add(np.bincount(bins, minlength=column.bins.size).tolist())
