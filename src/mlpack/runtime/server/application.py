"""The ASGI application: finds what answers a request, bounds it, words its errors, counts it.

Source: ASGI specification, HTTP connection scope (version 2.3).
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Protocol

from mlpack.runtime.server.exposition import MEDIA
from mlpack.runtime.server.http import Handler, Refusal, Request, Response
from mlpack.runtime.server.journal import Journal
from mlpack.runtime.server.metrics import Metrics
from mlpack.runtime.server.served import Served
from mlpack.runtime.server.settings import ServerSettings
from mlpack.runtime.server.tracing import Tracing

__all__ = ["Application", "Dialect"]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]


class Dialect(Protocol):
    """One protocol."""

    def routes(self) -> dict[str, dict[str, Handler]]:
        """Return path -> method -> what answers it."""
        ...

    def refuse(self, refusal: Refusal) -> bytes:
        """Return the body that words a refusal, as JSON."""
        ...


class Application:
    """All protocols of one worker over HTTP."""

    def __init__(
        self,
        served: Served,
        settings: ServerSettings,
        metrics: Metrics,
        dialects: Mapping[str, Dialect],
        journal: Journal,
        *,
        tracing: Tracing | None = None,
    ) -> None:
        """Collect the routes.

        Args:
            served: The model.
            settings: Limits.
            metrics: What is counted.
            dialects: The protocols, by the name that metrics have for them; the last one words the errors of
                unknown paths.
            journal: Where what happens is written.
            tracing: Records spans of what is asked of the model; None for none.
        """
        self._served = served
        self._settings = settings
        self._metrics = metrics
        self._journal = journal
        self._tracing = tracing
        self._routes: dict[str, tuple[str, Dialect, Mapping[str, Handler]]] = {}
        for name, dialect in dialects.items():
            for path, methods in dialect.routes().items():
                self._routes[path] = (name, dialect, methods)
        name, dialect = list(dialects.items())[-1]
        self._routes["/metrics"] = ("other", dialect, {"GET": self._exposition})
        self._fallback = dialect
        self._prefixed = [(f"/{name}", name, dialect) for name, dialect in dialects.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            raise RuntimeError(f"{scope['type']} is not spoken here")
        if self._tracing is None or scope["method"] != "POST":  # probes and pages leave no traces
            await self._answer(scope, receive, send)
            return
        path = scope["path"] if scope["path"] in self._routes else "unknown"
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        about = {"http.request.method": "POST", "http.route": path, "url.path": path}
        with self._tracing.span(f"POST {path}", headers, **about) as outcome:
            outcome.status = await self._answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> int:
        """Answer one request; return the status."""
        path: str = scope["path"]
        protocol, dialect, methods = self._routes.get(path) or self._unknown(path)
        start = time.perf_counter()
        try:
            handler = methods.get(scope["method"])
            if handler is None:
                raise _no_such(methods)
            request = Request(
                scope["method"],
                path,
                scope["query_string"],
                headers := dict(scope["headers"]),
                await self._body(headers, receive) if scope["method"] == "POST" else b"",
            )
            start = time.perf_counter()
            response = await handler(request)
        except Refusal as refusal:
            self._metrics.refused(refusal.reason)
            response = _refused(refusal, dialect.refuse(refusal))
        except ConnectionError:
            return 499  # the caller went before its request was whole
        seconds = time.perf_counter() - start
        self._metrics.answered(protocol, response.status, seconds)
        if self._settings.access_log or response.status >= 500:
            self._journal.request(scope["method"], path, response.status, seconds, dict(scope["headers"]))
        await self._send(send, response)
        return response.status

    async def _body(self, headers: Mapping[bytes, bytes], receive: Receive) -> bytes:
        most = self._settings.max_body
        length = headers.get(b"content-length")
        if length is not None and length.isdigit() and int(length) > most:
            raise Refusal(413, f"the body may have {most} bytes", reason="size")
        if b"content-encoding" in headers and headers[b"content-encoding"] != b"identity":
            raise Refusal(415, "content-encoding: only identity is taken", reason="media")
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionAbortedError
        body: bytes = message.get("body", b"")
        if not message.get("more_body"):
            return self._bounded(body)
        parts, size = [body], len(body)
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ConnectionAbortedError
            part = message.get("body", b"")
            parts.append(part)
            size += len(part)
            if size > most:
                raise Refusal(413, f"the body may have {most} bytes", reason="size")
            if not message.get("more_body"):
                return b"".join(parts)

    def _bounded(self, body: bytes) -> bytes:
        if len(body) > self._settings.max_body:
            raise Refusal(413, f"the body may have {self._settings.max_body} bytes", reason="size")
        return body

    async def _send(self, send: Send, response: Response) -> None:
        headers = [
            (b"content-type", response.media),
            (b"content-length", str(len(response.body)).encode()),
            *response.headers,
        ]
        if self._served.state == "draining":
            headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": response.body})

    async def _exposition(self, _: Request) -> Response:
        return Response(self._metrics.exposition(), media=MEDIA)

    def _unknown(self, path: str) -> tuple[str, Dialect, Mapping[str, Handler]]:
        for prefix, name, dialect in self._prefixed:
            if path.startswith(prefix):
                return name, dialect, {}
        return "other", self._fallback, {}


def _no_such(methods: Mapping[str, Handler]) -> Refusal:
    if not methods:
        return Refusal(404, "there is nothing at this path", reason="malformed")
    return Refusal(405, f"expected {' or '.join(methods)}", reason="malformed")


def _refused(refusal: Refusal, body: bytes) -> Response:
    retry = refusal.retry_after
    headers = () if retry is None else ((b"retry-after", str(retry).encode()),)
    return Response(body, status=refusal.status, headers=headers)
