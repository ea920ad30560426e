"""Pipelines over texts, dates, functions on DataFrames, sparse rows and the types that pandas added."""

# ruff: noqa: ANN401 - a fitted model has no type of its own
from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
from sklearn import (
    calibration,
    compose,
    decomposition,
    ensemble,
    feature_selection,
    impute,
    linear_model,
    model_selection,
    naive_bayes,
    pipeline,
    preprocessing,
    svm,
)
from sklearn.feature_extraction import text
from tests.zoo.case import Case, Fitted

__all__ = ["cases"]

Make = Callable[[], Any]
WORDS = [
    "the",
    "cat",
    "sat",
    "on",
    "mat",
    "dog",
    "naïve",
    "été",
    "Straße",
    "Łódź",
    "京都",
    "東京",
    "привет",
    "мир",
    "Ёлка",
    "good",
    "bad",
    "very",
    "not",
    "price",
    "day",
    "don't",
    "e-mail",
    "42",
    "2024",
    "İstanbul",
    "ΣΑΣ",
    "😀",
    "c'est",
    "l'heure",
    "flying",
    "and",
    "of",
]


def _frame(rows: int = 260) -> pd.DataFrame:
    rng = np.random.default_rng(21)
    texts = [" ".join(rng.choice(WORDS, rng.integers(1, 14))) for _ in range(rows)]
    start = pd.Timestamp("2022-12-30")
    frame = pd.DataFrame(
        {
            "text": texts,
            "title": texts[::-1],
            "age": rng.integers(18, 90, rows),
            "fare": rng.lognormal(3, 1, rows).round(2),
            "city": rng.choice(["Oslo", "Łódź", "京都"], rows),
            "when": start + pd.to_timedelta(rng.integers(0, 90_000_000, rows), unit="s"),
            "until": start + pd.to_timedelta(rng.integers(0, 190_000_000, rows), unit="s"),
        }
    )
    frame["zoned"] = frame["when"].dt.tz_localize("UTC").dt.tz_convert("America/New_York")
    frame["fine"] = frame["when"].astype("datetime64[ns]") + pd.to_timedelta(
        rng.integers(0, 999, rows), unit="ns"
    )
    return frame


def _fitted(model: Any, columns: list[str], *, library: str = "pandas", holes: str = "") -> Fitted:
    frame = _frame()
    y = (frame["text"].str.contains("good") ^ (frame["when"].dt.hour > 11)).astype(int).to_numpy()
    if holes:
        frame[holes] = frame[holes].mask(np.random.default_rng(4).random(len(frame)) < 0.1)
    X: Any = frame[columns]
    if library == "polars":
        X = pl.from_pandas(X)
    model.fit(X[:160], y[:160])
    fresh = X[160:] if library == "polars" else X[160:].reset_index(drop=True)
    return Fitted(model=model, example=X[:160], fresh=fresh)


def _text(vectorizer: Make, *steps: Make) -> Fitted:
    front = compose.make_column_transformer((vectorizer(), "text"))
    return _fitted(pipeline.make_pipeline(front, *(step() for step in steps)), ["text"])


def _logistic() -> Any:
    return linear_model.LogisticRegression(max_iter=500)


def _ends() -> dict[str, list[Make]]:
    return {
        "logistic": [_logistic],
        "linear SVC": [svm.LinearSVC],
        "SGD": [partial(linear_model.SGDClassifier, loss="log_loss", random_state=0)],
        "multinomial": [naive_bayes.MultinomialNB],
        "complement": [naive_bayes.ComplementNB],
        "Bernoulli": [naive_bayes.BernoulliNB],
        "ridge": [linear_model.RidgeClassifier],
        "forest": [partial(ensemble.RandomForestClassifier, 8, random_state=0)],
        "boosting": [partial(ensemble.GradientBoostingClassifier, n_estimators=5, random_state=0)],
        "SVD, logistic": [partial(decomposition.TruncatedSVD, 5, random_state=0), _logistic],
        "chosen, logistic": [partial(feature_selection.SelectKBest, feature_selection.chi2, k=8), _logistic],
        "scaled, logistic": [partial(preprocessing.StandardScaler, with_mean=False), _logistic],
        "max-abs, logistic": [preprocessing.MaxAbsScaler, _logistic],
        "calibrated": [lambda: calibration.CalibratedClassifierCV(svm.LinearSVC(), cv=2)],
        "dense, histogram": [
            partial(preprocessing.FunctionTransformer, lambda X: X.toarray(), accept_sparse=True),
            partial(ensemble.HistGradientBoostingClassifier, max_iter=4),
        ],
    }


def _vectorizers() -> dict[str, Make]:
    count, tfidf = text.CountVectorizer, text.TfidfVectorizer
    return {
        "counts": count,
        "binary counts, English stop words": partial(count, binary=True, stop_words="english"),
        "pairs of words": partial(tfidf, ngram_range=(1, 2), min_df=2),
        "characters inside words": partial(tfidf, analyzer="char_wb", ngram_range=(2, 4)),
        "characters": partial(tfidf, analyzer="char", ngram_range=(1, 3), norm="l1"),
        "without accents": partial(tfidf, strip_accents="unicode", sublinear_tf=True),
        "plain ASCII": partial(tfidf, strip_accents="ascii", lowercase=False),
        "hashes": partial(text.HashingVectorizer, n_features=2**14),
        "few hashes, unsigned": partial(
            text.HashingVectorizer, n_features=64, alternate_sign=False, norm=None
        ),
        "own pattern": partial(tfidf, token_pattern=r"[^\s,;]+", max_features=30),
        "split by spaces": partial(tfidf, tokenizer=str.split, token_pattern=None),
        "own vocabulary": partial(count, vocabulary=["good", "bad", "京都", "été"]),
        "own analyzer": partial(count, analyzer=lambda value: value.split("-")),
    }


def _parts(frame: Any) -> Any:
    return pd.DataFrame({"hour": frame["when"].dt.hour, "day": frame["when"].dt.dayofweek})


def _cycle(frame: Any) -> Any:
    hour = frame["zoned"].dt.hour
    return pd.DataFrame({"sin": np.sin(2 * np.pi * hour / 24), "month": frame["zoned"].dt.month})


def _fine(frame: Any) -> Any:
    when = frame["fine"].dt
    return pd.DataFrame({"ns": when.nanosecond, "end": when.is_month_end, "week": when.isocalendar().week})


def _spans(frame: Any) -> Any:
    span = frame["until"] - frame["when"]
    return pd.DataFrame({"days": span.dt.days, "seconds": span.dt.total_seconds()})


def _numbers(frame: Any) -> Any:
    return frame.assign(fare=np.log1p(frame["fare"]), rate=frame["fare"] / (1 + frame["age"]))


def _texts(frame: Any) -> Any:
    return pd.DataFrame(
        {"n": frame["text"].str.len(), "good": frame["text"].str.contains("good", regex=False)}
    )


def _centred(frame: Any) -> Any:
    return frame - frame.mean()


def _function(function: Any, columns: list[str], *, holes: str = "", last: Make | None = None) -> Fitted:
    end = last() if last else ensemble.RandomForestClassifier(8, random_state=0)
    model = pipeline.make_pipeline(preprocessing.FunctionTransformer(function), end)
    return _fitted(model, columns, holes=holes)


def _mixed(library: str = "pandas") -> Fitted:
    front = compose.make_column_transformer(
        (text.TfidfVectorizer(), "text"),
        (text.CountVectorizer(analyzer="char_wb", ngram_range=(3, 3)), "title"),
        (preprocessing.OneHotEncoder(handle_unknown="ignore"), ["city"]),
        (preprocessing.StandardScaler(), ["age", "fare"]),
    )
    model = pipeline.make_pipeline(front, linear_model.LogisticRegression(max_iter=1000))
    return _fitted(model, ["text", "title", "city", "age", "fare"], library=library)


def _everything() -> Fitted:
    front = compose.make_column_transformer(
        (text.TfidfVectorizer(), "text"),
        (preprocessing.FunctionTransformer(_parts), ["when"]),
        (preprocessing.OneHotEncoder(handle_unknown="ignore"), ["city"]),
        remainder="drop",
    )
    model = pipeline.make_pipeline(front, linear_model.LogisticRegression(max_iter=1000))
    return _fitted(model, ["text", "when", "city", "age"])


def _filled() -> Fitted:
    filled = pipeline.make_pipeline(
        preprocessing.FunctionTransformer(lambda column: column.fillna("")), text.TfidfVectorizer()
    )
    front = compose.make_column_transformer((filled, "text"), (impute.SimpleImputer(), ["age"]))
    return _fitted(pipeline.make_pipeline(front, _logistic()), ["text", "age"], holes="text")


def _union() -> Fitted:
    both = pipeline.make_union(
        text.TfidfVectorizer(), text.CountVectorizer(analyzer="char", ngram_range=(2, 2))
    )
    front = compose.make_column_transformer((both, "text"))
    return _fitted(pipeline.make_pipeline(front, _logistic()), ["text"])


def _searched() -> Fitted:
    inner = pipeline.make_pipeline(
        compose.make_column_transformer((text.TfidfVectorizer(), "text")), _logistic()
    )
    grid = {"columntransformer__tfidfvectorizer__ngram_range": [(1, 1), (1, 2)]}
    return _fitted(model_selection.GridSearchCV(inner, grid, cv=2), ["text"])


def _joined() -> Fitted:
    model = pipeline.make_pipeline(
        preprocessing.FunctionTransformer(lambda frame: frame["city"] + " " + frame["text"]),
        text.TfidfVectorizer(),
        _logistic(),
    )
    return _fitted(model, ["city", "text"])


PARTICULAR: dict[str, Callable[[], Fitted]] = {
    "texts beside columns": _mixed,
    "texts beside columns, polars": partial(_mixed, "polars"),
    "texts, dates and categories": _everything,
    "missing texts filled": _filled,
    "words and characters": _union,
    "search over a text pipeline": _searched,
    "texts joined by a function": _joined,
    "counts weighed": partial(_text, text.CountVectorizer, text.TfidfTransformer, _logistic),
    "parts of dates": partial(_function, _parts, ["when"]),
    "parts of missing dates": partial(
        _function,
        _parts,
        ["when"],
        holes="when",
        last=partial(ensemble.HistGradientBoostingClassifier, max_iter=5),
    ),
    "cycle of a zone": partial(_function, _cycle, ["zoned"]),
    "nanoseconds and weeks": partial(_function, _fine, ["fine"]),
    "spans of time": partial(_function, _spans, ["when", "until"]),
    "arithmetic of columns": partial(_function, _numbers, ["age", "fare"]),
    "lengths of texts": partial(_function, _texts, ["text"]),
    "chosen columns": partial(_function, lambda frame: frame[["age"]], ["age", "fare"]),
    "centred by the batch": partial(_function, _centred, ["age", "fare"]),
}


def cases() -> Iterator[Case]:
    """Yield tf-idf with every end, every vectorizer with one end, and the particular ones."""
    for name, steps in _ends().items():
        counts = "Bayes" if name in ("multinomial", "complement", "Bernoulli") else ""
        make = text.CountVectorizer if counts else text.TfidfVectorizer
        yield Case(
            group="pipelines",
            name=f"{'counts' if counts else 'tf-idf'} + {name}",
            make=partial(_text, make, *steps),
            quick=name in ("logistic", "multinomial"),
        )
    for name, make in _vectorizers().items():
        yield Case(group="pipelines", name=f"{name} + logistic", make=partial(_text, make, _logistic))
    for name, build in PARTICULAR.items():
        quick = name in ("texts, dates and categories", "cycle of a zone")
        yield Case(group="pipelines", name=name, make=build, quick=quick)
