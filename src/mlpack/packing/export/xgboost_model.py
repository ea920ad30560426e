"""Reading a fitted XGBoost booster from its own JSON document."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Boosted", "Tree", "read_booster"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Tree:
    """One tree as parallel arrays over its nodes, root first.

    Attributes:
        left: Node taken where `x < split`, or where a category is not in the set.
        right: The other one.
        feature: Column tested.
        split: Threshold, float32.
        default_left: Whether a missing value goes left.
        leaf: Whether a node is a leaf.
        value: Leaf weights, float32, shape (nodes, targets of this tree).
        factor: What dropout left of the tree; None without dropout.
        members: Per node, the categories that go right; None for a threshold.
        group: Target that the tree adds to; a tree of several targets adds to all.
    """

    left: NDArray[np.int64]
    right: NDArray[np.int64]
    feature: NDArray[np.int64]
    split: NDArray[np.float32]
    default_left: NDArray[np.bool_]
    leaf: NDArray[np.bool_]
    value: NDArray[np.float32]
    factor: np.float32 | None
    members: Sequence[Sequence[float] | None]
    group: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Boosted:
    """A booster.

    Attributes:
        objective: Its name, such as `binary:logistic`.
        base_score: Start in the objective's own units, float32, one per target or one for all.
        targets: Number of raw scores per row.
        trees: In the order in which they are added; empty for a linear booster.
        weights: Linear booster: `(columns + 1, targets)`, the biases last; else None.
        category_columns: Positions of the columns of categories.
        categories: Per position of such a column, its categories in the order of their codes, where the
            booster remembers them.
    """

    objective: str
    base_score: NDArray[np.float32]
    targets: int
    trees: Sequence[Tree]
    weights: NDArray[np.float32] | None
    category_columns: Sequence[int]
    categories: Mapping[int, Sequence[str] | Sequence[float]]


def read_booster(booster: Any, rounds: int | None) -> Boosted:  # noqa: ANN401  (XGBoost ships no types)
    """Return what a booster computes.

    Args:
        booster: An `xgboost.Booster`.
        rounds: Boosting rounds that count, from the first on; None takes all.

    Raises:
        ValueError: It remembers categories in a form that cannot be read back.
        KeyError: The document is of a release that this does not know.
    """
    learner = json.loads(bytes(booster.save_raw(raw_format="json")))["learner"]
    parameters, engine = learner["learner_model_param"], learner["gradient_booster"]
    dropped = engine.get("weight_drop")
    engine = engine.get("gbtree", engine)  # dart holds its trees one level down
    model = engine["model"]
    targets = max(int(parameters["num_class"]), int(parameters.get("num_target", 1)), 1)
    types = learner.get("feature_types", [])
    return Boosted(
        objective=learner["objective"]["name"],
        base_score=_numbers(parameters["base_score"]),
        targets=targets,
        trees=() if "weights" in model else _trees(model, dropped, rounds, targets),
        weights=_linear(model, targets) if "weights" in model else None,
        category_columns=[index for index, kind in enumerate(types) if kind == "c"],
        categories=_categories(model.get("cats", {})),
    )


def _numbers(text: str) -> NDArray[np.float32]:
    """Return `5E-1` or, since release 3.1, `[5E-1,2E0]`."""
    return np.array([float(word) for word in text.strip("[]").split(",")], dtype=np.float32)


def _linear(model: Mapping[str, Any], targets: int) -> NDArray[np.float32]:
    return np.array(model["weights"], dtype=np.float32).reshape(-1, targets)


def _trees(
    model: Mapping[str, Any], dropped: Sequence[float] | None, rounds: int | None, targets: int
) -> list[Tree]:
    count = len(model["trees"])
    if rounds is not None:
        count = min(count, int(model["iteration_indptr"][rounds]))
    return [
        _tree(
            model["trees"][index],
            group=int(model["tree_info"][index]),
            factor=None if dropped is None else np.float32(dropped[index]),
            targets=targets,
        )
        for index in range(count)
    ]


def _tree(dumped: Mapping[str, Any], *, group: int, factor: np.float32 | None, targets: int) -> Tree:
    left = np.array(dumped["left_children"], dtype=np.int64)
    right = np.array(dumped["right_children"], dtype=np.int64)
    split = np.array(dumped["split_conditions"], dtype=np.float32)
    leaf = left < 0
    value = split.reshape(-1, 1)
    if int(dumped["tree_param"]["size_leaf_vector"]) > 1:
        value = np.zeros((len(left), targets), dtype=np.float32)
        if "leaf_weights" in dumped:  # a leaf's right child is its place among the leaves
            rows = np.array(dumped["leaf_weights"], dtype=np.float32).reshape(-1, targets)
            value[leaf] = rows[right[leaf]]
        else:
            value[:] = np.array(dumped["base_weights"], dtype=np.float32).reshape(-1, targets)
    return Tree(
        left=left,
        right=right,
        feature=np.array(dumped["split_indices"], dtype=np.int64),
        split=split,
        default_left=np.array(dumped["default_left"], dtype=bool),
        leaf=leaf,
        value=value,
        factor=factor,
        members=_members(dumped, len(left)),
        group=group,
    )


def _members(dumped: Mapping[str, Any], nodes: int) -> list[Sequence[float] | None]:
    members: list[Sequence[float] | None] = [None] * nodes
    places = zip(
        dumped["categories_nodes"], dumped["categories_segments"], dumped["categories_sizes"], strict=True
    )
    for node, start, size in places:
        members[node] = [float(category) for category in dumped["categories"][start : start + size]]
    return members


def _categories(document: Mapping[str, Any]) -> dict[int, Sequence[str] | Sequence[float]]:
    """Return column -> categories, where the booster was fitted on a frame that names them."""
    found: dict[int, Sequence[str] | Sequence[float]] = {}
    for column, entry in enumerate(document.get("enc", [])):
        values = entry["values"]
        if "offsets" not in entry:
            found[column] = [float(value) for value in values]
        elif values:
            if min(values) < 0:
                # XGBoost cuts the bytes of its category names where their letters would end.
                raise ValueError("XGBoost itself garbles category names that are not ASCII; rename them")
            ends = entry["offsets"]
            found[column] = [bytes(values[start:end]).decode() for start, end in pairwise(ends)]
    return found
