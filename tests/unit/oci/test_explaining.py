"""What is said when the other side is no registry, speaks no TLS, or is not there at all."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from mlpack.errors import RegistryError
from mlpack.oci.descriptors import IMAGE_MANIFEST, Descriptor, manifest_bytes
from mlpack.oci.references import RegistryReference
from mlpack.oci.registry import Registry

DATA = b"some bytes"
BLOB = Descriptor.of(DATA, "application/octet-stream")


class WebSite(BaseHTTPRequestHandler):
    """Answers every request with a page."""

    protocol_version = "HTTP/1.1"
    status = 200

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""

    def _page(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b"<!doctype html><title>Please log in</title>"
        self.send_response(self.status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = _page  # noqa: N815  (names of the base class)


@pytest.fixture(params=[200, 404, 403])
def website(request: pytest.FixtureRequest) -> Iterator[Registry]:
    handler = type("Bound", (WebSite,), {"status": request.param})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads, server.block_on_close = True, False
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    host = f"127.0.0.1:{server.server_address[1]}"
    with Registry(RegistryReference(host=host, repository="a/b", tag="1"), write=True, patience=1.0) as found:
        yield found
    server.shutdown()
    server.server_close()


def test_a_web_page_is_no_answer_of_a_registry(website: Registry) -> None:
    manifest = manifest_bytes(layers=())
    for attempt in (
        lambda: website.manifest("1"),
        website.tags,
        lambda: website.has_blob(BLOB.digest),
        lambda: website.put_blob(DATA, BLOB),
        lambda: website.put_manifest(manifest, IMAGE_MANIFEST, "1"),
    ):
        with pytest.raises(RegistryError, match="a web page") as caught:
            attempt()
        assert caught.value.code == "registry-protocol"
        assert "this is no registry" in caught.value.hint


def test_who_does_not_listen_is_said(unused_port: int) -> None:
    reference = RegistryReference(host=f"127.0.0.1:{unused_port}", repository="a/b", tag="1")
    with Registry(reference, patience=0.5) as store, pytest.raises(RegistryError, match="refused") as caught:
        store.manifest("1")
    assert caught.value.code == "registry-unreachable"


def test_plain_http_where_tls_is_expected_is_said(website: Registry) -> None:
    host = website.name.partition("/")[0]
    reference = RegistryReference(host=host, repository="a/b", tag="1")
    with (
        Registry(reference, patience=0.5, plain_http=False) as store,
        pytest.raises(RegistryError, match="no TLS") as caught,
    ):
        store.manifest("1")
    assert "--plain-http" in caught.value.hint


@pytest.fixture
def unused_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
