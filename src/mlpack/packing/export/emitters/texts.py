"""Text vectorizers: steps of the host, exact where a graph cannot be."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from mlpack.format.host_operations import MAX_NGRAM, MAX_PATTERN
from mlpack.format.patterns import slow_pattern
from mlpack.packing.export.graph import Columns, Tensor
from mlpack.packing.export.sparse_rows import weighed_counts
from mlpack.packing.export.string_methods import traced_methods

if TYPE_CHECKING:
    from mlpack.packing.export.hosting import Hosting
    from mlpack.packing.export.registry import Fitted, Scope
    from mlpack.packing.export.tensors import Kind

__all__ = ["transform"]

_KINDS = ("float64", "float32", "int64")


def transform(scope: Scope, model: Fitted, columns: Columns) -> Columns:
    """Emit `transform` of a vectorizer."""
    hosting = scope.graph.hosting
    if hosting is None:
        raise scope.unsupported(model, "text has no exact form in a graph; it takes a host step")
    hosting.asked = True
    return Columns.of(_STEPS[type(model).__name__](scope, model, columns, hosting))


def _count(scope: Scope, model: Fitted, columns: Columns, hosting: Hosting) -> Tensor:
    value, width, kind = _counts(scope, model, columns, hosting, binary=model.binary)
    return hosting.sparse_tensor(scope.graph, value, width, kind)


def _counts(
    scope: Scope, model: Fitted, columns: Columns, hosting: Hosting, *, binary: bool
) -> tuple[str, int, Kind]:
    places = model.vocabulary_ if hasattr(model, "vocabulary_") else model._validate_vocabulary()  # noqa: SLF001
    terms = sorted(places, key=places.__getitem__)
    kind = _kind(scope, model)
    value = hosting.step(
        "count-terms",
        _documents(scope, model, columns, hosting),
        **_analysis(scope, model),
        vocabulary=[_plain(scope, model, term) for term in terms],
        binary=bool(binary),
        kind=kind,
    )
    return value, len(terms), kind


def _tfidf(scope: Scope, model: Fitted, columns: Columns, hosting: Hosting) -> Tensor:
    value, width, kind = _counts(scope, model, columns, hosting, binary=model.binary)
    return _weighed(scope, model._tfidf, (value, width, kind), hosting)  # noqa: SLF001 - the fitted weights


def _hash(scope: Scope, model: Fitted, columns: Columns, hosting: Hosting) -> Tensor:
    kind, width = _kind(scope, model), int(model.n_features)
    value = hosting.step(
        "hash-terms",
        _documents(scope, model, columns, hosting),
        **_analysis(scope, model),
        width=width,
        signed=bool(model.alternate_sign),
        binary=bool(model.binary),
        kind=kind,
    )
    if model.norm is not None:
        value = hosting.step("normalise-rows", value, norm=model.norm)
    return hosting.sparse_tensor(scope.graph, value, width, kind)


def _weighed(scope: Scope, model: Fitted, counts: tuple[str, int, Kind], hosting: Hosting) -> Tensor:
    value, width, kind = counts
    kind = "float32" if kind == "float32" else "float64"
    return hosting.sparse_tensor(scope.graph, weighed_counts(model, value, kind, hosting), width, kind)


_STEPS: dict[str, Callable[[Scope, Fitted, Columns, Hosting], Tensor]] = {
    "CountVectorizer": _count,
    "TfidfVectorizer": _tfidf,
    "HashingVectorizer": _hash,
}


def _documents(scope: Scope, model: Fitted, columns: Columns, hosting: Hosting) -> str:
    """Return the host's name of the one column of texts."""
    if columns.width != 1 or columns.kinds != ("string",):
        raise scope.unsupported(model, "takes one column of texts; give each column a vectorizer of its own")
    value = hosting.columns.get(columns.blocks[0].tensor.name)
    if value is None:
        raise scope.unsupported(model, "a step before it computes its texts in the graph; vectorize first")
    return value


def _kind(scope: Scope, model: Fitted) -> Kind:
    name = np.dtype(model.dtype).name
    if name not in _KINDS:
        raise scope.unsupported(model, f"dtype {name} has no host step; use {', '.join(_KINDS)}")
    return cast("Kind", name)


def _plain(scope: Scope, model: Fitted, term: Any) -> str:  # noqa: ANN401 - whatever a vocabulary holds
    if type(term) is not str:
        raise scope.unsupported(model, f"its vocabulary holds {type(term).__name__}, expected strings")
    return term


def _analysis(scope: Scope, model: Fitted) -> dict[str, Any]:
    """Return how a document becomes terms, as parameters of a host step."""
    if model.input != "content":
        raise scope.unsupported(model, f"input={model.input!r} reads files; give it the texts themselves")
    if model.analyzer not in ("word", "char", "char_wb"):
        raise scope.unsupported(model, f"analyzer {_title(model.analyzer)} is code; {_WAY_OUT}")
    ngrams = [int(size) for size in model.ngram_range]
    if not 1 <= ngrams[0] <= ngrams[1] <= MAX_NGRAM:
        raise scope.unsupported(model, f"ngram_range {tuple(ngrams)}: 1 to {MAX_NGRAM} can be carried")
    found: dict[str, Any] = {
        "analyzer": model.analyzer,
        "prepare": [["lower"]] if model.lowercase else [],
        "accents": model.strip_accents or "keep",
        "ngrams": ngrams,
    }
    if callable(model.strip_accents):
        raise scope.unsupported(model, f"strip_accents {_title(model.strip_accents)} is code; {_WAY_OUT}")
    if model.preprocessor is not None:
        methods = traced_methods(model.preprocessor)
        if methods is None:
            raise scope.unsupported(model, f"preprocessor {_title(model.preprocessor)} is code; {_WAY_OUT}")
        found["prepare"], found["accents"] = methods, "keep"  # it takes the place of both
    if model.analyzer == "word":
        stops = model.get_stop_words() or ()
        found["stop_words"] = sorted(_plain(scope, model, word) for word in stops)
        found |= _tokens(scope, model)
    return found


def _tokens(scope: Scope, model: Fitted) -> dict[str, Any]:
    if model.tokenizer is None:
        if len(model.token_pattern) > MAX_PATTERN:
            raise scope.unsupported(model, f"token_pattern has more than {MAX_PATTERN} characters")
        if reason := slow_pattern(model.token_pattern):
            raise scope.unsupported(model, f"token_pattern may never end for some texts: {reason}")
        return {"pattern": model.token_pattern}
    methods = traced_methods(model.tokenizer, ending="split")
    if methods is None or len(methods) != 1:
        raise scope.unsupported(model, f"tokenizer {_title(model.tokenizer)} is code; {_WAY_OUT}")
    return {"separator": methods[0][1] if len(methods[0]) > 1 else None}


_WAY_OUT = (
    "use token_pattern, lowercase, strip_accents and stop_words, or methods of strings such as str.lower and "
    'lambda text: text.split(",")'
)


def _title(function: object) -> str:
    return str(getattr(function, "__name__", type(function).__name__))
