"""The published JSON Schemas accept what our writers write and refuse what our parsers refuse."""

# ruff: noqa: E501  (tables have one row per case)

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.resources import files as resources
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from mlpack.errors import FormatError
from mlpack.format.contract import Contract
from mlpack.format.evidence import Golden, Parity
from mlpack.format.manifest import Manifest

PATHS = {
    "manifest": "manifest.json",
    "contract": "contract.json",
    "golden": "evidence/golden.json",
    "parity": "evidence/parity.json",
}
PARSERS: dict[str, Callable[[bytes], object]] = {
    "manifest": Manifest.from_bytes,
    "contract": Contract.from_bytes,
    "golden": Golden.from_bytes,
    "parity": Parity.from_bytes,
}


def schema(kind: str) -> dict[str, Any]:
    text = (resources("mlpack.format") / "schemas" / f"{kind}.schema.json").read_text(encoding="utf-8")
    document: dict[str, Any] = json.loads(text)
    return document


@pytest.mark.parametrize("kind", PATHS)
def test_a_schema_is_a_valid_schema(kind: str) -> None:
    Draft202012Validator.check_schema(schema(kind))


@pytest.mark.parametrize("kind", PATHS)
def test_what_our_writer_writes_is_valid(kind: str, files: dict[str, bytes]) -> None:
    Draft202012Validator(schema(kind)).validate(json.loads(files[PATHS[kind]]))


def _age(document: dict[str, Any]) -> dict[str, Any]:
    age: dict[str, Any] = document["inputs"][0]
    return age


BAD: list[tuple[str, str, Callable[[dict[str, Any]], object]]] = [
    ("manifest", "no name", lambda d: d.pop("name")),
    ("manifest", "name odd", lambda d: d.update(name="A b")),
    ("manifest", "name long", lambda d: d.update(name="a" * 65)),
    ("manifest", "version odd", lambda d: d.update(version="latest")),
    ("manifest", "version with leading zero", lambda d: d.update(version="1.0.0-01")),
    ("manifest", "version in other digits", lambda d: d.update(version="1.\u0663.0")),
    ("manifest", "version a number", lambda d: d.update(version=1.0)),
    ("manifest", "unknown field", lambda d: d.update(colour="red")),
    ("manifest", "unknown field of format", lambda d: d["format"].update(colour="red")),
    ("manifest", "unknown field of framework", lambda d: d["model"]["framework"].update(colour="red")),
    ("manifest", "unknown field of a file", lambda d: d["files"]["README.md"].update(colour="red")),
    ("manifest", "newer major", lambda d: d["format"].update(version="2.0")),
    ("manifest", "version with leading zeros", lambda d: d["format"].update(version="01.0")),
    ("manifest", "unknown feature", lambda d: d["format"].update(requires=["onnx", "telepathy"])),
    ("manifest", "feature twice", lambda d: d["format"].update(requires=["onnx", "onnx"])),
    ("manifest", "no feature", lambda d: d["format"].update(requires=[])),
    ("manifest", "task unknown", lambda d: d["model"].update(task="prophecy")),
    ("manifest", "no methods", lambda d: d["model"].update(methods=[])),
    ("manifest", "method twice", lambda d: d["model"].update(methods=["predict", "predict"])),
    ("manifest", "threads zero", lambda d: d["model"].update(threads=0)),
    ("manifest", "threads true", lambda d: d["model"].update(threads=True)),
    ("manifest", "certificate unknown", lambda d: d["model"].update(certificate="perfect")),
    ("manifest", "license null", lambda d: d.update(license=None)),
    ("manifest", "annotation a number", lambda d: d["annotations"].update(x=1)),
    ("manifest", "runtime a list", lambda d: d.update(runtime=[])),
    ("manifest", "unsafe path", lambda d: d["files"].update({"../x": {"role": "model", "size": 1}})),
    ("manifest", "device path", lambda d: d["files"].update({"a/NUL.txt": {"role": "model", "size": 1}})),
    ("manifest", "trailing dot", lambda d: d["files"].update({"a.": {"role": "model", "size": 1}})),
    ("manifest", "own path", lambda d: d["files"].update({"manifest.json": {"role": "model", "size": 1}})),
    ("manifest", "wheel", lambda d: d["files"].update({"wheels/x": {"role": "model", "size": 1}})),
    ("manifest", "negative size", lambda d: d["files"]["README.md"].update(size=-1)),
    ("manifest", "huge size", lambda d: d["files"]["README.md"].update(size=2**63)),
    ("manifest", "role unknown", lambda d: d["files"]["README.md"].update(role="virus")),
    ("contract", "layout unknown", lambda d: d.update(layout="cube")),
    ("contract", "null text", lambda d: d.update(null_text="")),
    ("contract", "no inputs", lambda d: d.update(inputs=[])),
    ("contract", "no outputs", lambda d: d.update(outputs=[])),
    ("contract", "dtype unknown", lambda d: _age(d).update(dtype="float16")),
    ("contract", "infinities missing", lambda d: _age(d).pop("infinities")),
    ("contract", "unknown for a number", lambda d: _age(d).update(unknown=True)),
    ("contract", "nulls a number", lambda d: _age(d).update(nulls=1)),
    ("contract", "tensor empty", lambda d: _age(d).update(tensor="")),
    ("contract", "limit zero", lambda d: _age(d).update(limit=0)),
    ("contract", "limit null", lambda d: _age(d).update(limit=None)),
    ("contract", "profile null", lambda d: _age(d).update(numeric=None)),
    ("contract", "one edge", lambda d: _age(d)["numeric"].update(edges=[1], shares=[])),
    ("contract", "share above one", lambda d: _age(d)["numeric"].update(null_share=1.01)),
    ("contract", "share below zero", lambda d: d["inputs"][1]["categorical"].update(shares=[-0.1, 1])),
    ("contract", "category a number", lambda d: d["inputs"][1]["categorical"].update(categories=[1, 2])),
    ("contract", "category twice", lambda d: d["inputs"][1]["categorical"].update(categories=["a", "a"])),
    ("contract", "method unknown", lambda d: d["outputs"][0].update(method="guess")),
    ("contract", "shape of rows unknown", lambda d: d["outputs"][0].update(shape=[])),
    ("contract", "shape fixed", lambda d: d["outputs"][0].update(shape=[5])),
    ("contract", "shape of three", lambda d: d["outputs"][0].update(shape=[None, 2, 2])),
    ("contract", "shape of none", lambda d: d["outputs"][1].update(shape=[None, 0])),
    ("contract", "class null", lambda d: d["outputs"][0].update(classes=["no", None])),
    ("contract", "no classes", lambda d: d["outputs"][0].update(classes=[])),
    ("contract", "dtype empty", lambda d: d["outputs"][0].update(dtype="")),
    ("golden", "origin unknown", lambda d: d.update(origin="dream")),
    ("golden", "no rows", lambda d: d.update(rows=0, inputs={}, outputs={})),
    ("golden", "input nested", lambda d: d["inputs"].update(age=[[1]] * 5)),
    ("golden", "cell an object", lambda d: d["inputs"].update(age=[{}] * 5)),
    ("golden", "output nested twice", lambda d: d["outputs"].update(predict=[[[1]]] * 5)),
    ("golden", "output of both kinds", lambda d: d["outputs"].update(predict=[[1], 1, 1, 1, 1])),
    ("golden", "column no list", lambda d: d["inputs"].update(age={})),
    ("golden", "unknown field", lambda d: d.update(more=1)),
    ("parity", "certificate unknown", lambda d: d.update(certificate="perfect")),
    ("parity", "threads zero", lambda d: d.update(threads=0)),
    ("parity", "worst a word", lambda d: d["methods"][0].update(worst="huge")),
    ("parity", "worst null", lambda d: d["methods"][0].update(worst=None)),
    ("parity", "spread a word", lambda d: d["methods"][0].update(spread="NaN")),
    ("parity", "labels negative", lambda d: d["methods"][0].update(labels_differ=-1)),
    ("parity", "outcome unknown", lambda d: d["probes"][0].update(outcome="maybe")),
    ("parity", "reason missing", lambda d: d["rejected"][0].pop("reason")),
    ("parity", "unknown field", lambda d: d["probes"][0].update(more=1)),
]


@pytest.mark.parametrize(("kind", "change"), [pytest.param(k, c, id=f"{k}: {n}") for k, n, c in BAD])
def test_schema_and_parser_refuse_alike(
    kind: str, change: Callable[[dict[str, Any]], object], files: dict[str, bytes]
) -> None:
    document = json.loads(files[PATHS[kind]])
    change(document)
    assert not Draft202012Validator(schema(kind)).is_valid(document)
    with pytest.raises(FormatError):
        PARSERS[kind](json.dumps(document).encode())


GOOD: list[tuple[str, str, Callable[[dict[str, Any]], object]]] = [
    ("manifest", "no license", lambda d: d.pop("license")),
    ("manifest", "no annotations", lambda d: d.pop("annotations")),
    ("manifest", "a PEP 440 version", lambda d: d.update(version="1.2rc1.post2.dev3+ab.1")),
    ("manifest", "a SemVer", lambda d: d.update(version="1.2.3-rc.1+Build-7")),
    ("manifest", "a longish path", lambda d: d["files"].update({"a/conx/b.c_d+e": {"role": "code", "size": 0}})),
    ("contract", "no profile", lambda d: _age(d).pop("numeric")),
    ("contract", "a limit", lambda d: _age(d).update(limit=3.4e38)),
    ("contract", "an integer column", lambda d: _age(d).pop("infinities") is not None and _age(d).update(dtype="int64")),
    ("contract", "a constant column", lambda d: _age(d)["numeric"].update(edges=[1, 1], shares=[1])),
    ("contract", "no category", lambda d: d["inputs"][1]["categorical"].update(categories=[], shares=[])),
    ("golden", "numbers of all kinds", lambda d: d["inputs"].update(age=[1, 1.5, None, "NaN", -1e-300])),
    ("parity", "an infinite error", lambda d: d["methods"][0].update(worst="Infinity")),
    ("parity", "nothing rejected", lambda d: d.update(rejected=[])),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "change"), [pytest.param(k, c, id=f"{k}: {n}") for k, n, c in GOOD])
def test_schema_and_parser_accept_alike(
    kind: str, change: Callable[[dict[str, Any]], object], files: dict[str, bytes]
) -> None:
    document = json.loads(files[PATHS[kind]])
    change(document)
    Draft202012Validator(schema(kind)).validate(document)
    PARSERS[kind](json.dumps(document).encode())
