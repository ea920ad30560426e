"""Collecting decision trees into one TreeEnsemble operator (ai.onnx.ml 5) in double."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlpack.packing.export.graph import GraphBuilder

__all__ = ["LEQ", "MEMBER", "Trees"]

LEQ, MEMBER = 0, 6
"""Node modes of the operator: `x <= split`, and `x` in a set."""


@dataclass(slots=True)
class Trees:
    """Trees whose leaf weights are added to targets, one tree after another as the original adds them.

    On one thread onnxruntime adds the weights of a target in the order of the trees, so sums come out
    bit for bit.
    """

    features: list[NDArray[np.int64]] = field(default_factory=list)
    splits: list[NDArray[np.float64]] = field(default_factory=list)
    modes: list[NDArray[np.uint8]] = field(default_factory=list)
    true_ids: list[NDArray[np.int64]] = field(default_factory=list)
    false_ids: list[NDArray[np.int64]] = field(default_factory=list)
    true_leaves: list[NDArray[np.int64]] = field(default_factory=list)
    false_leaves: list[NDArray[np.int64]] = field(default_factory=list)
    missing_true: list[NDArray[np.int64]] = field(default_factory=list)
    weights: list[NDArray[np.float64]] = field(default_factory=list)
    targets: list[NDArray[np.int64]] = field(default_factory=list)
    members: list[float] = field(default_factory=list)
    roots: list[int] = field(default_factory=list)
    nodes: int = 0
    leaves: int = 0

    def add_constant(self, value: float, target: int) -> None:
        """Add a tree of one leaf: what a sum starts from."""
        zero = np.zeros(1, dtype=np.int64)
        self._extend(zero, np.zeros(1), zero, [LEQ], [self.leaves], [self.leaves], [1], [1])
        self._add_leaves(np.array([value], dtype=np.float64), target)

    def add(
        self,
        *,
        left: NDArray[Any],
        right: NDArray[Any],
        feature: NDArray[Any],
        split: NDArray[np.float64],
        missing_left: NDArray[Any],
        value: NDArray[np.float64],
        target: int,
        leaf: NDArray[np.bool_],
        members: Sequence[Sequence[float] | None] | None = None,
    ) -> None:
        """Add one tree given as parallel arrays over its nodes, root first.

        Args:
            left: Node taken where `x <= split` (or x is a member).
            right: Node taken otherwise.
            feature: Column tested.
            split: Threshold.
            missing_left: Whether NaN goes left.
            value: Weight of a leaf.
            target: Target that the leaves add to.
            leaf: Whether a node is a leaf.
            members: Per node, the set of values that go left; None for a threshold.
        """
        if leaf[0]:
            self.add_constant(float(value[0]), target)
            return
        inner = np.flatnonzero(~leaf)
        home = np.zeros(len(leaf), dtype=np.int64)
        home[inner] = self.nodes + np.arange(len(inner))
        home[leaf] = self.leaves + np.arange(int(leaf.sum()))
        sets = [members[index] if members is not None else None for index in inner]
        for values in sets:
            if values is not None:
                self.members.extend([*values, np.nan])
        self._extend(
            feature[inner].astype(np.int64),
            np.where([values is None for values in sets], split[inner], 0.0),
            missing_left[inner].astype(np.int64),
            [LEQ if values is None else MEMBER for values in sets],
            home[left[inner]],
            home[right[inner]],
            leaf[left[inner]],
            leaf[right[inner]],
        )
        self._add_leaves(value[leaf].astype(np.float64), target)

    def _extend(
        self,
        feature: NDArray[np.int64],
        split: NDArray[np.float64],
        missing: NDArray[np.int64],
        modes: Sequence[int],
        true_ids: Sequence[int] | NDArray[np.int64],
        false_ids: Sequence[int] | NDArray[np.int64],
        true_leaves: Sequence[int] | NDArray[np.bool_],
        false_leaves: Sequence[int] | NDArray[np.bool_],
    ) -> None:
        self.roots.append(self.nodes)
        self.nodes += len(feature)
        self.features.append(feature)
        self.splits.append(split)
        self.missing_true.append(missing)
        self.modes.append(np.asarray(modes, dtype=np.uint8))
        for lists, values in (
            (self.true_ids, true_ids),
            (self.false_ids, false_ids),
            (self.true_leaves, true_leaves),
            (self.false_leaves, false_leaves),
        ):
            lists.append(np.asarray(values, dtype=np.int64))

    def _add_leaves(self, weights: NDArray[np.float64], target: int) -> None:
        self.weights.append(weights)
        self.targets.append(np.full(len(weights), target, dtype=np.int64))
        self.leaves += len(weights)

    def emit(self, graph: GraphBuilder, x: str, targets: int) -> str:
        """Return the sums `(N, targets)` in double; `x` is a `(N, k)` double."""
        from onnx import numpy_helper

        attributes: dict[str, Any] = {
            "aggregate_function": 1,
            "post_transform": 0,
            "n_targets": targets,
            "tree_roots": self.roots,
            "nodes_featureids": _ints(self.features),
            "nodes_splits": numpy_helper.from_array(np.concatenate(self.splits)),
            "nodes_modes": numpy_helper.from_array(np.concatenate(self.modes)),
            "nodes_truenodeids": _ints(self.true_ids),
            "nodes_falsenodeids": _ints(self.false_ids),
            "nodes_trueleafs": _ints(self.true_leaves),
            "nodes_falseleafs": _ints(self.false_leaves),
            "nodes_missing_value_tracks_true": _ints(self.missing_true),
            "leaf_targetids": _ints(self.targets),
            "leaf_weights": numpy_helper.from_array(np.concatenate(self.weights)),
        }
        if self.members:
            attributes["membership_values"] = numpy_helper.from_array(np.array(self.members))
        return graph.op("TreeEnsemble", x, domain="ai.onnx.ml", **attributes)


def _ints(parts: Sequence[NDArray[np.int64]]) -> list[int]:
    return [int(value) for value in np.concatenate(parts)]
