"""HTTP to one registry: bounded patience, credentials that stay with their host, errors that help."""

from __future__ import annotations

import contextlib
import random
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlpack.errors import RegistryError
from mlpack.oci.authorization import Authorizer
from mlpack.oci.credentials import Credentials, find_credentials
from mlpack.oci.references import is_loopback

if TYPE_CHECKING:
    import httpx

__all__ = ["Answer", "Body", "Transport"]

Body = bytes | Callable[[], Iterator[bytes]]
"""What a request sends: bytes, or a function that starts the stream anew for every try."""

_AGAIN = (408, 425, 429, 500, 502, 503, 504)
_BROKEN_TRIES = 5
"""Most tries where the registry is broken (500), or seems so because another writer is at the same tag."""
_REDIRECTS = (301, 302, 303, 307, 308)
_MAX_REDIRECTS = 5
_MAX_ERROR_BODY = 16 * 1024
_TIMEOUT = 60.0
_MAX_SECONDS = 300.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """An answer that was read whole.

    Attributes:
        status: Of HTTP.
        headers: Names in any case.
        data: The body.
        url: Where it came from in the end.
    """

    status: int
    headers: Mapping[str, str]
    data: bytes
    url: str


class Transport:
    """Requests to one registry on behalf of one repository."""

    def __init__(
        self,
        host: str,
        repository: str,
        *,
        write: bool,
        plain_http: bool | None = None,
        credentials: Credentials | None = None,
        patience: float = 30.0,
    ) -> None:
        """Prepare; nothing is sent yet. Proxies and certificate files come from the environment, as in httpx.

        Args:
            host: `HOST[:PORT]`.
            repository: Path in the registry.
            write: Whether to ask for the right to push from the first token on.
            plain_http: Speak HTTP without TLS; None does so on the loopback interface only.
            credentials: What to show; None looks in the usual files.
            patience: Seconds that one request may spend on being tried again.
        """
        import httpx

        local = is_loopback(host)
        self._plain = local if plain_http is None else plain_http
        self._plain_anywhere = bool(plain_http)
        self.host, self.repository = host, repository
        self.base = f"{'http' if self._plain else 'https'}://{host}"
        self._origin = httpx.URL(self.base)
        self._patience = patience
        given = credentials if credentials is not None else find_credentials(host, repository)
        scope = f"repository:{repository}:{'pull,push' if write else 'pull'}"
        self._authorizer = Authorizer(given, host=host, scope=scope, plain_http=bool(plain_http))
        self._has_credentials = bool(given)
        from mlpack import __version__

        self._client = httpx.Client(
            timeout=httpx.Timeout(_TIMEOUT, connect=20.0),
            # Compressed answers would be a way to send more than is counted.
            headers={"User-Agent": f"mlpack/{__version__}", "Accept-Encoding": "identity"},
            mounts={f"all://{self._origin.host}": None} if local else None,  # no proxy to ourselves
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def url(self, path: str) -> str:
        """Return the URL of a path below the repository, such as `tags/list`."""
        return f"{self.base}/v2/{self.repository}/{path}"

    def request(
        self,
        method: str,
        url: str,
        *,
        expect: tuple[int, ...],
        headers: Mapping[str, str] | None = None,
        body: Body = b"",
        limit: int = 1024 * 1024,
        tries: int = 1000,
    ) -> Answer:
        """Send a request and return its answer, read whole.

        Args:
            method: Of HTTP.
            url: Absolute.
            expect: Statuses that are an answer; any other is an error.
            headers: More headers.
            body: What to send.
            limit: Most bytes of an answer.
            tries: Most times that it is sent, within the transport's patience.

        Raises:
            RegistryError: The registry cannot be reached, refuses, or sends more than `limit`.
        """
        with self.stream(method, url, expect=expect, headers=headers, body=body, tries=tries) as answer:
            try:
                data = read_bounded(answer, limit)
            except _transport_errors() as error:
                raise self.unreachable(method, url, error) from error
            return Answer(status=answer.status_code, headers=answer.headers, data=data, url=str(answer.url))

    @contextlib.contextmanager
    def stream(
        self,
        method: str,
        url: str,
        *,
        expect: tuple[int, ...],
        headers: Mapping[str, str] | None = None,
        body: Body = b"",
        tries: int = 1000,
    ) -> Iterator[httpx.Response]:
        """Send a request and yield its answer with the body still to be read; see `request`."""
        deadline = time.monotonic() + self._patience
        attempt = 0
        while True:
            attempt += 1
            answer, problem = None, None
            try:
                answer = self._send(method, url, dict(headers or {}), body)
            except _transport_errors() as error:
                problem = error
            if answer is not None and (answer.status_code in expect or answer.status_code not in _AGAIN):
                break
            pause = _pause(attempt, answer)
            most = _tries(tries, answer, problem)
            if attempt >= most or time.monotonic() + pause > deadline:
                break
            if answer is not None:
                answer.close()
            time.sleep(pause)
        if answer is None:
            raise self.unreachable(method, url, problem) from problem
        try:
            if answer.status_code not in expect:
                raise self._refusal(method, url, answer)
            if _is_page(answer) and not (method == "GET" and "/blobs/" in url):
                raise self._page(method, url, answer.status_code)
            yield answer
        finally:
            answer.close()

    def _send(self, method: str, url: str, headers: dict[str, str], body: Body) -> httpx.Response:
        """Send once, following redirects and answering at most two challenges."""
        import httpx

        place, challenges, hops = httpx.URL(url), 0, 0
        while True:
            own = self._is_own(place)
            sent = dict(headers)
            authorization = self._authorizer.header(self._client) if own else ""
            if authorization:
                sent["Authorization"] = authorization
            content: Any = body() if callable(body) else body or None
            answer = self._client.send(
                self._client.build_request(method, place, headers=sent, content=content), stream=True
            )
            if answer.status_code == 401 and own and challenges < 2:
                challenges += 1
                said = answer.headers.get("WWW-Authenticate", "")
                if self._authorizer.renew(self._client, said, sent=authorization):
                    answer.close()
                    continue
            if answer.status_code in _REDIRECTS and "Location" in answer.headers:
                answer.close()
                hops += 1
                place = self._next(place, answer.headers["Location"], hops)
                continue
            return answer

    def _is_own(self, url: httpx.URL) -> bool:
        """Tell whether a URL is at the registry itself: only there do credentials go."""
        return (url.scheme, url.host, _port(url)) == (
            self._origin.scheme,
            self._origin.host,
            _port(self._origin),
        )

    def resolve(self, location: str, base: str) -> str:
        """Return a Location header as an absolute URL that may be used.

        Raises:
            RegistryError: It leads from TLS to plain HTTP, or to something other than HTTP.
        """
        import httpx

        return str(self._next(httpx.URL(base), location, 1))

    def _next(self, place: httpx.URL, location: str, hops: int) -> httpx.URL:
        import httpx

        try:
            target = place.join(location)
        except httpx.InvalidURL as error:
            raise self._protocol("sent a Location that is not a URL") from error
        if hops > _MAX_REDIRECTS:
            raise self._protocol(f"redirected more than {_MAX_REDIRECTS} times")
        plain = target.scheme == "http" and (
            self._plain_anywhere or (self._plain and is_loopback(target.netloc.decode("ascii", "replace")))
        )
        if (target.scheme != "https" and not plain) or not target.host or target.userinfo:
            raise self._protocol(
                f"redirected to {target.scheme}://{target.host}, which is not reached over TLS"
            )
        return target

    def _protocol(self, message: str) -> RegistryError:
        return RegistryError(message, where=self.host, code="registry-protocol")

    def unreachable(self, method: str, url: str, error: Exception | None) -> RegistryError:
        """Return the error for a connection that failed."""
        reason, hint = explain(error)
        return RegistryError(
            f"cannot be reached: {method} {_path(url)} ended in {reason}",
            where=self.host,
            code="registry-unreachable",
            hint=hint,
        )

    def _page(self, method: str, url: str, status: int) -> RegistryError:
        return RegistryError(
            f"answered {status} with a web page to {method} {_path(url)}",
            where=self.host,
            code="registry-protocol",
            hint="this is no registry, or a proxy or login page stands before it: check host and port",
        )

    def _refusal(self, method: str, url: str, answer: httpx.Response) -> RegistryError:
        status = answer.status_code
        if _is_page(answer) and status not in (401, *_AGAIN):
            return self._page(method, url, status)
        code, hint = "registry", ""
        if status == 401:
            code = "registry-unauthorized"
            hint = (
                "the credentials for this registry are wrong or have expired; log in again"
                if self._has_credentials
                else "log in first (docker, podman or skopeo login)"
            )
        elif status == 403:
            code, hint = "registry-forbidden", "these credentials do not have this right"
        elif status == 404:
            code, hint = "registry-not-found", "check the repository and the tag or digest"
        elif status in _AGAIN:
            code, hint = "registry-unavailable", "the registry is busy or broken; try again later"
        elif status == 413:
            hint = "the registry, or a proxy before it, limits the size of requests"
        return RegistryError(
            f"answered {status} to {method} {_path(url)}{_said(answer)}",
            where=self.host,
            code=code,
            hint=hint,
        )


def _port(url: httpx.URL) -> int:
    return url.port or (443 if url.scheme == "https" else 80)


def _path(url: str) -> str:
    """Return a URL without its query, which may be a credential by itself."""
    return url.partition("?")[0][:300]


def _said(answer: httpx.Response) -> str:
    """Return the registry's own error codes, the only part of an error body that is quoted."""
    import httpx

    from mlpack.oci.documents import parse_object

    try:
        errors = parse_object(read_bounded(answer, _MAX_ERROR_BODY), where="error").get("errors")
    except (RegistryError, httpx.HTTPError, httpx.StreamError):
        return ""
    entries = errors if isinstance(errors, list) else []
    codes = [entry.get("code") for entry in entries[:5] if isinstance(entry, dict)]
    words = [code for code in codes if isinstance(code, str) and code.replace("_", "").isalnum()]
    return f" ({', '.join(word[:60] for word in words)})" if words else ""


def read_bounded(answer: httpx.Response, limit: int) -> bytes:
    """Return a body of at most `limit` bytes that arrives within a bounded time.

    Raises:
        RegistryError: It is longer, or trickles.
    """
    ends = time.monotonic() + _MAX_SECONDS
    data = bytearray()
    for chunk in answer.iter_raw(64 * 1024):
        data += chunk
        if len(data) > limit or time.monotonic() > ends:
            too = f"more than {limit} bytes" if len(data) > limit else "for more than five minutes"
            raise RegistryError(
                f"sent {too} where less was expected",
                where=_path(str(answer.url)),
                code="registry-protocol",
            )
    return bytes(data)


def _pause(attempt: int, answer: httpx.Response | None) -> float:
    """Return the seconds to wait: what the registry asks for, or twice as long each time."""
    if answer is not None and (asked := answer.headers.get("Retry-After", "")).isdigit():
        return float(min(int(asked), 3600))
    return float(min(8.0, 0.25 * 2 ** min(attempt, 10)) * (0.5 + random.random() / 2))  # noqa: S311


def _is_page(answer: httpx.Response) -> bool:
    """Tell whether an answer is meant for people: every path of a web server may have one."""
    return str(answer.headers.get("Content-Type", "")).lower().startswith("text/html")


def _tries(tries: int, answer: httpx.Response | None, problem: Exception | None) -> int:
    """Return how often a request is sent at most; what no waiting mends is not waited for."""
    if answer is not None:
        return min(tries, _BROKEN_TRIES) if answer.status_code == 500 else tries
    lasting = isinstance(_root(problem), ssl.SSLCertVerificationError | socket.gaierror)
    return min(tries, _BROKEN_TRIES) if lasting else tries


def _root(error: BaseException | None) -> BaseException | None:
    """Return the error of the system that an error of the HTTP library stands for."""
    for _ in range(10):
        if error is None or isinstance(error, OSError):
            break
        error = error.__cause__ or error.__context__
    return error


def explain(error: Exception | None) -> tuple[str, str]:
    """Return why a connection failed, and what to do.

    The words of the library may quote a URL with a signature in its query: those of the system do not.
    """
    root = _root(error)
    if isinstance(root, ssl.SSLCertVerificationError):
        hint = "name the authority's certificate in SSL_CERT_FILE"
        return f"a certificate that is not trusted ({root.verify_message})", hint
    if isinstance(root, ssl.SSLError):
        return f"no TLS ({root.reason})", "pass plain_http (--plain-http) if the registry speaks HTTP only"
    hint = "check host, port, network and proxy variables"
    if isinstance(root, OSError) and root.strerror:
        return root.strerror, hint
    return type(error).__name__, hint


def _transport_errors() -> tuple[type[Exception], ...]:
    import httpx

    return (httpx.TransportError, httpx.StreamError, httpx.DecodingError)
