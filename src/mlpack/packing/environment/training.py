"""environment/pylock.training.toml: the whole environment that a model was trained in, for this platform."""

from __future__ import annotations

import functools
import sys
import tempfile
import tomllib
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlpack.errors import LockError
from mlpack.packing.environment.installed import check_from_index, distribution
from mlpack.packing.environment.locking import lock_of, pins
from mlpack.packing.environment.resolver import run_uv, uv_binary
from mlpack.packing.environment.targets import PLATFORMS, here

__all__ = ["TrainingLock", "lock_in_background", "lock_training"]

_MOST = 30
"""Most packages that the index may lack one after the other before the search ends."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingLock:
    """The lock of everything that is installed here, as far as an index has it.

    Attributes:
        data: pylock.training.toml; None where nothing can be locked.
        unlocked: Name -> why it is not in the lock, sorted by name.
        problem: Why there is no lock; empty when there is one.
    """

    data: bytes | None
    unlocked: Mapping[str, str]
    problem: str = ""


def lock_training(*, offline: bool) -> TrainingLock:
    """Lock every installed distribution at its version, for this platform and this version of Python.

    Nothing is resolved: what is installed is what was trained with, consistent or not. What came from no
    index, or has no wheel there, is left out by name.

    It is for reading and for doing it again, not for serving: a bundle does without it where the index cannot
    be asked, and says so.

    Args:
        offline: Use uv's cache only.
    """
    try:
        return _lock(tuple(sorted(pins().items())), offline)
    except LockError as error:
        reason = f"the training environment is not locked: {error.message}"
        return TrainingLock(data=None, unlocked={}, problem=reason)


def lock_in_background(*, offline: bool) -> Future[TrainingLock]:
    """Start `lock_training`, which mostly waits for uv, and return at once."""
    pool = ThreadPoolExecutor(max_workers=1)
    future = pool.submit(lock_training, offline=offline)
    pool.shutdown(wait=False)
    return future


@functools.lru_cache(maxsize=4)
def _lock(installed: tuple[tuple[str, str], ...], offline: bool) -> TrainingLock:  # noqa: FBT001
    platform = PLATFORMS.get(here())
    if platform is None:
        raise LockError("this platform has no locks")
    wanted = dict(installed)
    unlocked = {name: reason for name in wanted if (reason := _own(name))}
    for _ in range(_MOST):
        asked = {name: version for name, version in wanted.items() if name not in unlocked}
        try:
            document = _ask(asked, offline=offline)
        except LockError as error:
            name = error.where.partition("==")[0]
            if error.code not in ("lock-resolution", "lock-no-wheel") or name not in asked:
                raise
            unlocked[name] = "no wheel on the index"
            continue
        lock = lock_of(document, [platform], (sys.version_info.minor,), offline=offline)
        return TrainingLock(data=lock.to_bytes(), unlocked=dict(sorted(unlocked.items())))
    raise LockError(f"the index lacks more than {_MOST} of the installed packages")


def _own(name: str) -> str:
    """Return why a distribution cannot be on an index; empty when it may be."""
    item = distribution(name)
    if item is None:
        return ""
    try:
        check_from_index(name, item)
    except LockError:
        return "installed from a folder, a file, version control or a URL"
    return ""


def _ask(wanted: Mapping[str, str], *, offline: bool) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="mlpack-lock-") as folder:
        (Path(folder) / "all.in").write_text(
            "".join(f"{name}=={version}\n" for name, version in wanted.items()),
            encoding="utf-8",
            newline="\n",
        )
        command = [
            uv_binary(),
            "pip",
            "compile",
            "--quiet",
            "--no-deps",
            "--only-binary",
            ":all:",
            "--no-header",
        ]
        command += ["--format", "pylock.toml", "--python", sys.executable, "all.in"]
        return tomllib.loads(
            run_uv([*command, *(["--offline"] if offline else [])], Path(folder), offline=offline)
        )
