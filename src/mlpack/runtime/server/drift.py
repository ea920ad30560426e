"""How far what is asked lies from what the model was fitted on, counted in the contract's own bins.

Requests are only remembered; some hundred rows are counted at once, which costs a row a few microseconds.
Prometheus gets the counts, beside the shares of training, and computes indices over any window it likes.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlpack.format.contract import NULL_TEXT, CategoricalProfile, Contract, Input, NumericProfile, Output
from mlpack.runtime.server.counters import Counter, Counters, Vector

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlpack.runtime._rows import Feeds

__all__ = ["ColumnCounts", "DriftCounts", "alarm_threshold"]

BATCH = 512
"""Rows that are remembered before they are counted."""

SECONDS = 1.0
"""Time after which they are counted in any case."""


def alarm_threshold(bins: int, rows: float, baseline: float = math.inf) -> float:
    """Return the stability index above which a column has moved, whatever the number of rows.

    The index of two samples from one distribution is about chi-squared, with `bins - 1` degrees of freedom,
    over the number of rows: the customary 0.2 would raise false alarms on few rows. 0.1 is tolerated on
    purpose; on top comes the chi-squared's mean and three of its standard deviations.

    Args:
        bins: Bins or categories that the index sums over.
        rows: Rows that were counted.
        baseline: Rows of the training data, where known.
    """
    if rows <= 0 or bins < 2:
        return math.inf
    free = bins - 1
    return 0.1 + (free + 3 * math.sqrt(2 * free)) * (1 / rows + 1 / baseline)


@dataclass(frozen=True, slots=True)
class ColumnCounts:
    """One column's cells in shared memory.

    Attributes:
        item: The column.
        bins: Values per bin or category; of categories the last is for all that are not listed.
        missing: Missing values.
        outside: Values under the smallest or over the largest of training, or infinite.
        edges: Inner edges of the bins.
        place: Category -> bin.
    """

    item: Input
    bins: Vector
    missing: Counter
    outside: Counter
    edges: tuple[float, ...] = ()
    place: dict[str, int] | None = None

    @property
    def expected(self) -> tuple[float, ...]:
        """Shares of training, one per bin."""
        profile = self.item.profile
        if isinstance(profile, CategoricalProfile):
            return (*profile.shares, profile.other_share)
        return profile.shares if profile is not None else ()

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
            _declared(item, counters) for item in contract.inputs if tabular and item.profile is not None
        ]
        self._positions = {item.name: place for place, item in enumerate(contract.inputs)}
        self._by_array = contract.layout == "array"
        self._labelled = next(
            (item for item in contract.outputs if item.method == "predict" and item.classes and tabular), None
        )
        self.labels = Vector.of(counters, len(self._labelled.classes or ())) if self._labelled else None
        self._remembered: list[Feeds] = []
        self._answers: list[Any] = []
        self._rows = 0
        self._since = time.monotonic()

    def see(self, feeds: Feeds, rows: int, outputs: Sequence[Output], answers: Sequence[Any]) -> None:
        """Remember rows and their answers."""
        if not self.columns:
            return
        self._remembered.append(feeds)
        if self._labelled is not None:
            for output, answer in zip(outputs, answers, strict=True):
                if output is self._labelled:
                    self._answers.append(answer)
        self._rows += rows
        now = time.monotonic()
        if self._rows >= BATCH or now - self._since > SECONDS:
            self.settle(now)

    def settle(self, now: float | None = None) -> None:
        """Count what is remembered."""
        import numpy as np

        self._since = time.monotonic() if now is None else now
        if not self._remembered:
            return
        remembered, self._remembered, self._rows = self._remembered, [], 0
        answers, self._answers = self._answers, []
        joined: dict[str, NDArray[Any]] = {}
        for name in remembered[0]:
            joined[name] = np.concatenate([feeds[name] for feeds in remembered])
        for column in self.columns:
            values = joined[column.item.tensor]
            place = self._positions[column.item.name] if self._by_array else 0
            _count(column, values[:, place])
        if self.labels is not None and answers:
            labels, often = np.unique(np.concatenate(answers), return_counts=True)
            found = dict(zip(labels.tolist(), often.tolist(), strict=True))
            classes = (self._labelled.classes if self._labelled else None) or ()
            self.labels.add([found.get(label, 0) for label in classes])

    def lines(self) -> Iterator[str]:
        """Yield counts and shares of training in Prometheus' text format."""
        yield "# HELP mlpack_feature_values_total Values per bin of the training data.\n"
        yield "# TYPE mlpack_feature_values_total counter\n"
        for column in self.columns:
            name = _escaped(column.item.name)
            for label, count in zip(column.names, column.bins.totals, strict=True):
                yield (
                    f'mlpack_feature_values_total{{feature="{name}",bin="{_escaped(label)}"}} {count:.17g}\n'
                )
        yield "# HELP mlpack_feature_expected_share Share of the training data's values in each bin.\n"
        yield "# TYPE mlpack_feature_expected_share gauge\n"
        for column in self.columns:
            name = _escaped(column.item.name)
            for label, share in zip(column.names, column.expected, strict=True):
                yield (
                    f'mlpack_feature_expected_share{{feature="{name}",bin="{_escaped(label)}"}} {share:.17g}\n'
                )
        for kind, what in (("missing", "Missing values."), ("outside", "Values outside those of training.")):
            yield f"# HELP mlpack_feature_{kind}_total {what}\n# TYPE mlpack_feature_{kind}_total counter\n"
            for column in self.columns:
                total = (column.missing if kind == "missing" else column.outside).total
                yield f'mlpack_feature_{kind}_total{{feature="{_escaped(column.item.name)}"}} {total:.17g}\n'
        if self.labels is not None and self._labelled is not None:
            yield "# HELP mlpack_predicted_labels_total Answers of predict, by label.\n"
            yield "# TYPE mlpack_predicted_labels_total counter\n"
            for label, count in zip(self._labelled.classes or (), self.labels.totals, strict=True):
                yield f'mlpack_predicted_labels_total{{label="{_escaped(str(label))}"}} {count:.17g}\n'


def _declared(item: Input, counters: Counters) -> ColumnCounts:
    missing, outside = Counter.of(counters), Counter.of(counters)
    match item.profile:
        case NumericProfile(edges=edges, shares=shares):
            return ColumnCounts(item, Vector.of(counters, len(shares)), missing, outside, edges=edges[1:-1])
        case CategoricalProfile(categories=categories):
            place = {text: number for number, text in enumerate(categories)}
            return ColumnCounts(item, Vector.of(counters, len(categories) + 1), missing, outside, place=place)
        case None:
            raise ValueError("a column without a profile is not counted")


def _count(column: ColumnCounts, values: NDArray[Any]) -> None:
    import numpy as np

    if column.place is not None:
        _count_texts(column, values, column.place)
        return
    profile = column.item.profile
    if values.dtype.kind == "f":
        present = values[~np.isnan(values)]
    else:  # an instant that is missing is the smallest integer
        present = values[values != np.iinfo(np.int64).min] if column.item.dtype == "datetime" else values
    column.missing.add(len(values) - len(present))
    finite = present[np.isfinite(present)] if present.dtype.kind == "f" else present
    outside = len(present) - len(finite)
    if isinstance(profile, NumericProfile):
        outside += int(((finite < profile.minimum) | (finite > profile.maximum)).sum())
    if outside:
        column.outside.add(outside)
    bins = np.searchsorted(np.asarray(column.edges), finite, side="right")
    column.bins.add(np.bincount(bins, minlength=column.bins.size).tolist())


def _count_texts(column: ColumnCounts, values: NDArray[Any], place: dict[str, int]) -> None:
    bins = [0] * column.bins.size
    missing = 0
    for value in values.tolist():
        text = value if isinstance(value, str) else str(value)
        if text == NULL_TEXT:
            missing += 1
        else:
            bins[place.get(text, -1)] += 1
    column.missing.add(missing)
    if (
        bins[-1]
        and isinstance(column.item.profile, CategoricalProfile)
        and not column.item.profile.other_share
    ):
        column.outside.add(bins[-1])
    column.bins.add(bins)


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
