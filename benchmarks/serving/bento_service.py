"""BentoML's API around the same session. Imports nothing of mlpack: it runs where BentoML is installed."""

from __future__ import annotations

import os

import bentoml
import numpy as np
import onnxruntime

NAMES = os.environ["BENCH_COLUMNS"].split(",")


@bentoml.service(workers=1, traffic={"timeout": 60})
class Probabilities:
    """Rows in, probabilities out."""

    def __init__(self) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(os.environ["BENCH_MODEL"], options)
        self.tensors = [item.name for item in self.session.get_inputs()]

    @bentoml.api  # type: ignore[untyped-decorator]
    def predict(self, rows: list[dict[str, float]]) -> list[list[float]]:
        """Answer rows with probabilities."""
        feeds = {
            tensor: np.array([[row[name]] for row in rows])
            for tensor, name in zip(self.tensors, NAMES, strict=True)
        }
        answer: list[list[float]] = self.session.run([os.environ["BENCH_OUTPUT"]], feeds)[0].tolist()
        return answer
