"""Open Inference Protocol v2 over HTTP, with its binary tensor data extension.

Source: Open Inference Protocol, specification/protocol/inference_rest.md; KServe, binary tensor data
extension.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mlpack.runtime.server.cells import decode_json, encode_json, plain
from mlpack.runtime.server.http import Handler, Refusal, Request, Response
from mlpack.runtime.server.served import Served
from mlpack.runtime.server.tensors import (
    Spec,
    Tensor,
    check_shape,
    from_list,
    from_raw,
    input_specs,
    one_cell,
    one_raw_cell,
    output_specs,
    to_bytes_elements,
    to_raw,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlpack.format.contract import Output

__all__ = ["EXTENSIONS", "PLATFORM", "OpenInference", "rows_from_tensors"]

EXTENSIONS = ("binary_tensor_data",)
PLATFORM = "onnx_onnxv1"
_HEADER = b"inference-header-content-length"


class OpenInference:
    """`/v2`."""

    def __init__(self, served: Served) -> None:
        """Work out the metadata once."""
        self._served = served
        self.inputs = input_specs(served.contract)
        self.outputs = output_specs(served.contract)
        self._datatypes = {spec["name"]: spec["datatype"] for spec in self.outputs}

    def routes(self) -> dict[str, dict[str, Handler]]:
        """Return what it answers."""
        model = f"/v2/models/{self._served.name}"
        found: dict[str, dict[str, Handler]] = {
            "/v2": {"GET": self.server},
            "/v2/health/live": {"GET": self.live},
            "/v2/health/ready": {"GET": self.ready},
        }
        for base in (model, f"{model}/versions/{self._served.version}"):
            found[base] = {"GET": self.metadata}
            found[f"{base}/ready"] = {"GET": self.model_ready}
            found[f"{base}/infer"] = {"POST": self.infer}
        return found

    def refuse(self, refusal: Refusal) -> bytes:
        """Word an error."""
        return encode_json({"error": refusal.message})

    async def server(self, _: Request) -> Response:
        """Say which server this is, and what it verified."""
        from mlpack import __version__

        return Response(
            encode_json(
                {
                    "name": "mlpack",
                    "version": __version__,
                    "extensions": list(EXTENSIONS),
                    "bundle": {
                        "name": self._served.name,
                        "version": self._served.version,
                        "digest": self._served.digest,
                        "signer": self._served.signer,
                    },
                }
            )
        )

    async def live(self, _: Request) -> Response:
        """Answer that the process answers."""
        return Response(encode_json({"live": True}))

    async def ready(self, _: Request) -> Response:
        """Answer whether requests are answered. The specification words it `live`, its readers `ready`."""
        ready = self._served.ready
        return Response(encode_json({"live": ready, "ready": ready}), status=200 if ready else 503)

    async def model_ready(self, _: Request) -> Response:
        """Answer whether the model is there."""
        ready = self._served.ready
        return Response(
            encode_json({"name": self._served.name, "ready": ready}), status=200 if ready else 503
        )

    async def metadata(self, _: Request) -> Response:
        """Describe the model."""
        return Response(
            encode_json(
                {
                    "name": self._served.name,
                    "versions": [self._served.version],
                    "platform": PLATFORM,
                    "inputs": self.inputs,
                    "outputs": self.outputs,
                    "parameters": {"digest": self._served.digest, "signer": self._served.signer},
                }
            )
        )

    async def infer(self, request: Request) -> Response:
        """Answer rows given as tensors."""
        document, raw = _parts(request)
        tensors = _tensors(document, raw, cells=self._served.contract.layout == "frame")
        rows, count = rows_from_tensors(tensors, self.inputs, self._served)
        asked = _asked(document)
        outputs = self._served.chosen(list(asked))
        answers = await self._served.answers(rows, outputs, count)
        default = _binary_default(document)
        parts: list[bytes] = []
        described = [
            _described(
                output, self._datatypes[output.key], answer, parts, binary=asked.get(output.key, default)
            )
            for output, answer in zip(outputs, answers, strict=True)
        ]
        head: dict[str, Any] = {"model_name": self._served.name, "model_version": self._served.version}
        if (name := document.get("id")) is not None:
            head["id"] = name
        body = encode_json(head | {"outputs": described})
        if not parts:
            return Response(body)
        return Response(
            body + b"".join(parts),
            media=b"application/octet-stream",
            headers=((_HEADER, str(len(body)).encode()),),
        )


def _parts(request: Request) -> tuple[dict[str, Any], memoryview]:
    """Return a request's JSON and the binary data behind it."""
    body = memoryview(request.body)
    length = len(body)
    if (header := request.headers.get(_HEADER)) is not None:
        if not header.isdigit() or int(header) > length:
            raise Refusal(
                400, "Inference-Header-Content-Length: expected a length within the body", reason="malformed"
            )
        length = int(header)
    document = decode_json(request.body if length == len(body) else bytes(body[:length]))
    if not isinstance(document, dict):
        raise Refusal(400, "expected an object with inputs", reason="malformed")
    if not isinstance(document.get("id", ""), str):
        raise Refusal(400, "id: expected a text", reason="malformed")
    return document, body[length:]


def _tensors(document: Mapping[str, Any], raw: memoryview, *, cells: bool) -> dict[str, Tensor]:
    """Return the tensors of a request by name; with `cells`, those of one element as that element."""
    items = document.get("inputs")
    if not isinstance(items, list) or not items:
        raise Refusal(400, "inputs: expected a list of tensors", reason="malformed")
    found: dict[str, Tensor] = {}
    at = 0
    for number, item in enumerate(items):
        name = _name(item, number, found)
        size = None
        if parameters := item.get("parameters"):
            size = _binary_size(parameters, name, len(raw) - at)
        if size is None:
            cell = one_cell(item) if cells else None
            found[name] = _array(item, name) if cell is None else cell
        else:
            part = raw[at : at + size]
            cell = one_raw_cell(item, part) if cells else None
            found[name] = _raw_array(item, name, part) if cell is None else cell
            at += size
    if at != len(raw):
        raise Refusal(400, f"{len(raw) - at} bytes belong to no tensor", reason="malformed")
    return found


def _name(item: object, number: int, found: Mapping[str, Tensor]) -> str:
    name = item.get("name") if isinstance(item, dict) else None
    if not isinstance(name, str):
        raise Refusal(400, f"inputs[{number}]: expected a tensor with a name", reason="malformed")
    if name in found:
        raise Refusal(400, f"input {name[:80]!r}: named twice", reason="malformed")
    return name


def _binary_size(parameters: object, name: str, most: int) -> int | None:
    if not isinstance(parameters, dict):
        raise Refusal(400, f"input {name[:80]!r}: parameters: expected an object", reason="malformed")
    size = parameters.get("binary_data_size")
    if size is not None and (type(size) is not int or not 0 <= size <= most):
        raise Refusal(400, f"input {name[:80]!r}: binary_data_size is beyond the body", reason="malformed")
    return size


def _array(item: Mapping[str, Any], name: str) -> NDArray[Any]:
    where = f"input {name[:80]!r}"
    if "data" not in item:
        raise Refusal(400, f"{where}: has no data", reason="malformed")
    return from_list(item["data"], item.get("datatype"), check_shape(item.get("shape"), where), where)


def _raw_array(item: Mapping[str, Any], name: str, raw: memoryview) -> NDArray[Any]:
    where = f"input {name[:80]!r}"
    return from_raw(raw, item.get("datatype"), check_shape(item.get("shape"), where), where)


def _parameters(item: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    parameters = item.get("parameters")
    if parameters is None:
        return {}
    if not isinstance(parameters, dict):
        raise Refusal(400, f"{where}: parameters: expected an object", reason="malformed")
    return parameters


def _asked(document: Mapping[str, Any]) -> dict[str, bool]:
    """Return the outputs asked for, each with whether it is wanted as binary data."""
    items = document.get("outputs") or []
    if not isinstance(items, list) or not all(
        isinstance(item, dict) and isinstance(item.get("name"), str) for item in items
    ):
        raise Refusal(400, "outputs: expected a list of tensors with a name", reason="malformed")
    default = _binary_default(document)
    return {item["name"]: bool(_parameters(item, "outputs").get("binary_data", default)) for item in items}


def _binary_default(document: Mapping[str, Any]) -> bool:
    return bool(_parameters(document, "request").get("binary_data_output", False))


def _described(
    output: Output, datatype: str, answer: NDArray[Any], parts: list[bytes], *, binary: bool
) -> dict[str, Any]:
    described: dict[str, Any] = {"name": output.key, "shape": list(answer.shape), "datatype": datatype}
    if binary:
        parts.append(to_raw(answer))
        described["parameters"] = {"binary_data_size": len(parts[-1])}
    elif datatype == "BYTES":
        described["data"] = [text.decode() for text in to_bytes_elements(answer)]
    else:
        described["data"] = plain(answer.ravel())
    return described


def rows_from_tensors(
    tensors: Mapping[str, Tensor], specs: Sequence[Spec], served: Served
) -> tuple[object, int]:
    """Return what a Predictor takes from tensors by name, and how many rows they hold.

    Raises:
        Refusal: Tensors are missing or of other shapes; what is in them is the contract's business.
    """
    contract = served.contract
    names = [spec["name"] for spec in specs]
    if contract.layout == "array" and len(tensors) == 1:
        array = next(iter(tensors.values()))  # one tensor needs no name to be known
        if array.ndim == 1 and len(contract.inputs) == 1:
            array = array.reshape(-1, 1)
        if array.ndim != 2:
            raise Refusal(400, f"expected the shape [rows, {len(contract.inputs)}]", reason="contract")
        return array, len(array)
    if missing := [name for name in names if name not in tensors]:
        raise Refusal(400, f"missing inputs: {', '.join(missing[:20])}", reason="contract")
    if contract.layout == "tensors":
        first = tensors[names[0]]
        return {name: tensors[name] for name in names}, len(first) if first.ndim else 1
    if not any(hasattr(tensors[name], "ndim") for name in names):
        return {name: tensors[name] for name in names}, 1  # one row of plain cells
    columns = {name: _column(name, tensors[name]) for name in names}
    return columns, len(columns[names[0]])


def _column(name: str, tensor: Tensor) -> Tensor:
    if not hasattr(tensor, "ndim"):
        return [tensor]
    if tensor.ndim == 2 and tensor.shape[1] == 1:
        tensor = tensor[:, 0]
    if tensor.ndim != 1:
        raise Refusal(400, f"input {name[:80]!r}: expected the shape [rows, 1]", reason="contract")
    return tensor
