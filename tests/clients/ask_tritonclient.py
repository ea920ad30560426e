"""Ask a server with tritonclient, over HTTP or gRPC; print what it answered.

A process of its own: client libraries register the same protobuf messages, so that only one fits in each.

    python ask_tritonclient.py http|grpc HOST:PORT MODEL < rows.json
"""

from __future__ import annotations

import importlib
import json
import sys
from typing import Any

import numpy as np

KINDS: dict[str, Any] = {"INT64": np.int64, "FP64": np.float64, "BYTES": np.object_}


def main(kind: str, address: str, model: str) -> dict[str, Any]:
    triton: Any = importlib.import_module(f"tritonclient.{kind}")
    columns: dict[str, list[Any]] = json.load(sys.stdin)
    client = triton.InferenceServerClient(address)
    options = {} if kind == "http" else {"as_json": True}
    metadata = client.get_model_metadata(model, **options)
    inputs = []
    for spec in metadata["inputs"]:
        values = np.array(columns[spec["name"]], dtype=KINDS[spec["datatype"]]).reshape(-1, 1)
        item = triton.InferInput(spec["name"], list(values.shape), spec["datatype"])
        item.set_data_from_numpy(values)  # binary
        inputs.append(item)
    wanted = [triton.InferRequestedOutput(name) for name in ("predict", "predict_proba")]
    answer = client.infer(model, inputs, outputs=wanted, model_version="1.2.0", request_id="7")
    refused = ""
    try:
        client.infer(model, inputs[:1])
    except importlib.import_module("tritonclient.utils").InferenceServerException as error:
        refused = f"{error.status()}: {error.message()}"
    return {
        "live": client.is_server_live(),
        "ready": client.is_server_ready() and client.is_model_ready(model),
        "server": client.get_server_metadata(**options)["name"],
        "predict": [label.decode() for label in answer.as_numpy("predict").tolist()],
        "predict_proba": answer.as_numpy("predict_proba").tolist(),
        "refused": refused,
    }


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
