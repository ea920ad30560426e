"""Cases of Keras 3 on the torch backend: sequential, functional and subclassed models."""

# ruff: noqa: ANN401 - a model has no type of its own
from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from tests.zoo_tensors.case import Call, Case, Made, calls_like

__all__ = ["cases"]

Maker = Callable[[Any, Any], Any]


def cases() -> list[Case]:
    """Return every Keras case; the models themselves are made where they are judged."""
    return [
        Case(group="keras", name=name, make=lambda name=name: _make(name))  # type: ignore[misc]
        for name in TABLE
    ]


def _dense(keras: Any, layers: Any) -> Any:
    return keras.Sequential(
        [
            layers.Input((8,)),
            layers.Dense(16, activation="relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.3),
            layers.Dense(3, activation="softmax"),
        ]
    )


def _images(keras: Any, layers: Any) -> Any:
    return keras.Sequential(
        [
            layers.Input((12, 12, 3)),
            layers.Conv2D(4, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.DepthwiseConv2D(3, padding="same"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(5),
        ]
    )


def _series(keras: Any, layers: Any) -> Any:
    return keras.Sequential(
        [layers.Input((9, 4)), layers.Conv1D(6, 3, padding="causal"), layers.Flatten(), layers.Dense(1)]
    )


def _lstm(keras: Any, layers: Any) -> Any:
    return keras.Sequential([layers.Input((9, 4)), layers.LSTM(6), layers.Dense(1)])


def _gru(keras: Any, layers: Any) -> Any:
    return keras.Sequential(
        [layers.Input((9, 4)), layers.Bidirectional(layers.GRU(5, return_sequences=True)), layers.Dense(2)]
    )


def _embedding(keras: Any, layers: Any) -> Any:
    return keras.Sequential(
        [
            layers.Input((7,), dtype="int32"),
            layers.Embedding(30, 8),
            layers.GlobalAveragePooling1D(),
            layers.Dense(1, activation="sigmoid"),
        ]
    )


def _attention(keras: Any, layers: Any) -> Any:
    rows = keras.Input((6, 8), name="rows")
    seen = layers.MultiHeadAttention(2, 4)(rows, rows)
    both = layers.LayerNormalization()(layers.Add()([rows, seen]))
    return keras.Model(rows, layers.Dense(3)(layers.GlobalAveragePooling1D()(both)))


def _two(keras: Any, layers: Any) -> Any:
    a, b = keras.Input((4,), name="a"), keras.Input((6,), name="b")
    both = layers.Dense(8, activation="gelu")(layers.Concatenate()([a, b]))
    return keras.Model([a, b], [layers.Dense(2)(both), layers.Dense(1)(a)])


def _named(keras: Any, layers: Any) -> Any:
    a, b = keras.Input((4,), name="a"), keras.Input((6,), name="b")
    both = layers.Dense(8, activation="elu")(layers.Concatenate()([a, b]))
    outputs = {"class": layers.Dense(3, activation="softmax")(both), "value": layers.Dense(1)(b)}
    return keras.Model({"a": a, "b": b}, outputs)


def _residual(keras: Any, layers: Any) -> Any:
    start = keras.Input((8, 8, 2), name="image")
    inner = layers.Conv2D(2, 3, padding="same", activation="relu")(start)
    up = layers.UpSampling2D()(layers.Add()([start, inner]))
    return keras.Model(start, layers.Conv2DTranspose(3, 2, strides=2)(up))


def _normalised(keras: Any, layers: Any) -> Any:
    first = layers.Normalization()
    first.adapt(np.random.default_rng(3).normal(4, 2, (50, 5)).astype(np.float32))
    return keras.Sequential([layers.Input((5,)), first, layers.Dense(2)])


def _subclassed(keras: Any, layers: Any) -> Any:
    class Scorer(keras.Model):  # type: ignore[misc]
        def __init__(self, width: int = 6, **more: Any) -> None:
            super().__init__(**more)
            self.width = width
            self.first = layers.Dense(width, activation="tanh")
            self.last = layers.Dense(1)

        def call(self, inputs: Any) -> Any:
            return self.last(self.first(inputs) * 2)

        def get_config(self) -> dict[str, Any]:
            return {**super().get_config(), "width": self.width}

    model = Scorer(7)
    model(np.zeros((1, 8), dtype=np.float32))
    return model


def _forgetful(keras: Any, layers: Any) -> Any:
    class Forgetful(keras.Model):  # type: ignore[misc]
        def __init__(self, **more: Any) -> None:
            super().__init__(**more)
            self.scale = 1.0
            self.last = layers.Dense(1)

        def call(self, inputs: Any) -> Any:
            return self.last(inputs) * self.scale

    model = Forgetful()
    model.scale = 3.0  # lost when Keras saves it
    model(np.zeros((1, 8), dtype=np.float32))
    return model


def _rows(*shape: int) -> Any:
    return np.random.default_rng(2).normal(size=shape).astype(np.float32)


TABLE: dict[str, tuple[Maker, Callable[[], Any]]] = {
    "sequential": (_dense, lambda: _rows(20, 8)),
    "images": (_images, lambda: _rows(6, 12, 12, 3)),
    "series, causal convolution": (_series, lambda: _rows(8, 9, 4)),
    "lstm": (_lstm, lambda: _rows(8, 9, 4)),
    "gru, both directions": (_gru, lambda: _rows(8, 9, 4)),
    "embedding": (
        _embedding,
        lambda: np.random.default_rng(2).integers(0, 30, (12, 7)).astype(np.int32),
    ),
    "attention": (_attention, lambda: _rows(5, 6, 8)),
    "functional, lists": (_two, lambda: [_rows(12, 4), _rows(12, 6)]),
    "functional, dicts": (_named, lambda: {"a": _rows(12, 4), "b": _rows(12, 6)}),
    "functional, residual": (_residual, lambda: _rows(4, 8, 8, 2)),
    "adapted normalisation": (_normalised, lambda: _rows(20, 5)),
    "subclassed": (_subclassed, lambda: _rows(20, 8)),
    "trap: a value that saving forgets": (_forgetful, lambda: _rows(20, 8)),
}


def _make(name: str) -> Made:
    import keras
    import torch

    keras.utils.set_random_seed(7)
    make, example = TABLE[name]
    model, call = make(keras, keras.layers), example()

    def native(given: Call) -> dict[str, np.ndarray]:
        tensors = {key: torch.from_numpy(np.array(value)) for key, value in given.items()}
        inputs: Any = tensors if isinstance(call, Mapping) else list(tensors.values())
        with torch.no_grad():
            answer = model(inputs if isinstance(call, (Mapping, list)) else inputs[0])
        if isinstance(answer, Mapping):
            return {key: value.numpy() for key, value in answer.items()}
        if isinstance(answer, (list, tuple)):
            return {f"output_{index}": value.numpy() for index, value in enumerate(answer)}
        return {"": answer.numpy()}

    values = call if isinstance(call, (Mapping, list)) else [call]
    known = [item.name for item in getattr(model, "inputs", None) or ()]
    given = known if not known or not known[0].startswith("keras_tensor") else []
    names = given or (["inputs"] if len(values) == 1 else [])
    arrays = dict(values) if isinstance(values, Mapping) else dict(zip(names, values, strict=True))
    return Made(model=model, example=call, native=native, fresh=calls_like(arrays))
