"""What changed between two versions: what breaks callers is named, and nothing is executed to find out."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mlpack._cli.main import main
from mlpack.delivery.artifacts import push
from mlpack.errors import FormatError, PolicyError, StorageError
from mlpack.format.contract import CategoricalProfile, Contract, Input, NumericProfile, Output
from mlpack.format.evidence import Golden
from mlpack.format.tensors import Dimension
from mlpack.release.difference.baseline import distance
from mlpack.release.difference.changes import Change
from mlpack.release.difference.comparing import Difference, diff
from mlpack.release.difference.interface import interface_changes
from mlpack.trust.keys import KeySigner, generate_key
from mlpack.trust.policy import UNSIGNED, Policy
from mlpack.trust.signing import sign

MakeBundle = Callable[..., Path]

AGE = Input(name="age", tensor="age", dtype="float64", source="float64", nulls=True, infinities=True)
CITY = Input(name="city", tensor="city", dtype="string", source="object", unknown=True)
LABEL = Output(method="predict", tensor="label", dtype="int64", shape=(None,), classes=(0, 1))
SCORES = Output(method="predict_proba", tensor="p", dtype="float64", shape=(None, 2), classes=(0, 1))
FRAME = Contract(layout="frame", inputs=(AGE, CITY), outputs=(LABEL, SCORES))


def seen(*names: str) -> CategoricalProfile:
    return CategoricalProfile(
        categories=names, shares=(1 / len(names),) * len(names), other_share=0.0, null_share=0.0
    )


def changes(after: Contract, before: Contract = FRAME) -> list[tuple[str, str]]:
    return [(item.what, item.weight) for item in interface_changes(before, after)]


def with_inputs(*inputs: Input) -> Contract:
    return replace(FRAME, inputs=inputs)


def test_the_same_contract_has_no_changes() -> None:
    assert changes(FRAME) == []


BREAKING: list[tuple[str, Contract]] = [
    ("layout", replace(FRAME, layout="array")),
    ("input new", with_inputs(AGE, CITY, replace(AGE, name="new", tensor="new"))),
    ("input age: type", with_inputs(replace(AGE, dtype="int64", infinities=False), CITY)),
    ("input age: missing values", with_inputs(replace(AGE, nulls=False), CITY)),
    ("input age: infinite values", with_inputs(replace(AGE, infinities=False), CITY)),
    ("input age: largest value", with_inputs(replace(AGE, limit=10.0), CITY)),
    ("input city: strings that training has not seen", with_inputs(AGE, replace(CITY, unknown=False))),
    ("output predict: type", replace(FRAME, outputs=(replace(LABEL, dtype="float64"), SCORES))),
    ("output predict: classes", replace(FRAME, outputs=(replace(LABEL, classes=(1, 0)), SCORES))),
    ("output predict_proba", replace(FRAME, outputs=(LABEL,))),
    ("output predict_proba: shape", replace(FRAME, outputs=(LABEL, replace(SCORES, shape=(None, 3))))),
]


@pytest.mark.parametrize(("what", "after"), BREAKING, ids=[what for what, _ in BREAKING])
def test_what_callers_of_the_older_version_fail_with_is_breaking(what: str, after: Contract) -> None:
    assert (what, "breaking") in changes(after)


HARMLESS: list[tuple[str, Contract, Contract]] = [
    ("input age: missing values", with_inputs(replace(AGE, nulls=False), CITY), FRAME),
    ("input age: largest value", with_inputs(replace(AGE, limit=10.0), CITY), FRAME),
    ("order of inputs", FRAME, with_inputs(CITY, AGE)),
    ("output predict_proba", replace(FRAME, outputs=(LABEL,)), FRAME),
]


@pytest.mark.parametrize(("what", "before", "after"), HARMLESS, ids=[item[0] for item in HARMLESS])
def test_what_only_adds_is_not_breaking(what: str, before: Contract, after: Contract) -> None:
    assert changes(after, before) == [(what, "plain")]


def test_a_column_that_is_no_longer_read_is_worth_a_look() -> None:
    assert changes(with_inputs(AGE)) == [("input city", "look")]


def test_a_wider_type_is_worth_a_look() -> None:
    narrow = with_inputs(replace(AGE, dtype="int64", infinities=False), CITY)
    assert changes(FRAME, narrow) == [("input age: type", "look")]


def test_an_array_is_read_by_position() -> None:
    columns = tuple(Input(name=f"x{n}", tensor="x", dtype="float64", source="float64") for n in range(3))
    array = replace(FRAME, layout="array", inputs=columns)
    assert changes(replace(array, inputs=columns[::-1]), array) == [("order of inputs", "breaking")]
    assert changes(replace(array, inputs=columns[:2]), array) == [("input x2", "breaking")]


def test_categories_that_are_refused_now_are_breaking_and_others_are_not() -> None:
    strict = replace(CITY, unknown=False, profile=seen("Oslo", "Rome"))
    before = with_inputs(AGE, strict)
    fewer = with_inputs(AGE, replace(strict, profile=seen("Rome")))
    assert changes(fewer, before) == [("input city: categories", "breaking")]
    assert changes(with_inputs(AGE, replace(strict, profile=seen("Oslo", "Pisa", "Rome"))), before) == []
    loose = with_inputs(AGE, replace(CITY, profile=seen("Rome")))
    assert ("input city: categories", "breaking") not in changes(loose, before)


@pytest.mark.parametrize(
    ("before", "after", "weight"),
    [
        ((1, None), (1, 8), "breaking"),
        ((1, 8), (1, None), "plain"),
        ((1, 8), (2, 8), "breaking"),
        ((2, 8), (1, 9), "plain"),
    ],
)
def test_dimensions(before: tuple[int, int | None], after: tuple[int, int | None], weight: str) -> None:
    pixels = Input(name="x", tensor="x", dtype="float32", source="float32", shape=("n", 3))
    sides = [
        Contract(
            layout="tensors", inputs=(pixels,), outputs=(LABEL,),
            dimensions={"n": Dimension(minimum=least, maximum=most)},
        )
        for least, most in (before, after)
    ]  # fmt: skip
    assert changes(sides[1], sides[0]) == [("dimension n", weight)]


# ------------------------------------------------------------------------------------------- training data


def numbers(edges: tuple[float, ...], shares: tuple[float, ...], missing: float = 0.0) -> Input:
    profile = NumericProfile(
        minimum=edges[0], maximum=edges[-1], edges=edges, shares=shares, null_share=missing
    )
    return replace(AGE, profile=profile)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (numbers((0, 1, 2), (0.5, 0.5)), numbers((0, 1, 2), (0.5, 0.5)), 0.0),
        (numbers((0, 2), (1.0,)), numbers((0, 1, 2), (0.5, 0.5)), 0.0),  # other bins, the same data
        (numbers((0, 1), (1.0,)), numbers((5, 6), (1.0,)), 1.0),
        (numbers((0, 2), (1.0,)), numbers((1, 3), (1.0,)), 0.5),
        (numbers((0, 1), (1.0,)), numbers((0, 1), (1.0,), missing=0.25), 0.25),
        (replace(CITY, profile=seen("a", "b")), replace(CITY, profile=seen("b", "c")), 0.5),
        (replace(CITY, profile=seen("a")), replace(CITY, profile=seen("missing")), 1.0),
        (replace(CITY, profile=seen("a")), numbers((0, 1), (1.0,)), None),
        (CITY, CITY, None),
    ],
)
def test_the_distance_of_two_baselines(one: Input, other: Input, expected: float | None) -> None:
    assert distance(one, other) == pytest.approx(expected)
    assert distance(other, one) == pytest.approx(expected)


# --------------------------------------------------------------------------------------------- whole bundles


@pytest.fixture
def pair(tmp_path: Path, make_bundle: MakeBundle) -> tuple[Path, Path]:
    contract = replace(FRAME, inputs=(replace(AGE, nulls=False),), outputs=(replace(LABEL, dtype="<U3"),))
    metrics = {"quantitativeAnalysis": {"performanceMetrics": [{"type": "auc", "value": "0.91"}]}}
    numpy = {"type": "library", "name": "numpy", "version": "2.4.0", "purl": "pkg:pypi/numpy@2.4.0"}
    bom = {
        "bomFormat": "CycloneDX",
        "metadata": {"component": {"modelCard": metrics}},
        "components": [
            {**numpy, "licenses": [{"license": {"id": "MIT"}}]},
            {"type": "library", "name": "libgomp", "version": "1.0"},
        ],
    }
    more = {
        "contract.json": ("contract", contract.to_bytes()),
        "sbom/bom.cdx.json": ("bom", json.dumps(bom).encode()),
        "model/model.onnx": ("model", b"x" * 1000),
    }
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    return make_bundle(tmp_path / "a"), make_bundle(tmp_path / "b", version="1.3.0", more=more)


def of(difference: Difference, area: str) -> list[Change]:
    return [change for change in difference.changes if change.area == area]


def test_every_area_is_compared(pair: tuple[Path, Path]) -> None:
    found = diff(*pair)
    assert [item.what for item in found.breaking] == ["output predict: type"]
    for area, expected in (
        ("metrics", ("auc", "", "0.91")),
        ("components", ("libgomp", "", "1.0")),
        ("licences", ("numpy", "unknown", "MIT")),
    ):
        assert [(item.what, item.before, item.after) for item in of(found, area)] == [expected]
    assert [item.what for item in of(found, "sizes")] == ["bundle", "model"]
    assert of(found, "dependencies") == []


def test_a_bundle_is_the_same_as_itself_in_every_form(pair: tuple[Path, Path], tmp_path: Path) -> None:
    push(pair[0], f"oci:{tmp_path}/store:1")
    for form in (pair[0], str(pair[0]), f"oci:{tmp_path}/store:1"):
        found = diff(pair[0], form)
        assert not found.changes
        assert "nothing changed" in str(found.facts())


def test_the_same_two_bundles_give_the_same_bytes(pair: tuple[Path, Path]) -> None:
    program = (
        "import sys, json; from mlpack.release.difference.comparing import diff; "
        "found = diff(*sys.argv[1:]); "
        "print(found.markdown(), json.dumps(found.document()), found.facts())"
    )
    texts = {
        subprocess.run(
            [sys.executable, "-c", program, *map(str, pair)],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(texts) == 1


class Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return (exec, ("raise SystemExit('executed')",))


def test_nothing_in_a_bundle_is_executed(tmp_path: Path, make_bundle: MakeBundle) -> None:
    code = ("model/model.pkl", "code")
    for place in ("a", "b"):
        (tmp_path / place).mkdir()
    old = make_bundle(tmp_path / "a")
    new = make_bundle(tmp_path / "b", model=code, more={"model/model.pkl": ("model", pickle.dumps(Bomb()))})
    found = {item.what: item for item in of(diff(old, new), "model")}
    assert (found["format"].after, found["format"].why) == ("code", "loading it runs code")
    assert found["readers must know"].weight == "look"


def test_texts_of_a_bundle_become_no_markup(tmp_path: Path, make_bundle: MakeBundle) -> None:
    hostile = "<img src=x> | **x** [a](b) \u202e"
    contract = Contract(layout="frame", inputs=(replace(AGE, name=hostile),), outputs=(LABEL,))
    for place in ("a", "b"):
        (tmp_path / place).mkdir()
    old = make_bundle(tmp_path / "a")
    golden = Golden(origin="synthetic", rows=1, inputs={hostile: [1.5]}, outputs={"predict": [1]})
    new = make_bundle(
        tmp_path / "b",
        more={
            "contract.json": ("contract", contract.to_bytes()),
            "evidence/golden.json": ("golden", golden.to_bytes()),
        },
    )
    text = diff(old, new).markdown()
    assert "<img" not in text
    assert "**x**" not in text
    assert "\\[a\\](b)" in text
    assert "\u202e" not in text
    assert all(line.count(" | ") <= 3 for line in text.splitlines() if "img" in line)


def test_a_policy_says_who_signed(pair: tuple[Path, Path], tmp_path: Path) -> None:
    for name in ("one", "two"):
        generate_key(tmp_path / name)
    for bundle, name in zip(pair, ("one", "two"), strict=True):
        sign(bundle, KeySigner.from_file(tmp_path / f"{name}.key"))
    found = diff(*pair, policy=Policy.from_key(tmp_path / "one.pub"))
    assert (found.before.verified, found.after.verified) == (True, False)
    (change,) = of(found, "signer")
    assert change.after.startswith("refused, untrusted-signer: ")
    assert change.why == "the newer one is not vouched for"
    assert found.facts().warnings[0] == "the policy refuses 1.3.0"
    assert of(diff(*pair), "signer") == []
    with pytest.raises(PolicyError):
        diff(*pair, policy=UNSIGNED)  # type: ignore[arg-type]


def test_exit_codes(pair: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = map(str, pair)
    assert main(["diff", a, a]) == 0
    assert main(["diff", a, b]) == 4
    assert main(["diff", a, b, "--accept-breaking"]) == 0
    assert main(["diff", b, a, "--json"]) == 4
    assert main(["diff", a, str(tmp_path / "none")]) == 1
    assert main(["diff", a, "registry.invalid.example/"]) == 2
    generate_key(tmp_path / "key")
    policy = tmp_path / "policy.yaml"
    policy.write_text("schema: mlpack-policy/1\nid: a\nversion: '1'\nsigners: [{name: a, key: key.pub}]\n")
    assert main(["diff", a, b, "--policy", str(policy)]) == 3
    capsys.readouterr()
    assert main(["diff", a, b, "--markdown"]) == 4
    said = capsys.readouterr().out
    assert said.startswith("### churn 1.2.0 → 1.3.0: ")
    assert "**Breaking**" in said


def test_a_bundle_that_is_not_intact_is_refused(pair: tuple[Path, Path]) -> None:
    (pair[1] / "contract.json").write_bytes(b"{}")
    with pytest.raises(FormatError):
        diff(*pair)
    with pytest.raises(StorageError):
        diff(pair[0], pair[0] / "none")
