"""An environment of its own, made from a lock and nothing else."""

from __future__ import annotations

import sys
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mlpack.errors import LockError
from mlpack.format.lock import LockedFile
from mlpack.packing.environment.indexes import index_settings
from mlpack.packing.environment.locking import Locked
from mlpack.packing.environment.resolver import run_uv, uv_binary
from mlpack.packing.environment.wheelfiles import OfferedWheel

__all__ = ["furnish"]


def furnish(folder: Path, locked: Locked, *, offline: bool) -> Path:
    """Make an environment in a new folder, with what a lock names for this machine; return its interpreter.

    Args:
        folder: An empty folder.
        locked: The lock; every hash in it is checked as wheels are installed.
        offline: Use uv's cache and local wheels only.

    Raises:
        LockError: uv is missing, a wheel cannot be had, or the lock is not for this machine.
    """
    import tomli_w

    lock = folder / "pylock.toml"
    lock.write_text(tomli_w.dumps(_installable(locked)), encoding="utf-8", newline="\n")
    uv = uv_binary()
    flags = ["--offline"] if offline else []
    run_uv([uv, "venv", "--quiet", "--no-project", "--python", sys.executable, "room"], folder, offline=False)
    python = folder / "room" / "bin" / "python"
    command = [uv, "pip", "sync", "--quiet", "--require-hashes", "--preview-features", "pylock", *flags]
    # the lock says where every wheel is; the settings only know the credentials
    settings = index_settings()[-1]
    run_uv([*command, "--python", str(python), lock.name], folder, offline=offline, settings=settings)
    if not python.is_file():
        raise LockError("uv made an environment without an interpreter", where="replay")
    return python


def _installable(locked: Locked) -> dict[str, Any]:
    """Return the lock with places to install from: those that uv itself named when it resolved."""
    packages = []
    for package in locked.lock.packages:
        offered = [(file, locked.offered[file.name]) for file in package.files]
        table: dict[str, Any] = {"name": package.name, "version": package.version}
        if package.marker is not None:
            table["marker"] = package.marker
        # uv keeps what it installed by index: named, its cache is found again
        if index := next((wheel.index for _, wheel in offered if wheel.index), ""):
            table["index"] = index
        table["wheels"] = [_wheel(file, wheel) for file, wheel in offered]
        packages.append(table)
    return {
        "lock-version": "1.0",
        "environments": list(locked.lock.environments),
        "requires-python": locked.lock.requires_python,
        "created-by": "mlpack",
        "packages": packages,
    }


def _wheel(file: LockedFile, offered: OfferedWheel) -> dict[str, Any]:
    url = urlsplit(offered.location)
    local = url.scheme == "file"
    place = {"path": urllib.request.url2pathname(url.path)} if local else {"url": offered.location}
    return {"name": file.name, **place, "size": file.size, "hashes": {"sha256": file.sha256}}
