"""Amazon SageMaker: `/ping`, `/invocations` and what batch transform asks.

Source: Amazon SageMaker developer guide, Custom inference code with hosting services, and with batch
transform.
"""

from __future__ import annotations

from mlpack.runtime.server.bodies import accepted, media_type, read_rows, write_answers
from mlpack.runtime.server.cells import encode_json
from mlpack.runtime.server.http import Handler, Refusal, Request, Response
from mlpack.runtime.server.served import Served
from mlpack.runtime.server.settings import MEBIBYTE, ServerSettings

__all__ = ["Invocations"]


class Invocations:
    """SageMaker's contract with a container."""

    def __init__(self, served: Served, settings: ServerSettings) -> None:
        """Serve this model."""
        self._served = served
        self._settings = settings

    def routes(self) -> dict[str, dict[str, Handler]]:
        """Return what it answers."""
        return {
            "/ping": {"GET": self.ping},
            "/invocations": {"POST": self.invoke},
            "/execution-parameters": {"GET": self.parameters},
        }

    def refuse(self, refusal: Refusal) -> bytes:
        """Word an error."""
        return encode_json({"error": refusal.message})

    async def ping(self, _: Request) -> Response:
        """Answer, with an empty body, whether requests are answered."""
        return Response(b"", status=200 if self._served.ready else 503)

    async def parameters(self, _: Request) -> Response:
        """Tell batch transform how to send its records."""
        return Response(
            encode_json(
                {
                    "MaxConcurrentTransforms": self._settings.workers,
                    "BatchStrategy": "MULTI_RECORD",
                    "MaxPayloadInMB": max(1, min(100, self._settings.max_body // MEBIBYTE)),
                }
            )
        )

    async def invoke(self, request: Request) -> Response:
        """Answer rows in any of the media types."""
        media = media_type(request.headers)
        rows, count = await read_rows(request.body, media, self._served.contract.inputs)
        outputs = self._served.first()
        answers = await self._served.answers(rows, outputs, count)
        return write_answers(accepted(request.headers, media), outputs, answers)
