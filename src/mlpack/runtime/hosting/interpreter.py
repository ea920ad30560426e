"""A program of host steps, made ready once and run on every batch."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpack.errors import FormatError
from mlpack.format.contract import NULL_TEXT
from mlpack.format.host import HOST_PATH, Feed, HostProgram, Step
from mlpack.runtime.hosting import columns, dates, sparse
from mlpack.runtime.hosting.sparse import SparseRows
from mlpack.runtime.hosting.terms import analyzer, changed

__all__ = ["Interpreter"]

Value = Any
"""An array of shape `(N,)`, or SparseRows."""

_Run = Callable[..., Value]


class Interpreter:
    """Runs the steps of one program. It keeps no rows and may be used from several threads at once."""

    def __init__(self, program: HostProgram) -> None:
        """Compile patterns, vocabularies and weights.

        Raises:
            FormatError: Two steps do not fit each other.
        """
        self._steps = [(step.name, step.of, _READY[step.operation](step)) for step in program.steps]
        self.feeds = program.feeds
        _check_widths(program)

    def run(self, columns: Mapping[str, NDArray[Any]]) -> dict[str, Value]:
        """Return the value of every step.

        Args:
            columns: Tensor of the contract -> its cells, shape `(N,)`.
        """
        values: dict[str, Value] = dict(columns)
        for name, of, step in self._steps:
            try:
                values[name] = step(*[values[source] for source in of])
            except (TypeError, ValueError, IndexError, OverflowError) as error:
                raise FormatError(
                    f"the step {name!r} cannot be applied ({type(error).__name__})", where=HOST_PATH
                ) from error
        return values

    def laid_out(self, feed: Feed, value: Value) -> NDArray[Any]:
        """Return a value in the form in which the graph takes it."""
        if not isinstance(value, SparseRows):
            array = np.asarray(value, dtype=object if feed.kind == "string" else feed.kind)
            return np.ascontiguousarray(array).reshape(-1, 1)
        if feed.form == "dense":
            return value.dense(feed.kind)
        return value.padded(value.columns if feed.form == "indices" else value.values, feed.kind)


def _count(step: Step) -> _Run:
    parameters = step.parameters
    return partial(
        sparse.count_terms,
        analyze=analyzer(parameters),
        places=sparse.vocabulary_places(parameters["vocabulary"]),
        binary=parameters["binary"],
        kind=parameters["kind"],
    )


def _hash(step: Step) -> _Run:
    parameters = step.parameters
    return partial(
        sparse.hash_terms,
        analyze=analyzer(parameters),
        width=parameters["width"],
        signed=parameters["signed"],
        binary=parameters["binary"],
        kind=parameters["kind"],
        cache={},
    )


def _weigh(step: Step) -> _Run:
    weights, kind = step.parameters["weights"], step.parameters["kind"]
    return partial(
        sparse.weigh_terms,
        sublinear=step.parameters["sublinear"],
        weights=None if weights is None else np.array(weights, dtype=kind),
        kind=kind,
    )


def _fill(step: Step) -> _Run:
    return lambda cells: np.where(cells == NULL_TEXT, step.parameters["with"], cells)


def _change(step: Step) -> _Run:
    methods = step.parameters["methods"]

    def run(cells: NDArray[Any]) -> NDArray[np.object_]:
        texts = [cell if cell == NULL_TEXT else changed(cell, methods) for cell in cells]
        result = np.empty(len(texts), dtype=object)
        result[:] = texts
        return result

    return run


def _distance(step: Step) -> _Run:
    moment = np.array([step.parameters["moment"]], dtype=f"datetime64[{step.parameters['unit']}]")
    if step.parameters["side"] == "left":
        return lambda times: dates.difference(moment, times)
    return lambda times: dates.difference(times, moment)


def _fill_number(step: Step) -> _Run:
    return lambda cells: np.where(np.isnan(cells), step.parameters["with"], cells)


def _is_missing(cells: NDArray[Any]) -> NDArray[np.bool_]:
    if cells.dtype.kind == "M":
        return np.asarray(np.isnat(cells), dtype=np.bool_)
    return np.asarray(cells == NULL_TEXT if cells.dtype == object else np.isnan(cells), dtype=np.bool_)


_READY: Mapping[str, Callable[[Step], _Run]] = {
    "count-terms": _count,
    "hash-terms": _hash,
    "weigh-terms": _weigh,
    "scale-columns": lambda step: partial(
        sparse.scale_columns, factors=np.array(step.parameters["factors"], dtype=np.float64)
    ),
    "pick-columns": lambda step: partial(
        sparse.pick_columns, columns=np.array(step.parameters["columns"], dtype=np.int64)
    ),
    "normalise-rows": lambda step: partial(sparse.normalise_rows, norm=step.parameters["norm"]),
    "fill-text": _fill,
    "change-text": _change,
    "join-texts": lambda step: partial(columns.joined, parts=step.parameters["parts"]),
    "search-text": lambda step: partial(
        columns.contains,
        pattern=re.compile(step.parameters["pattern"]),
        whole=step.parameters["whole"],
    ),
    "text-length": lambda _: columns.lengths,
    "local-time": lambda step: partial(
        dates.local_time,
        at=np.array(step.parameters["at"], dtype=np.int64),
        offsets=np.array(step.parameters["offsets"], dtype=np.int64),
    ),
    "date-part": lambda step: partial(dates.date_part, part=step.parameters["part"]),
    "date-difference": lambda _: dates.difference,
    "date-distance": _distance,
    "span-part": lambda step: partial(dates.span_part, part=step.parameters["part"]),
    "calculate": lambda step: partial(columns.calculated, **step.parameters),
    "choose": lambda step: partial(columns.chosen, values=step.parameters["values"]),
    "one-of": lambda step: partial(columns.one_of, among=step.parameters["among"]),
    "look-up": lambda step: partial(
        columns.looked_up,
        table=dict(zip(step.parameters["keys"], step.parameters["values"], strict=True)),
        text=step.parameters["kind"] == "string",
    ),
    "fill-number": _fill_number,
    "is-missing": lambda _: _is_missing,
    "retype": lambda step: partial(columns.retyped, kind=step.parameters["kind"]),
}


def _check_widths(program: HostProgram) -> None:
    """Refuse weights, factors and columns that are not made for what they meet."""
    widths: dict[str, int] = {}
    for step in program.steps:
        found = _width(step, [widths.get(source, 0) for source in step.of])
        if found is None:
            raise FormatError(
                f"{step.operation} is made for another width", where=f"{HOST_PATH}: {step.name}"
            )
        widths[step.name] = found


def _width(step: Step, before: Sequence[int]) -> int | None:
    """Return the width of a step's result, 0 for columns, or None when it does not fit what it reads."""
    parameters = step.parameters
    match step.operation:
        case "count-terms":
            return len(parameters["vocabulary"])
        case "hash-terms":
            return int(parameters["width"])
        case "weigh-terms" | "scale-columns":
            own = parameters.get("weights", parameters.get("factors"))
            return before[0] if own is None or len(own) == before[0] else None
        case "pick-columns":
            return len(parameters["columns"]) if parameters["columns"][-1] < before[0] else None
        case "normalise-rows":
            return before[0]
        case _:
            return 0
