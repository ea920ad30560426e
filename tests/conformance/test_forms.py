"""Golden bundles of the newer forms: read, replayed, and refused once anything in them is changed."""

from __future__ import annotations

import json
import runpy
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlpack.errors import MlpackError
from mlpack.format.opening import inspect
from mlpack.runtime.loading import load
from mlpack.runtime.predictor import Predictor
from mlpack.trust.unsigned import UNSIGNED

HERE = Path(__file__).parent
FORMS = HERE / "golden" / "forms"
EXPECTED: dict[str, dict[str, Any]] = json.loads((FORMS / "expected.json").read_text(encoding="ascii"))
Files = dict[str, bytes]


def place(form: str) -> Path:
    return FORMS / f"{form}-1.0.0.mlpack"


def loaded(path: Path) -> Predictor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return load(path, policy=UNSIGNED)


@pytest.mark.parametrize("form", EXPECTED)
def test_a_form_is_read_and_answers_its_golden_rows(form: str) -> None:
    bundle, expected = inspect(place(form)), EXPECTED[form]
    assert bundle.digest == expected["digest"]
    assert list(bundle.manifest.requires) == expected["requires"]
    assert json.loads(bundle.read("evidence/golden.json"))["rows"] == expected["rows"]
    model = loaded(place(form))  # which replays them, or raises
    assert [output.method for output in model.outputs] == expected["methods"]


@pytest.mark.parametrize("form", EXPECTED)
@settings(max_examples=60, deadline=None, derandomize=True)
@given(at=st.integers(0, 1 << 40), bit=st.integers(1, 255))
def test_any_changed_byte_is_refused(
    form: str, at: int, bit: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    data = bytearray(place(form).read_bytes())
    data[at % len(data)] ^= bit
    changed = tmp_path_factory.mktemp("changed") / place(form).name
    changed.write_bytes(data)
    with pytest.raises(MlpackError):
        inspect(changed)


# From here on, all lists are made again: the bundle is consistent, and wrong.

SCRIPT = runpy.run_path(str(HERE / "hostile.py"))


def without(path: str) -> Callable[[Files], Files]:
    return lambda files: SCRIPT["listed"]({name: data for name, data in files.items() if name != path})


def cut(path: str) -> Callable[[Files], Files]:
    return lambda files: SCRIPT["replaced"](files, path, files[path][: len(files[path]) // 2])


def edited(path: str, change: Callable[[dict[str, Any]], object]) -> Callable[[Files], Files]:
    return lambda files: SCRIPT["edited"](files, path, change)


def requires(*features: str) -> Callable[[Files], Files]:
    return edited("manifest.json", lambda d: d["format"].update(requires=list(features)))


HOSTILE: list[tuple[str, str, Callable[[Files], Files]]] = [
    ("host-steps", "steps missing", without("model/host.json")),
    ("host-steps", "steps not asked for", requires("onnx")),
    ("host-steps", "graph missing", without("model/model.onnx")),
    ("host-steps", "graph cut", cut("model/model.onnx")),
    ("host-steps", "steps cut", cut("model/host.json")),
    ("host-steps", "a feed less", edited("model/host.json", lambda d: d["feeds"].pop())),
    ("host-steps", "another word", edited("model/host.json", lambda d: _vocabulary(d).reverse())),
    ("skops", "archive missing", without("model/model.skops")),
    ("skops", "archive cut", cut("model/model.skops")),
    ("skops", "another engine", requires("xgboost")),
    ("skops", "no engine", requires()),
    ("skops", "description cut", cut("model/native.json")),
    ("booster", "file missing", without("model/model.ubj")),
    ("booster", "file cut", cut("model/model.ubj")),
    ("booster", "another engine", requires("lightgbm")),
    ("booster", "description missing", without("model/native.json")),
    ("tensors", "graph cut", cut("model/model.onnx")),
    ("tensors", "tensors not asked for", requires("onnx")),
    ("tensors", "a size without bounds", edited("contract.json", lambda d: d.update(dimensions={}))),
    ("skops", "tensors asked for", requires("skops", "tensors")),
    ("tensors", "an input less", edited("contract.json", lambda d: d["inputs"].pop())),
    (
        "tensors",
        "another shape",
        edited("contract.json", lambda d: d["inputs"][0].update(shape=["batch", 3])),
    ),
]


def _vocabulary(program: dict[str, Any]) -> list[str]:
    words: list[str] = next(
        step["parameters"]["vocabulary"] for step in program["steps"] if "vocabulary" in step["parameters"]
    )
    return words


@pytest.mark.parametrize(
    ("form", "change"), [pytest.param(form, change, id=f"{form}: {how}") for form, how, change in HOSTILE]
)
def test_a_consistent_but_wrong_bundle_is_refused(
    form: str, change: Callable[[Files], Files], tmp_path: Path
) -> None:
    bundle = inspect(place(form))
    files = {path: bundle.read(path) for path in bundle.checksums}
    changed = tmp_path / place(form).name
    changed.write_bytes(SCRIPT["archive"](change(files), top=f"{form}-1.0.0"))
    with pytest.raises(MlpackError):
        loaded(changed)


def test_an_unchanged_bundle_is_still_accepted_once_its_lists_are_made_again(tmp_path: Path) -> None:
    for form in EXPECTED:
        bundle = inspect(place(form))
        files = {path: bundle.read(path) for path in bundle.checksums}
        again = tmp_path / place(form).name
        again.write_bytes(SCRIPT["archive"](SCRIPT["listed"](files), top=f"{form}-1.0.0"))
        assert loaded(again).name == form
