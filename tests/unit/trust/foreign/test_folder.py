"""Folders as they really are: links, pipes, odd names, files that come and go."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mlpack.errors import StorageError, TargetExistsError, UsageError, VerificationError
from mlpack.trust import KeySigner, generate_key, sign_files, verify_signature
from mlpack.trust.foreign import folder as folders

ODD = (
    "a-b.bin",
    "a.bin",
    "a/b.bin",
    "Model.BIN",
    "model.bin",
    "é",
    "e\u0301",
    "模型",
    "sp ace",
    "co:1:2",
    ".hidden/x",
    "#%&'\"\\",
)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return generate_key(tmp_path_factory.mktemp("keys") / "k")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    top = tmp_path / "model"
    for number, name in enumerate(ODD):
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_bytes(b"%d" % number)
    return top


def _sign(model: Path, keys: tuple[Path, Path], **more: object) -> Path:
    signature = model.parent / "out.sig"
    sign_files(model, KeySigner.from_file(keys[0]), signature=signature, **more)  # type: ignore[arg-type]
    return signature


def _code(model: Path, signature: Path, keys: tuple[Path, Path], **more: object) -> str:
    with pytest.raises(VerificationError) as refusal:
        verify_signature(model, signature=signature, key=keys[1], **more)  # type: ignore[arg-type]
    return refusal.value.code


def test_odd_names_are_covered(model: Path, keys: tuple[Path, Path]) -> None:
    assert verify_signature(model, signature=_sign(model, keys), key=keys[1]).files == len(ODD)


@pytest.mark.parametrize("name", ODD)
def test_each_change_is_seen(model: Path, keys: tuple[Path, Path], name: str) -> None:
    signature = _sign(model, keys)
    (model / name).write_bytes(b"changed")
    assert _code(model, signature, keys) == "file-changed"


def test_a_file_in_a_new_folder_is_seen(model: Path, keys: tuple[Path, Path]) -> None:
    signature = _sign(model, keys)
    (model / "new").mkdir()
    (model / "new/x").write_bytes(b"")
    assert _code(model, signature, keys) == "file-unsigned"
    verify_signature(model, signature=signature, key=keys[1], ignore_unsigned_files=True)


def test_unsigned_files_do_not_excuse_changed_ones(model: Path, keys: tuple[Path, Path]) -> None:
    signature = _sign(model, keys)
    (model / "a.bin").unlink()
    assert _code(model, signature, keys, ignore_unsigned_files=True) == "file-missing"


@pytest.mark.parametrize("target", ["a.bin", ".", "/etc/hostname", "nowhere"])
def test_links_are_refused(model: Path, keys: tuple[Path, Path], target: str) -> None:
    signature = _sign(model, keys)
    (model / "link").symlink_to(target)
    assert _code(model, signature, keys) == "file-link"
    with pytest.raises(StorageError, match="symbolic link"):
        _sign(model, keys, overwrite=True)


def test_a_file_replaced_by_a_link_to_its_twin_is_refused(model: Path, keys: tuple[Path, Path]) -> None:
    signature = _sign(model, keys)
    (model / "a.bin").rename(model.parent / "twin")
    (model / "a.bin").symlink_to(model.parent / "twin")
    assert _code(model, signature, keys) == "file-link"


def test_a_pipe_is_refused_at_once(model: Path, keys: tuple[Path, Path]) -> None:
    signature = _sign(model, keys)
    os.mkfifo(model / "pipe")
    assert _code(model, signature, keys) == "file-kind"


def test_a_name_that_is_not_utf8_is_refused(model: Path, keys: tuple[Path, Path]) -> None:
    signature = _sign(model, keys)
    try:
        (model / os.fsdecode(b"\xff")).write_bytes(b"")
    except OSError:
        return  # this file system holds no such names
    assert _code(model, signature, keys) == "file-name"
    with pytest.raises(StorageError, match="UTF-8"):
        _sign(model, keys, overwrite=True)


def test_the_signature_inside_the_folder_covers_not_itself(model: Path, keys: tuple[Path, Path]) -> None:
    signer = KeySigner.from_file(keys[0])
    sign_files(model, signer, signature=model / "x.sig")
    assert verify_signature(model, signature=model / "x.sig", key=keys[1]).files == len(ODD)
    with pytest.raises(TargetExistsError):
        sign_files(model, signer, signature=model / "x.sig")


def test_git_files_at_the_top_are_left_out_and_below_covered(model: Path, keys: tuple[Path, Path]) -> None:
    signature = _sign(model, keys)
    (model / ".git").mkdir()
    (model / ".git/config").write_bytes(b"")
    verify_signature(model, signature=signature, key=keys[1])
    (model / "a/.git").write_bytes(b"")
    assert _code(model, signature, keys) == "file-unsigned"


def test_ignored_when_signing_is_recorded_and_ignored_when_verifying(
    model: Path, keys: tuple[Path, Path]
) -> None:
    signature = _sign(model, keys, ignore=[model / "a", "é"])
    found = verify_signature(model, signature=signature, key=keys[1])
    assert (found.files, {"a", "é"} <= set(found.ignored)) == (len(ODD) - 2, True)


def test_ignoring_a_signed_file_does_not_excuse_it(model: Path, keys: tuple[Path, Path]) -> None:
    signature = _sign(model, keys)
    (model / "a.bin").write_bytes(b"changed")
    assert _code(model, signature, keys, ignore=["a.bin"]) == "file-changed"
    (model / "a.bin").write_bytes(b"1")
    assert _code(model, signature, keys, ignore=["a"]) == "file-missing"


@pytest.mark.parametrize("path", [".", "..", "/", "a/.."])
def test_ignoring_everything_is_a_mistake(model: Path, keys: tuple[Path, Path], path: str) -> None:
    signature = _sign(model, keys)
    with pytest.raises(UsageError, match="everything"):
        verify_signature(model, signature=signature, key=keys[1], ignore=[path])


def test_an_empty_folder_is_not_signed(tmp_path: Path, keys: tuple[Path, Path]) -> None:
    (tmp_path / "model").mkdir()
    with pytest.raises(UsageError, match="no file to sign"):
        _sign(tmp_path / "model", keys)


def test_deep_folders_are_a_refusal_not_a_crash(model: Path, keys: tuple[Path, Path]) -> None:
    signature = _sign(model, keys)
    deep = model.joinpath(*("d" * 200))
    deep.mkdir(parents=True)
    assert _code(model, signature, keys) == "file-limit"


def test_many_entries_are_a_refusal(
    model: Path, keys: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    signature = _sign(model, keys)
    monkeypatch.setattr(folders, "_MAX_FILES", 5)
    assert _code(model, signature, keys) == "file-limit"


def test_nothing_at_the_path(tmp_path: Path, model: Path, keys: tuple[Path, Path]) -> None:
    assert _code(tmp_path / "nothing", _sign(model, keys), keys) == "unreadable"
    assert _code(model, tmp_path / "nothing", keys) == "unreadable"
    assert _code(model, model, keys) == "file-kind"


def test_shards_of_a_file_in_pieces(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"abcde")
    with folders.opened(tmp_path / "f") as handle:
        parts = folders.hash_parts(handle, "sha256", 2)
    assert [(start, end) for start, end, _ in parts] == [(0, 2), (2, 4), (4, 5)]
