"""GradientBoosting: a start value, then one tree after another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlpack.packing.export import formulas
from mlpack.packing.export.ensembles import Trees
from mlpack.packing.export.graph import Columns, Tensor

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlpack.format.contract import Method
    from mlpack.packing.export.registry import Fitted, Scope

__all__ = ["respond"]


def respond(scope: Scope, model: Fitted, columns: Columns, method: Method) -> Tensor:
    """Emit a method."""
    graph = scope.graph
    if not columns.numeric:
        raise scope.unsupported(model, "meets text columns")
    raw = _raw(scope, model, columns)
    one = raw.width == 1
    if not hasattr(model, "classes_"):
        if method != "predict":
            raise scope.unsupported(model, f"has no {method}")
        return graph.flat(raw)
    if method == "decision_function":
        return graph.flat(raw) if one else raw
    if method == "predict" and one:
        return Tensor(formulas.positive(graph, graph.flat(raw).name, or_zero=True), "int64", None)
    if method == "predict":
        return Tensor(formulas.argmax(graph, raw.name), "int64", None)
    if method not in ("predict_proba", "predict_log_proba"):
        raise scope.unsupported(model, f"has no {method}")
    shares = _shares(scope, model, raw)
    shares = graph.op("Log", shares) if method == "predict_log_proba" else shares
    return Tensor(shares, "float64", len(model.classes_))


def _raw(scope: Scope, model: Fitted, columns: Columns) -> Tensor:
    """Return the raw scores `(N, K)`."""
    graph, targets = scope.graph, model.estimators_.shape[1]
    x = graph.cast(graph.matrix(columns, "float32"), "float64").name
    ensemble, start = Trees(), _constant_start(model, targets)
    for target in range(targets):
        if start is not None:
            ensemble.add_constant(float(start[target]), target)
    for stage in model.estimators_:
        for target, tree in enumerate(stage):
            value = model.learning_rate * tree.tree_.value[:, 0, 0]
            ensemble.add_fitted(tree.tree_, value, target)
    raw = ensemble.emit(graph, x, targets)
    if start is None:  # the first addition comes last here: one rounding apart
        raw = graph.op("Add", _emitted_start(scope, model, columns), raw)
    return Tensor(raw, "float64", targets)


def _constant_start(model: Fitted, targets: int) -> NDArray[np.float64] | None:
    """Return the start values of a zero or dummy start, as the original computes them."""
    if isinstance(model.init_, str):
        return np.zeros(targets)
    if type(model.init_).__name__ not in ("DummyClassifier", "DummyRegressor"):
        return None
    if getattr(model.init_, "strategy", "") in ("stratified", "uniform"):
        return None
    row = np.zeros((1, model.n_features_in_), dtype=np.float32)
    raw: NDArray[np.float64] = np.asarray(model._raw_predict_init(row), dtype=np.float64)  # noqa: SLF001
    return np.ravel(raw)


def _in_double(scope: Scope, model: Fitted, answer: Tensor) -> Tensor:
    """Return the answer, unless it knows fewer digits than the scores that are added to it."""
    if answer.kind == "float32":
        raise scope.unsupported(model, "computes in float32; train on float64 for an exact export")
    return answer


def _emitted_start(scope: Scope, model: Fitted, columns: Columns) -> str:
    """Emit the start that a model inside computes from the row, which it sees in float32."""
    graph = scope.graph
    single = Columns.of(graph.matrix(columns, "float32"))
    inner = scope.inner("init_")
    link = type(model._loss.link).__name__  # noqa: SLF001 - the fitted loss
    if not hasattr(model, "classes_"):
        start = _in_double(inner, model.init_, inner.respond(model.init_, single, "predict"))
        if link != "IdentityLink":
            raise scope.unsupported(model, f"init with the link {link}")
        return graph.op("Reshape", start.name, graph.ints([-1, 1]))
    shares = _in_double(inner, model.init_, inner.respond(model.init_, single, "predict_proba"))
    if link not in ("LogitLink", "HalfLogitLink"):
        raise scope.unsupported(model, f"init with the link {link}")
    share = graph.pick(shares, [1]).name
    eps = float(np.finfo(np.float64).eps)
    limited = formulas.clip(graph, share, graph.doubles(eps), graph.doubles(1 - eps))
    start_name = formulas.logit(graph, limited)
    return start_name if link == "LogitLink" else graph.op("Mul", graph.doubles(0.5), start_name)


def _shares(scope: Scope, model: Fitted, raw: Tensor) -> str:
    graph, loss = scope.graph, type(model._loss).__name__  # noqa: SLF001 - the fitted loss
    if loss == "HalfBinomialLoss":
        return formulas.pair(graph, formulas.sigmoid(graph, raw.name))
    if loss == "ExponentialLoss":
        doubled = graph.op("Mul", graph.doubles(2.0), raw.name)
        return formulas.pair(graph, formulas.sigmoid(graph, doubled))
    if loss == "HalfMultinomialLoss":
        return formulas.softmax(graph, raw.name)
    raise scope.unsupported(model, f"loss {loss} has no emitter")
