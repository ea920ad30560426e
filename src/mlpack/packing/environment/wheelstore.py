"""The bytes of locked wheels: from local folders and a store of our own, or fetched; checked every time."""

from __future__ import annotations

import hashlib
import http.client
import os
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

from mlpack.errors import LockError
from mlpack.format.atomic import atomic_file
from mlpack.format.lock import LockedFile
from mlpack.packing.environment.cache import cache_folder
from mlpack.packing.environment.indexes import pip_settings
from mlpack.packing.environment.natives import file_sha256
from mlpack.packing.environment.wheelfiles import OfferedWheel, open_location

__all__ = ["fetch_wheels", "local_wheel"]

_AT_ONCE = 8


def fetch_wheels(
    files: Sequence[LockedFile], offered: Mapping[str, OfferedWheel], *, offline: bool
) -> dict[str, Path]:
    """Return where the bytes of locked wheels are on this machine, by their path in a bundle.

    Folders that pip and uv are told to look in (find-links) come first, then what was fetched before.

    Args:
        files: The wheels.
        offered: File name -> where an index has it.
        offline: Fetch nothing.

    Raises:
        LockError: Some cannot be had; offline, all of them are named.
    """
    found = {file: local_wheel(file) for file in files}
    missing = [file for file, path in found.items() if path is None]
    if missing and offline:
        raise LockError(
            f"{len(missing)} of {len(files)} locked wheels are not on this machine",
            where="wheels",
            problems=tuple(file.name for file in missing[:20]),
            hint="put them into a folder that PIP_FIND_LINKS or UV_FIND_LINKS names, or allow the network",
            code="lock-offline",
        )
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        fetched = dict(zip(missing, pool.map(lambda file: _fetch(file, offered), missing), strict=True))
    return {file.path: path or fetched[file] for file, path in found.items()}


def local_wheel(file: LockedFile) -> Path | None:
    """Return a file of this machine with the bytes that a lock names, or None."""
    for path in (*(folder / file.name for folder in _folders()), _stored(file)):
        try:
            if path.stat().st_size == file.size and file_sha256(path)[0] == file.sha256:
                return path
        except OSError:
            continue
    return None


def _stored(file: LockedFile) -> Path:
    return cache_folder() / "wheels" / file.sha256 / file.name


def _folders() -> Iterable[Path]:
    """Return the folders of wheels that pip and uv are told of."""
    text = f"{os.environ.get('UV_FIND_LINKS', '')} {pip_settings().get('UV_FIND_LINKS', '')}"
    for word in text.replace(",", " ").split():
        if word.startswith("file:"):
            yield Path(urllib.request.url2pathname(urlsplit(word).path))
        elif "://" not in word:
            yield Path(word)


def _fetch(file: LockedFile, offered: Mapping[str, OfferedWheel]) -> Path:
    wheel = offered.get(file.name)
    if wheel is None:
        raise LockError(
            f"no index that uv is set up for has {file.name} any more",
            where=file.name,
            hint="put it into a folder that PIP_FIND_LINKS or UV_FIND_LINKS names",
        )
    path = _stored(file)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    hasher, size = hashlib.sha256(), 0
    try:
        with open_location(wheel.location) as stream, atomic_file(path, overwrite=True) as out:
            while size <= file.size and (block := stream.read(1 << 20)):
                size += len(block)
                hasher.update(block)
                out.write(block)
            if (size, hasher.hexdigest()) != (file.size, file.sha256):
                raise LockError(
                    f"the bytes of {file.name} are not those that the lock names",
                    where=file.name,
                    hint="the mirror is damaged or tampered with; do not install from it",
                )
    except urllib.error.HTTPError as error:
        raise _unreachable(file, f"the index answered {error.code}") from error
    except (OSError, http.client.HTTPException) as error:
        raise _unreachable(file, "the index could not be reached") from error
    return path


def _unreachable(file: LockedFile, why: str) -> LockError:
    return LockError(
        f"{file.name} cannot be fetched: {why}",
        where=file.name,
        hint="check the network and the credentials of the index (UV_DEFAULT_INDEX, UV_INDEX_URL or netrc)",
        code="lock-network",
    )
