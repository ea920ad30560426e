"""Models of tensors, packed and loaded: an ONNX file, PyTorch modules, a transformer that reads text."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from mlpack.errors import InputError, ModelError
from mlpack.packing.adapters import find_tensor_model
from mlpack.packing.tensors.proving import TensorProof, prove_tensors
from mlpack.runtime.engines import open_engine
from mlpack.runtime.predictor import Predictor
from mlpack.runtime.replay import replay_golden

ROWS = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)


def _classifier(*, author: str = "/home/ann/train.py") -> onnx.ModelProto:
    weights = np.random.default_rng(1).normal(size=(4, 3)).astype(np.float32)
    nodes = [
        helper.make_node("MatMul", ["x", "W"], ["scores"], doc_string=author),
        helper.make_node("Softmax", ["scores"], ["p"]),
        helper.make_node("ArgMax", ["p"], ["label"], axis=1, keepdims=0),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", 4])],
        [
            helper.make_tensor_value_info("p", TensorProto.FLOAT, ["rows", 3]),
            helper.make_tensor_value_info("label", TensorProto.INT64, ["rows"]),
        ],
        [numpy_helper.from_array(weights, "W")],
    )
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9, doc_string=author
    )


def _proof(model: object, example: object) -> TensorProof:
    found = find_tensor_model(model, example)
    assert found is not None
    with tempfile.TemporaryDirectory() as folder:
        return prove_tensors(
            found, methods=None, certificate="tight", golden="synthetic", folder=Path(folder)
        )


def _loaded(proof: TensorProof) -> Any:  # noqa: ANN401 - its methods depend on the model
    model = Predictor(proof.contract, open_engine(proof.artifact, proof.contract))
    replay_golden(model, proof.golden, proof.parity, exact=True)
    return model


@pytest.fixture(scope="module")
def classifier() -> TensorProof:
    return _proof(_classifier(), ROWS)


def test_an_onnx_model_answers_with_the_bits_of_the_file(classifier: TensorProof) -> None:
    import onnxruntime

    native = onnxruntime.InferenceSession(_classifier().SerializeToString()).run(None, {"x": ROWS})
    found = _loaded(classifier).predict(ROWS)
    assert list(found) == ["p", "label"]
    np.testing.assert_array_equal(found["p"], native[0])
    np.testing.assert_array_equal(found["label"], native[1])
    assert classifier.parity.certificate == "exact"


def test_nothing_of_the_authors_machine_stays_in_the_graph(classifier: TensorProof) -> None:
    assert b"/home/ann" not in classifier.artifact.entry


def test_files_that_differ_in_names_and_texts_alone_become_the_same_bytes(classifier: TensorProof) -> None:
    again = _proof(_classifier(author="elsewhere").SerializeToString(), {"x": ROWS})
    assert again.artifact.files == classifier.artifact.files


def test_an_onnx_file_is_packed_and_loaded_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    onnx.save_model(
        _classifier(), str(path), save_as_external_data=True, location="weights.bin", size_threshold=0
    )
    assert (tmp_path / "weights.bin").is_file()
    proof = _proof(str(path), (ROWS,))
    assert _loaded(proof).predict(ROWS[:2])["p"].shape == (2, 3)


def test_a_model_is_described_the_same_however_it_is_handed_over(tmp_path: Path) -> None:
    from mlpack.packing.environment.capture import capture_environment

    path = tmp_path / "model.onnx"
    onnx.save_model(_classifier(), str(path))
    forms = (_classifier(), path.read_bytes(), path, str(path))
    found = [find_tensor_model(form, ROWS) for form in forms]
    assert len({model.original for model in found if model is not None}) == 1
    assert len({capture_environment(model.subject) for model in found if model is not None}) == 1


@pytest.mark.parametrize("location", ["../weights.bin", "linked.bin"])
def test_data_outside_the_folder_of_the_file_is_refused(tmp_path: Path, location: str) -> None:
    folder = tmp_path / "inner"
    folder.mkdir()
    onnx.save_model(
        _classifier(), str(folder / "m.onnx"), save_as_external_data=True, location="w.bin", size_threshold=0
    )
    (folder / "w.bin").rename(tmp_path / "weights.bin")
    (folder / "linked.bin").symlink_to(tmp_path / "weights.bin")
    model = onnx.load_model(str(folder / "m.onnx"), load_external_data=False)
    for entry in model.graph.initializer[0].external_data:
        if entry.key == "location":
            entry.value = location
    (folder / "m.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match="outside its folder"):
        _proof(folder / "m.onnx", ROWS)


def test_a_table_is_no_input_of_a_model_of_tensors(classifier: TensorProof) -> None:
    from mlpack.errors import UsageError
    from mlpack.runtime.batch.scorer import ScoreOptions, Scorer

    with pytest.raises(UsageError, match="no columns to score"):
        Scorer(_loaded(classifier), ScoreOptions())


def test_bytes_that_are_no_model_are_refused() -> None:
    with pytest.raises(ModelError):
        _proof(b"not a model", ROWS)


def test_packing_tables_does_not_import_torch() -> None:
    program = (
        "import sys, numpy, mlpack.packing.pack\n"
        "from sklearn.linear_model import LinearRegression\n"
        "from mlpack.packing.proving import prove\n"
        "X = numpy.arange(20.0).reshape(10, 2)\n"
        "prove(LinearRegression().fit(X, X[:, 0]), X)\n"
        "assert not {'torch', 'transformers', 'tokenizers', 'onnxscript'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=300)


# ------------------------------------------------------------------------------------------ PyTorch


def test_a_guard_on_the_batch_becomes_a_range_of_the_contract() -> None:
    import torch

    class Guarded(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(4, 3)

        def forward(self, x: Any) -> Any:  # noqa: ANN401
            return self.layer(x) * 2 if x.shape[0] > 2 else self.layer(x)

    torch.manual_seed(0)
    original = Guarded().eval()
    proof = _proof(original, torch.from_numpy(ROWS))
    model = _loaded(proof)
    with torch.no_grad():
        expected = original(torch.from_numpy(ROWS[:7])).numpy()
    np.testing.assert_allclose(model.predict(torch.from_numpy(ROWS[:7])), expected, rtol=0, atol=1e-5)
    assert proof.contract.dimensions["batch"].minimum == 3
    assert proof.parity.methods[0].precision == "float32-network"
    with pytest.raises(InputError, match="at least 3"):
        model.predict(ROWS[:2])
    assert str(Path(__file__).parent).encode() not in proof.artifact.entry


def test_control_flow_that_hangs_on_values_is_refused() -> None:
    import torch

    from mlpack.errors import ExportError

    class Branch(torch.nn.Module):  # type: ignore[misc]
        def forward(self, x: Any) -> Any:  # noqa: ANN401
            return x * 2 if x.sum() > 0 else x - 1

    with pytest.raises(ExportError, match="control flow depends on the values"):
        _proof(Branch(), ROWS)


def test_a_transformer_reads_text_as_its_own_tokenizer_does() -> None:
    import torch
    import transformers
    from tests.zoo_tensors.transformer_cases import SMALL, tiny_tokenizer

    torch.manual_seed(0)
    network = transformers.BertForSequenceClassification(
        transformers.BertConfig(
            **SMALL, num_labels=2, id2label={0: "no", 1: "yes"}, label2id={"no": 0, "yes": 1}
        )
    ).eval()
    tokenizer = tiny_tokenizer()
    texts = ["a good film", "I never liked the story", "boring!"]
    proof = _proof((network, tokenizer), texts)
    model = _loaded(proof)
    asked = ["was it good?", "", "Ünïcode — and more of it"]
    with torch.no_grad():
        encoded = tokenizer(asked, padding=True, truncation=True, max_length=40, return_tensors="pt")
        expected = network(**encoded).logits.numpy()
    np.testing.assert_allclose(model.predict(asked), expected, rtol=0, atol=1e-5)
    assert proof.artifact.requires == ("onnx", "tensors", "tokenizer")
    assert proof.contract.outputs[0].classes == ("no", "yes")
    with pytest.raises(InputError, match="expected strings"):
        model.predict([1, 2])
