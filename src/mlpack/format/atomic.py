"""Writing that is either done or not: beside the target, synced, then renamed into place."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from mlpack.errors import StorageError, TargetExistsError

__all__ = ["atomic_directory", "atomic_file", "refuse_existing"]

_AT_FDCWD = -100
_EXCHANGE = 2  # RENAME_EXCHANGE on Linux and RENAME_SWAP on macOS


def refuse_existing(target: Path) -> None:
    """Raise if something is at `target`, a broken link included.

    Raises:
        TargetExistsError: Something is there.
    """
    if os.path.lexists(target):
        raise _exists(target)


def _exists(target: Path) -> TargetExistsError:
    return TargetExistsError("already exists", where=str(target), hint="choose another version, or pass overwrite")


@contextlib.contextmanager
def atomic_file(target: Path, *, overwrite: bool) -> Iterator[BinaryIO]:
    """Yield a file that becomes `target` when the block ends well, and vanishes when it does not.

    Args:
        target: Final path; its folder is created when missing.
        overwrite: Whether an existing file may be replaced.

    Raises:
        TargetExistsError: `target` exists and may not be replaced.
        StorageError: The disk is full or refuses; the target is as it was.
    """
    with _storage_errors(target):
        if not overwrite:
            refuse_existing(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                os.fchmod(file.fileno(), 0o644)
                yield file
                file.flush()
                os.fsync(file.fileno())
            _into_place(name, target, overwrite=overwrite)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name)
            raise
        _sync_folder(target.parent)


def _into_place(name: str, target: Path, *, overwrite: bool) -> None:
    if overwrite:
        os.replace(name, target)
        return
    try:
        os.link(name, target)  # unlike rename, this refuses to replace what another process just wrote
    except FileExistsError as error:
        raise _exists(target) from error
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS):
            raise
        refuse_existing(target)
        os.rename(name, target)  # a file system without hard links
        return
    os.unlink(name)


@contextlib.contextmanager
def atomic_directory(target: Path, *, overwrite: bool) -> Iterator[Path]:
    """Yield an empty folder that becomes `target` when the block ends well.

    The caller fills and syncs it. Replacing a folder swaps old and new in one system call.

    Raises:
        TargetExistsError: `target` exists and may not be replaced.
        StorageError: The disk is full or refuses; the target is as it was.
    """
    with _storage_errors(target):
        if not overwrite:
            refuse_existing(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent))
        try:
            inside = staging / target.name
            inside.mkdir(mode=0o755)
            inside.chmod(0o755)
            yield inside
            _sync_folder(inside)
            _directory_into_place(inside, target, overwrite=overwrite)
            _sync_folder(target.parent)
        finally:
            shutil.rmtree(staging, ignore_errors=True)  # holds the old folder now, or what was left undone


def _directory_into_place(inside: Path, target: Path, *, overwrite: bool) -> None:
    if overwrite and os.path.lexists(target):
        _exchange(inside, target)
        return
    try:
        os.rename(inside, target)
    except OSError as error:
        if error.errno in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR):
            raise _exists(target) from error
        raise


def _exchange(first: Path, second: Path) -> None:
    """Swap two paths in one step, which Python's own library cannot."""
    libc = ctypes.CDLL(None, use_errno=True)
    a, b = os.fsencode(first), os.fsencode(second)
    if sys.platform == "darwin":
        failed = libc.renamex_np(a, b, _EXCHANGE)
    else:
        failed = libc.renameat2(_AT_FDCWD, a, _AT_FDCWD, b, _EXCHANGE)
    if failed:
        number = ctypes.get_errno()
        raise OSError(number, f"cannot swap two folders here: {os.strerror(number)}")


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def _storage_errors(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        hint = "free some space and try again" if error.errno in (errno.ENOSPC, errno.EDQUOT) else ""
        raise StorageError(
            f"cannot be written, and is as it was before: {error.strerror or error}", where=str(target), hint=hint
        ) from error
