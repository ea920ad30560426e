"""Collecting decision trees into one TreeEnsemble operator (ai.onnx.ml 5), in double or single precision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlpack.packing.export.graph import GraphBuilder

__all__ = ["LEQ", "LESS", "MEMBER", "Trees"]

LEQ, LESS, MEMBER = 0, 1, 6
"""Node modes of the operator: `x <= split`, `x < split`, and `x` in a set."""


@dataclass(slots=True)
class Trees:
    """Trees whose leaf weights are added to targets, one tree after another as the original adds them.

    On one thread onnxruntime adds the weights of a target in the order of the trees, so sums come out
    bit for bit.

    Attributes:
        kind: Precision of splits, leaves and sums: that of the original.
        mode: How a threshold is tested: `LEQ` or `LESS`.
    """

    kind: Literal["float64", "float32"] = "float64"
    mode: int = LEQ
    columns: dict[str, list[NDArray[Any]]] = field(default_factory=dict)
    members: list[float] = field(default_factory=list)
    roots: list[int] = field(default_factory=list)
    nodes: int = 0
    leaves: int = 0

    def add_constant(self, value: float, target: int) -> None:
        """Add a tree of one leaf: what a sum starts from."""
        self._extend(
            nodes_featureids=[0],
            nodes_splits=[0.0],
            nodes_modes=[self.mode],
            nodes_truenodeids=[self.leaves],
            nodes_falsenodeids=[self.leaves],
            nodes_trueleafs=[1],
            nodes_falseleafs=[1],
            nodes_missing_value_tracks_true=[1],
        )
        self._add_leaves(np.array([value], dtype=self.kind), target)

    def add_fitted(self, tree: Any, value: NDArray[np.float64], target: int) -> None:  # noqa: ANN401
        """Add scikit-learn's `tree_`, with these values at its nodes."""
        self.add(
            left=tree.children_left,
            right=tree.children_right,
            feature=tree.feature,
            split=tree.threshold,
            missing_left=tree.missing_go_to_left,
            value=value,
            target=target,
            leaf=np.asarray(tree.children_left) < 0,
        )

    def add(
        self,
        *,
        left: NDArray[Any],
        right: NDArray[Any],
        feature: NDArray[Any],
        split: NDArray[Any],
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
        sets = [members[int(index)] if members is not None else None for index in inner]
        for values in sets:
            if values is not None:
                self.members.extend([*values, np.nan])
        self._extend(
            nodes_featureids=feature[inner],
            nodes_splits=np.where([values is None for values in sets], split[inner], 0.0),
            nodes_modes=[self.mode if values is None else MEMBER for values in sets],
            nodes_truenodeids=home[left[inner]],
            nodes_falsenodeids=home[right[inner]],
            nodes_trueleafs=leaf[left[inner]],
            nodes_falseleafs=leaf[right[inner]],
            nodes_missing_value_tracks_true=missing_left[inner],
        )
        self._add_leaves(value[leaf].astype(self.kind), target)

    def _extend(self, **columns: Sequence[float] | NDArray[Any]) -> None:
        """Append one tree's nodes to every attribute of the operator."""
        self.roots.append(self.nodes)
        self.nodes += len(columns["nodes_modes"])
        for name, values in columns.items():
            self._append(name, values)

    def _append(self, name: str, values: Sequence[float] | NDArray[Any]) -> None:
        kinds = {"nodes_splits": self.kind, "leaf_weights": self.kind, "nodes_modes": "uint8"}
        self.columns.setdefault(name, []).append(np.asarray(values, dtype=kinds.get(name, "int64")))

    def _add_leaves(self, weights: NDArray[np.float64], target: int) -> None:
        self._append("leaf_weights", weights)
        self._append("leaf_targetids", np.full(len(weights), target))
        self.leaves += len(weights)

    def emit(self, graph: GraphBuilder, x: str, targets: int) -> str:
        """Return the sums `(N, targets)`; `x` is `(N, k)`; both in the precision of the trees."""
        from onnx import numpy_helper

        attributes: dict[str, Any] = {
            "aggregate_function": 1,  # sum
            "post_transform": 0,  # none
            "n_targets": targets,
            "tree_roots": self.roots,
        }
        for name, parts in self.columns.items():
            whole = np.concatenate(parts)
            is_tensor = whole.dtype != np.int64
            attributes[name] = numpy_helper.from_array(whole) if is_tensor else whole
        if self.members:
            attributes["membership_values"] = numpy_helper.from_array(np.array(self.members, dtype=self.kind))
        return graph.op("TreeEnsemble", x, domain="ai.onnx.ml", **attributes)
