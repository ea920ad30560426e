from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

import mlpack
from mlpack.errors import ContentMismatchError, PolicyViolationError, StorageError, VerificationError
from mlpack.runtime.batch.shipping import deliver

MakeBundle = Callable[..., Path]


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "node"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def archive(make_bundle: MakeBundle, tmp_path: Path) -> Path:
    return make_bundle(tmp_path / "made", layout="archive")


def test_a_second_process_finds_the_same_file(node: Path, archive: Path) -> None:
    digest = mlpack.inspect(archive).digest
    first = deliver(archive.read_bytes(), digest)
    before = first.stat()
    assert first.is_relative_to(node)
    assert deliver(archive.read_bytes(), digest) == first
    assert first.stat().st_ino == before.st_ino


@pytest.mark.usefixtures("node")
def test_bytes_damaged_on_their_way_never_get_their_name(archive: Path) -> None:
    digest = mlpack.inspect(archive).digest
    data = bytearray(archive.read_bytes())
    data[len(data) // 2] ^= 1
    with pytest.raises(ContentMismatchError):
        deliver(bytes(data), digest)
    assert deliver(archive.read_bytes(), digest).read_bytes() == archive.read_bytes()


@pytest.mark.usefixtures("node")
def test_another_bundle_is_refused(archive: Path) -> None:
    with pytest.raises((PolicyViolationError, VerificationError)):
        deliver(archive.read_bytes(), f"bundle:sha256:{'0' * 64}")


def test_a_folder_that_others_can_write_to_is_refused(node: Path, archive: Path) -> None:
    digest = mlpack.inspect(archive).digest
    deliver(archive.read_bytes(), digest).parent.chmod(0o777)
    with pytest.raises(StorageError, match="alone"):
        deliver(archive.read_bytes(), digest)
    assert node.exists()
