"""host.json is read strictly: names, forms, patterns, n-grams and widths."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from mlpack.errors import FormatError, UnsupportedVersionError
from mlpack.format.contract import Contract, Input, Output
from mlpack.format.host import HostProgram

CONTRACT = Contract(
    layout="frame",
    inputs=(Input(name="text", tensor="text", dtype="string", source="str"),),
    outputs=(Output(method="transform", tensor="transformed", dtype="float64", shape=(None, 2)),),
)


def _document() -> dict[str, Any]:
    counts = {
        "analyzer": "word",
        "prepare": [["lower"]],
        "accents": "keep",
        "ngrams": [1, 1],
        "stop_words": [],
        "pattern": r"\w+",
        "vocabulary": ["a", "b"],
        "binary": False,
        "kind": "float64",
    }
    weigh = {"sublinear": False, "weights": [1.5, 2.5], "kind": "float64"}
    return {
        "version": "1.0",
        "steps": [
            {"name": "h0", "operation": "count-terms", "of": ["text"], "parameters": counts},
            {"name": "h1", "operation": "weigh-terms", "of": ["h0"], "parameters": weigh},
        ],
        "feeds": [{"tensor": "h1.dense", "value": "h1", "form": "dense", "kind": "float64"}],
    }


def _read(document: object) -> HostProgram:
    return HostProgram.from_bytes(json.dumps(document).encode(), CONTRACT)


def test_what_is_written_is_read_back() -> None:
    program = _read(_document())
    assert HostProgram.from_bytes(program.to_bytes(), CONTRACT) == program


def _pattern(text: str) -> Callable[[Any], None]:
    return lambda document: document["steps"][0]["parameters"].update(pattern=text)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (_pattern("(a"), "not a regular expression"),
        (_pattern("(a)(b)"), "at most one group"),
        (_pattern("a" * 1001), "at most 1000 characters"),
        (lambda d: d["steps"][0]["parameters"].update(ngrams=[1, 101]), "expected 1 to 100"),
        (lambda d: d["steps"][0]["parameters"].update(ngrams=[3, 2]), "ascending"),
        (lambda d: d["steps"][0]["parameters"].update(prepare=[["format"]]), "unknown method"),
        (lambda d: d["steps"][0]["parameters"].update(prepare=[["lower", "x"]]), "takes 0 argument"),
        (lambda d: d["steps"][0]["parameters"].update(vocabulary=["a", "a"]), "none twice"),
        (lambda d: d["steps"][0]["parameters"].update(code="import os"), "unknown field"),
        (lambda d: d["steps"][0].update(operation="run-code"), "expected one of"),
        (lambda d: d["steps"][0].update(of=["h1"]), "nothing before it is called 'h1'"),
        (lambda d: d["steps"][1].update(of=["text"]), "takes sparse, found text"),
        (lambda d: d["steps"][1].update(name="text"), "a name that nothing else has"),
        (lambda d: d.update(steps=[]), "expected 1 to 10000 steps"),
        (lambda d: d.update(feeds=[]), "at least one"),
        (lambda d: d["feeds"][0].update(value="h9"), "no step is called"),
        (lambda d: d["feeds"][0].update(form="column"), "cannot be laid out so"),
        (lambda d: d["feeds"][0].update(form="indices"), "indices are int64"),
    ],
)
def test_a_broken_document_is_refused_by_name(change: Callable[[Any], None], complaint: str) -> None:
    document = _document()
    change(document)
    with pytest.raises(FormatError, match=complaint):
        _read(document)


def test_another_version_asks_for_a_newer_reader() -> None:
    with pytest.raises(UnsupportedVersionError, match="host steps of version"):
        _read({**_document(), "version": "2.0"})
