"""A request and a response, whatever carries them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

__all__ = ["JSON", "TEXT", "Handler", "Refusal", "Request", "Response", "Routes"]

JSON = b"application/json"
TEXT = b"text/plain; charset=utf-8"


@dataclass(slots=True)
class Request:
    """What a client asks.

    Attributes:
        method: `GET`, `POST`, ...
        path: Path without its query, percent-decoded.
        query: Query as it was sent.
        headers: Names in lower case; of repeated ones the last.
        body: The whole body.
    """

    method: str
    path: str
    query: bytes
    headers: Mapping[bytes, bytes]
    body: bytes


@dataclass(slots=True)
class Response:
    """What it is told.

    Attributes:
        body: The whole body.
        status: HTTP status.
        media: Media type.
        headers: Further headers.
    """

    body: bytes
    status: int = 200
    media: bytes = JSON
    headers: tuple[tuple[bytes, bytes], ...] = ()


class Refusal(Exception):  # noqa: N818  (a request that is refused is no error of the server)
    """A request that is not answered, and why; the protocol decides how that is worded.

    Attributes:
        status: HTTP status.
        message: For the caller; never holds a value that the caller sent.
        reason: One word, for metrics.
        retry_after: Seconds after which trying again makes sense; None where it does not.
    """

    def __init__(self, status: int, message: str, *, reason: str, retry_after: int | None = None) -> None:
        """Keep what a protocol needs to word it."""
        super().__init__(message)
        self.status = status
        self.message = message
        self.reason = reason
        self.retry_after = retry_after


Handler = Callable[[Request], Awaitable[Response]]

Routes = Mapping[str, Mapping[str, Handler]]
"""Path -> method -> what answers it."""
