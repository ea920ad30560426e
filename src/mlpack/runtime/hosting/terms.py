"""From a document to its terms, exactly as scikit-learn's text vectorizers cut it.

Source: the documented behaviour of CountVectorizer and HashingVectorizer (analyzer, token_pattern,
ngram_range, strip_accents, stop_words), measured against them on many languages.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

__all__ = ["Analyze", "analyzer", "changed"]

Analyze = Callable[[str], Sequence[str]]
"""From a document to its terms, in order."""

_SPACES = re.compile(r"\s\s+")


def analyzer(parameters: Mapping[str, Any]) -> Analyze:
    """Return the function that cuts a document as the parameters of a step say."""
    prepare = _preparation(parameters)
    shortest, longest = parameters["ngrams"]
    kind = parameters["analyzer"]
    if kind == "char":
        cut = partial(_characters, shortest=shortest, longest=longest)
        return lambda document: cut(_SPACES.sub(" ", prepare(document)))
    if kind == "char_wb":
        inside = partial(_inside_words, shortest=shortest, longest=longest)
        return lambda document: inside(_SPACES.sub(" ", prepare(document)))
    split = _splitter(parameters)
    stops = frozenset(parameters["stop_words"])

    def words(document: str) -> Sequence[str]:
        tokens = split(prepare(document))
        if stops:
            tokens = [token for token in tokens if token not in stops]
        return tokens if longest == 1 else _phrases(tokens, shortest, longest)

    return words


def changed(text: str, methods: Sequence[Sequence[str]]) -> str:
    """Return a text after methods of strings, one after the other."""
    for name, *arguments in methods:
        text = getattr(text, name)(*arguments)
    return text


def _preparation(parameters: Mapping[str, Any]) -> Callable[[str], str]:
    methods: Sequence[Sequence[str]] = parameters["prepare"]
    strip = {"keep": None, "unicode": _without_marks, "ascii": _only_ascii}[parameters["accents"]]
    if not methods and strip is None:
        return lambda document: document
    if methods == [["lower"]] and strip is None:
        return str.lower
    if strip is None:
        return lambda document: changed(document, methods)
    return lambda document: strip(changed(document, methods))


def _without_marks(text: str) -> str:
    if text.isascii():
        return text
    return "".join(
        character for character in unicodedata.normalize("NFKD", text) if not unicodedata.combining(character)
    )


def _only_ascii(text: str) -> str:
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii")


def _splitter(parameters: Mapping[str, Any]) -> Callable[[str], list[str]]:
    if "pattern" in parameters:
        return re.compile(parameters["pattern"]).findall
    separator: str | None = parameters["separator"]
    return lambda text: text.split(separator)


def _phrases(tokens: Sequence[str], shortest: int, longest: int) -> list[str]:
    """Return runs of neighbouring words, the shortest first."""
    terms = list(tokens) if shortest == 1 else []
    for size in range(max(shortest, 2), min(longest, len(tokens)) + 1):
        terms += [" ".join(tokens[at : at + size]) for at in range(len(tokens) - size + 1)]
    return terms


def _characters(text: str, *, shortest: int, longest: int) -> list[str]:
    terms = list(text) if shortest == 1 else []
    for size in range(max(shortest, 2), min(longest, len(text)) + 1):
        terms += [text[at : at + size] for at in range(len(text) - size + 1)]
    return terms


def _inside_words(text: str, *, shortest: int, longest: int) -> list[str]:
    """Return runs of characters that stay inside one word, which has a space on either side.

    A word that is no longer than a size counts once, whole; larger sizes are then not tried.
    """
    terms: list[str] = []
    for word in text.split():
        padded = f" {word} "
        for size in range(shortest, longest + 1):
            terms.append(padded[:size])
            terms += [padded[at : at + size] for at in range(1, len(padded) - size + 1)]
            if size >= len(padded):
                break
    return terms
