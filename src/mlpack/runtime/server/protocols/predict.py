"""`/predict`: records in, records out, for people and their scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlpack.runtime.server.cells import by_name, decode_json, encode_json, from_instances, plain
from mlpack.runtime.server.http import Handler, Refusal, Request, Response
from mlpack.runtime.server.served import Served

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mlpack.format.contract import Output

__all__ = ["PlainPrediction", "records"]


class PlainPrediction:
    """`POST /predict` with `{"rows": [{...}], "methods": ["predict"]}`, or with the list alone."""

    def __init__(self, served: Served) -> None:
        """Serve this model."""
        self._served = served

    def routes(self) -> dict[str, dict[str, Handler]]:
        """Return what it answers."""
        return {"/predict": {"POST": self.predict}}

    def refuse(self, refusal: Refusal) -> bytes:
        """Word an error."""
        return encode_json({"error": refusal.message, "reason": refusal.reason})

    async def predict(self, request: Request) -> Response:
        """Answer records with records."""
        document = decode_json(request.body)
        rows = document
        methods: object = []
        if isinstance(document, dict):
            if unknown := sorted(set(document) - {"rows", "methods"}):
                names = ", ".join(name[:40] for name in unknown[:5])
                raise Refusal(400, f"expected rows and methods, found {names}", reason="malformed")
            rows, methods = document.get("rows"), document.get("methods", [])
        if not isinstance(methods, list) or not all(isinstance(method, str) for method in methods):
            raise Refusal(400, "methods: expected a list of names", reason="malformed")
        outputs = self._served.chosen(methods) if methods else self._served.contract.outputs
        table, count = from_instances(rows, self._served.contract.inputs, where="rows")
        answers = await self._served.answers(table, outputs, count)
        return Response(encode_json({"rows": records(outputs, answers)}))


def records(outputs: Sequence[Output], answers: Sequence[NDArray[Any]]) -> list[dict[str, Any]]:
    """Return one object per row, with an object of classes where an output has several columns."""
    columns: dict[str, Any] = {}
    for output, answer in zip(outputs, answers, strict=True):
        cells = plain(answer)
        if hasattr(cells, "tolist"):
            cells = cells.tolist()
        if answer.ndim == 2 and output.classes:
            labels = [str(label) for label in output.classes]
            cells = [dict(zip(labels, row, strict=True)) for row in cells]
        columns[output.key] = cells
    return by_name(columns)
