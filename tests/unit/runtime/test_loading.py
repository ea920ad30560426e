from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from onnx import TensorProto, helper

from mlpack.errors import (
    ContentMismatchError,
    FormatError,
    MlpackError,
    ParityError,
    PolicyError,
    PolicyViolationError,
    SignatureInvalidError,
    UsageError,
)
from mlpack.format.contract import Output
from mlpack.format.evidence import Cell, Golden, MethodParity, Parity
from mlpack.format.opening import inspect
from mlpack.runtime.loading import load
from mlpack.runtime.notices import UnsignedWarning
from mlpack.runtime.predictor import Predictor
from mlpack.runtime.replay import golden_output, replay_golden
from mlpack.trust.policy import UNSIGNED, Policy
from mlpack.trust.verification import verify

Anything: TypeAlias = Any

Make = Callable[..., Path]


def threshold_model(threshold: float) -> bytes:
    """Label 1 where age is above the threshold."""
    node = helper.make_node
    graph = helper.make_graph(
        [
            node("Constant", [], ["t"], value_float=threshold),
            node("Constant", [], ["axis"], value_ints=[1]),
            node("Cast", ["t"], ["double"], to=TensorProto.DOUBLE),
            node("Greater", ["age", "double"], ["above"]),
            node("Cast", ["above"], ["column"], to=TensorProto.INT64),
            node("Squeeze", ["column", "axis"], ["label"]),
        ],
        "g",
        [helper.make_tensor_value_info("age", TensorProto.DOUBLE, [None, 1])],
        [helper.make_tensor_value_info("label", TensorProto.INT64, [None])],
    )
    opsets = [helper.make_opsetid("", 18)]
    data: bytes = helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString()
    return data


GOOD = {"model/model.onnx": ("model", threshold_model(1.0))}
BAD = {"model/model.onnx": ("model", threshold_model(2.0))}


@pytest.fixture(params=["directory", "archive"])
def bundle(request: pytest.FixtureRequest, tmp_path: Path, make_bundle: Make) -> Path:
    return make_bundle(tmp_path, layout=request.param, more=GOOD)


def pin(bundle: Path) -> Policy:
    return Policy.from_digest(inspect(bundle).digest)


def test_a_path_is_verified_and_loaded(bundle: Path) -> None:
    model = load(bundle, policy=pin(bundle))
    assert model.predict({"age": [0.5, 1.5]}).tolist() == [0, 1]
    assert (model.name, model.version, model.digest) == ("churn", "1.2.0", inspect(bundle).digest)


def test_a_verified_bundle_needs_no_further_policy(bundle: Path) -> None:
    assert load(verify(bundle, pin(bundle))).predict([[3.0]]).tolist() == [1]


def test_a_verified_bundle_is_held_to_another_policy_that_is_given(bundle: Path) -> None:
    verified = verify(bundle, pin(bundle))
    with pytest.raises(PolicyViolationError):
        load(verified, policy=Policy.from_digest("bundle:sha256:" + "0" * 64))


def test_there_is_no_loading_without_a_policy(
    bundle: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(PolicyError):
        load(bundle)
    with pytest.raises(PolicyError):
        load(inspect(bundle))


def test_an_unsigned_bundle_does_not_pass_for_a_key(bundle: Path, key: Path) -> None:
    with pytest.raises(SignatureInvalidError):
        load(bundle, policy=Policy.from_key(key))


@pytest.fixture
def key(tmp_path: Path) -> Path:
    from mlpack.trust.keys import generate_key

    generate_key(tmp_path / "release", password=None)
    return tmp_path / "release.pub"


def test_opting_out_warns_and_names_the_callers_line(bundle: Path) -> None:
    with pytest.warns(UnsignedWarning, match=r"churn 1\.2\.0 is loaded unsigned") as caught:
        load(bundle, policy=UNSIGNED)
    assert caught[0].filename == __file__
    with pytest.warns(UnsignedWarning):
        load(inspect(bundle), policy=UNSIGNED)


def test_bytes_that_changed_after_verification_are_refused(tmp_path: Path, make_bundle: Make) -> None:
    bundle = make_bundle(tmp_path, more=GOOD)
    verified = verify(bundle, pin(bundle))
    (bundle / "model" / "model.onnx").write_bytes(threshold_model(9.0))
    with pytest.raises(ContentMismatchError):
        load(verified)


def test_a_model_that_answers_otherwise_is_refused(tmp_path: Path, make_bundle: Make) -> None:
    bundle = make_bundle(tmp_path, more=BAD)
    with pytest.raises(ParityError, match=r"predict: 1 label\(s\) differ, rows 0"):
        load(bundle, policy=pin(bundle))
    assert load(bundle, policy=pin(bundle), replay=False).predict([[1.5]]).tolist() == [0]


def test_a_model_that_is_none_is_refused(tmp_path: Path, make_bundle: Make) -> None:
    bundle = make_bundle(tmp_path)
    with pytest.raises(MlpackError, match="model"):
        load(bundle, policy=pin(bundle))


def test_a_native_model_that_is_none_is_refused(tmp_path: Path, make_bundle: Make) -> None:
    bundle = make_bundle(tmp_path, model=("model/native.json", "data-only"))
    with pytest.raises(MlpackError, match="not JSON"):
        load(bundle, policy=pin(bundle))


@pytest.mark.parametrize("bundle", [None, 5, b"path"])
def test_what_is_no_bundle_is_refused(bundle: Anything) -> None:
    with pytest.raises(UsageError, match="bundle"):
        load(bundle, policy=Policy.from_digest("bundle:sha256:" + "0" * 64))


def test_arguments_reach_the_predictor(bundle: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnsignedWarning)
        with pytest.raises(UsageError, match="ranges"):
            load(bundle, policy=UNSIGNED, ranges="never")  # type: ignore[arg-type]
        with pytest.raises(UsageError, match="threads"):
            load(bundle, policy=UNSIGNED, threads=0)


ROWS: dict[str, list[Cell]] = {
    "age": [50.0, 50.0],
    "visits": [1, 1],
    "member": [True, True],
    "city": ["A", None],
}


def evidence(people: Predictor, off: float = 0.0, certificate: str = "exact") -> tuple[Golden, Parity]:
    scores = people.decision_function(ROWS)
    golden = Golden(
        origin="synthetic",
        rows=2,
        inputs=ROWS,
        outputs={
            "predict": people.predict(ROWS).tolist(),
            "predict_proba": people.predict_proba(ROWS).tolist(),
            "decision_function": [scores[0] + off, scores[1]],
        },
    )
    methods = tuple(
        MethodParity(method=name, certificate=certificate, worst=0.0, spread=1.0, labels_differ=0, ties=0)
        for name in golden.outputs
    )
    return golden, Parity(rung="r", certificate=certificate, threads=1, methods=methods, probes=())


def test_golden_rows_that_agree_pass(people: Predictor) -> None:
    replay_golden(people, *evidence(people), exact=True)


def test_golden_rows_survive_json(people: Predictor) -> None:
    golden, parity = evidence(people)
    replay_golden(
        people, Golden.from_bytes(golden.to_bytes()), Parity.from_bytes(parity.to_bytes()), exact=True
    )


def test_one_bit_is_too_much_for_exact_and_nothing_for_tight(people: Predictor) -> None:
    with pytest.raises(
        ParityError, match=r"decision_function: worst error .* 'exact' asks for identical bits.*rows 0"
    ):
        replay_golden(people, *evidence(people, off=1e-14), exact=True)
    replay_golden(people, *evidence(people, off=1e-14), exact=False)
    replay_golden(people, *evidence(people, off=1e-14, certificate="tight"), exact=True)


def test_a_tight_certificate_is_kept(people: Predictor) -> None:
    with pytest.raises(ParityError, match=r"'tight' asks for 1e-09"):
        replay_golden(people, *evidence(people, off=1e-5, certificate="tight"), exact=True)


def test_golden_rows_that_break_the_contract_are_a_fault_of_the_bundle(people: Predictor) -> None:
    golden, parity = evidence(people)
    wrong = Golden(origin="synthetic", rows=2, inputs={**ROWS, "visits": [None, 1]}, outputs=golden.outputs)
    with pytest.raises(FormatError, match="a golden row breaks the contract"):
        replay_golden(people, wrong, parity, exact=True)


@pytest.mark.parametrize("cells", [["a"], [None], [[1.0, 2.0]], [{}]])
def test_golden_outputs_of_another_form_are_refused(cells: list[Any]) -> None:
    with pytest.raises(FormatError):
        golden_output(Output(method="transform", tensor="y", dtype="int64", shape=(None, 1)), cells)
