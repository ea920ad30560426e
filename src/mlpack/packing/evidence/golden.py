"""Golden rows: drawn from the contract (or sampled), edges included, answered by the original."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from mlpack.errors import PackError
from mlpack.format.contract import CategoricalProfile, NumericProfile
from mlpack.format.evidence import Cell, Golden, encode_cell
from mlpack.packing.environment.wording import plain_reason
from mlpack.packing.evidence.rules import UNSEEN, evenly

if TYPE_CHECKING:
    import numpy as np

    from mlpack.format.contract import Contract, Input
    from mlpack.packing.evidence.native import Columns, NativeModel
    from mlpack.packing.example import Column, Example

__all__ = ["make_golden"]

DRAWN = 64
SAMPLED = 128
MAX_ROWS = 256
_SEED = 20260101


def make_golden(native: NativeModel, contract: Contract, origin: Literal["synthetic", "sample"]) -> Golden:
    """Return golden rows with the original's answers.

    Args:
        native: The original.
        contract: Profiles to draw from, rules that say which edges are accepted.
        origin: `synthetic` draws every column for itself from its histogram, so that no row is a person's;
            `sample` stores evenly spaced rows of the example.

    Raises:
        PackError: The original refuses every row that was drawn.
    """
    columns = _sampled(native.example) if origin == "sample" else _drawn(native.example, contract)
    answers = native.answer(columns)
    if isinstance(answers, Exception):
        columns = _only_accepted(native, columns)
        answers = native.answer(columns)
    if isinstance(answers, Exception):
        raise PackError(
            f"the model refuses the golden rows: {type(answers).__name__}: {plain_reason(str(answers))}",
            where="golden",
            hint='pass golden="sample" to store rows of the example instead',
        )
    rows = len(next(iter(columns.values())))
    return Golden(
        origin=origin,
        rows=rows,
        inputs={column.name: _input_cells(column, columns[column.name]) for column in native.example.columns},
        outputs={method: _answer_cells(answer) for method, answer in answers.items()},
    )


def _sampled(example: Example) -> Columns:
    rows = evenly(example.rows, SAMPLED)
    return {column.name: column.values[rows] for column in example.columns}


def _drawn(example: Example, contract: Contract) -> Columns:
    """Return rows drawn column by column, then one row per edge of every column, up to the limit."""
    rng = random.Random(_SEED)  # noqa: S311  (reproducible rows; nothing secret)
    words = {column.name: column.words for column in example.columns}
    cells: dict[str, list[Cell]] = {
        item.name: [_draw(item, rng, words[item.name]) for _ in range(DRAWN)] for item in contract.inputs
    }
    edges = [(item, edge) for item in contract.inputs for edge in _edges(item)]
    # Wide models have more edges than rows to spend: take them evenly over the columns.
    step = -(-len(edges) // (MAX_ROWS - DRAWN)) if edges else 1
    for chosen, edge in edges[::step]:
        for item in contract.inputs:
            cells[item.name].append(
                edge if item is chosen else _draw(item, rng, words[item.name], nulls=False)
            )
    return {column.name: _neutral(column, cells[column.name]) for column in example.columns}


def _draw(item: Input, rng: random.Random, words: Sequence[str] | None, *, nulls: bool = True) -> Cell:
    if words is not None:
        return " ".join(rng.choices(words, k=rng.randint(1, 12)))
    if item.profile is None or (nulls and item.nulls and rng.random() < item.profile.null_share):
        return None
    if isinstance(item.profile, CategoricalProfile):
        if not item.profile.categories:
            return None
        text = rng.choices(item.profile.categories, weights=item.profile.shares)[0]
        return text == "True" if item.dtype == "bool" else text
    return _number(item, item.profile, rng)


def _number(item: Input, profile: NumericProfile, rng: random.Random) -> Cell:
    bin_ = rng.choices(range(len(profile.shares)), weights=profile.shares)[0]
    low, high = profile.edges[bin_], profile.edges[bin_ + 1]
    if item.dtype == "datetime":
        return _instant(rng.randint(int(low), int(high)), item)
    value = rng.uniform(low, high)
    if _integral(item):
        return float(round(value))
    return _as_float32(value) if item.dtype == "float32" else value


def _instant(count: int, item: Input) -> str:
    """Return an instant as golden rows write it: ISO 8601, to the column's unit."""
    import numpy as np

    text = str(np.datetime64(count, item.unit))  # type: ignore[call-overload]
    return f"{text}Z" if item.zone else text


def _integral(item: Input) -> bool:
    return "int" in item.source.lower()


def _as_float32(value: float) -> float:
    import struct

    return float(struct.unpack("f", struct.pack("f", value))[0])


def _edges(item: Input) -> list[Cell]:
    """Return the unusual values that the contract accepts in this column."""
    edges: list[Cell] = [None] if item.nulls else []
    match item.profile:
        case NumericProfile() as profile if item.dtype == "datetime":
            edges += [_instant(int(profile.minimum), item), _instant(int(profile.maximum), item)]
        case NumericProfile() as profile:
            edges += [profile.minimum, profile.maximum]
            if item.infinities:
                edges += [float("inf"), float("-inf")]
        case CategoricalProfile() as profile if item.dtype == "string":
            if item.unknown:
                edges.append(UNSEEN)
            edges += profile.categories[:3]
    return edges


def _neutral(column: Column, cells: Sequence[Cell]) -> np.ndarray:
    import numpy as np

    if column.kind == "text":
        values = np.empty(len(cells), dtype=object)
        values[:] = cells
        return values
    if column.kind == "datetime":
        texts = ["NaT" if cell is None else str(cell).removesuffix("Z") for cell in cells]
        return np.array(texts, dtype=f"datetime64[{column.unit}]")
    if column.kind == "boolean":
        return np.array([bool(cell) for cell in cells])
    floats = np.array([np.nan if cell is None else cell for cell in cells], dtype=np.float64)
    if column.kind == "integer" and not np.isnan(floats).any():
        return floats.astype(np.int64)
    return floats


def _only_accepted(native: NativeModel, columns: Columns) -> Columns:
    """Return the rows that the original accepts by themselves."""
    rows = len(next(iter(columns.values())))
    kept = [
        row
        for row in range(rows)
        if native.accepts({name: values[row : row + 1] for name, values in columns.items()})
    ]
    return {name: values[kept] for name, values in columns.items()}


def _input_cells(column: Column, values: np.ndarray) -> list[Cell]:
    if column.kind != "datetime":
        return _cells(values)
    import numpy as np

    texts = [f"{text}Z" if column.zone else str(text) for text in np.datetime_as_string(values)]
    return [None if missing else text for text, missing in zip(texts, np.isnat(values), strict=True)]


def _cells(values: np.ndarray) -> list[Cell]:
    return [encode_cell(value) for value in values.tolist()]


def _answer_cells(answer: np.ndarray) -> list[Cell] | list[list[Cell]]:
    if answer.ndim == 1:
        return _cells(answer)
    return [_cells(row) for row in answer]
