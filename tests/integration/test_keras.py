"""Keras 3 models on the torch backend, packed and loaded."""

# ruff: noqa: ANN401 - layers and models have no types of their own
from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlpack.errors import ModelError
from mlpack.packing.adapters import find_adapter, find_tensor_model
from mlpack.packing.tensors.proving import prove_tensors
from mlpack.runtime.engines import open_engine
from mlpack.runtime.predictor import Predictor

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras's own

ROWS = np.random.default_rng(0).normal(size=(12, 8)).astype(np.float32)


@pytest.fixture(scope="module")
def keras() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_BACKEND", "torch")  # read when Keras is imported first, here and in children
        import keras

        yield keras


def test_a_functional_model_answers_by_the_names_of_its_outputs(keras: Any) -> None:
    layers = keras.layers
    a, b = keras.Input((4,), name="a"), keras.Input((6,), name="b")
    both = layers.Dense(8, activation="gelu")(layers.Concatenate()([a, b]))
    outputs = {"class": layers.Dense(3, activation="softmax")(both), "value": layers.Dense(1)(b)}
    model = keras.Model({"a": a, "b": b}, outputs)
    rng = np.random.default_rng(1)
    call = {name: rng.normal(size=(12, width)).astype(np.float32) for name, width in (("a", 4), ("b", 6))}
    found = find_tensor_model(model, call)
    assert found is not None
    with tempfile.TemporaryDirectory() as folder:
        proof = prove_tensors(
            found, methods=None, certificate="tight", golden="synthetic", folder=Path(folder)
        )
    loaded: Any = Predictor(proof.contract, open_engine(proof.artifact, proof.contract))
    for rows in (1, 5, 12):
        part = {name: value[:rows] for name, value in call.items()}
        native, answer = model(part), loaded.predict(part)
        assert list(answer) == ["class", "value"]
        for name, values in answer.items():
            np.testing.assert_allclose(values, native[name].detach().numpy(), rtol=1e-5, atol=1e-6)


def test_a_model_that_saving_changes_is_refused(keras: Any) -> None:
    class Forgetful(keras.Model):  # type: ignore[misc]
        def __init__(self, **more: Any) -> None:
            super().__init__(**more)
            self.scale = 1.0
            self.last = keras.layers.Dense(1)

        def call(self, inputs: Any) -> Any:
            return self.last(inputs) * self.scale

    model = Forgetful()
    model.scale = 3.0
    model(ROWS)
    with pytest.raises(ModelError, match="answers otherwise once it is saved"):
        find_tensor_model(model, ROWS)


def test_a_model_that_was_never_called_is_refused(keras: Any) -> None:
    with pytest.raises(ModelError, match="has not been built"):
        find_tensor_model(keras.Sequential([keras.layers.Dense(2)]), ROWS)


def test_a_function_of_jax_is_refused_with_a_way_out() -> None:
    kind = type("PjitFunction", (), {"__module__": "jaxlib._jax"})
    with pytest.raises(ModelError) as caught:
        find_adapter(kind())
    assert "jax2onnx" in caught.value.hint
