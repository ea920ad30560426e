"""The judge: native against loaded, on rows of its own. It shares no code with the probes of packing."""

# ruff: noqa: ANN401 - models and rows may be of any library
from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import polars as pl

from mlpack.errors import InputError

__all__ = ["Judge", "rows_of"]

LIMITS = {"exact": 1e-9, "tight": 1e-9, "loose": 1e-5}
SINGLE = {"exact": 1e-6, "tight": 1e-6, "loose": 1e-5}
"""Largest error allowed. `exact` means identical bits for the rows and batches measured, else `tight`."""

FLOATS = (
    np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-310, 1e10, -1e10, 1e39, -1e39, 1e300, -1.7e308,
    3.4028234663852886e38, 3.5e38,
)  # fmt: skip
INTEGERS = (0, -1, 1, 10**6, 2**31, 2**53 + 1, -(2**62))
TEXTS = (
    "", "never seen 未", None, " ", "Straße İstanbul ΣΑΣ ς", "naïve e\u0301té CAFÉ", "привет, МИР! Ёлка",
    "京都東京", "😀 👍🏽", "don't l'heure e-mail snake_case 1_000 ½",
    "good " * 400, "\t\n good\u00a0bad\u3000",
)  # fmt: skip
DATES = (
    "2024-02-29 23:59:59", "1969-12-31 23:59:59", "2023-12-31", "2024-12-30", "2021-01-03",
    "2024-03-10 02:30:00",
    "2024-11-03 06:00:00", "1900-03-01", "2100-02-28 12:00:00", None,
)  # fmt: skip
MAX_COLUMNS = 8


@dataclass
class Judge:
    """Compares every method on many rows and collects what is wrong.

    Attributes:
        model: The original.
        loaded: The predictor under judgement.
        methods: What to compare.
        certificates: Method -> what packing promised.
        single: Methods whose original computes in float32.
        spreads: Method -> standard deviation of the original's answers on the training rows.
        findings: Verdict -> sentences.
    """

    model: Any
    loaded: Any
    methods: Sequence[str]
    certificates: Mapping[str, str]
    single: Collection[str] = ()
    spreads: dict[str, float] = field(default_factory=dict)
    findings: dict[str, list[str]] = field(default_factory=dict)
    exact: bool = True

    def over(self, example: Any, fresh: Any) -> None:
        """Judge on training rows, fresh rows and every edge of them."""
        for method in self.methods:
            answer = self._native(method, example)
            if isinstance(answer, Exception):
                self._say("CRASHED", f"native refuses its training rows: {answer}")
                return
            self.spreads[method] = _spread(method, answer)
        for what, rows in _ordinary(example, fresh):
            self._compare(what, rows)
        for what, rows in _edges(example):
            self._one_by_one(what, rows)

    def _native(self, method: str, rows: Any) -> Any:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            try:
                answer = getattr(self.model, method)(rows)
            except Exception as error:  # noqa: BLE001 - whatever a stranger raises is a refusal
                return error
        return np.asarray(answer.toarray() if hasattr(answer, "toarray") else answer)

    def _packed(self, method: str, rows: Any) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                return getattr(self.loaded, method)(rows)
            except InputError as error:
                return error

    def _one_by_one(self, what: str, rows: Any) -> None:
        refusals = [
            isinstance(ask(method, rows), Exception)
            for method in self.methods[:1]
            for ask in (self._native, self._packed)
        ]
        if not any(refusals):
            self._compare(what, rows)
            return
        for row in range(len(rows)):
            one = rows[row : row + 1]
            native = self._native(self.methods[0], one)
            if not isinstance(native, Exception):
                self._compare(what, one)
            elif not isinstance(self._packed(self.methods[0], one), Exception):
                self._say("ANSWERS-WHERE-NATIVE-REFUSES", f"{what}, row {row}: {_line(native)}")

    def _compare(self, what: str, rows: Any) -> None:
        natives = {method: self._native(method, rows) for method in self.methods}
        for method, native in natives.items():
            packed = self._packed(method, rows)
            refused = isinstance(native, Exception)
            if isinstance(packed, Exception) and "cannot hold exactly" in str(packed):
                continue  # integers beyond 2**53 in a column that takes missing values: documented as refused
            if isinstance(packed, Exception) and not refused:
                self._say("CONTRACT-REFUSES-MORE", f"{what}: {method}: {_line(packed)}")
            elif refused and not isinstance(packed, Exception):
                self._say("ANSWERS-WHERE-NATIVE-REFUSES", f"{what}: {method}: {_line(native)}")
            elif not refused and (wrong := self._differs(method, native, packed, natives, rows)):
                self._say("DISAGREES", f"{what}: {method}: {wrong}")

    def _differs(self, method: str, native: Any, packed: Any, natives: Mapping[str, Any], rows: Any) -> str:
        if native.shape != packed.shape:
            return f"shape {native.shape} became {packed.shape}"
        if native.dtype != packed.dtype and not native.dtype.kind == packed.dtype.kind == "U":
            return f"dtype {native.dtype} became {packed.dtype}"
        if native.dtype.kind != "f":
            wrong = np.asarray(native != packed)
            if native.dtype.kind == "O" and [type(v) for v in native.flat] != [type(v) for v in packed.flat]:
                return "the labels' type changed"
            count = int(wrong.sum()) - _ties(natives, wrong, 1e-6 if self.single else 1e-9)
            return f"{count} of {wrong.size} differ" if count > 0 else ""
        error = _error(native, packed, self.spreads[method])
        self.exact = self.exact and error == 0
        limits = SINGLE if method in self.single else LIMITS
        if error <= limits[self.certificates[method]]:
            return ""
        noise = _error(native, self._native(method, rows), self.spreads[method])
        return "" if error <= 4 * noise else f"off by {error:.2g} of the spread"

    def _say(self, verdict: str, sentence: str) -> None:
        self.findings.setdefault(verdict, []).append(sentence)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:160]


def _spread(method: str, answer: Any) -> float:
    if method == "predict_proba" or answer.dtype.kind != "f":
        return 1.0
    finite = answer[np.isfinite(answer)]
    return float(finite.std()) or 1.0 if finite.size else 1.0


def _error(native: Any, packed: Any, spread: float) -> float:
    if not native.size:
        return 0.0
    native, packed = native.astype(float), packed.astype(float)
    same = (native == packed) | (np.isnan(native) & np.isnan(packed))
    with np.errstate(all="ignore"):
        errors = np.abs(native - packed) / (spread + np.abs(native))
    errors[~(np.isfinite(native) & np.isfinite(packed)) | np.isnan(errors)] = np.inf
    errors[same] = 0.0
    return float(errors.max())


def _ties(natives: Mapping[str, Any], wrong: Any, close: float) -> int:
    scores = natives.get("predict_proba", natives.get("decision_function"))
    if wrong.ndim != 1 or not isinstance(scores, np.ndarray) or len(scores) != len(wrong):
        return 0
    if scores.ndim == 1:
        return int((np.abs(scores[wrong]) <= close).sum())
    if scores.shape[1] < 2:
        return 0
    if scores.shape[1] < 2:
        return 0
    best = np.sort(scores[wrong], axis=1)
    return int((best[:, -1] - best[:, -2] <= close).sum())


# ------------------------------------------------------------------------------------------ rows


def rows_of(table: Any, places: Any) -> Any:
    """Return some rows, repeated where a place is."""
    places = np.asarray(places, dtype=np.int64)
    return table.iloc[places].reset_index(drop=True) if isinstance(table, pd.DataFrame) else table[places]


def _ordinary(example: Any, fresh: Any) -> Iterator[tuple[str, Any]]:
    rng = np.random.default_rng(99)
    yield "training rows", example
    yield "fresh rows", fresh
    for count in (1, 2, 127, 5000):
        yield f"batch of {count}", rows_of(fresh, rng.integers(0, len(fresh), count))
    mixed = rows_of(example, np.arange(len(example)))
    for column in range(example.shape[1]):
        mixed = _with_column(mixed, column, rows_of(_column(mixed, column), rng.permutation(len(mixed))))
    yield "shuffled columns", mixed
    beside = rows_of(example, rng.integers(0, len(example), 300))
    for column in _numeric(example):
        beside = _with_column(beside, column, _beside(_column(example, column), rng))
    yield "on and beside thresholds", beside


def _beside(values: Any, rng: np.random.Generator) -> Any:
    seen = np.unique(np.asarray(values)[~pd.isna(np.asarray(values))])
    if seen.dtype.kind != "f" or len(seen) < 2:
        return rng.choice(np.asarray(values), 300)
    middles = np.concatenate([seen, (seen[1:] + seen[:-1]) / 2])
    middles = rng.choice(middles, 100)
    single = middles.astype(np.float32)
    steps = [middles, np.nextafter(middles, np.inf), np.nextafter(single, np.float32(np.inf))]
    return rng.permutation(np.concatenate(steps).astype(seen.dtype))


def _edges(example: Any) -> Iterator[tuple[str, Any]]:
    rng = np.random.default_rng(5)
    whole = [row for row in range(len(example)) if not _holes(example, row)] or [0]
    columns = list(range(example.shape[1]))
    chosen = (
        columns if len(columns) <= MAX_COLUMNS else sorted(rng.choice(columns, MAX_COLUMNS, replace=False))
    )
    kinds: dict[str, list[tuple[int, Any]]] = {}
    for column in chosen:
        for place, cell in enumerate(_cells(example, column)):
            kinds.setdefault(f"{_kind(example, column)}{place}", []).append((column, cell))
    for cells in kinds.values():  # a row per column, so that what is accepted is asked for once
        rows = rows_of(example, rng.choice(whole, len(cells) + 1))
        for row, (column, cell) in enumerate(cells):
            changed = _with_cell(rows, column, cell, row)
            rows = rows if changed is None else changed
        yield f"{cells[0][1]!r} in columns {[column for column, _ in cells]}", rows
    for cell in (np.nan, 1e300):
        rows = rows_of(example, rng.choice(whole, 2))
        for column in _numeric(example):
            if cell == 1e300 and _kind(example, column) == "i":
                continue  # the contract of a column of integers is integers, and missing values at most
            changed = _with_cell(rows, column, cell)
            rows = rows if changed is None else changed
        yield f"{cell!r} in every column", rows


def _holes(example: Any, row: int) -> bool:
    cells = [_column(example, column)[row] for column in range(example.shape[1])]
    return any(pd.isna(cell) for cell in cells)


def _column(table: Any, column: int) -> Any:
    if isinstance(table, pd.DataFrame):
        return (
            table.iloc[:, column].to_numpy(dtype=object) if _is_text(table, column) else _plain(table, column)
        )
    if isinstance(table, pl.DataFrame):
        return (
            np.array(table.to_series(column).to_list(), dtype=object)
            if _is_text(table, column)
            else (table.to_series(column).to_numpy())
        )
    return table[:, column]


def _plain(table: pd.DataFrame, column: int) -> Any:
    series = table.iloc[:, column]
    if isinstance(series.dtype, np.dtype):
        return series.to_numpy()
    return series.to_numpy(dtype=object)


def _kind(table: Any, column: int) -> str:
    """Return f, i, b, t or d."""
    if isinstance(table, pd.DataFrame):
        dtype = table.dtypes.iloc[column]
        if pd.api.types.is_datetime64_any_dtype(dtype):
            return "d"
        dtype = dtype.categories.dtype if isinstance(dtype, pd.CategoricalDtype) else dtype
        if pd.api.types.is_bool_dtype(dtype):
            return "b"
        if pd.api.types.is_integer_dtype(dtype):
            return "i"
        return "f" if pd.api.types.is_float_dtype(dtype) else "t"
    if isinstance(table, pl.DataFrame):
        kind = table.dtypes[column]
        return "b" if kind == pl.Boolean else "i" if kind.is_integer() else "f" if kind.is_float() else "t"
    return {"f": "f", "i": "i", "u": "i", "b": "b"}.get(table.dtype.kind, "t")


def _is_text(table: Any, column: int) -> bool:
    return _kind(table, column) in "td"


def _numeric(table: Any) -> list[int]:
    return [column for column in range(table.shape[1]) if _kind(table, column) in "fi"]


def _cells(example: Any, column: int) -> Sequence[Any]:
    kind = _kind(example, column)
    if kind == "f":
        return FLOATS
    if kind == "i":
        return (*INTEGERS, np.nan)
    if kind == "b":
        return (True, False)
    if kind == "d":
        zone = getattr(example.dtypes.iloc[column], "tz", None)
        return [None if cell is None else pd.Timestamp(cell, tz="UTC" if zone else None) for cell in DATES]
    first = next((cell for cell in _column(example, column) if isinstance(cell, str)), "a")
    return (*TEXTS, first, f" {first} ", first.swapcase(), first + "\u0301")


def _with_cell(table: Any, column: int, cell: Any, row: int = 0) -> Any:
    """Return a copy with one cell changed, or None where the type cannot hold it."""
    try:
        values = list(_column(table, column))
        values[row] = cell
        if isinstance(table, np.ndarray):
            kind = np.float64 if table.dtype.kind in "iu" and isinstance(cell, float) else table.dtype
            with np.errstate(all="ignore"):
                changed = table.astype(kind)
                changed[row, column] = cell
            return changed
        return _with_column(table, column, values)
    except (TypeError, ValueError, OverflowError, pl.exceptions.PolarsError):
        return None


def _with_column(table: Any, column: int, values: Any) -> Any:
    """Return a copy with another column, in the type that the library would give it."""
    if isinstance(table, np.ndarray):
        changed = table.copy() if len(values) == len(table) else table
        changed[:, column] = values
        return changed
    if isinstance(table, pl.DataFrame):
        old = table.to_series(column)
        values = [None if cell is None or cell != cell else cell for cell in values]  # noqa: PLR0124  (NaN)
        return table.with_columns(pl.Series(old.name, values, dtype=old.dtype, strict=True))
    return _pandas_with(table, column, values)


def _pandas_with(table: pd.DataFrame, column: int, values: Any) -> pd.DataFrame:
    dtype = table.dtypes.iloc[column]
    holes = any(isinstance(cell, float) and cell != cell for cell in values)  # noqa: PLR0124  (NaN)
    if isinstance(dtype, pd.CategoricalDtype):
        known = list(dtype.categories)
        known += [cell for cell in dict.fromkeys(values) if isinstance(cell, str) and cell not in known]
        dtype = pd.CategoricalDtype(known, ordered=dtype.ordered)
    elif isinstance(dtype, np.dtype) and dtype.kind in "iu" and holes:
        dtype = np.dtype("float64")
    elif not isinstance(dtype, np.dtype) and holes:
        values = [None if cell is None or cell is pd.NA or cell != cell else cell for cell in values]  # noqa: PLR0124  (NaN)
    with np.errstate(all="ignore"):
        fresh = pd.Series(list(values), dtype=dtype)
    parts = [
        fresh if at == column else table.iloc[:, at].reset_index(drop=True) for at in range(table.shape[1])
    ]
    changed = pd.concat(parts, axis=1)
    changed.columns = table.columns
    result: pd.DataFrame = changed
    return result
