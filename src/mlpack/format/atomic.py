"""Writing that is either done or not: beside the target, synced, then renamed into place."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from mlpack.errors import StorageError, TargetExistsError

__all__ = ["atomic_directory", "atomic_file", "into_place", "refuse_existing", "storage_errors"]

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
    return TargetExistsError(
        "already exists", where=str(target), hint="choose another version, or pass overwrite"
    )


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
    with storage_errors(target), _staging(target, overwrite=overwrite) as staging:
        name = staging / target.name
        with name.open("xb") as file:
            os.fchmod(file.fileno(), 0o644)
            yield file
            file.flush()
            os.fsync(file.fileno())
        _file_into_place(name, target, overwrite=overwrite)
        _sync_folder(target.parent)


def _file_into_place(name: Path, target: Path, *, overwrite: bool) -> None:
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


@contextlib.contextmanager
def atomic_directory(target: Path, *, overwrite: bool) -> Iterator[Path]:
    """Yield an empty folder that becomes `target` when the block ends well.

    The caller fills it and syncs its files. Replacing a folder swaps old and new in one system call.

    Raises:
        TargetExistsError: `target` exists and may not be replaced.
        StorageError: The disk is full or refuses; the target is as it was.
    """
    with storage_errors(target), _staging(target, overwrite=overwrite) as staging:
        inside = staging / target.name
        inside.mkdir(mode=0o755)
        inside.chmod(0o755)
        yield inside
        for folder, _, _ in os.walk(inside, topdown=False):
            _sync_folder(Path(folder))
        _directory_into_place(inside, target, overwrite=overwrite)
        _sync_folder(target.parent)


@contextlib.contextmanager
def _staging(target: Path, *, overwrite: bool) -> Iterator[Path]:
    """Yield a private folder beside `target`, which is gone afterwards with all that it holds.

    It is locked as long as this process lives: an unlocked one was left by a writer that was killed, and the
    next writer of the same target removes it.
    """
    if not overwrite:
        refuse_existing(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(target)
    staging, lock = _locked_folder(target)
    try:
        yield staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)  # holds the old target now, or what was left undone
        os.close(lock)


def _locked_folder(target: Path) -> tuple[Path, int]:
    while True:
        staging = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent))
        try:
            lock = os.open(staging, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:
            continue  # another writer took it for a leftover before it could be locked
        with contextlib.suppress(OSError):  # a file system without locks: there, nobody removes leftovers
            fcntl.flock(lock, fcntl.LOCK_EX)
        if staging.exists():
            return staging, lock
        os.close(lock)


def _remove_leftovers(target: Path) -> None:
    """Remove what killed writers of `target` left beside it; what cannot be removed harms nobody."""
    # What tempfile puts in between holds no dot, so `.a.mlpack.x.part` is never taken for one of target `.a`.
    form = re.compile(rf"\.{re.escape(target.name)}\.[a-z0-9_]{{8}}\.part")
    with os.scandir(target.parent) as listing:
        leftovers = [child.path for child in listing if form.fullmatch(child.name)]
    for leftover in leftovers:
        with contextlib.suppress(OSError):
            lock = os.open(leftover, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(leftover, ignore_errors=True)
            finally:
                os.close(lock)


def into_place(staged: Path, target: Path, *, overwrite: bool) -> None:
    """Give a finished and synced file or folder its final name, in one step.

    Args:
        staged: On the same file system as `target`; afterwards it is gone, or holds what was there before.
        target: Final path.
        overwrite: Whether what is there may be replaced.

    Raises:
        TargetExistsError: `target` exists and may not be replaced.
        StorageError: The disk refuses.
    """
    with storage_errors(target):
        if staged.is_dir():
            _directory_into_place(staged, target, overwrite=overwrite)
        else:
            _file_into_place(staged, target, overwrite=overwrite)
            staged.unlink(missing_ok=True)
        _sync_folder(target.parent)


def _directory_into_place(inside: Path, target: Path, *, overwrite: bool) -> None:
    while True:
        try:
            os.rename(inside, target)
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR):
                raise
            if not overwrite:
                raise _exists(target) from error
        else:
            return
        with contextlib.suppress(FileNotFoundError):  # somebody removed the target: rename it then
            _exchange(inside, target)
            return


def _exchange(first: Path, second: Path) -> None:
    """Swap two paths in one step, which Python's own library cannot."""
    libc = ctypes.CDLL(None, use_errno=True)
    a, b = os.fsencode(first), os.fsencode(second)
    try:
        if sys.platform == "darwin":
            failed = libc.renamex_np(a, b, _EXCHANGE)
        else:
            failed = libc.renameat2(_AT_FDCWD, a, _AT_FDCWD, b, _EXCHANGE)
    except AttributeError as error:
        raise OSError(errno.ENOSYS, "cannot swap two folders with this C library") from error
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
def storage_errors(target: Path) -> Iterator[None]:
    """Turn what the system says about writing `target` into one kind of error.

    Raises:
        StorageError: The disk is full or refuses.
    """
    try:
        yield
    except OSError as error:
        hint = "free some space and try again" if error.errno in (errno.ENOSPC, errno.EDQUOT) else ""
        raise StorageError(
            f"cannot be written, and is as it was before: {error.strerror or error}",
            where=str(target),
            hint=hint,
        ) from error
