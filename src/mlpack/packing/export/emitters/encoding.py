"""OneHotEncoder and OrdinalEncoder, for strings, numbers and booleans."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np

from mlpack.format.contract import NULL_TEXT
from mlpack.packing.export.graph import Columns, Kind, Tensor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlpack.packing.export.registry import Fitted, Scope

__all__ = ["transform"]


def transform(scope: Scope, model: Fitted, columns: Columns) -> Columns:
    """Emit `transform` of an encoder."""
    if hasattr(model, "encodings_"):
        return _by_target(scope, model, columns)
    kind = np.dtype(model.dtype).name
    if kind not in ("float64", "float32", "int64", "int32", "bool"):
        raise scope.unsupported(model, f"dtype={kind} has no ONNX element type")
    one_hot = hasattr(model, "drop_idx_")
    tensors = []
    for index in range(columns.width):
        column = scope.graph.select(columns, [index]).blocks[0].tensor
        categories = list(model.categories_[index])
        part = (_one_hot if one_hot else _ordinal)(scope, model, index, column, categories)
        if part is not None:
            tensors.append(scope.graph.cast(part, cast("Kind", kind)))
    if not tensors:
        raise scope.unsupported(model, "every category is dropped, so the result has no columns")
    whole = scope.graph.concat(tensors)
    if one_hot:
        scope.graph.finite.add(whole.name)
    return Columns.of(whole)


def _by_target(scope: Scope, model: Fitted, columns: Columns) -> Columns:
    """Emit TargetEncoder: a category becomes the mean target of its rows, an unknown one the whole mean."""
    graph, several = scope.graph, model.target_type_ == "multiclass"
    targets = len(model.classes_) if several else 1
    means = np.reshape(model.target_mean_, (1, -1))
    parts = []
    for index in range(columns.width):
        column = graph.select(columns, [index]).blocks[0].tensor
        categories = list(model.categories_[index])
        table = np.stack(model.encodings_[index * targets : (index + 1) * targets], axis=1)
        table = np.concatenate([table, means])
        count = len(categories)
        if column.kind == "string":
            code = _text_code(scope, model, column, categories, codes=list(range(count)), unknown=count)
        else:
            code = _number_code(scope, model, column, categories)
        fetched = graph.op("Gather", graph.doubles(table), graph.op("Reshape", code, graph.ints([-1])))
        parts.append(Tensor(fetched, "float64", targets))
    whole = graph.concat(parts)
    graph.finite.add(whole.name)
    return Columns.of(whole)


def _number_code(scope: Scope, model: Fitted, column: Tensor, categories: list[Any]) -> str:
    """Return the int64 code `(N, 1)` of a number column; the number of categories for unknown values."""
    graph, count = scope.graph, len(categories)
    hits = graph.op("Cast", _number_hits(scope, model, column, categories), to=11)
    steps = graph.doubles(np.arange(count, dtype=np.float64)[:, None] - count)
    return graph.op("Cast", graph.op("Add", graph.op("MatMul", hits, steps), graph.doubles(count)), to=7)


def _one_hot(
    scope: Scope,
    model: Fitted,
    index: int,
    column: Tensor,
    categories: list[Any],
) -> Tensor | None:
    """Return `(N, outputs)` of zeros and ones."""
    graph, width = scope.graph, int(model._n_features_outs[index])  # noqa: SLF001 - the fitted layout
    if width == 0:
        return None
    places, unknown = _places(model, index, len(categories))
    if column.kind == "string":
        code = _text_code(scope, model, column, categories, codes=places, unknown=unknown)
        hits = graph.op("Equal", code, graph.ints([list(range(width))]))
        return Tensor(hits, "bool", width)
    hits = _number_hits(scope, model, column, categories)
    if places == list(range(width)):
        return Tensor(hits, "bool", width)
    known = graph.op("Cast", hits, to=11)
    table = np.zeros((len(categories), width))
    for category, place in enumerate(places):
        if place >= 0:
            table[category, place] = 1.0
    result = graph.op("MatMul", known, graph.doubles(table))
    if unknown >= 0:
        rest = graph.op("Sub", graph.doubles(1.0), graph.op("ReduceSum", known, graph.ints([1]), keepdims=1))
        row = np.zeros((1, width))
        row[0, unknown] = 1.0
        result = graph.op("Add", result, graph.op("Mul", rest, graph.doubles(row)))
    return Tensor(result, "float64", width)


def _places(model: Fitted, index: int, count: int) -> tuple[list[int], int]:
    """Return the output column of every category and of unknown ones; -1 for none."""
    grouped, frequent = _grouped(model, index, count)
    drop = model._drop_idx_after_grouping  # noqa: SLF001
    dropped = None if drop is None else drop[index]

    def place(group: int) -> int:
        if dropped is None or group < dropped:
            return group
        return -1 if group == dropped else group - 1

    rare = model.handle_unknown in ("infrequent_if_exist", "warn") and frequent is not None
    return [place(group) for group in grouped], place(cast("int", frequent)) if rare else -1


def _grouped(model: Fitted, index: int, count: int) -> tuple[list[int], int | None]:
    """Return the code of every category after rare ones were put together, and the code of the rare ones."""
    if not getattr(model, "_infrequent_enabled", False):
        return list(range(count)), None
    rare = model._infrequent_indices[index]  # noqa: SLF001
    mapping = model._default_to_infrequent_mappings[index]  # noqa: SLF001
    if rare is None or mapping is None:
        return list(range(count)), None
    return [int(code) for code in mapping], int(mapping[rare[0]])


def _ordinal(
    scope: Scope,
    model: Fitted,
    index: int,
    column: Tensor,
    categories: list[Any],
) -> Tensor:
    """Return the code `(N, 1)` in double."""
    graph, count = scope.graph, len(categories)
    grouped, _ = _grouped(model, index, count)
    values = [float(code) for code in grouped] + [np.nan] * (count - len(grouped))  # missing is never grouped
    missing = model._missing_indices.get(index)  # noqa: SLF001
    if missing is not None:
        values[missing] = float(model.encoded_missing_value)
    known = model.handle_unknown != "use_encoded_value"  # else the original refuses: any value will do
    values.append(np.nan if known else float(model.unknown_value))
    if column.kind == "string":
        code = _text_code(scope, model, column, categories, codes=list(range(count)), unknown=count)
    else:
        code = _number_code(scope, model, column, categories)
    return Tensor(graph.op("Gather", graph.doubles(values), code), "float64", 1)


def _text_code(
    scope: Scope,
    model: Fitted,
    column: Tensor,
    categories: Sequence[Any],
    *,
    codes: list[int],
    unknown: int,
) -> str:
    """Return the int64 code `(N, 1)` of a string column; a missing value looks like `NULL_TEXT`."""
    keys = [
        value if isinstance(value, str) else NULL_TEXT if _is_null(value) else None for value in categories
    ]
    if None in keys:
        raise scope.unsupported(model, "a text column has categories that are not text")
    if len(set(keys)) != len(keys):
        raise scope.unsupported(model, f"both None and NaN are categories, or one is {NULL_TEXT!r}")
    if NULL_TEXT in categories:
        raise scope.unsupported(model, f"{NULL_TEXT!r} is a category; ONNX needs it for missing values")
    from onnx import helper

    return scope.graph.op(
        "LabelEncoder",
        column.name,
        domain="ai.onnx.ml",
        keys_tensor=helper.make_tensor(
            "keys", 8, [len(keys)], cast("list[float]", [str(key).encode() for key in keys])
        ),
        values_tensor=helper.make_tensor("values", 7, [len(codes)], codes),
        default_tensor=helper.make_tensor("default", 7, [1], [unknown]),
    )


def _number_hits(scope: Scope, model: Fitted, column: Tensor, categories: Sequence[Any]) -> str:
    """Return a boolean `(N, categories)`: which category each number is."""
    graph = scope.graph
    if any(isinstance(value, (str, bytes)) for value in categories):
        raise scope.unsupported(model, "a number column has text categories")
    nulls = [_is_null(value) for value in categories]
    whole = all(isinstance(value, (int, np.integer, bool, np.bool_)) for value in categories)
    if whole and column.kind in ("int64", "bool", "int32"):
        row = np.array([[int(value) for value in categories]], dtype=np.int64)
        return graph.op("Equal", graph.cast(column, "int64").name, graph.const(row))
    try:
        numbers = [[np.nan if null else float(value) for value, null in zip(categories, nulls, strict=True)]]
    except (TypeError, ValueError) as error:
        raise scope.unsupported(model, "a number column has categories that are not numbers") from error
    doubles = graph.cast(column, "float64").name
    hits = graph.op("Equal", doubles, graph.doubles(numbers))
    if not any(nulls):
        return hits
    empty = graph.op("And", graph.op("IsNaN", doubles), graph.const(np.array([nulls])))
    return graph.op("Or", hits, empty)


def _is_null(value: object) -> bool:
    """Whether a category is None, NaN or pandas' NA."""
    return (
        value is None
        or type(value).__name__ == "NAType"
        or (isinstance(value, (float, np.floating)) and bool(np.isnan(value)))
    )
