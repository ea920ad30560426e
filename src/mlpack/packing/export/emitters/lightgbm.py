"""LightGBM's scikit-learn models: trees in double, native categories, every objective with a closed form.

Source: the decision rules of LightGBM's `Tree::NumericalDecision` and `Tree::CategoricalDecision`, as its own
`dump_model` names them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from mlpack.packing.export import formulas
from mlpack.packing.export.ensembles import Trees
from mlpack.packing.export.graph import Block, Columns, Tensor

if TYPE_CHECKING:
    from mlpack.format.contract import Method
    from mlpack.packing.export.registry import Fitted, Scope

__all__ = ["respond"]

_IDENTITY = ("regression", "regression_l1", "huber", "fair", "quantile", "mape")
_EXPONENTIAL = ("poisson", "gamma", "tweedie")


def respond(scope: Scope, model: Fitted, columns: Columns, method: Method) -> Tensor:
    """Emit a method."""
    graph = scope.graph
    dump = model.booster_.dump_model()
    objective, *options = str(dump.get("objective", "")).split()
    raw = _raw(scope, model, columns, dump)
    if method == "decision_function" and hasattr(model, "classes_"):
        return graph.flat(raw) if raw.width == 1 else raw
    if dump["average_output"]:  # of a random forest; its raw scores are sums all the same
        rounds = len(dump["tree_info"]) // int(dump["num_tree_per_iteration"])
        raw = Tensor(graph.op("Div", raw.name, graph.doubles(float(max(rounds, 1)))), "float64", raw.width)
    if not hasattr(model, "classes_"):
        if method != "predict" or raw.width != 1:
            raise scope.unsupported(model, f"has no {method}")
        return graph.flat(Tensor(_value(scope, model, raw.name, objective, options), "float64", 1))
    shares = _shares(scope, model, raw, objective, options)
    if method == "predict":
        return Tensor(formulas.argmax(graph, shares), "int64", None)
    if method != "predict_proba":
        raise scope.unsupported(model, f"has no {method}")
    return Tensor(shares, "float64", len(model.classes_))


def _value(scope: Scope, model: Fitted, raw: str, objective: str, options: list[str]) -> str:
    """Return what a regressor makes of its raw score."""
    graph = scope.graph
    if objective in _IDENTITY and "sqrt" in options:
        return graph.op("Mul", graph.op("Sign", raw), graph.op("Mul", raw, raw))
    if objective in _IDENTITY:
        return raw
    if objective in _EXPONENTIAL:
        return graph.op("Exp", raw)
    if objective == "cross_entropy":
        return formulas.sigmoid(graph, raw)
    raise scope.unsupported(model, f"objective {objective or 'custom'!r} has no closed form here")


def _shares(scope: Scope, model: Fitted, raw: Tensor, objective: str, options: list[str]) -> str:
    """Return the class probabilities."""
    graph = scope.graph
    if objective == "multiclass":
        return formulas.softmax(graph, raw.name)
    if objective not in ("binary", "multiclassova"):
        raise scope.unsupported(model, f"objective {objective or 'custom'!r} has no closed form here")
    slope = next((float(word[8:]) for word in options if word.startswith("sigmoid:")), 1.0)
    scaled = raw.name if slope == 1.0 else graph.op("Mul", raw.name, graph.doubles(slope))
    share = formulas.sigmoid(graph, scaled)
    return formulas.pair(graph, share) if objective == "binary" else share


def _raw(scope: Scope, model: Fitted, columns: Columns, dump: dict[str, Any]) -> Tensor:
    """Return the sums of the trees `(N, K)`."""
    graph, targets = scope.graph, int(dump["num_tree_per_iteration"])
    x = graph.matrix(_coded(scope, model, columns, dump["pandas_categorical"] or []), "float64")
    trees = [item["tree_structure"] for item in dump["tree_info"]]
    flat = [_flatten(scope, model, tree) for tree in trees]
    whole = sorted({node.feature for tree in flat for node in tree if node.members is not None})
    if whole:
        x = _truncated(scope, x, whole)
    ensemble = Trees()
    for number, tree in enumerate(flat):
        _add(ensemble, tree, number % targets)
    return Tensor(ensemble.emit(graph, x.name, targets), "float64", targets)


def _coded(scope: Scope, model: Fitted, columns: Columns, categories: list[list[Any]]) -> Columns:
    """Return the columns with a frame's category columns as LightGBM's codes; unknown is missing."""
    from onnx import helper

    from mlpack.format.contract import NULL_TEXT

    texts = [kind == "string" for kind in columns.kinds]
    if sum(texts) != len(categories):
        raise scope.unsupported(model, "has category columns that are not text, or text that is no category")
    blocks, rest = [], list(categories)
    for index, is_text in enumerate(texts):
        block = scope.graph.select(columns, [index]).blocks[0]
        if is_text:
            known = rest.pop(0)
            codes_of = [float(code) for code in range(len(known))]
            if not all(isinstance(value, str) and value != NULL_TEXT for value in known):
                raise scope.unsupported(model, "has categories that are not text")
            codes = scope.graph.op(
                "LabelEncoder",
                block.tensor.name,
                domain="ai.onnx.ml",
                keys_tensor=helper.make_tensor("keys", 8, [len(known)], [value.encode() for value in known]),
                values_tensor=helper.make_tensor("values", 11, [len(known)], codes_of),
                default_tensor=helper.make_tensor("default", 11, [1], [np.nan]),
            )
            block = Block(Tensor(codes, "float64", 1), block.names)
        blocks.append(block)
    return Columns(tuple(blocks))


def _truncated(scope: Scope, x: Tensor, whole: list[int]) -> Tensor:
    """Return `x` with some columns cut to integers towards zero, as LightGBM reads categories; NaN stays."""
    graph = scope.graph
    towards_zero = graph.op("Mul", graph.op("Sign", x.name), graph.op("Floor", graph.op("Abs", x.name)))
    chosen = np.zeros((1, x.width or 0), dtype=bool)
    chosen[0, whole] = True
    return Tensor(graph.op("Where", graph.const(chosen), towards_zero, x.name), "float64", x.width)


@dataclass(slots=True)
class _Node:
    """One node of a dumped tree; children are places in the list."""

    feature: int = 0
    split: float = 0.0
    missing_left: bool = False
    members: list[float] | None = None
    left: int = -1
    right: int = -1
    value: float = 0.0
    leaf: bool = field(default=False)


def _flatten(scope: Scope, model: Fitted, root: dict[str, Any]) -> list[_Node]:
    """Return a dumped tree as a list of nodes, root first."""
    nodes: list[_Node] = []
    waiting: list[tuple[dict[str, Any], int, bool]] = [(root, -1, True)]
    while waiting:
        dumped, parent, is_left = waiting.pop()
        if "leaf_coeff" in dumped or "leaf_const" in dumped:
            raise scope.unsupported(model, "linear_tree has no emitter")
        place = len(nodes)
        nodes.append(_leaf(dumped) if "split_index" not in dumped else _split(scope, model, dumped))
        if parent >= 0 and is_left:
            nodes[parent].left = place
        elif parent >= 0:
            nodes[parent].right = place
        if "split_index" in dumped:
            waiting.append((dumped["right_child"], place, False))
            waiting.append((dumped["left_child"], place, True))
    return nodes


def _leaf(dumped: dict[str, Any]) -> _Node:
    return _Node(value=float(dumped["leaf_value"]), leaf=True)


def _split(scope: Scope, model: Fitted, dumped: dict[str, Any]) -> _Node:
    missing = dumped["missing_type"]
    if dumped["decision_type"] == "==":
        members = [float(word) for word in dumped["threshold"].split("||")]
        return _Node(feature=int(dumped["split_feature"]), members=members)
    if missing == "Zero":
        raise scope.unsupported(model, "zero_as_missing has no emitter")
    split = float(dumped["threshold"])
    # Where training saw nothing missing, LightGBM reads NaN as 0.
    left = bool(dumped["default_left"]) if missing == "NaN" else split >= 0.0
    return _Node(feature=int(dumped["split_feature"]), split=split, missing_left=left)


def _add(ensemble: Trees, nodes: list[_Node], target: int) -> None:
    ensemble.add(
        left=np.array([node.left for node in nodes]),
        right=np.array([node.right for node in nodes]),
        feature=np.array([node.feature for node in nodes]),
        split=np.array([node.split for node in nodes]),
        missing_left=np.array([node.missing_left for node in nodes]),
        value=np.array([node.value for node in nodes]),
        target=target,
        leaf=np.array([node.leaf for node in nodes]),
        members=[node.members for node in nodes],
    )
