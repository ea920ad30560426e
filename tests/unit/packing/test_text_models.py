"""Models that read texts: packed with host steps, they answer as the original does."""

# ruff: noqa: ANN401 - models and forms of any library
from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.compose import make_column_transformer
from sklearn.decomposition import TruncatedSVD
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import (
    CountVectorizer,
    HashingVectorizer,
    TfidfTransformer,
    TfidfVectorizer,
)
from sklearn.feature_selection import SelectKBest, chi2
from sklearn.linear_model import LogisticRegression, RidgeClassifier, SGDClassifier
from sklearn.naive_bayes import BernoulliNB, MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MaxAbsScaler, StandardScaler

from mlpack.errors import ExportError, InputError
from mlpack.packing.example import read_example
from mlpack.packing.export.native import row_form
from mlpack.packing.proving import prove
from mlpack.runtime.engines import open_engine
from mlpack.runtime.predictor import Predictor

WORDS = ["the", "cat", "sat", "naïve", "été", "Straße", "京都", "привет", "good", "bad", "very", "price"]
RNG = np.random.default_rng(0)
TEXTS = [" ".join(RNG.choice(WORDS, RNG.integers(1, 12))) for _ in range(120)]
LABELS = np.array(["good" in text for text in TEXTS]).astype(int)


def _packed(model: Any, example: Any) -> tuple[Predictor, Any]:
    proof = prove(model, example)
    return Predictor(proof.contract, open_engine(proof.artifact, proof.contract)), proof


LOGISTIC = LogisticRegression()
MODELS = {
    "naive Bayes": [CountVectorizer(), MultinomialNB()],
    "binarised": [CountVectorizer(), BernoulliNB()],
    "hashed": [HashingVectorizer(n_features=2**16), SGDClassifier(loss="log_loss", random_state=0)],
    "characters": [
        TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True),
        LOGISTIC,
    ],
    "counts weighed": [
        CountVectorizer(stop_words="english"),
        TfidfTransformer(norm="l1"),
        LOGISTIC,
    ],
    "selected": [CountVectorizer(), SelectKBest(chi2, k=6), MaxAbsScaler(), LOGISTIC],
    "scaled": [CountVectorizer(), StandardScaler(with_mean=False), LOGISTIC],
    "projected": [TfidfVectorizer(), TruncatedSVD(4, random_state=0), RidgeClassifier()],
    "forest": [TfidfVectorizer(), RandomForestClassifier(5, random_state=0)],
    "split": [
        CountVectorizer(tokenizer=lambda text: text.split(" "), token_pattern=None),
        LOGISTIC,
    ],
    "made dense": [
        TfidfVectorizer(),
        FunctionTransformer(lambda X: X.toarray()),
        LOGISTIC,
    ],
}


@pytest.mark.parametrize("name", MODELS)
def test_a_text_model_is_packed_with_host_steps(name: str) -> None:
    model = make_pipeline(*MODELS[name]).fit(TEXTS, LABELS)
    loaded, proof = _packed(model, TEXTS)
    assert proof.parity.rung == "hybrid"
    assert "host-steps" in proof.artifact.requires
    assert np.array_equal(loaded.predict(TEXTS), model.predict(TEXTS))


@pytest.mark.parametrize("form", [list, np.array, pd.Series, pl.Series, lambda texts: {"text": texts}])
def test_texts_may_come_in_any_form(form: Any) -> None:
    model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(TEXTS, LABELS)
    loaded, _ = _packed(model, TEXTS)
    assert np.allclose(loaded.predict_proba(form(TEXTS[:7])), model.predict_proba(TEXTS[:7]))


def test_one_text_alone_is_refused_as_the_original_does() -> None:
    loaded, _ = _packed(make_pipeline(CountVectorizer(), MultinomialNB()).fit(TEXTS, LABELS), TEXTS)
    with pytest.raises(InputError, match="expected rows, found str"):
        loaded.predict("good cat")


def test_texts_stand_beside_other_columns() -> None:
    frame = pd.DataFrame({"age": RNG.integers(1, 90, 120), "text": TEXTS, "title": TEXTS[::-1]})
    front = make_column_transformer(
        (TfidfVectorizer(), "text"), (CountVectorizer(), "title"), (StandardScaler(), ["age"])
    )
    model = make_pipeline(front, LogisticRegression(max_iter=500)).fit(frame, LABELS)
    loaded, _ = _packed(model, frame)
    assert np.allclose(loaded.predict_proba(frame), model.predict_proba(frame), atol=1e-12)


def test_no_text_of_the_example_is_kept() -> None:
    secret = "zyxw-unheard-of"
    texts = [f"{secret} {text}" if row == 3 else text for row, text in enumerate(TEXTS)]
    model = make_pipeline(TfidfVectorizer(min_df=2), LogisticRegression()).fit(texts, LABELS)
    _, proof = _packed(model, texts)
    kept = proof.contract.to_bytes() + proof.golden.to_bytes() + b"".join(proof.artifact.files.values())
    assert secret.encode() not in kept


def test_code_in_a_vectorizer_is_refused_with_a_way_out() -> None:
    model = make_pipeline(CountVectorizer(analyzer=lambda text: text.split()), MultinomialNB()).fit(
        TEXTS, LABELS
    )
    with pytest.raises(ExportError, match="analyzer <lambda> is code; use token_pattern"):
        prove(model, TEXTS)


def test_a_large_batch_goes_through_in_parts() -> None:
    model = make_pipeline(HashingVectorizer(n_features=2**20), SGDClassifier(random_state=0)).fit(
        TEXTS, LABELS
    )
    loaded, _ = _packed(model, TEXTS)
    many = TEXTS * 500
    assert np.array_equal(loaded.predict(many), model.predict(many))


def test_rows_that_are_padded_are_not_promised_to_the_bit() -> None:
    model = make_pipeline(CountVectorizer(vocabulary=["good", "bad"]), LogisticRegression()).fit(
        TEXTS, LABELS
    )
    _, proof = _packed(model, TEXTS)
    assert {item.certificate for item in proof.parity.methods if item.method != "predict"} == {"tight"}


def test_the_librarys_own_form_takes_a_sequence_of_texts() -> None:
    assert row_form(read_example(TEXTS)).library == "texts"
