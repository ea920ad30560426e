"""From a registry's challenge to an Authorization header: basic, bearer tokens, identity tokens.

Source: the distribution project's token authentication and its OAuth 2 variant; RFC 9110, 11.6.1.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from mlpack.errors import RegistryError
from mlpack.oci.credentials import Credentials
from mlpack.oci.documents import parse_object
from mlpack.oci.references import is_loopback

if TYPE_CHECKING:
    import httpx

__all__ = ["Authorizer", "parse_challenges"]

_SCHEME = re.compile(r"\s*,?\s*([A-Za-z][A-Za-z0-9-]*)(?=\s|$)")
_PARAMETER = re.compile(r"\s*,?\s*([A-Za-z][A-Za-z0-9_-]*)\s*=\s*(?:\"((?:[^\"\\]|\\.)*)\"|([^\s,\"]+))")
_SCOPE = re.compile(r"[!-~ ]{1,1000}")
_TOKEN = re.compile(r"[!-~]{1,65536}")
_MAX_HEADER = 8192
_MAX_TOKEN_ANSWER = 1024 * 1024
_SHORTEST_LIFE = 10.0
_DEFAULT_LIFE = 60.0


class Authorizer:
    """Knows which Authorization header a registry wants, once it has said so; one per repository."""

    def __init__(self, credentials: Credentials, *, host: str, scope: str, plain_http: bool) -> None:
        """Take what to show, and the scope that the first token shall have.

        Args:
            credentials: What to show.
            host: `HOST[:PORT]` of the registry, for messages.
            scope: Such as `repository:NAME:pull,push`; asked for from the first token on.
            plain_http: Whether the caller asked for connections without TLS.
        """
        self._credentials = credentials
        self._host = host
        self._scopes = [scope]
        self._plain_http = plain_http
        self._header = ""
        self._ends = 0.0
        self._asked: Mapping[str, str] | None = None
        self._lock = threading.RLock()

    def header(self, client: httpx.Client) -> str:
        """Return the header for the next request; empty before the registry has asked for one.

        A token that is about to end is renewed first, so that no upload is sent only to be refused.
        """
        with self._lock:
            if self._asked is not None and time.monotonic() >= self._ends:
                self._bearer(client, self._asked)
            return self._header

    def renew(self, client: httpx.Client, challenge: str, *, sent: str = "") -> bool:
        """Answer a challenge; return whether a new try makes sense.

        Args:
            client: To ask the token service with. It sends no header of its own.
            challenge: The WWW-Authenticate header.
            sent: The header that was refused; another thread may have found a better one since.

        Raises:
            RegistryError: The token service refuses, cannot be reached or must not be sent a password.
        """
        with self._lock:
            return self._header != sent or self._answer(client, challenge)

    def _answer(self, client: httpx.Client, challenge: str) -> bool:
        challenges = parse_challenges(challenge)
        if "bearer" in challenges:
            return self._bearer(client, challenges["bearer"])
        if "basic" in challenges and self._credentials.basic and not self._header:
            self._header, self._ends = self._credentials.basic, float("inf")
            return True
        return False

    def _bearer(self, client: httpx.Client, parameters: Mapping[str, str]) -> bool:
        if self._credentials.registry_token:
            if self._header:
                return False
            self._header, self._ends = f"Bearer {self._credentials.registry_token}", float("inf")
            return True
        wanted = parameters.get("scope", "")
        if wanted and wanted not in self._scopes and _SCOPE.fullmatch(wanted):
            self._scopes.append(wanted)
        realm = parameters.get("realm", "")
        self._check_realm(realm)
        self._asked = parameters
        document = self._ask(client, realm, parameters.get("service", ""))
        token = document.get("token") or document.get("access_token")
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            raise self._refused(f"the token service {_plain(realm)} gave no token")
        life = document.get("expires_in")
        seconds = float(life) if isinstance(life, int | float) and life > 0 else _DEFAULT_LIFE
        self._header = f"Bearer {token}"
        self._ends = time.monotonic() + max(_SHORTEST_LIFE, seconds * 0.9)
        return True

    def _ask(self, client: httpx.Client, realm: str, service: str) -> dict[str, Any]:
        import httpx

        try:
            with client.stream(**self._question(realm, service), follow_redirects=False) as answer:
                status = answer.status_code
                data = _read_token_answer(answer)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise RegistryError(
                f"the token service {_plain(realm)} cannot be reached ({type(error).__name__})",
                where=self._host,
                code="registry-unreachable",
            ) from None
        if status != 200:
            raise self._refused(f"the token service {_plain(realm)} answered {status}")
        return parse_object(data, where=_plain(realm))

    def _question(self, realm: str, service: str) -> dict[str, Any]:
        """Return the request for a token: with an identity token a form, or else a plain query."""
        import httpx

        given = self._credentials
        if given.identity_token:
            form = {"grant_type": "refresh_token", "refresh_token": given.identity_token}
            form |= {"service": service, "scope": " ".join(self._scopes), "client_id": "mlpack"}
            return {"method": "POST", "url": realm, "data": form}
        query: dict[str, str | list[str]] = {"service": service} if service else {}
        query["scope"] = list(self._scopes)
        headers = {"Authorization": given.basic} if given.basic else {}
        url = httpx.URL(realm).copy_merge_params(httpx.QueryParams(query))
        return {"method": "GET", "url": url, "headers": headers}

    def _check_realm(self, realm: str) -> None:
        """The registry names the realm: it gets a password only over TLS, or on this machine."""
        try:
            parts = urlsplit(realm)
            host = parts.hostname or ""
            safe = parts.scheme == "https" or (
                parts.scheme == "http" and (is_loopback(_bracketed(host)) or self._plain_http)
            )
        except ValueError:
            safe, host = False, ""
        if not safe or not host or "@" in realm.partition("?")[0]:
            raise RegistryError(
                f"asks for a token from {_plain(realm)!r}, which is not reached over TLS",
                where=self._host,
                code="registry-unauthorized",
                hint="credentials are not sent over plain HTTP to another machine",
            )

    def _refused(self, message: str) -> RegistryError:
        hint = (
            "the credentials for this registry are wrong or have expired; log in again"
            if self._credentials
            else "log in first (docker, podman or skopeo login)"
        )
        return RegistryError(message, where=self._host, code="registry-unauthorized", hint=hint)


def _read_token_answer(answer: httpx.Response) -> bytes:
    """Return the body; one that is too long is cut, and then no JSON."""
    data = bytearray()
    for chunk in answer.iter_raw():
        data += chunk
        if len(data) > _MAX_TOKEN_ANSWER:
            break
    return bytes(data)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _plain(url: str) -> str:
    """Return a URL without its query and without what might be a password."""
    return url.partition("?")[0].rpartition("@")[2][:200]


def parse_challenges(header: str) -> dict[str, dict[str, str]]:
    """Return scheme (lower case) -> parameters (lower-case names) of a WWW-Authenticate header."""
    found: dict[str, dict[str, str]] = {}
    position = 0
    header = header[:_MAX_HEADER]
    parameters: dict[str, str] = {}
    while position < len(header):
        if match := _PARAMETER.match(header, position):
            quoted = match[2]
            value = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else match[3]
            parameters.setdefault(match[1].lower(), value)
        elif match := _SCHEME.match(header, position):
            parameters = found.setdefault(match[1].lower(), {})
        else:
            break
        position = match.end()
    return found
