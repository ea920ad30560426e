"""What compiled code follows without looking, checked on a model that was just read and not used yet.

scikit-learn's trees take child and feature numbers from their arrays as they are; a wrong one reads memory
that is not theirs. So each is held to the array that it points into, and the number of features that a tree
reads to the number that its estimator lets in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from mlpack.errors import FormatError

__all__ = ["check_bounds"]

_UNCHECKED_INPUT = (
    "sklearn.ensemble._forest",
    "sklearn.ensemble._gb",
    "sklearn.ensemble._iforest",
)
"""Ensembles that hand their rows to trees without another look at their width."""


def check_bounds(model: object) -> None:
    """Refuse a model whose arrays point outside themselves.

    Raises:
        FormatError: Which part, and what is wrong with it.
    """
    for part in _parts(model):
        kind = type(part)
        name = f"{kind.__module__}.{kind.__qualname__}"
        if name == "sklearn.tree._tree.Tree":
            _check_tree(part)
        elif kind.__name__ == "TreePredictor":
            _check_predictor(part, _MANY)
        elif kind.__name__ == "BSpline":
            _check_spline(part)
        elif hasattr(kind, "check_format") and kind.__module__.startswith("scipy.sparse"):
            _check_sparse(part)
        elif kind.__module__.startswith("sklearn."):
            _check_estimator(part, kind.__module__)


_MANY = 2**31


def _parts(root: object) -> Iterator[Any]:
    """Yield every object that the model consists of, once."""
    waiting, seen = [root], set()
    while waiting:
        part = waiting.pop()
        if id(part) in seen or isinstance(part, (str, bytes, int, float, bool, type(None), type)):
            continue
        seen.add(id(part))
        if isinstance(part, Mapping):
            waiting += part.values()
        elif isinstance(part, (list, tuple, set)):
            waiting += part
        elif isinstance(part, np.ndarray):
            waiting += part.ravel().tolist() if part.dtype == object else ()
        else:
            yield part
            waiting += getattr(part, "__dict__", {}).values()


def _refuse(what: str) -> FormatError:
    return FormatError(what, where="model")


def _check_tree(tree: Any) -> None:  # noqa: ANN401  (a compiled class)
    left, right = tree.children_left, tree.children_right
    count = tree.node_count
    own = np.arange(count)
    inner = left != -1
    if count < 1 or len(left) != count or ((right != -1) != inner).any():
        raise _refuse("a tree whose nodes do not fit together")
    for child in (left[inner], right[inner]):
        # Children come after their parents: no loop, and no way out of the array.
        if (child <= own[inner]).any() or (child >= count).any():
            raise _refuse("a tree with a child that is not one of its later nodes")
    feature = tree.feature[inner]
    if (feature < 0).any() or (feature >= tree.n_features).any():
        raise _refuse("a tree that reads a feature which is not there")
    if tree.value.shape[0] != count:
        raise _refuse("a tree with more nodes than values")


def _check_predictor(predictor: Any, width: int) -> None:  # noqa: ANN401
    """Check one tree of histogram gradient boosting."""
    nodes = predictor.nodes
    count = len(nodes)
    inner = nodes["is_leaf"] == 0
    own = np.arange(count)[inner]
    if not count:
        raise _refuse("a tree without nodes")
    for side in ("left", "right"):
        child = nodes[side][inner].astype(np.int64)
        if (child <= own).any() or (child >= count).any():
            raise _refuse("a tree with a child that is not one of its later nodes")
    if (nodes["feature_idx"][inner] >= width).any() or (nodes["feature_idx"][inner] < 0).any():
        raise _refuse("a tree that reads a feature which is not there")
    categorical = inner & (nodes["is_categorical"] != 0)
    sets = nodes["bitset_idx"][categorical]
    for name in ("raw_left_cat_bitsets", "binned_left_cat_bitsets"):
        if sets.size and (sets >= len(getattr(predictor, name))).any():
            raise _refuse("a tree with a set of categories that is not there")


def _check_spline(spline: Any) -> None:  # noqa: ANN401
    knots, degree = np.asarray(spline.t), spline.k
    if type(degree) is not int or not 0 <= degree < 100 or knots.ndim != 1 or knots.dtype != np.float64:
        raise _refuse("a spline of no sensible degree")
    if len(knots) < 2 * degree + 2 or (np.diff(knots) < 0).any() or len(spline.c) < len(knots) - degree - 1:
        raise _refuse("a spline whose knots do not fit its coefficients")


def _check_sparse(matrix: Any) -> None:  # noqa: ANN401
    try:
        matrix.check_format(full_check=True)
    except ValueError as error:
        raise _refuse("a sparse matrix whose indices point outside it") from error


def _check_estimator(part: Any, module: str) -> None:  # noqa: ANN401
    state = vars(part) if hasattr(part, "__dict__") else {}
    width = state.get("n_features_in_")
    if width is not None and type(width) is not int:
        raise _refuse("a number of features that is no whole number")
    if (tree := state.get("tree_")) is not None and tree.n_features != width:
        raise _refuse("a tree of more features than its estimator takes")
    if module in _UNCHECKED_INPUT:
        for index, member in enumerate(np.ravel(np.array(state.get("estimators_", ()), dtype=object))):
            chosen = state.get("estimators_features_")
            limit = width if chosen is None else len(chosen[index])
            if vars(member)["tree_"].n_features != limit:
                raise _refuse("a tree of more features than its ensemble takes")
    for stage in state.get("_predictors", ()):
        for predictor in stage:
            _check_predictor(predictor, width or 0)
    centers = state.get("cluster_centers_")
    if centers is not None and width is not None and np.shape(centers)[-1] != width:
        raise _refuse("centres of another number of features")
    if "_n_support" in state:
        _check_support(state)


def _check_support(state: Mapping[str, Any]) -> None:
    """Check a support vector machine, whose C code counts its vectors per class."""
    counts, vectors = np.asarray(state["_n_support"]), state["support_vectors_"]
    total = vectors.shape[0]
    machines = len(counts) * (len(counts) - 1) // 2 if len(counts) > 1 else 1
    coefficients = state["_dual_coef_"]
    if (counts < 0).any() or counts.sum() != total or len(state["support_"]) != total:
        raise _refuse("support vectors that do not add up")
    if coefficients.shape != (max(len(counts) - 1, 1), total):
        raise _refuse("coefficients that do not fit the support vectors")
    if len(state["_intercept_"]) != machines or len(state["_probA"]) not in (0, machines):
        raise _refuse("a support vector machine with parts missing")
