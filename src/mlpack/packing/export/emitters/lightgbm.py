"""LightGBM: trees in double, native categories, linear leaves, every objective with a closed form.

Source: the decision rules of LightGBM's `Tree::NumericalDecision` and `Tree::CategoricalDecision`, as its own
`dump_model` names them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlpack.format.contract import NULL_TEXT
from mlpack.packing.export import formulas
from mlpack.packing.export.ensembles import Trees
from mlpack.packing.export.graph import Block, Columns, Tensor

if TYPE_CHECKING:
    from mlpack.format.contract import Method
    from mlpack.packing.export.graph import GraphBuilder
    from mlpack.packing.export.registry import Fitted, Scope

__all__ = ["respond"]

_IDENTITY = (
    "",  # of the user's own
    "regression",
    "regression_l1",
    "huber",
    "fair",
    "quantile",
    "mape",
    "lambdarank",
    "rank_xendcg",
)
_EXPONENTIAL = ("poisson", "gamma", "tweedie")
_ZERO = float(np.float32(1e-35))
"""Values no further from zero than this are zeros to LightGBM."""


def respond(scope: Scope, model: Fitted, columns: Columns, method: Method) -> Tensor:
    """Emit a method."""
    graph = scope.graph
    booster: Fitted = getattr(model, "booster_", model)
    dump = booster.dump_model()
    objective, *options = str(dump.get("objective", "")).split() or [""]
    raw = _raw(scope, model, columns, dump)
    classifies = hasattr(model, "classes_")
    if method == "decision_function" and classifies:
        return graph.flat(raw) if raw.width == 1 else raw
    if method != "predict" and not (classifies and method == "predict_proba"):
        raise scope.unsupported(model, f"has no {method}")
    if dump["average_output"]:  # of a random forest; its raw scores are sums all the same
        rounds = len(dump["tree_info"]) // int(dump["num_tree_per_iteration"])
        raw = Tensor(graph.op("Div", raw.name, graph.doubles(float(max(rounds, 1)))), "float64", raw.width)
    if not classifies or not objective:  # with an objective of the user's own, a classifier gives raw scores
        value = Tensor(_value(scope, model, raw, objective, options), "float64", raw.width)
        return graph.flat(value) if value.width == 1 else value
    shares = _shares(scope, model, raw, objective, options)
    if objective == "binary":
        shares = formulas.pair(graph, shares)
    if method == "predict":
        return Tensor(formulas.argmax(graph, shares), "int64", None)
    return Tensor(shares, "float64", len(model.classes_))


def _value(scope: Scope, model: Fitted, raw: Tensor, objective: str, options: list[str]) -> str:
    """Return the raw scores in the objective's own units."""
    graph, x = scope.graph, raw.name
    if objective in _IDENTITY and "sqrt" in options:
        return graph.op("Mul", graph.op("Sign", x), graph.op("Mul", x, x))
    if objective in _IDENTITY:
        return x
    if objective in _EXPONENTIAL:
        return graph.op("Exp", x)
    if objective == "cross_entropy":
        return formulas.sigmoid(graph, x)
    if objective == "cross_entropy_lambda":
        return formulas.log1p(graph, graph.op("Exp", x))
    return _shares(scope, model, raw, objective, options)


def _shares(scope: Scope, model: Fitted, raw: Tensor, objective: str, options: list[str]) -> str:
    """Return the class probabilities; of two classes, that of the second."""
    graph = scope.graph
    if objective == "multiclass":
        return formulas.softmax(graph, raw.name)
    if objective not in ("binary", "multiclassova"):
        raise scope.unsupported(model, f"objective {objective!r} has no closed form here")
    slope = next((float(word[8:]) for word in options if word.startswith("sigmoid:")), 1.0)
    scaled = raw.name if slope == 1.0 else graph.op("Mul", raw.name, graph.doubles(slope))
    return formulas.sigmoid(graph, scaled)


# ------------------------------------------------------------------------------------------ inputs


def _raw(scope: Scope, model: Fitted, columns: Columns, dump: dict[str, Any]) -> Tensor:
    """Return the sums of the trees `(N, K)`."""
    graph, targets = scope.graph, int(dump["num_tree_per_iteration"])
    x = graph.matrix(_coded(scope, model, columns, dump["pandas_categorical"] or []), "float64")
    trees = [_flatten(item["tree_structure"]) for item in dump["tree_info"]]
    numbers = _zeros_gone(scope, model, x, trees)
    whole = sorted({node.feature for tree in trees for node in tree if node.members is not None})
    if whole:
        numbers = _truncated(scope, numbers, whole)
    if any(node.terms is not None for tree in trees for node in tree):
        return _linear(scope, trees, numbers, x, targets)
    ensemble = Trees()
    for number, tree in enumerate(trees):
        _add(ensemble, tree, number % targets, np.array([node.value for node in tree]))
    return Tensor(ensemble.emit(graph, numbers.name, targets), "float64", targets)


def _coded(scope: Scope, model: Fitted, columns: Columns, categories: list[list[Any]]) -> Columns:
    """Return the columns with a frame's category columns as LightGBM's codes; unknown is missing."""
    graph, blocks, rest = scope.graph, [], list(categories)
    for index in range(columns.width):
        block = graph.select(columns, [index]).blocks[0]
        if block.tensor.name in graph.categories:
            if not rest:
                raise scope.unsupported(model, "was not fitted on the category columns of the example")
            block = Block(_codes(scope, model, block.tensor, rest.pop(0)), block.names)
        elif block.tensor.kind == "string":
            raise scope.unsupported(model, "meets text that is no category column")
        blocks.append(block)
    if rest:
        raise scope.unsupported(model, "was fitted on category columns, and meets others")
    return Columns(tuple(blocks))


def _codes(scope: Scope, model: Fitted, column: Tensor, known: list[Any]) -> Tensor:
    texts = all(isinstance(value, str) and value != NULL_TEXT for value in known)
    numbers = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in known)
    if not known or not (texts if column.kind == "string" else numbers):
        raise scope.unsupported(model, "has categories that are neither text nor numbers")
    codes = [float(code) for code in range(len(known))]
    return formulas.category_codes(scope.graph, column, known, codes, unknown=np.nan)


def _zeros_gone(scope: Scope, model: Fitted, x: Tensor, trees: list[list[_Node]]) -> Tensor:
    """Return `x` with NaN for the zeros of columns in which LightGBM takes zeros for missing."""
    graph = scope.graph
    zeros = {node.feature for tree in trees for node in tree if node.missing == "Zero"}
    if not zeros:
        return x
    if zeros & {node.feature for tree in trees for node in tree if node.missing == "NaN"}:
        raise scope.unsupported(model, "takes zeros of one column for missing in some trees only")
    chosen = np.zeros((1, x.width or 0), dtype=bool)
    chosen[0, sorted(zeros)] = True
    small = graph.op("LessOrEqual", graph.op("Abs", x.name), graph.doubles(_ZERO))
    gone = graph.op("And", small, graph.const(chosen))
    return Tensor(graph.op("Where", gone, graph.doubles(np.nan), x.name), "float64", x.width)


def _truncated(scope: Scope, x: Tensor, whole: list[int]) -> Tensor:
    """Return `x` with some columns cut to integers towards zero, as LightGBM reads categories; NaN stays."""
    graph = scope.graph
    towards_zero = graph.op("Mul", graph.op("Sign", x.name), graph.op("Floor", graph.op("Abs", x.name)))
    chosen = np.zeros((1, x.width or 0), dtype=bool)
    chosen[0, whole] = True
    return Tensor(graph.op("Where", graph.const(chosen), towards_zero, x.name), "float64", x.width)


# ------------------------------------------------------------------------------------------ trees


@dataclass(slots=True)
class _Node:
    """One node of a dumped tree; children are places in the list.

    Attributes:
        terms: Of a linear leaf: its constant, the columns and their coefficients, in the order of addition.
    """

    feature: int = 0
    split: float = 0.0
    missing: str = "None"
    missing_left: bool = False
    members: list[float] | None = None
    left: int = -1
    right: int = -1
    value: float = 0.0
    leaf: bool = False
    terms: tuple[float, list[int], list[float]] | None = None


def _flatten(root: dict[str, Any]) -> list[_Node]:
    """Return a dumped tree as a list of nodes, root first."""
    nodes: list[_Node] = []
    waiting: list[tuple[dict[str, Any], int, bool]] = [(root, -1, True)]
    while waiting:
        dumped, parent, is_left = waiting.pop()
        place = len(nodes)
        nodes.append(_leaf(dumped) if "split_index" not in dumped else _split(dumped))
        if parent >= 0 and is_left:
            nodes[parent].left = place
        elif parent >= 0:
            nodes[parent].right = place
        if "split_index" in dumped:
            waiting.append((dumped["right_child"], place, False))
            waiting.append((dumped["left_child"], place, True))
    return nodes


def _leaf(dumped: dict[str, Any]) -> _Node:
    terms = None
    if "leaf_const" in dumped:
        terms = (float(dumped["leaf_const"]), dumped["leaf_features"], dumped["leaf_coeff"])
    return _Node(value=float(dumped["leaf_value"]), leaf=True, terms=terms)


def _split(dumped: dict[str, Any]) -> _Node:
    missing = str(dumped["missing_type"])
    if dumped["decision_type"] == "==":
        members = [float(word) for word in dumped["threshold"].split("||")]
        return _Node(feature=int(dumped["split_feature"]), members=members)
    split = float(dumped["threshold"])
    # Where training saw nothing missing, LightGBM reads NaN as 0.
    left = split >= 0.0 if missing == "None" else bool(dumped["default_left"])
    return _Node(feature=int(dumped["split_feature"]), split=split, missing=missing, missing_left=left)


def _add(ensemble: Trees, nodes: list[_Node], target: int, value: np.ndarray) -> None:
    ensemble.add(
        left=np.array([node.left for node in nodes]),
        right=np.array([node.right for node in nodes]),
        feature=np.array([node.feature for node in nodes]),
        split=np.array([node.split for node in nodes]),
        missing_left=np.array([node.missing_left for node in nodes]),
        value=value,
        target=target,
        leaf=np.array([node.leaf for node in nodes]),
        members=[node.members for node in nodes],
    )


def _linear(scope: Scope, trees: list[list[_Node]], numbers: Tensor, x: Tensor, targets: int) -> Tensor:
    """Return the sums of trees with linear leaves: every tree says which leaf it reaches.

    A leaf adds up its terms one after another, and falls back to its constant value where one is missing.
    """
    graph, ensemble = scope.graph, Trees()
    leaves: list[_Node] = []
    for number, tree in enumerate(trees):
        numbered = np.zeros(len(tree))
        for place, node in enumerate(tree):
            if node.leaf:
                numbered[place] = len(leaves)
                leaves.append(node)
        _add(ensemble, tree, number, numbered)
    reached = graph.op("Cast", ensemble.emit(graph, numbers.name, len(trees)), to=7)
    most = max(len(node.terms[1]) if node.terms else 0 for node in leaves)
    columns = np.full((len(leaves), most), x.width or 0)  # the column of zeros that is put behind the others
    factors = np.zeros((len(leaves), most))
    for place, node in enumerate(leaves):
        _, features, coefficients = node.terms or (0.0, [], [])
        columns[place, : len(features)], factors[place, : len(features)] = features, coefficients
    zero = graph.op("Mul", graph.doubles(0.0), graph.op("Cast", graph.op("IsNaN", _first(graph, x)), to=11))
    wide = graph.op("Concat", x.name, zero, axis=1)
    total = graph.op(
        "Gather", graph.doubles([node.terms[0] if node.terms else node.value for node in leaves]), reached
    )
    missing = ""
    for term in range(most):
        value = graph.op(
            "GatherElements", wide, graph.op("Gather", graph.ints(columns[:, term]), reached), axis=1
        )
        factor = graph.op("Gather", graph.doubles(factors[:, term]), reached)
        total = graph.op("Add", total, graph.op("Mul", factor, value))
        gone = graph.op("IsNaN", value)
        missing = graph.op("Or", missing, gone) if missing else gone
    if missing:
        plain = graph.op("Gather", graph.doubles([node.value for node in leaves]), reached)
        total = graph.op("Where", missing, plain, total)
    return Tensor(_in_order(graph, total, len(trees), targets), "float64", targets)


def _first(graph: GraphBuilder, x: Tensor) -> str:
    return graph.pick(x, [0]).name


def _in_order(graph: GraphBuilder, values: str, trees: int, targets: int) -> str:
    """Return `(N, trees)` added up per target `(N, targets)`, one tree after another."""
    rounds = graph.op(
        "Reshape", graph.op("Transpose", values, perm=[1, 0]), graph.ints([trees // targets, targets, -1])
    )
    return graph.op("Transpose", graph.op("ReduceSum", rounds, graph.ints([0]), keepdims=0), perm=[1, 0])
