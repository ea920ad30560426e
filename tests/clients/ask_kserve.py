"""Ask a server with KServe's own client, over HTTP (v2, v1) or gRPC; print what it answered.

python ask_kserve.py v2|v1|grpc ADDRESS MODEL < rows.json
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import numpy as np
from kserve import InferenceGRPCClient, InferenceRESTClient, InferInput, InferRequest, RESTConfig

KINDS: dict[str, tuple[str, Any]] = {
    "age": ("INT64", np.int64),
    "charge": ("FP64", np.float64),
    "city": ("BYTES", np.object_),
}


async def main(kind: str, address: str, model: str) -> dict[str, Any]:
    columns: dict[str, list[Any]] = json.load(sys.stdin)
    inputs = []
    for name, (datatype, dtype) in KINDS.items():
        item = InferInput(name=name, shape=[len(columns[name]), 1], datatype=datatype)
        item.set_data_from_numpy(
            np.array(columns[name], dtype=dtype).reshape(-1, 1), binary_data=kind == "v2"
        )
        inputs.append(item)
    if kind == "grpc":
        grpc = InferenceGRPCClient(address)
        answer = await grpc.infer(infer_request=InferRequest(model_name=model, infer_inputs=inputs))
        return {"live": await grpc.is_server_live(), **_outputs(answer)}
    client = InferenceRESTClient(RESTConfig(protocol=kind))
    if kind == "v1":
        rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        return dict(await client.infer(address, {"instances": rows}, model_name=model))
    answer = await client.infer(
        address, InferRequest(model_name=model, infer_inputs=inputs), model_name=model
    )
    live = await client.is_server_live(address) and await client.is_model_ready(address, model)
    return {"live": live, **_outputs(answer)}


def _outputs(answer: Any) -> dict[str, Any]:  # noqa: ANN401  (KServe's)
    found = {output.name: output.as_numpy() for output in answer.outputs}
    labels = found["predict"].tolist()
    return {
        "predict": [label.decode() if isinstance(label, bytes) else label for label in labels],
        "predict_proba": found["predict_proba"].reshape(-1, 2).tolist(),
    }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(*sys.argv[1:]))))
