"""Sizes and hashes come out the same however little an index states."""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mlpack.errors import LockError
from mlpack.packing.environment.wheelfiles import OfferedWheel, measure_all, offered_wheel

BODY = b"wheel bytes" * 1000
SHA = hashlib.sha256(BODY).hexdigest()
EXPECTED = [("a-1-py3-none-any.whl", SHA, len(BODY))]


@dataclass
class Index:
    """A loopback index and what it was asked."""

    port: int = 0
    refuse_head: bool = False
    asked: list[tuple[str, str | None]] = field(default_factory=list)

    def wheel(self, size: int | None = None, **hashes: str) -> OfferedWheel:
        url = f"http://127.0.0.1:{self.port}/files/a-1-py3-none-any.whl"
        return offered_wheel({"url": url, "hashes": hashes, **({"size": size} if size else {})})


@pytest.fixture
def index() -> Iterator[Index]:
    state = Index()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            state.asked.append((self.command, self.headers.get("Authorization")))
            refused = self.command == "HEAD" and state.refuse_head
            self.send_response(405 if refused else 200)
            self.send_header("Content-Length", "0" if refused else str(len(BODY)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(BODY)

        do_GET = do_HEAD = answer  # noqa: N815  (names that http.server looks for)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield state
    server.shutdown()
    thread.join()
    server.server_close()


def test_what_the_index_states_is_not_asked_for(index: Index) -> None:
    assert measure_all([index.wheel(size=len(BODY), sha256=SHA)], offline=True) == EXPECTED
    assert index.asked == []


def test_a_missing_size_is_one_head_request(index: Index) -> None:
    assert measure_all([index.wheel(sha256=SHA)], offline=False) == EXPECTED
    assert index.asked == [("HEAD", None)]


def test_a_refused_head_falls_back_to_reading(index: Index) -> None:
    index.refuse_head = True
    assert measure_all([index.wheel(sha256=SHA)], offline=False) == EXPECTED
    assert [command for command, _ in index.asked] == ["HEAD", "GET"]


def test_without_a_hash_the_wheel_is_read(index: Index) -> None:
    assert measure_all([index.wheel()], offline=False) == EXPECTED


def test_another_stated_hash_has_to_hold(index: Index) -> None:
    with pytest.raises(LockError, match="sha512"):
        measure_all([index.wheel(sha512="0" * 128)], offline=False)


def test_a_stated_hash_has_to_hold_when_the_wheel_is_read(index: Index) -> None:
    index.refuse_head = True
    with pytest.raises(LockError, match="sha256"):
        measure_all([index.wheel(sha256="0" * 64)], offline=False)


def test_offline_asks_nothing(index: Index) -> None:
    with pytest.raises(LockError) as caught:
        measure_all([index.wheel(sha256=SHA)], offline=True)
    assert caught.value.code == "lock-offline"
    assert index.asked == []


def test_credentials_go_to_their_own_host(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_INDEX", f"mine=http://me:p%40ss@127.0.0.1:{index.port}/simple")
    measure_all([index.wheel(sha256=SHA)], offline=False)
    assert index.asked == [("HEAD", "Basic " + base64.b64encode(b"me:p@ss").decode())]


def test_credentials_go_nowhere_else(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_INDEX_URL", "http://me:pass@127.0.0.1:1/simple")
    measure_all([index.wheel(sha256=SHA)], offline=False)
    assert index.asked == [("HEAD", None)]


def test_an_index_that_is_gone_is_one_clear_error() -> None:
    wheel = Index(port=1).wheel(sha256=SHA)
    with pytest.raises(LockError) as caught:
        measure_all([wheel], offline=False)
    assert caught.value.code == "lock-network"
    assert "127.0.0.1" not in str(caught.value)


def test_a_local_folder_is_an_index_too(tmp_path: Path) -> None:
    path = tmp_path / "a-1-py3-none-any.whl"
    path.write_bytes(BODY)
    assert measure_all([offered_wheel({"path": str(path)})], offline=True) == EXPECTED


def test_a_name_is_unquoted() -> None:
    wheel = offered_wheel({"url": "http://127.0.0.1:1/torch-2.13.0%2Bcpu-cp311-cp311-linux_x86_64.whl?x=1"})
    assert wheel.name == "torch-2.13.0+cpu-cp311-cp311-linux_x86_64.whl"


def test_other_schemes_are_refused() -> None:
    with pytest.raises(LockError, match="ftp"):
        measure_all([offered_wheel({"url": "ftp://127.0.0.1:1/a-1-py3-none-any.whl"})], offline=False)
