"""A runtime of MLServer around the same session. Runs where MLServer is installed."""

from __future__ import annotations

import os

import numpy as np
import onnxruntime
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse


class Probabilities(MLModel):  # type: ignore[misc]
    """Columns in, probabilities out."""

    async def load(self) -> bool:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(os.environ["BENCH_MODEL"], options)
        self.tensors = [item.name for item in self.session.get_inputs()]
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        feeds = {
            tensor: np.asarray(NumpyCodec.decode_input(item), dtype=np.float64).reshape(-1, 1)
            for tensor, item in zip(self.tensors, payload.inputs, strict=True)
        }
        answer = self.session.run([os.environ["BENCH_OUTPUT"]], feeds)[0]
        return InferenceResponse(
            model_name=self.name, outputs=[NumpyCodec.encode_output("predict_proba", answer)]
        )
