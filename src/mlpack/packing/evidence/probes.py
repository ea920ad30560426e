"""Rows that try a converted model where converters are known to fail. Fixed seeds: the same every time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlpack.packing.evidence.rules import (
    FLOAT32_MAX,
    LARGEST,
    UNSEEN,
    Rules,
    base_rows,
    evenly,
    with_cell,
)
from mlpack.packing.evidence.texts import awkward_texts

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from mlpack.packing.evidence.native import Columns
    from mlpack.packing.example import Column, Example

__all__ = ["Probe", "probes"]

MAX_ROWS = 2000
MAX_REFUSED = 32
"""Columns of a wide model in which one kind of refusal is tried."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Probe:
    """Rows that belong together.

    Attributes:
        name: What they try.
        columns: Neutral rows.
        one_by_one: Ask row by row, because each one may be refused for its own sake.
    """

    name: str
    columns: Columns
    one_by_one: bool = False

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(next(iter(self.columns.values())))


def probes(example: Example, rules: Mapping[str, Rules]) -> Iterator[Probe]:
    """Yield the probe sets for an example: ordinary rows first, then edges, then what is refused.

    Source: the failure classes of tabular converters, measured: float32 before a discontinuity, routing of
    missing values, values on and beside split points, unknown and missing categories, batch size.
    """
    import numpy as np

    everything = {column.name: column.values for column in example.columns}
    chosen = evenly(example.rows, MAX_ROWS)
    sample = {name: values[chosen] for name, values in everything.items()}
    yield Probe(name="example", columns=sample)
    rng = np.random.default_rng(20260101)
    yield Probe(
        name="columns shuffled", columns={name: rng.permutation(values) for name, values in sample.items()}
    )
    for size in (1, 2, 127):
        yield Probe(name=f"batch of {size}", columns=base_rows(example, size))
    yield from _numeric_probes(example, rng)
    yield from _cell_probes(example, rules)
    yield from text_probes(example)
    yield from date_probes(example, rules)


def text_probes(example: Example) -> Iterator[Probe]:
    """Yield documents of many languages and none, made of words that the model knows where it keeps some."""
    columns = [column for column in example.columns if column.words is not None]
    if not columns:
        return
    changed = {column.name: awkward_texts(column.words or ()) for column in columns}
    rows = max(len(values) for values in changed.values())
    base = base_rows(example, rows)
    yield Probe(
        name="awkward texts", columns={**base, **{k: _stretched(v, rows) for k, v in changed.items()}}
    )


_DAYS = (
    "1970-01-01", "1969-12-31T23:59:59", "2000-02-29T12:00:00", "1900-03-01",
    "2024-02-29T23:59:59", "2023-12-31", "2024-12-30", "2021-01-03",
    "2020-12-31T23:59:59", "2026-01-01", "2024-03-31T00:59:59", "2024-03-31T01:00:00",
    "2024-10-27T00:59:59", "2024-10-27T01:30:00", "2024-03-10T07:00:00", "2024-11-03T06:00:00",
    "2038-01-19T03:14:08", "2100-02-28", "2100-03-01", "1700-06-15T06:30:00",
    "2250-06-30", "2024-04-30", "2024-09-30T13:45:12",
)  # fmt: skip
"""Around leap days, ends of months, years and ISO weeks, changes of the clock, 1970 and far away."""


def date_probes(example: Example, rules: Mapping[str, Rules]) -> Iterator[Probe]:
    """Yield instants around everything that calendars get wrong, with fractions, and missing ones."""
    import numpy as np

    columns = [column for column in example.columns if column.kind == "datetime"]
    if not columns:
        return
    rows = dict(base_rows(example, 4 * len(_DAYS)))
    for shift, column in enumerate(columns):
        days = np.tile(np.array(_DAYS, dtype=f"datetime64[{column.unit}]"), 4)
        steps = np.repeat([0, 1, -1, 123_456_789], len(_DAYS)).astype(f"timedelta64[{column.unit}]")
        rows[column.name] = np.roll(days + steps, 7 * shift)
    yield Probe(name="awkward dates", columns=rows, one_by_one=True)
    for column in columns:
        one = dict(base_rows(example, 3))
        one[column.name] = with_cell(one[column.name], 1, "NaT")
        name = "missing date" if rules[column.name].nulls else "missing date, refused"
        yield Probe(name=name, columns=one, one_by_one=True)


def _stretched(values: np.ndarray, rows: int) -> np.ndarray:
    import numpy as np

    return np.resize(values, rows)


def _numeric_probes(example: Example, rng: np.random.Generator) -> Iterator[Probe]:
    import numpy as np

    numeric = [column for column in example.columns if column.kind in ("float", "integer")]
    floats = [column for column in numeric if column.kind == "float"]
    if not numeric:
        return
    rows = dict(base_rows(example, 600))
    beside = dict(rows)
    for column in numeric:
        # Shuffled before it is cut to size: the points come in ascending order.
        beside[column.name] = np.resize(rng.permutation(_split_points(column)), 600)
    yield Probe(name="on and beside split points", columns=beside)
    if floats:
        nudged = dict(rows)
        for column in floats:
            nudged[column.name] = rows[column.name] * (1 + 1e-9 * rng.choice([-1.0, 1.0], 600))
        yield Probe(name="nudged by 1e-9", columns=nudged)
    few = dict(base_rows(example, 8))
    for name, change in (("zero", 0.0), ("negated", -1.0), ("a thousand times larger", 1000.0)):
        changed = {
            column.name: _as_held(column, few[column.name] * change).astype(few[column.name].dtype)
            for column in numeric
        }
        yield Probe(name=name, columns={**few, **changed}, one_by_one=True)


def _split_points(column: Column) -> np.ndarray:
    """Return values on and one step beside the midpoints of neighbouring values, where trees split."""
    import numpy as np

    seen = np.unique(column.values[np.isfinite(column.values)])
    if column.values.dtype.kind != "f":
        return _as_held(column, np.concatenate([seen, seen - 1, seen + 1])).astype(column.values.dtype)
    if not len(seen):
        return np.zeros(1)
    middle = seen[:-1] / 2 + seen[1:] / 2
    seen, middle = seen[evenly(len(seen), 60)], middle[evenly(len(middle), 60)]
    points = np.concatenate([seen, middle])
    small = points.astype(np.float32)
    neighbours = [np.nextafter(small, np.float32(side)).astype(np.float64) for side in (-np.inf, np.inf)]
    return np.concatenate([points, np.nextafter(points, -np.inf), np.nextafter(points, np.inf), *neighbours])


def _cell_probes(example: Example, rules: Mapping[str, Rules]) -> Iterator[Probe]:
    """Yield probes with one unusual cell per row: together where accepted, one by one where not."""
    numeric = [column for column in example.columns if column.kind in ("float", "integer")]
    floats = [column for column in numeric if column.kind == "float"]
    texts = [column for column in example.columns if column.kind == "text"]
    clear = [column for column in texts if not rules[column.name].ambiguous]

    def cells(
        name: str, columns: list[Column], make: Callable[[Column], float | str | None], accepted: set[str]
    ) -> Iterator[Probe]:
        for title, chosen in (
            (name, [column for column in columns if column.name in accepted]),
            (f"{name}, refused", [column for column in columns if column.name not in accepted]),
        ):
            if not chosen:
                continue
            if chosen[0].name not in accepted:  # one question each; more of them would say nothing new
                chosen = [chosen[index] for index in evenly(len(chosen), MAX_REFUSED)]  # noqa: PLW2901
            rows = dict(base_rows(example, len(chosen)))
            for row, column in enumerate(chosen):
                rows[column.name] = with_cell(rows[column.name], row, make(column))
            yield Probe(name=title, columns=rows, one_by_one=chosen[0].name not in accepted)

    nullable = {name for name, rule in rules.items() if rule.nulls}
    infinite = {name for name, rule in rules.items() if rule.infinities}
    wide = [column for column in floats if column.dtype == "float64"]
    huge = {name for name, rule in rules.items() if rule.limit is None and not rule.overflows}
    unknown = {name for name, rule in rules.items() if rule.unknown}
    nan, inf = float("nan"), float("inf")
    yield from cells(
        "missing value", [*numeric, *clear], lambda c: None if c.kind == "text" else nan, nullable
    )
    yield from cells("infinity", floats, lambda _: inf, infinite)
    yield from cells("minus infinity", floats, lambda _: -inf, infinite)
    yield from cells("largest float32", floats, lambda _: FLOAT32_MAX, huge)
    for name, value in (("beyond float32", 2 * FLOAT32_MAX), ("huge", 1e300), ("largest", LARGEST)):
        yield from cells(name, wide, lambda _, value=value: value, huge)  # type: ignore[misc]
        yield from cells(f"{name}, negative", wide, lambda _, value=value: -value, huge)  # type: ignore[misc]
    open_ended = [column for column in wide if rules[column.name].overflows]
    for name, value in (
        ("half of the largest", LARGEST / 2),
        ("a thousandth of the largest", LARGEST / 1000),
    ):
        yield from cells(name, open_ended, lambda _, value=value: value, set())  # type: ignore[misc]
    limited = [column for column in wide if rules[column.name].limit is not None]
    yield from cells("at the limit", limited, lambda c: rules[c.name].limit, set())
    yield from cells("negative limit", limited, lambda c: -(rules[c.name].limit or 0.0), set())
    yield from cells("tiny", floats, lambda _: 1e-310, set(rules))
    whole = [column for column in numeric if column.kind == "integer"]
    yield from cells("largest integer", whole, lambda c: _integer_limits(c)[1], set())
    yield from cells("smallest integer", whole, lambda c: _integer_limits(c)[0], set())
    yield from _together(example, rules)
    yield from cells("unknown string", texts, lambda _: UNSEEN, unknown)
    yield from cells("empty string", texts, lambda _: "", unknown)
    yield from cells("padded string", texts, lambda c: f" {_first(c)} ", unknown)
    yield from cells("re-cased string", texts, lambda c: _first(c).swapcase(), unknown)


def _integer_limits(column: Column) -> tuple[int, int]:
    """Return extremes that the column's own type holds, and a double too where missing values make it one."""
    import numpy as np

    name = column.source.lower().removesuffix("[pyarrow]")
    if not name.startswith(("int", "uint")):
        return -(2**53), 2**53  # categories that are integers have no type of their own
    info = np.iinfo(np.dtype(name))
    return max(int(info.min), -(2**53)), min(int(info.max), 2**53)


def _as_held(column: Column, values: np.ndarray) -> np.ndarray:
    """Return numbers as near as the column's own type holds them.

    Outside it they would turn into others on the way to the original, and the two would be asked
    different rows.
    """
    import numpy as np

    return np.clip(values, *_integer_limits(column)) if column.kind == "integer" else values


def _together(example: Example, rules: Mapping[str, Rules]) -> Iterator[Probe]:
    """Yield rows with several unusual cells: what is accepted alone need not be accepted together."""
    import numpy as np

    rng = np.random.default_rng(20260102)
    rows = dict(base_rows(example, 24))
    for column in example.columns:
        if rules[column.name].nulls:
            values = rows[column.name]
            empty = rng.random(24) < 0.5
            empty[:2] = True
            for row in np.flatnonzero(empty):
                values = with_cell(values, int(row), None if column.kind == "text" else float("nan"))
            rows[column.name] = values
    yield Probe(name="several missing values", columns=rows, one_by_one=True)
    huge = dict(base_rows(example, 4))
    for column in example.columns:
        if column.kind == "float" and column.dtype == "float64":
            limit = rules[column.name].limit or LARGEST
            huge[column.name] = np.array([1e30, -1e30, 1e300, 1.0]) if limit > 1e300 else huge[column.name]
    yield Probe(name="every number huge", columns=huge, one_by_one=True)


def _first(column: Column) -> str:
    return next((value for value in column.values.tolist() if value is not None), "")
