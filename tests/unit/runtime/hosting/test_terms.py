"""The terms of a document are those of scikit-learn, for every way of cutting it."""

from __future__ import annotations

from itertools import product

import pytest
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.utils.murmurhash import murmurhash3_bytes_s32

from mlpack.packing.evidence.texts import awkward_texts
from mlpack.runtime.hosting.murmur import hash32
from mlpack.runtime.hosting.terms import analyzer

TEXTS = awkward_texts(("naïve", "good", "京都", "straße")).tolist()


@pytest.mark.parametrize(
    ("kind", "accents"), [*product(("word", "char", "char_wb"), ("keep", "unicode", "ascii"))]
)
@pytest.mark.parametrize("ngrams", [(1, 1), (1, 2), (2, 3), (3, 7)])
def test_every_analyzer_cuts_as_the_original_does(kind: str, accents: str, ngrams: tuple[int, int]) -> None:
    theirs = CountVectorizer(
        analyzer=kind, ngram_range=ngrams, strip_accents=None if accents == "keep" else accents
    )
    ours = analyzer(
        {
            "analyzer": kind,
            "prepare": [["lower"]],
            "accents": accents,
            "ngrams": list(ngrams),
            "stop_words": (),
            "pattern": theirs.token_pattern,
        }
    )
    cut = theirs.build_analyzer()
    for text in TEXTS:
        assert list(ours(text)) == list(cut(text)), text[:60]


def test_stop_words_go_before_phrases_are_made() -> None:
    parameters = {
        "analyzer": "word",
        "prepare": [],
        "accents": "keep",
        "ngrams": [1, 2],
        "stop_words": ("the",),
        "pattern": r"\w+",
    }
    assert list(analyzer(parameters)("sit on the mat")) == ["sit", "on", "mat", "sit on", "on mat"]


def test_the_hash_is_murmur_3() -> None:
    for text in (*TEXTS, "ab", "abc", "abcd", "abcde"):
        data = text.encode()
        assert hash32(data) == murmurhash3_bytes_s32(data, 0)
