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
        inputs={name: _cells(values) for name, values in columns.items()},
        outputs={method: _answer_cells(answer) for method, answer in answers.items()},
    )


def _sampled(example: Example) -> Columns:
    rows = evenly(example.rows, SAMPLED)
    return {column.name: column.values[rows] for column in example.columns}


def _drawn(example: Example, contract: Contract) -> Columns:
    """Return rows drawn column by column, then one row per edge of every column, up to the limit."""
    rng = random.Random(_SEED)  # noqa: S311  (reproducible rows; nothing secret)
    cells: dict[str, list[Cell]] = {
        item.name: [_draw(item, rng) for _ in range(DRAWN)] for item in contract.inputs
    }
    edges = [(item, edge) for item in contract.inputs for edge in _edges(item)]
    # Wide models have more edges than rows to spend: take them evenly over the columns.
    step = -(-len(edges) // (MAX_ROWS - DRAWN)) if edges else 1
    for chosen, edge in edges[::step]:
        for item in contract.inputs:
            cells[item.name].append(edge if item is chosen else _draw(item, rng, nulls=False))
    return {column.name: _neutral(column, cells[column.name]) for column in example.columns}


def _draw(item: Input, rng: random.Random, *, nulls: bool = True) -> Cell:
    match item.profile:
        case NumericProfile() as profile:
            if nulls and item.nulls and rng.random() < profile.null_share:
                return None
            bin_ = rng.choices(range(len(profile.shares)), weights=profile.shares)[0]
            value = rng.uniform(profile.edges[bin_], profile.edges[bin_ + 1])
            return (
                float(round(value))
                if _integral(item)
                else _as_float32(value)
                if item.dtype == "float32"
                else value
            )
        case CategoricalProfile() as profile:
            if not profile.categories or (nulls and item.nulls and rng.random() < profile.null_share):
                return None
            text = rng.choices(profile.categories, weights=profile.shares)[0]
            return text == "True" if item.dtype == "bool" else text
        case None:
            return None


def _integral(item: Input) -> bool:
    return "int" in item.source.lower()


def _as_float32(value: float) -> float:
    import struct

    return float(struct.unpack("f", struct.pack("f", value))[0])


def _edges(item: Input) -> list[Cell]:
    """Return the unusual values that the contract accepts in this column."""
    edges: list[Cell] = [None] if item.nulls else []
    match item.profile:
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


def _cells(values: np.ndarray) -> list[Cell]:
    return [encode_cell(value) for value in values.tolist()]


def _answer_cells(answer: np.ndarray) -> list[Cell] | list[list[Cell]]:
    if answer.ndim == 1:
        return _cells(answer)
    return [_cells(row) for row in answer]
