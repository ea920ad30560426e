"""Wheels inside a bundle: carried along, or left out again. Neither its digest nor its signature changes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence

from mlpack.errors import UsageError
from mlpack.format.atomic import atomic_file
from mlpack.format.lock import Lock, LockedFile
from mlpack.format.names import WHEELS
from mlpack.format.opening import UnverifiedBundle, inspect
from mlpack.format.places import layout_place
from mlpack.format.tree import open_tree
from mlpack.format.writer import write_copy
from mlpack.packing.environment.locking import find_wheels
from mlpack.packing.environment.targets import PLATFORMS, runs_on
from mlpack.packing.environment.wheelstore import fetch_wheels, local_wheel
from mlpack.packing.progress import step

__all__ = ["vendor"]


def vendor(
    bundle: str | os.PathLike[str] | UnverifiedBundle,
    *,
    drop: bool = False,
    platforms: Sequence[str] | None = None,
    offline: bool = False,
) -> UnverifiedBundle:
    """Put the wheels that a bundle's lock names into the bundle, or take them out; the rest stays as it is.

    Every wheel has the hash that the lock names, wherever it comes from: a folder that pip or uv is told of,
    an earlier fetch, or the index that uv is set up for.

    Args:
        bundle: A bundle directory or a `.mlpack` file; it is replaced in one step.
        drop: Take all wheels out.
        platforms: Only wheels that run there, as `os/architecture`; None takes all of the lock.
        offline: Contact nothing.

    Returns:
        The bundle as it is now, with the digest that it had.

    Raises:
        UsageError: It is in an OCI layout, or a platform is unknown.
        FormatError: The bundle is not intact.
        LockError: A wheel cannot be had; the bundle is as it was.
        StorageError: Something cannot be read or written.
    """
    opened = bundle if isinstance(bundle, UnverifiedBundle) else inspect(bundle)
    if layout_place(opened.path) is not None:
        raise UsageError("a bundle in an OCI layout is not changed; vendor it, then push it", where="bundle")
    for platform in platforms or ():
        if platform not in PLATFORMS:
            known = ", ".join(PLATFORMS)
            raise UsageError(f"unknown platform {platform[:80]!r}", where="platforms", hint=f"known: {known}")
    if drop:
        _drop(opened)
        return inspect(opened.path)
    lock = Lock.from_bytes(opened.read(opened.manifest.one("lock")))
    files = [
        file
        for package in lock.packages
        for file in package.files
        if platforms is None or any(runs_on(file.name, PLATFORMS[name]) for name in platforms)
    ]
    _add(opened, lock, files, offline=offline)
    return inspect(opened.path)


def _add(opened: UnverifiedBundle, lock: Lock, files: Sequence[LockedFile], *, offline: bool) -> None:
    with open_tree(opened.path) as tree:
        files = [file for file in files if file.path not in tree.entries]
        elsewhere = any(local_wheel(file) is None for file in files)
        offered = find_wheels(lock, offline=offline) if elsewhere and not offline else {}
        with step(f"fetching {len(files)} wheels"):
            paths = fetch_wheels(files, offered, offline=offline)
        if opened.path.is_dir():
            for name, path in sorted(paths.items()):
                (opened.path / WHEELS).mkdir(exist_ok=True)
                with path.open("rb") as source, atomic_file(opened.path / name, overwrite=True) as file:
                    shutil.copyfileobj(source, file)
            return
        write_copy(
            tree,
            opened.manifest.folder,
            opened.path.resolve(),
            added=dict(paths),
            layout="archive",
            overwrite=True,
        )


def _drop(opened: UnverifiedBundle) -> None:
    if opened.path.is_dir():
        shutil.rmtree(opened.path / WHEELS, ignore_errors=True)
        return
    with open_tree(opened.path) as tree:
        target = opened.path.resolve()
        folder = opened.manifest.folder
        write_copy(tree, folder, target, added={}, layout="archive", overwrite=True, without=WHEELS)
