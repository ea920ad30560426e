"""Writing that is either done or not, within one process."""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
from pathlib import Path

import pytest

from mlpack.errors import StorageError, TargetExistsError
from mlpack.format.atomic import atomic_directory, atomic_file, refuse_existing


def test_a_file_appears_at_the_end_only(tmp_path: Path) -> None:
    target = tmp_path / "target"
    with atomic_file(target, overwrite=False) as file:
        file.write(b"x")
        assert not target.exists()
    assert target.read_bytes() == b"x"
    assert list(tmp_path.iterdir()) == [target]


def test_a_folder_appears_at_the_end_only(tmp_path: Path) -> None:
    target = tmp_path / "target"
    with atomic_directory(target, overwrite=False) as inside:
        (inside / "x").write_bytes(b"x")
        assert not target.exists()
    assert (target / "x").read_bytes() == b"x"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("make", [atomic_file, atomic_directory])
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_leaves_nothing(make: object, error: type[BaseException], tmp_path: Path) -> None:
    with pytest.raises(error), make(tmp_path / "target", overwrite=False):  # type: ignore[operator]
        raise error
    assert list(tmp_path.iterdir()) == []


def test_missing_folders_are_made(tmp_path: Path) -> None:
    with atomic_file(tmp_path / "a/b/target", overwrite=False) as file:
        file.write(b"x")
    assert (tmp_path / "a/b/target").read_bytes() == b"x"


def test_a_broken_link_is_something(tmp_path: Path) -> None:
    (tmp_path / "target").symlink_to("nowhere")
    with pytest.raises(TargetExistsError):
        refuse_existing(tmp_path / "target")


@pytest.mark.parametrize("make", [atomic_file, atomic_directory])
def test_a_target_that_appears_meanwhile_is_kept(make: object, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "file").write_bytes(b"")
    target = tmp_path / "target"
    with pytest.raises(TargetExistsError), make(target, overwrite=False):  # type: ignore[operator]
        shutil.copytree(theirs, target)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "file", "target", "theirs"]


def test_a_link_is_replaced_not_followed(tmp_path: Path) -> None:
    (tmp_path / "theirs").write_bytes(b"theirs")
    (tmp_path / "target").symlink_to("theirs")
    with atomic_file(tmp_path / "target", overwrite=True) as file:
        file.write(b"mine")
    assert (tmp_path / "theirs").read_bytes() == b"theirs"


def test_a_folder_replaces_a_folder_whole(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    (target / "old").write_bytes(b"")
    with atomic_directory(target, overwrite=True) as inside:
        (inside / "new").write_bytes(b"")
    assert [path.name for path in tmp_path.rglob("*")] == ["target", "new"]


def test_a_folder_replaces_a_file(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"")
    with atomic_directory(target, overwrite=True) as inside:
        (inside / "new").write_bytes(b"")
    assert target.is_dir()


def test_a_file_does_not_replace_a_folder(tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    with (
        pytest.raises(StorageError, match="Is a directory"),
        atomic_file(tmp_path / "target", overwrite=True),
    ):
        pass
    assert (tmp_path / "target").is_dir()


def test_leftovers_of_a_dead_writer_are_removed(tmp_path: Path) -> None:
    left = tmp_path / ".target.abcd_123.part"
    left.mkdir()
    (left / "half").write_bytes(b"")
    with atomic_file(tmp_path / "target", overwrite=False):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["target"]


@pytest.mark.parametrize(
    "name", [".target.part", ".target.x.part", ".other.abcdefgh.part", ".target.abcdefgh.part2"]
)
def test_what_only_looks_like_a_leftover_stays(name: str, tmp_path: Path) -> None:
    (tmp_path / name).mkdir()
    with atomic_file(tmp_path / "target", overwrite=False):
        pass
    assert (tmp_path / name).is_dir()


def test_a_link_that_looks_like_a_leftover_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious/x").write_bytes(b"")
    (tmp_path / ".target.abcdefgh.part").symlink_to("precious")
    with atomic_file(tmp_path / "target", overwrite=False):
        pass
    assert (tmp_path / "precious/x").exists()


def test_a_file_system_without_hard_links_is_written_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def link(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)
    with atomic_file(tmp_path / "target", overwrite=False) as file:
        file.write(b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["target"]


def test_a_system_that_cannot_swap_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "target"
    target.mkdir()
    (target / "old").write_bytes(b"")
    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: object())
    with (
        pytest.raises(StorageError, match="cannot swap two folders"),
        atomic_directory(target, overwrite=True),
    ):
        pass
    assert (target / "old").exists()


@pytest.mark.parametrize("make", [atomic_file, atomic_directory])
def test_a_pipe_or_a_device_is_never_replaced(make: object, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(StorageError, match="never replaced"), make(pipe, overwrite=True):  # type: ignore[operator]
        pass
    assert pipe.is_fifo()
