"""Azure Machine Learning: `/score`, with probes at `/`.

Source: Azure Machine Learning, Deploy a model by a custom container; inference HTTP server reference.
"""

from __future__ import annotations

from mlpack.runtime.server.bodies import media_type, predictions, read_rows
from mlpack.runtime.server.cells import decode_json, encode_json, from_instances
from mlpack.runtime.server.http import Handler, Refusal, Request, Response
from mlpack.runtime.server.served import Served

__all__ = ["Azure"]


class Azure:
    """What Azure's online endpoints and their clients send."""

    def __init__(self, served: Served) -> None:
        """Serve this model."""
        self._served = served

    def routes(self) -> dict[str, dict[str, Handler]]:
        """Return what it answers."""
        return {"/score": {"POST": self.score}}

    def refuse(self, refusal: Refusal) -> bytes:
        """Word an error."""
        return encode_json({"error": refusal.message})

    async def score(self, request: Request) -> Response:
        """Answer rows in `data`, in `input_data` with `columns` beside them, or in `Inputs`.

        The answer is the bare list of the first method's values.
        """
        inputs = self._served.contract.inputs
        media = media_type(request.headers)
        if media != "application/json":
            rows, count = await read_rows(request.body, media, inputs)
        else:
            document = decode_json(request.body)
            if isinstance(document, dict):
                for wrapper in ("Inputs", "input_data"):
                    document = document.get(wrapper, document)
            if isinstance(document, dict) and "data" in document and "columns" not in document:
                document = document["data"]
            if isinstance(document, list):
                rows, count = from_instances(document, inputs, where="data")
            else:
                rows, count = await read_rows(encode_json(document), "application/json", inputs)
        outputs = self._served.first()
        answers = await self._served.answers(rows, outputs, count)
        return Response(encode_json(predictions(outputs, answers)))
