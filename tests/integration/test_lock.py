"""Locking with the real uv, against the configured index and against mirrors on loopback."""

from __future__ import annotations

import base64
import functools
import hashlib
import http.server
import sys
import threading
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mlpack.errors import LockError
from mlpack.format.lock import Lock
from mlpack.packing.environment.installed import installed_versions
from mlpack.packing.environment.locking import lock_runtime
from mlpack.packing.environment.resolver import resolve
from mlpack.packing.environment.targets import MINORS, PLATFORMS

pytestmark = pytest.mark.network

ROOTS = ("markupsafe", "flatbuffers")
"""Small on disk: one has a wheel per platform and minor, one has a single wheel."""

Mirror = Callable[..., str]


@pytest.fixture(scope="module")
def reference() -> bytes:
    return lock_runtime(ROOTS).data


@pytest.fixture(scope="module")
def wheels(reference: bytes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with one folder of locked wheels per package, fetched from the configured index."""
    folder = tmp_path_factory.mktemp("wheels")
    wanted = {file.name for package in Lock.from_bytes(reference).packages for file in package.files}
    document = resolve(
        ROOTS,
        constraints=installed_versions(),
        minors=MINORS,
        markers=[PLATFORMS[name].marker for name in ("linux/amd64", "linux/arm64")],
        offline=False,
    )
    for package in document["packages"]:
        (folder / package["name"]).mkdir()
        for wheel in package["wheels"]:
            name = wheel["url"].rpartition("/")[2]
            if name in wanted:
                with urllib.request.urlopen(wheel["url"], timeout=60) as answer:  # noqa: S310  (from uv)
                    (folder / package["name"] / name).write_bytes(answer.read())
    return folder


@pytest.fixture
def mirror(wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    """Return a function that serves `wheels` as plain static pages and makes uv use them, and only them."""
    servers = []

    def serve(*, hashes: bool, only: str = "-", login: str = "", variable: str = "UV_DEFAULT_INDEX") -> str:
        for folder in sorted(wheels.iterdir()):
            links = []
            paths = sorted(folder.iterdir())
            for path in (p for p in paths if only in p.name or p.name.endswith("-any.whl")):
                mark = f"#sha256={hashlib.sha256(path.read_bytes()).hexdigest()}" if hashes else ""
                links.append(f'<a href="../../files/{folder.name}/{path.name}{mark}">{path.name}</a>')
            page = tmp_path / "simple" / folder.name / "index.html"
            page.parent.mkdir(parents=True)
            page.write_text(f"<!DOCTYPE html><html><body>{''.join(links)}</body></html>")
        (tmp_path / "files").symlink_to(wheels)
        handler = functools.partial(QuietHandler, directory=str(tmp_path), login=login)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
        user = f"{login}@" if login else ""
        url = f"http://{user}127.0.0.1:{server.server_address[1]}/simple"
        monkeypatch.setenv(variable, url)
        return url

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """A static server that asks for a login when it has one."""

    def __init__(self, *args: object, login: str, **options: object) -> None:
        self.login = login
        super().__init__(*args, **options)  # type: ignore[arg-type]

    def send_head(self) -> object:  # type: ignore[override]
        expected = "Basic " + base64.b64encode(self.login.encode()).decode()
        if self.login and self.headers.get("Authorization") != expected:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="mirror"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return None
        return super().send_head()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_the_servings_roots_lock_for_both_platforms() -> None:
    lock = lock_runtime(("numpy", "onnxruntime")).lock
    names = {package.name: package for package in lock.packages}
    assert {"numpy", "onnxruntime", "protobuf"} <= set(names)
    assert "scikit-learn" not in names
    machines = {"aarch64", "x86_64"}
    assert {
        m for m in machines for f in names["onnxruntime"].files if f.name.endswith(f"{m}.whl")
    } == machines


def test_versions_are_the_installed_ones(reference: bytes) -> None:
    installed = installed_versions()
    assert all(p.version == installed[p.name] for p in Lock.from_bytes(reference).packages)


def test_again_gives_the_same_bytes(reference: bytes) -> None:
    assert lock_runtime(tuple(reversed(ROOTS))).data == reference


def test_a_static_mirror_without_sizes_gives_the_same_bytes(mirror: Mirror, reference: bytes) -> None:
    mirror(hashes=True)
    assert lock_runtime(ROOTS).data == reference


def test_a_static_mirror_without_hashes_gives_the_same_bytes(mirror: Mirror, reference: bytes) -> None:
    mirror(hashes=False)
    assert lock_runtime(ROOTS).data == reference


@pytest.mark.parametrize("variable", ["UV_INDEX_URL", "UV_DEFAULT_INDEX", "PIP_INDEX_URL"])
def test_a_login_works_and_leaves_no_trace(mirror: Mirror, reference: bytes, variable: str) -> None:
    url = mirror(hashes=True, login="someone:hunter2", variable=variable)
    data = lock_runtime(ROOTS).data
    assert data == reference
    for trace in (b"someone", b"hunter2", b"127.0.0.1", b"http", b"/simple", url.encode()):
        assert trace not in data


def test_a_mirror_with_fewer_wheels_gives_a_narrower_lock(mirror: Mirror, reference: bytes) -> None:
    running = sys.version_info.minor
    mirror(hashes=True, only=f"cp3{running}-cp3{running}-")
    full, narrow = Lock.from_bytes(reference), lock_runtime(ROOTS).lock
    assert narrow.minors == (running,)
    assert set(narrow.packages[1].files) < set(full.packages[1].files)


def test_offline_with_a_filled_cache_gives_the_same_bytes(reference: bytes) -> None:
    assert lock_runtime(ROOTS, offline=True).data == reference


def test_offline_with_an_empty_cache_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path))
    with pytest.raises(LockError, match="cache") as caught:
        lock_runtime(ROOTS, offline=True)
    assert caught.value.code == "lock-offline"
    assert str(tmp_path) not in str(caught.value)


def test_an_index_that_does_not_answer_is_one_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://someone:hunter2@127.0.0.1:1/simple")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    with pytest.raises(LockError) as caught:
        lock_runtime(ROOTS)
    assert caught.value.code == "lock-network"
    assert "hunter2" not in str(caught.value)


def test_a_platform_without_wheels_is_named(mirror: Mirror) -> None:
    mirror(hashes=True)
    with pytest.raises(LockError, match=r"markupsafe .* has no wheel for darwin/arm64"):
        lock_runtime(ROOTS, platforms=("linux/amd64", "darwin/arm64"))


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function that pretends that zz-fake is installed, and makes a folder the only index of uv."""

    def put(installed: str, *offered: str) -> None:
        site, index = tmp_path / "site", tmp_path / "index"
        info = site / f"zz_fake-{installed}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: zz-fake\nVersion: {installed}\n")
        monkeypatch.syspath_prepend(str(site))
        index.mkdir()
        for name in offered:
            if name.endswith(".tar.gz"):
                (index / name).write_bytes(b"")
                continue
            stem = "-".join(name.split("-")[:2])
            with zipfile.ZipFile(index / name, "w") as archive:
                version = stem.partition("-")[2]
                metadata = f"Metadata-Version: 2.1\nName: zz-fake\nVersion: {version}\n"
                archive.writestr(f"{stem}.dist-info/METADATA", metadata)
                tag = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
                archive.writestr(f"{stem}.dist-info/WHEEL", tag)
                archive.writestr(f"{stem}.dist-info/RECORD", "")
        monkeypatch.setenv("UV_FIND_LINKS", str(index))
        monkeypatch.setenv("UV_NO_INDEX", "1")
        monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))

    return put


def test_a_local_label_is_kept(fake: Callable[..., None]) -> None:
    fake("1.0+cpu", "zz_fake-1.0+cpu-py3-none-any.whl", "zz_fake-1.0-py3-none-any.whl")
    (package,) = lock_runtime(("zz-fake",)).lock.packages
    assert package.version == "1.0+cpu"
    assert package.files[0].name == "zz_fake-1.0+cpu-py3-none-any.whl"


def test_another_label_is_refused(fake: Callable[..., None]) -> None:
    fake("1.0", "zz_fake-1.0+cu128-py3-none-any.whl")
    with pytest.raises(LockError, match="another build") as caught:
        lock_runtime(("zz-fake",))
    assert caught.value.where == "zz-fake"


def test_a_missing_label_is_refused(fake: Callable[..., None]) -> None:
    fake("1.0+cpu", "zz_fake-1.0-py3-none-any.whl")
    with pytest.raises(LockError, match="zz-fake") as caught:
        lock_runtime(("zz-fake",))
    assert caught.value.where == "zz-fake"


def test_sources_alone_are_refused(fake: Callable[..., None]) -> None:
    fake("1.0", "zz_fake-1.0.tar.gz")
    with pytest.raises(LockError, match="only sources") as caught:
        lock_runtime(("zz-fake",))
    assert caught.value.where == "zz-fake"


def test_a_root_that_came_from_no_index_is_refused() -> None:
    # Editable in a checkout, built from the folder under nox.
    with pytest.raises(LockError, match=r"editable|a local file or folder"):
        lock_runtime(("mlpack-sdk",))
