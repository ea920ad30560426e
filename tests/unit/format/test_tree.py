"""Files of a bundle, seen the same way in a folder and in an archive."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from mlpack.errors import FormatError, StorageError
from mlpack.format.tree import ArchiveTree, DirectoryTree, open_tree

Write = Callable[[Mapping[str, bytes]], Path]
SMALL = {"SHA256SUMS": b"s" * 600, "README.md": b"", "model/a.bin": b"x" * 512}


@pytest.fixture(params=["lay", "store"])
def place(request: pytest.FixtureRequest) -> Path:
    write: Write = request.getfixturevalue(request.param)
    return write(SMALL)


def test_entries_are_paths_and_sizes(place: Path) -> None:
    with open_tree(place) as tree:
        assert dict(tree.entries) == {path: len(data) for path, data in SMALL.items()}
        assert tree.problems == []


def test_files_are_read_whole(place: Path) -> None:
    with open_tree(place) as tree:
        assert {path: tree.read(path, 1000) for path in tree.entries} == SMALL


def test_a_limit_holds(place: Path) -> None:
    with open_tree(place) as tree, pytest.raises(FormatError, match="600 bytes, more than the 599 allowed"):
        tree.read("SHA256SUMS", 599)


def test_a_missing_file_is_named(place: Path) -> None:
    with open_tree(place) as tree, pytest.raises(FormatError, match=r"nope: missing"):
        tree.read("nope", 1)


def test_a_digest_is_that_of_the_bytes(place: Path) -> None:
    import hashlib

    with open_tree(place) as tree:
        assert {path: tree.digest(path) for path in tree.entries} == {
            path: hashlib.sha256(data).hexdigest() for path, data in SMALL.items()
        }


@pytest.mark.parametrize("missing", ["nothing", "nothing/below", "x\0y"])
def test_a_path_without_a_bundle_is_a_storage_error(missing: str, tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        open_tree(tmp_path / missing)


def test_a_pipe_is_no_bundle_and_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(StorageError, match="neither a folder nor a file"):
        open_tree(tmp_path / "pipe")


def test_a_pipe_in_the_place_of_an_archive_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    tree = ArchiveTree(tmp_path / "pipe")
    tree.close()
    assert tree.problems == ["not a regular file"]


@pytest.mark.parametrize("target", ["README.md", "/etc/hostname", "nowhere", ".."])
def test_a_symbolic_link_is_a_problem_and_no_entry(target: str, lay: Write) -> None:
    folder = lay(SMALL)
    (folder / "link").symlink_to(target)
    tree = DirectoryTree(folder)
    assert tree.problems == ["'link': a symbolic link"]
    assert "link" not in tree.entries


def test_a_link_to_the_bundle_itself_may_be_opened(lay: Write, tmp_path: Path) -> None:
    (tmp_path / "latest").symlink_to(lay(SMALL))
    with open_tree(tmp_path / "latest") as tree:
        assert tree.problems == []


def test_a_pipe_inside_is_a_problem_and_does_not_block(lay: Write) -> None:
    folder = lay(SMALL)
    os.mkfifo(folder / "pipe")
    assert DirectoryTree(folder).problems == ["'pipe': not a regular file"]


def test_a_socket_inside_is_a_problem(lay: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = lay(SMALL)
    monkeypatch.chdir(folder)  # a socket's path is short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        assert DirectoryTree(folder).problems == ["'socket': not a regular file"]


def test_a_file_that_became_a_pipe_does_not_block(lay: Write) -> None:
    folder = lay(SMALL)
    tree = DirectoryTree(folder)
    (folder / "model/a.bin").unlink()
    os.mkfifo(folder / "model/a.bin")
    with pytest.raises(FormatError):
        tree.digest("model/a.bin")


def test_a_file_that_became_a_link_is_not_followed(lay: Write) -> None:
    folder = lay(SMALL)
    tree = DirectoryTree(folder)
    (folder / "model/a.bin").unlink()
    (folder / "model/a.bin").symlink_to(folder / "README.md")
    with pytest.raises(FormatError, match="cannot be read"):
        tree.read("model/a.bin", 1000)


@pytest.mark.parametrize("size", [511, 513, 0, 2_000_000])
@pytest.mark.parametrize("way", ["read", "digest"])
def test_a_file_that_changed_its_size_is_noticed(size: int, way: str, lay: Write) -> None:
    folder = lay(SMALL)
    tree = DirectoryTree(folder)
    (folder / "model/a.bin").write_bytes(b"y" * size)
    with pytest.raises(FormatError, match="changed while it was read"):
        tree.read("model/a.bin", 1000) if way == "read" else tree.digest("model/a.bin")


def test_a_file_that_vanished_is_a_format_error(lay: Write) -> None:
    folder = lay(SMALL)
    tree = DirectoryTree(folder)
    (folder / "README.md").unlink()
    with pytest.raises(FormatError, match="cannot be read"):
        tree.digest("README.md")


def test_an_archive_that_shrank_is_noticed(store: Write) -> None:
    place = store(SMALL)
    with open_tree(place) as tree:
        os.truncate(place, 600)
        with pytest.raises(FormatError, match="changed while it was read"):
            tree.digest("SHA256SUMS")


def test_an_empty_folder_is_a_problem(lay: Write) -> None:
    folder = lay(SMALL)
    (folder / "empty").mkdir()
    assert DirectoryTree(folder).problems == ["'empty/': empty folder"]


def test_git_leftovers_are_called_so(lay: Write) -> None:
    folder = lay(SMALL)
    (folder / ".git").mkdir()
    (folder / ".gitignore").write_bytes(b"")
    assert DirectoryTree(folder).problems == [
        "'.git': a leftover of git",
        "'.gitignore': a leftover of git",
    ]


def test_names_that_are_not_unicode_are_a_visible_problem(lay: Write) -> None:
    folder = lay(SMALL)
    (folder / os.fsdecode(b"\xff\x1b[31m")).write_bytes(b"")
    (problem,) = DirectoryTree(folder).problems
    assert problem.isascii()
    assert problem.isprintable()


def test_unsafe_names_are_no_entries(lay: Write) -> None:
    folder = lay({**SMALL, "sp ace": b""})
    assert "sp ace" not in DirectoryTree(folder).entries


def test_deep_folders_end_somewhere(lay: Write) -> None:
    deep = lay(SMALL) / "/".join("d" * 300)
    deep.mkdir(parents=True)
    assert "nested too deeply" in DirectoryTree(deep.parents[299]).problems[0]


@pytest.mark.parametrize("what", ["files", "files and folders"])
def test_there_is_a_limit_to_what_is_listed(what: str, lay: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlpack.format.tree.MAX_FILES", 20)
    folder = lay(SMALL)
    for number in range(19 if what == "files" else 50):
        place = folder / f"n{number}"
        place.mkdir() if "folders" in what else place.write_bytes(b"")
    limit = 40 if "folders" in what else 20
    assert f"more than {limit} {what}" in DirectoryTree(folder).problems


def test_there_is_a_limit_to_what_is_stored(store: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlpack.format.tree.MAX_FILES", 2)
    with open_tree(store(SMALL)) as tree:
        assert "more than 2 files" in tree.problems[0]


def test_a_folder_that_cannot_be_listed_is_a_problem(lay: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = lay(SMALL)
    real = os.scandir

    def scandir(path: str) -> object:
        if path.endswith("model"):
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert DirectoryTree(folder).problems == ["'model/': cannot be read: Permission denied"]


def test_an_archive_that_claims_more_than_it_has_is_not_read(store: Write) -> None:
    place = store(SMALL)
    with place.open("r+b") as file:
        file.truncate(1024)
    with open_tree(place) as tree:
        assert len(tree.problems) == 1
        assert tree.problems[0].endswith("/SHA256SUMS': truncated: 512 bytes are missing")
        assert tree.entries == {}
