"""A clean-room replay as a statement that somebody can sign: `mlpack attest BUNDLE --type replay`."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from mlpack.errors import LockError
from mlpack.format.lock import Lock
from mlpack.format.opening import inspect
from mlpack.format.tree import open_tree
from mlpack.format.writer import write_copy
from mlpack.packing.environment.locking import Locked, find_wheels
from mlpack.packing.environment.targets import here
from mlpack.packing.environment.wheelfiles import offered_wheel
from mlpack.packing.replaying import replay_in_clean_room

__all__ = ["replay_predicate"]


def replay_predicate(bundle: str | os.PathLike[str], *, offline: bool = False) -> dict[str, Any]:
    """Replay a bundle in an environment made from its lock alone, and return what to attest of it.

    Wheels are the bundle's own where it carries them, else those of the index that uv is set up for. Code in
    the bundle runs: replay what you would load.

    Args:
        bundle: A `.mlpack` file, a bundle directory, or `oci:DIR[:TAG]`.
        offline: Contact nothing.

    Raises:
        LockError: It is not locked for this machine, cannot be installed, or does not give its golden rows.
        FormatError: It is not intact.
    """
    opened = inspect(bundle)
    path = opened.manifest.one("lock")
    data = opened.read(path)
    lock = Lock.from_bytes(data)
    with tempfile.TemporaryDirectory(prefix="mlpack-replay-") as name:
        folder = Path(name) / opened.manifest.folder
        with open_tree(opened.path) as tree:
            write_copy(tree, folder.name, folder, added={}, layout="directory", overwrite=False)
        files = [file for package in lock.packages for file in package.files]
        own = {
            file.name: offered_wheel({"name": file.name, "path": str(folder / file.path), "size": file.size})
            for file in files
            if (folder / file.path).is_file()
        }
        offered = own if len(own) == len(files) else {**find_wheels(lock, offline=offline), **own}
        if lacking := [file.name for file in files if file.name not in offered]:
            raise LockError(f"the index has {lacking[0]} no more", where=lacking[0], code="lock-no-wheel")
        locked = Locked(lock=lock, data=data, offered=offered)
        found = replay_in_clean_room(folder, locked, offline=offline)
    used = [path, opened.manifest.one("golden"), opened.manifest.one("parity")]
    return {
        "result": "PASSED",
        "configuration": [{"name": item, "digest": {"sha256": opened.checksums[item]}} for item in used],
        "passedTests": [f"replay/{method}: {grade}" for method, grade in found.methods.items()],
        "environment": {"platform": here(), "python": found.python, "network": found.network},
        "imported": list(found.imported),
    }
