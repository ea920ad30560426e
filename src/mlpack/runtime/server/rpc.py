"""Open Inference Protocol over gRPC.

Source: Open Inference Protocol, specification/protocol/inference_grpc.md; gRPC, Status codes.
"""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mlpack.errors import MissingExtraError
from mlpack.runtime.server.http import Refusal
from mlpack.runtime.server.messages import METHODS, SERVICE, message
from mlpack.runtime.server.metrics import Metrics
from mlpack.runtime.server.protocols.oip import EXTENSIONS, PLATFORM, rows_from_tensors
from mlpack.runtime.server.served import Served
from mlpack.runtime.server.settings import ServerSettings
from mlpack.runtime.server.tensors import (
    DATATYPES,
    Tensor,
    check_shape,
    from_list,
    from_raw,
    input_specs,
    output_datatype,
    output_specs,
    to_raw,
)
from mlpack.runtime.server.tracing import Outcome, Tracing

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["InferenceService", "start_grpc"]

_CODES = {
    400: "INVALID_ARGUMENT",
    404: "NOT_FOUND",
    413: "RESOURCE_EXHAUSTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
"""HTTP status -> gRPC status; a full queue is RESOURCE_EXHAUSTED."""

_CONTENTS = {
    "BOOL": "bool_contents",
    "INT8": "int_contents",
    "INT16": "int_contents",
    "INT32": "int_contents",
    "INT64": "int64_contents",
    "UINT8": "uint_contents",
    "UINT16": "uint_contents",
    "UINT32": "uint_contents",
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}
"""Data type -> field that holds its values; FP16 is raw only."""

Reply = Any
Behaviour = Callable[[Any], Awaitable[Reply]]


class InferenceService:
    """The six calls."""

    def __init__(self, served: Served, metrics: Metrics, tracing: Tracing | None = None) -> None:
        """Serve this model."""
        self._served = served
        self._metrics = metrics
        self._tracing = tracing
        self._inputs = input_specs(served.contract)
        self._outputs = output_specs(served.contract)

    def handler(self) -> Any:  # noqa: ANN401  (a grpc.GenericRpcHandler)
        """Return what a gRPC server registers."""
        import grpc

        calls: Mapping[str, Behaviour] = {
            "ServerLive": self.server_live,
            "ServerReady": self.server_ready,
            "ModelReady": self.model_ready,
            "ServerMetadata": self.server_metadata,
            "ModelMetadata": self.model_metadata,
            "ModelInfer": self.model_infer,
        }
        return grpc.method_handlers_generic_handler(
            SERVICE,
            {
                name: grpc.unary_unary_rpc_method_handler(
                    self._counted(name, calls[name]),
                    request_deserializer=message(f"{name}Request").FromString,
                    response_serializer=message(f"{name}Response").SerializeToString,
                )
                for name in METHODS
            },
        )

    def _counted(self, name: str, call: Behaviour) -> Callable[[Any, Any], Awaitable[Reply]]:
        async def answer(request: Any, context: Any) -> Reply:  # noqa: ANN401  (protobuf's and gRPC's)
            if self._tracing is None or name != "ModelInfer":
                return await self._answer(call, request, context, Outcome())
            headers = {key: value for key, value in context.invocation_metadata() if isinstance(value, str)}
            about = {"rpc.system": "grpc", "rpc.service": SERVICE, "rpc.method": name}
            with self._tracing.span(f"{SERVICE}/{name}", headers, **about) as outcome:
                return await self._answer(call, request, context, outcome)

        return answer

    async def _answer(self, call: Behaviour, request: Any, context: Any, outcome: Outcome) -> Reply:  # noqa: ANN401
        import grpc

        start = time.perf_counter()
        outcome.status = 200
        try:
            return await call(request)
        except Refusal as refusal:
            outcome.status = refusal.status
            self._metrics.refused(refusal.reason)
            name = (
                "RESOURCE_EXHAUSTED" if refusal.reason == "queue" else _CODES.get(refusal.status, "INTERNAL")
            )
            if refusal.retry_after is not None:
                context.set_trailing_metadata((("retry-after", str(refusal.retry_after)),))
            await context.abort(getattr(grpc.StatusCode, name), refusal.message)
            raise
        finally:
            self._metrics.answered("grpc", outcome.status, time.perf_counter() - start)

    async def server_live(self, _: Any) -> Reply:  # noqa: ANN401
        """Answer that the process answers."""
        return message("ServerLiveResponse")(live=True)

    async def server_ready(self, _: Any) -> Reply:  # noqa: ANN401
        """Answer whether requests are answered."""
        return message("ServerReadyResponse")(ready=self._served.ready)

    async def model_ready(self, request: Any) -> Reply:  # noqa: ANN401
        """Answer whether this model is there."""
        self._known(request.name, request.version)
        return message("ModelReadyResponse")(ready=self._served.ready)

    async def server_metadata(self, _: Any) -> Reply:  # noqa: ANN401
        """Say which server this is."""
        from mlpack import __version__

        return message("ServerMetadataResponse")(name="mlpack", version=__version__, extensions=EXTENSIONS)

    async def model_metadata(self, request: Any) -> Reply:  # noqa: ANN401
        """Describe the model."""
        self._known(request.name, request.version)
        return message("ModelMetadataResponse")(
            name=self._served.name,
            versions=[self._served.version],
            platform=PLATFORM,
            inputs=self._inputs,
            outputs=self._outputs,
        )

    async def model_infer(self, request: Any) -> Reply:  # noqa: ANN401
        """Answer rows given as tensors; answers are always raw."""
        self._known(request.model_name, request.model_version)
        tensors = _tensors(request)
        rows, count = rows_from_tensors(tensors, self._inputs, self._served)
        outputs = self._served.chosen([item.name for item in request.outputs])
        answers = await self._served.answers(rows, outputs, count)
        return message("ModelInferResponse")(
            model_name=self._served.name,
            model_version=self._served.version,
            id=request.id,
            outputs=[
                {"name": output.key, "datatype": output_datatype(output), "shape": answer.shape}
                for output, answer in zip(outputs, answers, strict=True)
            ],
            raw_output_contents=[to_raw(answer) for answer in answers],
        )

    def _known(self, name: str, version: str) -> None:
        if name != self._served.name or version not in ("", self._served.version):
            raise Refusal(404, "there is no such model or version", reason="malformed")


def _tensors(request: Any) -> dict[str, Tensor]:  # noqa: ANN401
    """Return the tensors of a request by name."""
    raw: Sequence[bytes] = request.raw_input_contents
    if raw and len(raw) != len(request.inputs):
        raise Refusal(
            400, f"expected {len(request.inputs)} raw contents, found {len(raw)}", reason="malformed"
        )
    found: dict[str, Tensor] = {}
    for number, item in enumerate(request.inputs):
        where = f"input {item.name[:80]!r}"
        if item.name in found:
            raise Refusal(400, f"{where}: named twice", reason="malformed")
        shape = check_shape(list(item.shape), where)
        if raw:
            found[item.name] = from_raw(raw[number], item.datatype, shape, where)
        else:
            found[item.name] = _contents(item, shape, where)
    if not found:
        raise Refusal(400, "inputs: expected tensors", reason="malformed")
    return found


def _contents(item: Any, shape: tuple[int, ...], where: str) -> NDArray[Any]:  # noqa: ANN401
    if item.datatype not in _CONTENTS:
        known = "only as raw contents" if item.datatype in DATATYPES else "no data type of the protocol"
        raise Refusal(400, f"{where}: {known}", reason="malformed")
    values = getattr(item.contents, _CONTENTS[item.datatype])
    if item.datatype in ("FP32", "FP64"):
        import numpy as np

        array = np.array(values, dtype=DATATYPES[item.datatype])
        if len(array) != math.prod(shape):
            raise Refusal(400, f"{where}: the shape asks for {math.prod(shape)} elements", reason="malformed")
        return array.reshape(shape)
    if item.datatype == "BYTES":
        try:
            values = [text.decode() for text in values]
        except UnicodeDecodeError:
            raise Refusal(400, f"{where}: expected texts in UTF-8", reason="malformed") from None
    return from_list(list(values), item.datatype, shape, where)


async def start_grpc(service: InferenceService, settings: ServerSettings, port: int) -> Any:  # noqa: ANN401
    """Start a gRPC server in this worker; every worker listens on the same port.

    Raises:
        MissingExtraError: grpcio is not installed.
    """
    try:
        import grpc
    except ImportError as error:
        raise MissingExtraError(
            "grpcio is not installed", where="serve", hint="pip install 'mlpack-sdk[server]'"
        ) from error
    server = grpc.aio.server(
        options=(
            ("grpc.max_receive_message_length", settings.max_body),
            ("grpc.max_send_message_length", -1),
            ("grpc.so_reuseport", 1),
        )
    )
    server.add_generic_rpc_handlers((service.handler(),))
    server.add_insecure_port(f"{settings.host}:{port}")
    await server.start()
    return server
