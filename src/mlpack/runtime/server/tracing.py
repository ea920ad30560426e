"""Traces for OpenTelemetry, where the environment asks for them.

Source: OpenTelemetry, Environment variable specification (`OTEL_*`), HTTP and RPC semantic conventions; W3C
Trace Context.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlpack.errors import MissingExtraError

if TYPE_CHECKING:
    from mlpack.runtime.server.served import Served

__all__ = ["Outcome", "Tracing", "start_tracing"]

_ASKED = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


@dataclass(slots=True)
class Outcome:
    """What became of a request; set before its span ends.

    Attributes:
        status: HTTP status, for gRPC the one that means the same.
    """

    status: int = 500


class Tracing:
    """Spans of one worker, sent in batches to the collector that the environment names."""

    def __init__(self, served: Served) -> None:
        """Start the exporter's thread.

        Raises:
            MissingExtraError: OpenTelemetry is not installed.
        """
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
            from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
        except ImportError as error:
            raise MissingExtraError(
                "the environment asks for traces, and opentelemetry is not installed",
                where=next(name for name in _ASKED if name in os.environ),
                hint="pip install 'mlpack-sdk[telemetry]'",
            ) from error
        about = {
            "service.name": os.environ.get("OTEL_SERVICE_NAME", served.name),
            "service.version": served.version,
            "mlpack.bundle.digest": served.digest,
        }
        self._provider = TracerProvider(resource=Resource.create(about), shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("mlpack")
        self._extract = TraceContextTextMapPropagator().extract

    @contextmanager
    def span(self, name: str, headers: Mapping[str, str], **attributes: str) -> Iterator[Outcome]:
        """Record one request, as a child of the caller's span where it names one."""
        from opentelemetry.trace import SpanKind, Status, StatusCode

        outcome = Outcome()
        with self._tracer.start_as_current_span(
            name,
            context=self._extract(headers),
            kind=SpanKind.SERVER,
            attributes=attributes,
            record_exception=False,  # its message might hold what a caller sent
        ) as span:
            yield outcome
            span.set_attribute("http.response.status_code", outcome.status)
            if outcome.status >= 500:
                span.set_status(Status(StatusCode.ERROR))

    def stop(self) -> None:
        """Send what is left."""
        self._provider.shutdown()


def start_tracing(served: Served, environment: Mapping[str, str]) -> Tracing | None:
    """Return what records traces, or None where the environment asks for none.

    Raises:
        MissingExtraError: It does, and OpenTelemetry is not installed.
    """
    asked = any(environment.get(name) for name in _ASKED)
    disabled = environment.get("OTEL_SDK_DISABLED", "").lower() == "true"
    none = environment.get("OTEL_TRACES_EXPORTER", "otlp") == "none"
    return Tracing(served) if asked and not disabled and not none else None
