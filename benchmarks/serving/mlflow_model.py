"""A model of MLflow around the same session. Runs where MLflow is installed."""

from __future__ import annotations

import os
import sys
from typing import Any

import mlflow.pyfunc
import onnxruntime


class Probabilities(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
    """A DataFrame in, probabilities out."""

    def load_context(self, context: Any) -> None:
        del context
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(os.environ["BENCH_MODEL"], options)
        self.tensors = [item.name for item in self.session.get_inputs()]

    def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:
        del context, params
        feeds = {
            tensor: model_input[[name]].to_numpy()
            for tensor, name in zip(self.tensors, os.environ["BENCH_COLUMNS"].split(","), strict=True)
        }
        return self.session.run([os.environ["BENCH_OUTPUT"]], feeds)[0]


if __name__ == "__main__":
    mlflow.pyfunc.save_model(sys.argv[1], python_model=Probabilities())
