"""Pipeline, ColumnTransformer and FeatureUnion: models made of models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlpack.packing.export.graph import Block, Columns, Tensor

if TYPE_CHECKING:
    from mlpack.format.contract import Method
    from mlpack.packing.export.registry import Fitted, Scope

__all__ = ["respond", "transform"]


def transform(scope: Scope, model: Fitted, columns: Columns) -> Columns:
    """Emit `transform` of a Pipeline, FeatureUnion or ColumnTransformer."""
    if hasattr(model, "steps"):
        return _chain(scope, model.steps, columns)
    if hasattr(model, "transformer_list"):
        return _union(scope, model, columns)
    return _by_column(scope, model, columns)


def respond(scope: Scope, model: Fitted, columns: Columns, method: Method) -> Tensor:
    """Emit a method of a Pipeline's last step."""
    if not hasattr(model, "steps"):
        raise scope.unsupported(model, f"has no {method}")
    if getattr(model, "transform_input", None):
        raise scope.unsupported(model, "transform_input is set")
    name, last = model.steps[-1]
    return scope.inner(name).respond(last, _chain(scope, model.steps[:-1], columns), method)


def _chain(scope: Scope, steps: list[tuple[str, Any]], columns: Columns) -> Columns:
    for name, step in steps:
        if step is not None and step != "passthrough":
            columns = scope.inner(name).transform(step, columns)
    return columns


def _union(scope: Scope, model: Fitted, columns: Columns) -> Columns:
    parts = []
    for name, step in model.transformer_list:
        if step == "drop":
            continue
        part = columns if step == "passthrough" else scope.inner(name).transform(step, columns)
        parts.append(_weighted(scope, part, (model.transformer_weights or {}).get(name)))
    return _side_by_side(scope, parts)


def _by_column(scope: Scope, model: Fitted, columns: Columns) -> Columns:
    names = [str(name) for name in getattr(model, "feature_names_in_", ())]
    by_name = bool(names) and None not in columns.names
    if not by_name and columns.width != model.n_features_in_:
        raise scope.unsupported(model, f"fitted on {model.n_features_in_} columns, here {columns.width}")
    place = {name: index for index, name in enumerate(columns.names)}
    parts = []
    for name, step, wanted in model.transformers_:
        indices = model._transformer_to_input_indices[name]  # noqa: SLF001 - the fitted selection
        if (isinstance(step, str) and step == "drop") or len(indices) == 0:
            continue
        if by_name:
            missing = [names[index] for index in indices if names[index] not in place]
            if missing:
                raise scope.unsupported(model, f"the contract lacks the columns {missing[:5]}")
            indices = [place[names[index]] for index in indices]
        part = scope.graph.select(columns, [int(index) for index in indices])
        part = Columns(part.blocks, flat=isinstance(wanted, str))
        if not (isinstance(step, str) and step == "passthrough"):
            part = scope.inner(name).transform(step, part)
        parts.append(_weighted(scope, part, (model.transformer_weights or {}).get(name)))
    return _side_by_side(scope, parts)


def _weighted(scope: Scope, columns: Columns, weight: float | None) -> Columns:
    if weight is None:
        return columns
    graph = scope.graph
    matrix = graph.matrix(columns, "float64")
    return Columns.of(Tensor(graph.op("Mul", matrix.name, graph.doubles(weight)), "float64", matrix.width))


def _side_by_side(scope: Scope, parts: list[Columns]) -> Columns:
    """Return what NumPy's hstack would: one numeric type for all, unless strings make it an object array."""
    whole = Columns(tuple(block for part in parts for block in part.blocks))
    if whole.width == 0:
        raise scope.unsupported(parts, "no column is left")
    kinds = set(whole.kinds)
    if len(kinds) == 1:
        return whole
    if not whole.numeric:  # numbers become Python numbers, so single precision is lost in doubles
        return Columns(
            tuple(
                Block(scope.graph.cast(block.tensor, "float64"), block.names)
                if block.tensor.kind == "float32"
                else block
                for block in whole.blocks
            )
        )
    kind = "int64" if kinds <= {"int64", "int32", "bool"} else whole.float_kind
    return Columns((Block(scope.graph.matrix(whole, kind), whole.names),))
