"""The published JSON Schema of host.json accepts what the parser accepts, and refuses with it what it can."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from importlib.resources import files as resources
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from mlpack.errors import MlpackError
from mlpack.format.contract import Contract, Input, Output
from mlpack.format.host import HOST_VERSION, HostProgram
from mlpack.format.host_operations import CHAINABLE, FUNCTIONS, NUMBER_KINDS, OPERATIONS, PARTS

SCHEMA: dict[str, Any] = json.loads(
    (resources("mlpack.format") / "schemas" / "host.schema.json").read_text(encoding="utf-8")
)
VALIDATOR = Draft202012Validator(SCHEMA)
CONTRACT = Contract(
    layout="frame",
    inputs=(
        Input(name="text", tensor="text", dtype="string", source="object"),
        Input(name="number", tensor="number", dtype="float64", source="float64"),
        Input(name="day", tensor="day", dtype="datetime", source="datetime64[ns]", unit="ns"),
    ),
    outputs=(Output(method="predict", tensor="label", dtype="float64", shape=(None,)),),
)
WORDS: dict[str, Any] = {
    "analyzer": "word", "prepare": [["lower"], ["replace", "a", "b"], ["strip"]], "accents": "keep",
    "ngrams": [1, 2], "stop_words": ["the"], "pattern": r"\w+",
}  # fmt: skip
STEPS: list[tuple[str, list[str], dict[str, Any]]] = [
    ("count-terms", ["text"], {**WORDS, "vocabulary": ["a", "b"], "binary": False, "kind": "int64"}),
    (
        "hash-terms",
        ["text"],
        {
            "analyzer": "char",
            "prepare": [],
            "accents": "ascii",
            "ngrams": [2, 3],
            "width": 8,
            "signed": True,
            "binary": False,
            "kind": "float64",
        },
    ),
    ("weigh-terms", ["count-terms"], {"sublinear": True, "weights": [1.0, 2], "kind": "float64"}),
    ("scale-columns", ["count-terms"], {"factors": [0.5, 2]}),
    ("pick-columns", ["count-terms"], {"columns": [1]}),
    ("normalise-rows", ["count-terms"], {"norm": "l2"}),
    ("fill-text", ["text"], {"with": ""}),
    ("change-text", ["text"], {"methods": [["title"], ["lstrip", "x"]]}),
    ("join-texts", ["text", "text"], {"parts": [None, " ", None]}),
    ("search-text", ["text"], {"pattern": "a(b)?", "whole": "all"}),
    ("text-length", ["text"], {}),
    ("local-time", ["day"], {"at": [0, 5], "offsets": [3600]}),
    ("date-part", ["day"], {"part": "year"}),
    ("date-difference", ["day", "day"], {}),
    ("date-distance", ["day"], {"side": "left", "moment": -5, "unit": "ns"}),
    ("span-part", ["date-difference"], {"part": "days"}),
    ("calculate", ["number"], {"function": "add", "right": 2}),
    ("choose", ["number"], {"values": [1, 0]}),
    ("one-of", ["text"], {"among": ["a", 1, True]}),
    ("look-up", ["text"], {"keys": ["a"], "values": [1.5]}),
    ("fill-number", ["number"], {"with": 0}),
    ("is-missing", ["day"], {}),
    ("retype", ["number"], {"kind": "int8"}),
]


def program() -> dict[str, Any]:
    steps = [
        {"name": operation, "operation": operation, "of": of, "parameters": parameters}
        for operation, of, parameters in copy.deepcopy(STEPS)
    ]
    return {
        "version": HOST_VERSION,
        "steps": steps,
        "feeds": [
            {"tensor": "t", "value": "text-length", "form": "column", "kind": "float64"},
            {"tensor": "i", "value": "count-terms", "form": "indices", "kind": "int64"},
            {"tensor": "v", "value": "count-terms", "form": "values", "kind": "float64"},
        ],
    }


def parse(document: dict[str, Any]) -> HostProgram:
    return HostProgram.from_bytes(json.dumps(document).encode(), CONTRACT)


def test_every_operation_is_in_the_schema_and_accepted_by_both() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    document = program()
    assert {step["operation"] for step in document["steps"]} == set(OPERATIONS)
    VALIDATOR.validate(document)
    assert [step.operation for step in parse(document).steps] == list(OPERATIONS)


def test_the_schema_lists_what_the_code_lists() -> None:
    step = SCHEMA["$defs"]["step"]
    rules = {
        rule["if"]["properties"]["operation"]["const"]: rule["then"]["properties"]["parameters"]
        for rule in step["allOf"]
    }
    assert set(rules) == set(step["properties"]["operation"]["enum"]) == set(OPERATIONS)
    assert rules["calculate"]["properties"]["function"]["enum"] == list(FUNCTIONS)
    assert rules["date-part"]["properties"]["part"]["enum"] == list(PARTS)
    assert rules["retype"]["properties"]["kind"]["enum"] == list(NUMBER_KINDS)
    methods = [way["prefixItems"][0]["enum"] for way in SCHEMA["$defs"]["method"]["oneOf"]]
    assert {name for names in methods for name in names} == set(CHAINABLE)


def at(operation: str, document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = next(step for step in document["steps"] if step["operation"] == operation)
    return found


def asked(operation: str, **parameters: object) -> Callable[[dict[str, Any]], object]:
    return lambda document: at(operation, document)["parameters"].update(parameters)


BAD: dict[str, Callable[[dict[str, Any]], object]] = {
    "another version": lambda d: d.update(version="2.0"),
    "unknown field": lambda d: d.update(more=1),
    "no steps": lambda d: d.update(steps=[]),
    "no feeds": lambda d: d.update(feeds=[]),
    "unknown operation": lambda d: at("retype", d).update(operation="eval"),
    "empty name": lambda d: at("retype", d).update(name=""),
    "unknown parameter": asked("text-length", more=1),
    "parameter missing": lambda d: at("date-part", d)["parameters"].clear(),
    "pattern too long": asked("search-text", pattern="a" * 1001),
    "n-grams huge": asked("count-terms", ngrams=[1, 101]),
    "three n-grams": asked("count-terms", ngrams=[1, 1, 1]),
    "vocabulary twice": asked("count-terms", vocabulary=["a", "a"]),
    "vocabulary empty": asked("count-terms", vocabulary=[]),
    "unknown method": asked("change-text", methods=[["format"]]),
    "method with too few arguments": asked("change-text", methods=[["replace", "a"]]),
    "method with too many arguments": asked("change-text", methods=[["lower", "a"]]),
    "width zero": asked("hash-terms", width=0),
    "width huge": asked("hash-terms", width=2**31),
    "negative column": asked("pick-columns", columns=[-1]),
    "columns twice": asked("pick-columns", columns=[1, 1]),
    "unknown norm": asked("normalise-rows", norm="l3"),
    "offset of days": asked("local-time", offsets=[200_000]),
    "unknown function": asked("calculate", function="system"),
    "constants on both sides": asked("calculate", left=1),
    "constant a text": asked("calculate", right="1"),
    "one choice": asked("choose", values=[1]),
    "null among": asked("one-of", among=[None]),
    "values of both kinds": asked("look-up", values=["a", 1]),
    "unknown unit": asked("date-distance", unit="h"),
    "unknown kind": asked("retype", kind="object"),
    "feed unknown form": lambda d: d["feeds"][0].update(form="cube"),
    "indices of floats": lambda d: d["feeds"][1].update(kind="float64"),
}


@pytest.mark.parametrize("change", BAD.values(), ids=BAD)
def test_schema_and_parser_refuse_alike(change: Callable[[dict[str, Any]], object]) -> None:
    document = program()
    change(document)
    assert not VALIDATOR.is_valid(document)
    with pytest.raises(MlpackError):
        parse(document)
