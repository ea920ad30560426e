"""CatBoost on numbers: trees in double over float32 columns, read from its own JSON document.

Source: CatBoost's evaluation of symmetric trees (bit i of the leaf's number says whether `x > border` of
split i holds) and of other trees, sums in double from zero on, then scale and bias.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mlpack.packing.export import formulas
from mlpack.packing.export.ensembles import Trees
from mlpack.packing.export.graph import Columns, GraphBuilder, Tensor
from mlpack.packing.export.symmetric import FEW_ROWS, MAX_LEVELS, SymmetricTree, symmetric_sums

if TYPE_CHECKING:
    from mlpack.format.contract import Method
    from mlpack.packing.export.registry import Fitted, Scope

__all__ = ["respond"]

MAX_NODES = 4_000_000
"""Symmetric trees are written out in full: 16 levels are 65,535 splits a tree."""

_SEVERAL_LABELS = ("MultiLogloss", "MultiCrossEntropy")


def respond(scope: Scope, model: Fitted, columns: Columns, method: Method) -> Tensor:
    """Emit a method."""
    if not columns.numeric:
        raise scope.unsupported(model, "category, text and embedding columns have no ONNX form")
    raw = _raw(scope, model, columns, _document(model))
    if not type(model).__name__.endswith("Classifier"):
        if method != "predict":
            raise scope.unsupported(model, f"has no {method}")
        return _number(scope, model, raw)
    loss = str(model.get_all_params().get("loss_function", "")).partition(":")[0]
    if method == "predict":
        return _label(scope, model, raw, loss)
    shares = _shares(scope, model, raw, loss)
    if method == "predict_proba":
        return shares
    if method == "predict_log_proba":
        return Tensor(scope.graph.op("Log", shares.name), "float64", shares.width)
    raise scope.unsupported(model, f"has no {method}")


def _number(scope: Scope, model: Fitted, raw: Tensor) -> Tensor:
    """Return what `predict` of a regressor or ranker makes of the raw scores."""
    graph, kind = scope.graph, "RawFormulaVal"
    if hasattr(model, "_get_default_prediction_type"):
        kind = model._get_default_prediction_type()  # noqa: SLF001 - what its predict asks
    if kind == "Exponent":
        raw = Tensor(graph.op("Exp", raw.name), "float64", raw.width)
    elif kind == "RMSEWithUncertainty":
        mean, spread = graph.pick(raw, [0]), graph.pick(raw, [1])
        doubled = graph.op("Exp", graph.op("Mul", spread.name, graph.doubles(2.0)))
        raw = graph.concat([mean, Tensor(doubled, "float64", 1)])
    elif kind != "RawFormulaVal":
        raise scope.unsupported(model, f"prediction type {kind} has no emitter")
    return graph.flat(raw) if raw.width == 1 else raw


def _label(scope: Scope, model: Fitted, raw: Tensor, loss: str) -> Tensor:
    graph = scope.graph
    if loss in _SEVERAL_LABELS:
        return Tensor(formulas.positive(graph, raw.name), "int64", raw.width)
    if raw.width == 1:
        threshold = model.get_probability_threshold()
        if threshold is not None and threshold != 0.5:
            above = graph.op("Greater", formulas.sigmoid(graph, raw.name), graph.doubles(threshold))
            return graph.flat(Tensor(graph.op("Cast", above, to=7), "int64", 1))
        return graph.flat(Tensor(formulas.positive(graph, raw.name), "int64", 1))
    best = graph.op("ArgMax", raw.name, axis=1, keepdims=1, select_last_index=0)
    return Tensor(best, "int64", 1)  # CatBoost gives labels of several classes as a column


def _shares(scope: Scope, model: Fitted, raw: Tensor, loss: str) -> Tensor:
    graph = scope.graph
    if raw.width == 1:
        return Tensor(formulas.pair(graph, formulas.sigmoid(graph, raw.name)), "float64", 2)
    if loss == "MultiClass":
        return Tensor(formulas.softmax(graph, raw.name), "float64", raw.width)
    if loss in ("MultiClassOneVsAll", *_SEVERAL_LABELS):
        return Tensor(formulas.sigmoid(graph, raw.name), "float64", raw.width)
    raise scope.unsupported(model, f"loss {loss or 'of its own'!r} has no closed form here")


# ------------------------------------------------------------------------------------------ raw scores


def _document(model: Fitted) -> dict[str, Any]:
    """Return the model as CatBoost's JSON; it only writes it to a file."""
    with tempfile.TemporaryDirectory() as room:
        path = Path(room) / "model.json"
        model.save_model(str(path), format="json")
        document: dict[str, Any] = json.loads(path.read_bytes())
    return document


@dataclass(frozen=True, kw_only=True, slots=True)
class _Tree:
    """A tree as parallel arrays over its nodes, root first; `value` has one row per node."""

    left: np.ndarray
    right: np.ndarray
    feature: np.ndarray
    split: np.ndarray
    value: np.ndarray
    leaf: np.ndarray


def _raw(scope: Scope, model: Fitted, columns: Columns, document: dict[str, Any]) -> Tensor:
    """Return the raw scores `(N, K)`."""
    graph, info = scope.graph, document["features_info"]
    if any(info.get(f"{kind}_features") for kind in ("categorical", "text", "embedding")):
        raise scope.unsupported(model, "category, text and embedding columns have no ONNX form")
    scale, bias = document["scale_and_bias"]
    bias = np.asarray(bias, dtype=np.float64).reshape(1, -1)
    floats = info.get("float_features", [])
    missing_right = np.array([item["nan_value_treatment"] == "AsTrue" for item in floats], dtype=bool)
    place = np.array([item["flat_feature_index"] for item in floats], dtype=np.int64)
    single = graph.matrix(columns, "float32")

    def walked(inner: GraphBuilder) -> str:
        trees = [_symmetric(tree, bias.shape[1]) for tree in _bounded(scope, model, document)]
        trees += [_asymmetric(tree) for tree in document.get("trees", ())]
        x = inner.cast(single, "float64")
        return _sums(inner, trees, x, place=place, missing_right=missing_right, targets=bias.shape[1])

    if bias.shape[1] == 1 and (shallow := _shallow(document, place)):
        above = np.zeros(columns.width, dtype=np.bool_)
        above[place[missing_right]] = True
        many = graph.op("Greater", graph.op("Shape", single.name, start=0, end=1), graph.ints([FEW_ROWS]))
        total = graph.choose(
            many,
            Tensor(f"{single.name}/rows", "float64", 1),
            yes=lambda inner: symmetric_sums(inner, single, shallow, above=above),
            no=walked,
        )
    else:
        total = walked(graph)
    if scale != 1:
        total = graph.op("Mul", total, graph.doubles(float(scale)))
    return Tensor(graph.op("Add", total, graph.doubles(bias)), "float64", bias.shape[1])


def _sums(
    graph: GraphBuilder,
    trees: list[_Tree],
    x: Tensor,
    *,
    place: np.ndarray,
    missing_right: np.ndarray,
    targets: int,
) -> str:
    """Return the sums over trees `(N, targets)`: with several targets, each tree says which row it adds."""
    ensemble, rows = Trees(), [np.zeros((1, targets))]
    first = 1
    for number, tree in enumerate(trees):
        value = tree.value[:, 0]
        if targets > 1:
            value = np.zeros(len(tree.leaf))
            value[tree.leaf] = first + np.arange(int(tree.leaf.sum()))
            first += int(tree.leaf.sum())
            rows.append(tree.value[tree.leaf])
        ensemble.add(
            left=tree.left,
            right=tree.right,
            feature=place[tree.feature],
            split=tree.split,
            missing_left=~missing_right[tree.feature],
            value=value,
            target=number if targets > 1 else 0,
            leaf=tree.leaf,
        )
    if not trees:
        return graph.op("Mul", graph.pick(x, [0]).name, graph.doubles(np.zeros((1, targets))))
    if targets == 1:
        return ensemble.emit(graph, x.name, 1)
    reached = graph.op("Cast", ensemble.emit(graph, x.name, len(trees)), to=7)
    fetched = graph.op("Gather", graph.doubles(np.concatenate(rows)), reached)
    return graph.op("ReduceSum", fetched, graph.ints([1]), keepdims=0)


def _shallow(document: dict[str, Any], place: np.ndarray) -> list[SymmetricTree]:
    """Return the trees if all are symmetric and of few levels, else none."""
    trees: list[dict[str, Any]] = document.get("oblivious_trees", [])
    if document.get("trees") or any(len(tree["splits"] or ()) > MAX_LEVELS for tree in trees):
        return []
    return [
        SymmetricTree(
            feature=place[[split["float_feature_index"] for split in tree["splits"] or ()]],
            border=np.array([split["border"] for split in tree["splits"] or ()], dtype=np.float32),
            value=np.array(tree["leaf_values"], dtype=np.float64),
        )
        for tree in trees
    ]


def _bounded(scope: Scope, model: Fitted, document: dict[str, Any]) -> list[dict[str, Any]]:
    trees: list[dict[str, Any]] = document.get("oblivious_trees", [])
    if sum(1 << len(tree["splits"] or ()) for tree in trees) > MAX_NODES:
        raise scope.unsupported(model, "its symmetric trees are too deep to be written out as splits")
    return trees


def _symmetric(tree: dict[str, Any], targets: int) -> _Tree:
    """Write a symmetric tree out: the last split at the root, so that the path spells the leaf's number."""
    splits = list(reversed(tree["splits"] or ()))
    inner = (1 << len(splits)) - 1
    level = np.floor(np.log2(np.arange(1, inner + 1))).astype(np.int64)
    feature = np.array([split["float_feature_index"] for split in splits], dtype=np.int64)
    border = np.array([split["border"] for split in splits], dtype=np.float64)
    nodes, number = inner + inner + 1, np.arange(inner)
    left, right = np.full(nodes, -1), np.full(nodes, -1)
    left[:inner], right[:inner] = 2 * number + 1, 2 * number + 2
    value = np.zeros((nodes, targets))
    value[inner:] = np.array(tree["leaf_values"], dtype=np.float64).reshape(-1, targets)
    return _Tree(
        left=left,
        right=right,
        feature=_padded(feature[level] if inner else feature, nodes),
        split=_padded(_in_single(border[level] if inner else border), nodes),
        value=value,
        leaf=np.arange(nodes) >= inner,
    )


def _padded(values: np.ndarray, length: int) -> np.ndarray:
    return np.concatenate([values, np.zeros(length - len(values), dtype=values.dtype)])


def _in_single(borders: np.ndarray) -> np.ndarray:
    """Return borders as the float32 that CatBoost holds, in double."""
    rounded: np.ndarray = borders.astype(np.float32).astype(np.float64)
    return rounded


def _asymmetric(root: dict[str, Any]) -> _Tree:
    """Return a tree of any other form."""
    nodes: list[dict[str, Any]] = []
    links: list[list[int]] = []
    waiting = [(root, -1, 0)]
    while waiting:
        node, parent, side = waiting.pop()
        if parent >= 0:
            links[parent][side] = len(nodes)
        nodes.append(node)
        links.append([-1, -1])
        if "split" in node:
            waiting += [(node["right"], len(nodes) - 1, 1), (node["left"], len(nodes) - 1, 0)]
    leaf = np.array(["split" not in node for node in nodes])
    splits = [node.get("split", {"float_feature_index": 0, "border": 0.0}) for node in nodes]
    values = [np.ravel(node["value"]) if "value" in node else None for node in nodes]
    width = next(len(value) for value in values if value is not None)
    return _Tree(
        left=np.array([pair[0] for pair in links]),
        right=np.array([pair[1] for pair in links]),
        feature=np.array([split["float_feature_index"] for split in splits], dtype=np.int64),
        split=_in_single(np.array([split["border"] for split in splits], dtype=np.float64)),
        value=np.array([np.zeros(width) if value is None else value for value in values]),
        leaf=leaf,
    )
