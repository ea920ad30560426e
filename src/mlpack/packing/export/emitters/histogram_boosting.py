"""HistGradientBoosting: thresholds, NaN routing and native categories."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlpack.packing.export import formulas
from mlpack.packing.export.ensembles import Trees
from mlpack.packing.export.graph import Columns, Tensor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mlpack.format.contract import Method
    from mlpack.packing.export.registry import Fitted, Scope

__all__ = ["respond"]


def respond(scope: Scope, model: Fitted, columns: Columns, method: Method) -> Tensor:
    """Emit a method."""
    graph = scope.graph
    raw = _raw(scope, model, _prepared(scope, model, columns))
    one = raw.width == 1
    if not hasattr(model, "classes_"):
        if method != "predict":
            raise scope.unsupported(model, f"has no {method}")
        return _inverse_link(scope, model, graph.flat(raw))
    if method == "decision_function":
        return graph.flat(raw) if one else raw
    if method == "predict" and one:
        return Tensor(formulas.positive(graph, graph.flat(raw).name), "int64", None)
    if method == "predict":
        return Tensor(formulas.argmax(graph, raw.name), "int64", None)
    if method not in ("predict_proba", "predict_log_proba"):
        raise scope.unsupported(model, f"has no {method}")
    shares = (
        formulas.pair(graph, formulas.sigmoid(graph, raw.name)) if one else formulas.softmax(graph, raw.name)
    )
    shares = graph.op("Log", shares) if method == "predict_log_proba" else shares
    return Tensor(shares, "float64", len(model.classes_))


def _prepared(scope: Scope, model: Fitted, columns: Columns) -> str:
    """Return the `(N, k)` double that the trees see: codes of the categories first, then numbers."""
    graph, prepare = scope.graph, model._preprocessor  # noqa: SLF001 - the fitted preprocessing
    if prepare is None:
        if not columns.numeric:
            raise scope.unsupported(model, "meets text columns")
        return graph.matrix(columns, "float64").name
    names = getattr(model, "feature_names_in_", None)
    order = list(range(columns.width))
    if names is not None and None not in columns.names:
        place = {name: index for index, name in enumerate(columns.names)}
        order = [place[str(name)] for name in names]
    mask = np.asarray(model.is_categorical_)
    encoder = prepare.named_transformers_["encoder"]
    parts = []
    if mask.any():
        chosen = graph.select(columns, [order[index] for index in np.flatnonzero(mask)])
        parts.append(graph.matrix(scope.inner("encoder").transform(encoder, chosen), "float64"))
    if not mask.all():
        numbers = graph.select(columns, [order[index] for index in np.flatnonzero(~mask)])
        if not numbers.numeric:
            raise scope.unsupported(model, "meets text columns that it does not treat as categories")
        parts.append(graph.matrix(numbers, "float64"))
    return graph.concat(parts).name


def _raw(scope: Scope, model: Fitted, x: str) -> Tensor:
    """Return the raw scores `(N, K)`."""
    start = np.ravel(model._baseline_prediction).astype(np.float64)  # noqa: SLF001 - the fitted start
    targets = int(model.n_trees_per_iteration_)
    ensemble = Trees()
    for target in range(targets):
        ensemble.add_constant(float(start[target]), target)
    for stage in model._predictors:  # noqa: SLF001 - the fitted trees
        for target, predictor in enumerate(stage):
            _add(ensemble, predictor, target)
    return Tensor(ensemble.emit(scope.graph, x, targets), "float64", targets)


def _add(ensemble: Trees, predictor: Fitted, target: int) -> None:
    nodes = predictor.nodes
    split = nodes["num_threshold"].astype(np.float64)
    members: list[Sequence[float] | None] = [None] * len(nodes)
    for index in np.flatnonzero(nodes["is_categorical"].astype(bool) & ~nodes["is_leaf"].astype(bool)):
        values = _bits(predictor.raw_left_cat_bitsets[nodes["bitset_idx"][index]])
        if values:
            members[index] = values
        else:  # no category goes left: codes are never negative
            split[index] = -1.0
    ensemble.add(
        left=nodes["left"].astype(np.int64),
        right=nodes["right"].astype(np.int64),
        feature=nodes["feature_idx"],
        split=split,
        missing_left=nodes["missing_go_to_left"],
        value=nodes["value"],
        target=target,
        leaf=nodes["is_leaf"].astype(bool),
        members=members,
    )


def _bits(bitset: NDArray[np.uint32]) -> list[float]:
    """Return the numbers whose bit is set; eight words of 32 bits."""
    return [
        float(32 * word + bit) for word in range(len(bitset)) for bit in range(32) if bitset[word] >> bit & 1
    ]


def _inverse_link(scope: Scope, model: Fitted, raw: Tensor) -> Tensor:
    link = type(model._loss.link).__name__  # noqa: SLF001 - the fitted loss
    if link == "IdentityLink":
        return raw
    if link == "LogLink":
        return Tensor(scope.graph.op("Exp", raw.name), "float64", None)
    raise scope.unsupported(model, f"link {link} has no emitter")
