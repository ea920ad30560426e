"""A token service for docker-registry, small enough to read: passwords, identity tokens, short lives.

Source: the distribution project's token authentication specification and JWT implementation.
"""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from tests.authorities import Issued, new_authority

__all__ = ["TokenService", "start_token_service"]

SERVICE, ISSUER = "registry of a test", "tokens of a test"


@dataclass
class TokenService:
    """How it behaves, and what it was asked.

    Attributes:
        issuer: Whose certificate the registry trusts.
        password: Of the user `me`.
        refresh_token: An identity token that is accepted instead.
        life: Seconds for which a token holds.
        said_life: What the answer says of that; None for the truth.
        asked: Scopes, in the order of the requests.
    """

    issuer: Issued
    password: str = "throw-away"
    refresh_token: str = ""
    life: int = 300
    said_life: int | None = None
    asked: list[list[str]] = field(default_factory=list)
    url: str = ""

    def token(self, scopes: list[str]) -> str:
        """Return a signed token for these scopes."""
        now = int(time.time())
        access = []
        for scope in scopes:
            kind, name, actions = scope.split(":")
            access.append({"type": kind, "name": name, "actions": actions.split(",")})
        header = {"typ": "JWT", "alg": "ES256", "x5c": [base64.b64encode(self.issuer.der).decode()]}
        claims: dict[str, object] = {
            "iss": ISSUER,
            "sub": "me",
            "aud": SERVICE,
            "access": access,
            "jti": str(len(self.asked)),
        }
        claims |= {"iat": now, "nbf": now - 5, "exp": now + self.life}
        signed = f"{_packed(header)}.{_packed(claims)}"
        r, s = decode_dss_signature(self.issuer.key.sign(signed.encode(), ECDSA(hashes.SHA256())))
        signature = base64.urlsafe_b64encode(r.to_bytes(32, "big") + s.to_bytes(32, "big"))
        return f"{signed}.{signature.rstrip(b'=').decode()}"

    def settings(self, folder: Path) -> dict[str, Any]:
        """Return what the registry's configuration says about this service."""
        authority = folder / "tokens.pem"
        authority.write_bytes(self.issuer.pem)
        token = {"realm": f"{self.url}/token", "service": SERVICE, "issuer": ISSUER}
        return {"auth": {"token": token | {"rootcertbundle": str(authority)}}}


def _packed(document: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()


class _Handler(BaseHTTPRequestHandler):
    service: TokenService

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""

    def do_GET(self) -> None:
        expected = base64.b64encode(f"me:{self.service.password}".encode()).decode()
        scopes = parse_qs(urlsplit(self.path).query).get("scope", [])
        self._answer("token", scopes, good=self.headers.get("Authorization") == f"Basic {expected}")

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        given = form.get("refresh_token", [""])[0]
        scopes = form.get("scope", [""])[0].split()
        self._answer("access_token", scopes, good=given == self.service.refresh_token != "")

    def _answer(self, key: str, scopes: list[str], *, good: bool) -> None:
        self.service.asked.append(scopes)
        life = self.service.life if self.service.said_life is None else self.service.said_life
        document = {key: self.service.token(scopes), "expires_in": life} if good else {"errors": []}
        body = json.dumps(document).encode()
        self.send_response(200 if good else 401)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def start_token_service(**behaviour: Any) -> Iterator[TokenService]:  # noqa: ANN401
    """Run a token service on the loopback interface."""
    service = TokenService(issuer=new_authority(), **behaviour)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (_Handler,), {"service": service}))
    server.daemon_threads, server.block_on_close = True, False
    service.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
