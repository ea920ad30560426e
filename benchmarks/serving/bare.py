"""What a careful person would write by hand: the same JSON, the same session, nothing else."""

from __future__ import annotations

import os
import struct
from typing import Any

import numpy as np
import orjson

from mlpack.format.opening import inspect
from mlpack.runtime.session import open_session

BUNDLE = inspect(os.environ["BENCH_BUNDLE"])
SESSION = open_session(BUNDLE.read(BUNDLE.manifest.model.path))
NAMES = os.environ["BENCH_COLUMNS"].split(",")
TENSORS = [item.name for item in SESSION.get_inputs()]
OUTPUT = [os.environ["BENCH_OUTPUT"]]


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Answer rows with probabilities: JSON, or on `/binary` raw doubles behind a JSON header."""
    body = b""
    while True:
        event = await receive()
        body += event.get("body", b"")
        if not event.get("more_body"):
            break
    feeds = READERS[scope["path"]](scope, body)
    (answer,) = SESSION.run(OUTPUT, feeds)
    if scope["path"] == "/binary":
        head = orjson.dumps({"outputs": [{"name": "predict_proba", "shape": list(answer.shape)}]})
        data = struct.pack("<I", len(head)) + head + answer.tobytes()
    else:
        data = orjson.dumps({"rows": answer.tolist()})
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(data)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": data})


def plain(_: Any, body: bytes) -> dict[str, Any]:
    rows = orjson.loads(body)["rows"]
    return {
        tensor: np.array([[row[name]] for row in rows]) for tensor, name in zip(TENSORS, NAMES, strict=True)
    }


def tensors(_: Any, body: bytes) -> dict[str, Any]:
    inputs = orjson.loads(body)["inputs"]
    return {
        tensor: np.array(item["data"], dtype=np.float64).reshape(item["shape"])
        for tensor, item in zip(TENSORS, inputs, strict=True)
    }


def binary(scope: Any, body: bytes) -> dict[str, Any]:
    length = int(dict(scope["headers"])[b"inference-header-content-length"])
    inputs = orjson.loads(body[:length])["inputs"]
    feeds, at = {}, length
    for tensor, item in zip(TENSORS, inputs, strict=True):
        size = item["parameters"]["binary_data_size"]
        feeds[tensor] = np.frombuffer(body, dtype=np.float64, count=size // 8, offset=at).reshape(
            item["shape"]
        )
        at += size
    return feeds


READERS = {"/": plain, "/v2": tensors, "/binary": binary}
