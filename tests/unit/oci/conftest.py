"""A small registry in this process: with or without referrers and tokens, and with faults on request."""

from __future__ import annotations

import base64
import hashlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from mlpack.oci.references import RegistryReference
from mlpack.oci.registry import Registry

INDEX = "application/vnd.oci.image.index.v1+json"


@dataclass
class FakeRegistry:
    """What the server holds, how it behaves, and what it was asked."""

    referrers_api: bool = False
    basic: str = ""
    bearer: bool = False
    realm: str = ""
    page: int = 0
    refresh_token: str = ""
    redirect_blobs: str = ""
    location_prefix: str = ""
    damage: Callable[[bytes], bytes] | None = None
    cut_after: int = 0
    faults: list[tuple[str, str, int]] = field(default_factory=list)
    before_put: Callable[[str], None] | None = None
    blobs: dict[str, bytes] = field(default_factory=dict)
    manifests: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    uploads: dict[str, bytes] = field(default_factory=dict)
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    tokens: dict[str, float] = field(default_factory=dict)
    token_life: float = 60.0
    host: str = ""
    clients: list[Registry] = field(default_factory=list)

    def client(self, **options: Any) -> Registry:  # noqa: ANN401
        """Return a client that is closed when the test ends."""
        reference = RegistryReference(host=self.host, repository="a/b", tag="1")
        self.clients.append(Registry(reference, **{"write": True, "patience": 5.0, **options}))
        return self.clients[-1]

    def asked(self, method: str, part: str = "") -> list[dict[str, str]]:
        """Return the headers of every request of a method whose path holds `part`."""
        return [headers for verb, path, headers in self.requests if verb == method and part in path]


class Handler(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    wbufsize = 1024 * 1024
    disable_nagle_algorithm = True
    state: FakeRegistry

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""

    def _do(self) -> None:
        state, body = self.state, self._body()
        parts = urlsplit(self.path)
        headers = {name.title(): value for name, value in self.headers.items()}
        state.requests.append((self.command, self.path, headers))
        if parts.path == "/token":
            self._token(body)
        elif not self._fails() and self._allowed():
            self._route(parts.path, {key: values[0] for key, values in parse_qs(parts.query).items()}, body)

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = _do  # noqa: N815  (names of the base class)

    def _fails(self) -> bool:
        for fault in self.state.faults:
            if self.command == fault[0] and fault[1] in self.path:
                self.state.faults.remove(fault)
                if fault[2]:
                    self._answer(fault[2], b"busy")
                else:
                    self.close_connection = True
                    self.connection.shutdown(socket.SHUT_RDWR)
                return True
        return False

    def _route(self, path: str, query: dict[str, str], body: bytes) -> None:
        kind, last = path.split("/")[-2:]
        if kind == "uploads":
            self._upload(last, query, body)
        elif kind == "blobs":
            self._blob(last)
        elif kind == "manifests":
            self._manifest(last, body)
        elif kind == "tags":
            self._tags(query)
        elif kind == "referrers" and self.state.referrers_api:
            self._referrers(last)
        else:
            self._answer(404, b'{"errors":[{"code":"NOT_FOUND"}]}')

    def _body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            data = b""
            while size := int(self.rfile.readline(), 16):
                data += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return data
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD" and status != 204:
            self.wfile.write(body)

    # -- who

    def _allowed(self) -> bool:
        state, given = self.state, self.headers.get("Authorization", "")
        if state.bearer:
            token = given.removeprefix("Bearer ")
            if given.startswith("Bearer ") and state.tokens.get(token, 0) > time.monotonic():
                return True
            realm = state.realm or f"http://{state.host}/token"
            self._answer(
                401,
                b"{}",
                WWW_Authenticate=f'Bearer realm="{realm}",service="fake",scope="repository:a/b:pull"',
            )
            return False
        if state.basic and given != "Basic " + base64.b64encode(state.basic.encode()).decode():
            self._answer(401, b"{}", WWW_Authenticate='Basic realm="fake"')
            return False
        return True

    def _token(self, body: bytes) -> None:
        state, given = self.state, self.headers.get("Authorization", "")
        if self.command == "POST":
            form = {key: values[0] for key, values in parse_qs(body.decode()).items()}
            good = bool(state.refresh_token) and form.get("refresh_token") == state.refresh_token
        else:
            good = not state.basic or given == "Basic " + base64.b64encode(state.basic.encode()).decode()
        if not good:
            return self._answer(401, b"{}")
        token = f"t{len(state.tokens)}"
        state.tokens[token] = time.monotonic() + state.token_life
        key = "access_token" if self.command == "POST" else "token"
        return self._answer(200, json.dumps({key: token, "expires_in": 300}).encode())

    # -- what

    def _blob(self, digest: str) -> None:
        state = self.state
        if digest not in state.blobs:
            return self._answer(404, b'{"errors":[{"code":"BLOB_UNKNOWN"}]}')
        if state.redirect_blobs and self.command == "GET":
            return self._answer(307, Location=f"{state.redirect_blobs}/v2/x/blobs/{digest}?signature=secret")
        data = state.blobs[digest]
        if state.damage is not None and self.command == "GET":
            data = state.damage(data)
        status = 200
        if (start := self.headers.get("Range", "")).startswith("bytes="):
            data, status = data[int(start[6:].rstrip("-")) :], 206
        if state.cut_after and self.command == "GET":
            cut, state.cut_after = state.cut_after, 0
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data[:cut])
            self.wfile.flush()
            self.close_connection = True
            return None
        return self._answer(status, data)

    def _manifest(self, wanted: str, body: bytes) -> None:
        state = self.state
        if self.command == "PUT":
            if state.before_put is not None:
                hook, state.before_put = state.before_put, None
                hook(wanted)
            digest = "sha256:" + hashlib.sha256(body).hexdigest()
            document = json.loads(body)
            missing = [
                item["digest"]
                for item in document.get("manifests", [])
                if item["digest"] not in state.manifests
            ]
            if missing:
                return self._answer(400, b'{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN"}]}')
            state.manifests[digest] = (self.headers["Content-Type"], body)
            if not wanted.startswith("sha256:"):
                state.tags[wanted] = digest
            subject = document.get("subject", {}).get("digest")
            more = {"OCI_Subject": subject} if subject and state.referrers_api else {}
            return self._answer(201, Docker_Content_Digest=digest, **more)
        digest = state.tags.get(wanted, wanted)
        if digest not in state.manifests:
            return self._answer(404, b'{"errors":[{"code":"MANIFEST_UNKNOWN"}]}')
        kind, data = state.manifests[digest]
        if state.damage is not None:
            data = state.damage(data)
        return self._answer(200, data, Content_Type=kind, Docker_Content_Digest=digest)

    def _tags(self, query: dict[str, str]) -> None:
        names = sorted(self.state.tags)
        if not self.state.page:
            return self._answer(200, json.dumps({"name": "a/b", "tags": names}).encode())
        after = [name for name in names if name > query.get("last", "")]
        page = after[: self.state.page]
        link = {"Link": f'</v2/a/b/tags/list?last={page[-1]}>; rel="next"'} if len(after) > len(page) else {}
        return self._answer(200, json.dumps({"tags": page}).encode(), **link)

    def _referrers(self, digest: str) -> None:
        found = []
        for name, (kind, data) in self.state.manifests.items():
            document: dict[str, Any] = json.loads(data)
            if document.get("subject", {}).get("digest") == digest:
                entry = {"mediaType": kind, "digest": name, "size": len(data)}
                found.append(entry | {"artifactType": document.get("artifactType", "")})
        body = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": found}).encode()
        return self._answer(200, body, Content_Type=INDEX)

    def _upload(self, name: str, query: dict[str, str], body: bytes) -> None:
        state = self.state
        if self.command == "POST":
            if "mount" in query and query["mount"] in state.blobs:
                return self._answer(201)
            name = f"u{len(state.uploads)}"
            state.uploads[name] = b""
            return self._answer(202, Location=f"{state.location_prefix}/v2/a/b/blobs/uploads/{name}?state=1")
        if name not in state.uploads:
            return self._answer(404, b'{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN"}]}')
        place = f"/v2/a/b/blobs/uploads/{name}?state={len(state.requests)}"
        if self.command == "GET":
            last = max(len(state.uploads[name]) - 1, 0)
            return self._answer(204, Location=place, Range=f"0-{last}")
        self._continue(name, query, body)
        return None

    def _continue(self, name: str, query: dict[str, str], body: bytes) -> None:
        state = self.state
        place = f"/v2/a/b/blobs/uploads/{name}?state={len(state.requests)}"
        state.uploads[name] += body
        if self.command == "PATCH":
            return self._answer(202, Location=place, Range=f"0-{len(state.uploads[name]) - 1}")
        data = state.uploads.pop(name)
        if "sha256:" + hashlib.sha256(data).hexdigest() != query.get("digest"):
            return self._answer(400, b'{"errors":[{"code":"DIGEST_INVALID"}]}')
        state.blobs[query["digest"]] = data
        return self._answer(201, Docker_Content_Digest=query["digest"])


@pytest.fixture
def start_registry() -> Iterator[Callable[..., FakeRegistry]]:
    """Return a function that starts a registry on the loopback interface."""
    servers: list[tuple[ThreadingHTTPServer, FakeRegistry]] = []

    def start(**behaviour: Any) -> FakeRegistry:  # noqa: ANN401
        state = FakeRegistry(**behaviour)
        handler = type("Bound", (Handler,), {"state": state})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.daemon_threads, server.block_on_close = True, False
        state.host = f"127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        servers.append((server, state))
        return state

    yield start
    for server, state in servers:
        for client in state.clients:
            client.__exit__()
        server.shutdown()
        server.server_close()


@pytest.fixture(autouse=True)
def no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:  # noqa: ANN401
    """Keep the credentials and proxies of whoever runs the tests out of them."""
    for name in ("REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
