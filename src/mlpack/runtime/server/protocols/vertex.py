"""Vertex AI: `instances` in, `predictions` out, on the routes that the platform names.

Source: Vertex AI, Custom container requirements for prediction.
"""

from __future__ import annotations

from mlpack.runtime.server.bodies import predictions
from mlpack.runtime.server.cells import decode_json, encode_json, from_instances
from mlpack.runtime.server.http import Handler, Refusal, Request, Response
from mlpack.runtime.server.served import Served
from mlpack.runtime.server.settings import ServerSettings

__all__ = ["Vertex"]


class Vertex:
    """Vertex AI's contract with a container."""

    def __init__(self, served: Served, settings: ServerSettings) -> None:
        """Serve this model on the platform's routes, and on the one that TensorFlow Serving has."""
        self._served = served
        self._health = settings.vertex_health
        self._predict = settings.vertex_predict

    def routes(self) -> dict[str, dict[str, Handler]]:
        """Return what it answers."""
        found: dict[str, dict[str, Handler]] = {}
        model = f"/v1/models/{self._served.name}"
        for path in dict.fromkeys(filter(None, (self._health, model))):
            found[path] = {"GET": self.health}
        for path in dict.fromkeys(filter(None, (self._predict, f"{model}:predict"))):
            found[path] = {**found.get(path, {}), "POST": self.predict}
        return found

    def refuse(self, refusal: Refusal) -> bytes:
        """Word an error."""
        return encode_json({"error": refusal.message})

    async def health(self, _: Request) -> Response:
        """Answer whether requests are answered."""
        ready = self._served.ready
        return Response(encode_json({"ready": ready}), status=200 if ready else 503)

    async def predict(self, request: Request) -> Response:
        """Answer instances; `parameters.method` names another method than the first."""
        document = decode_json(request.body)
        if not isinstance(document, dict) or "instances" not in document:
            raise Refusal(400, "expected an object with instances", reason="malformed")
        parameters = document.get("parameters") or {}
        method = parameters.get("method") if isinstance(parameters, dict) else None
        if method is not None and not isinstance(method, str):
            raise Refusal(400, "parameters.method: expected a name", reason="malformed")
        outputs = self._served.chosen([method]) if method else self._served.first()
        rows, count = from_instances(document["instances"], self._served.contract.inputs, where="instances")
        answers = await self._served.answers(rows, outputs, count)
        return Response(encode_json({"predictions": predictions(outputs, answers)}))
