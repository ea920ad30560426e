"""Contract and golden calls of a model of tensors, from what was learnt of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, cast

from mlpack.errors import ModelError
from mlpack.format.contract import Contract, DType, Input, Output
from mlpack.format.evidence import Golden, encode_cell
from mlpack.packing.tensors.study import Call, Study

if TYPE_CHECKING:
    import numpy as np

__all__ = ["contract_of", "golden_of", "output_shape", "sizes_of", "spreads_of"]

MOST_GOLDEN = 12
MOST_GOLDEN_VALUES = 20_000
"""Numbers that golden.json may hold, inputs and outputs together."""


def contract_of(study: Study, withheld: frozenset[tuple[str, str]]) -> Contract:
    """Return inputs, outputs and sizes; `withheld` has (input, kind) of unusual numbers to refuse."""
    first = study.calls[0]
    assert first.outputs is not None  # noqa: S101  (checked by the caller)
    inputs = tuple(
        Input(
            name=name,
            tensor=facts.tensor,
            dtype=cast("DType", _dtype(first.inputs[name])),
            source=str(first.inputs[name].dtype),
            nulls=first.inputs[name].dtype.kind == "f" and (name, "NaN") not in withheld,
            infinities=first.inputs[name].dtype.kind == "f" and (name, "infinity") not in withheld,
            shape=facts.shape,
            bounds=facts.bounds,
        )
        for name, facts in study.inputs.items()
    )
    outputs = tuple(
        Output(
            method="predict",
            tensor=tensor,
            dtype=first.outputs[part].dtype.name,
            shape=output_shape(study, part),
            name=part or None,
            classes=study.classes.get(part),
        )
        for part, tensor in study.outputs.items()
    )
    return Contract(layout="tensors", inputs=inputs, outputs=outputs, dimensions=dict(study.dimensions))


def _dtype(array: np.ndarray) -> str:
    return "string" if array.dtype.kind in "OU" else array.dtype.name


def output_shape(study: Study, part: str) -> tuple[int | str | None, ...]:
    """Return what every answer's shape has in common: sizes, or dimensions that they always equal."""
    seen: list[tuple[Mapping[str, int], tuple[int, ...]]] = [
        (sizes_of(study, call), call.outputs[part].shape) for call in study.calls if call.outputs is not None
    ]
    rank = len(seen[0][1])
    if any(len(shape) != rank for _, shape in seen):
        raise ModelError(
            f"the answer {part!r} differs in its number of dimensions from call to call", where="model"
        )
    shape: list[int | str | None] = []
    for axis in range(rank):
        found = {shape_[axis] for _, shape_ in seen}
        named = [
            name for name in study.dimensions if all(sizes[name] == shape_[axis] for sizes, shape_ in seen)
        ]
        shape.append(named[0] if named else found.pop() if len(found) == 1 else None)
    return tuple(shape)


def sizes_of(study: Study, call: Call) -> dict[str, int]:
    """Return the size that every dimension has in a call."""
    return {
        size: call.inputs[name].shape[axis]
        for name, facts in study.inputs.items()
        for axis, size in enumerate(facts.shape)
        if isinstance(size, str)
    }


def spreads_of(contract: Contract, example: Call) -> dict[str, float]:
    """Return the spread of every output over the example; 1 where there is none."""
    import numpy as np

    spreads = {}
    for output in contract.outputs:
        assert example.outputs is not None  # noqa: S101  (checked before)
        answer = example.outputs[output.name or ""]
        finite = answer[np.isfinite(answer)].astype(np.float64) if answer.dtype.kind == "f" else np.zeros(0)
        spreads[output.key] = float(finite.std()) if finite.size and finite.std() > 0 else 1.0
    return spreads


def golden_of(contract: Contract, calls: Sequence[Call], origin: Literal["synthetic", "sample"]) -> Golden:
    """Return calls that tell a runtime that computes otherwise, small enough to read."""
    chosen: list[Call] = []
    spent = 0
    for call in calls:
        if (not call.golden and origin == "synthetic") or call.outputs is None or call.kind != "ordinary":
            continue
        size = sum(value.size for value in (*call.inputs.values(), *call.outputs.values()))
        if chosen and (spent + size > MOST_GOLDEN_VALUES or len(chosen) == MOST_GOLDEN):
            continue
        spent += size
        chosen.append(call)
    if not chosen:
        raise ModelError("the model refuses every call that was drawn", where="golden")
    return Golden(
        origin=origin,
        rows=len(chosen),
        inputs={item.name: [_cells(call.inputs[item.name]) for call in chosen] for item in contract.inputs},
        outputs={
            item.key: [_cells(call.outputs[item.name or ""]) for call in chosen if call.outputs is not None]
            for item in contract.outputs
        },
    )


def _cells(array: np.ndarray) -> dict[str, list[object]]:
    return {"shape": list(array.shape), "values": [encode_cell(value) for value in array.ravel().tolist()]}
