"""What serving a model needs: locked, and proven to be enough before anything is written."""

from __future__ import annotations

import sys
import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mlpack.errors import LockError
from mlpack.format.artifact import Artifact
from mlpack.format.writer import Assembled, write_bundle
from mlpack.packing.environment.locking import Locked, lock_runtime
from mlpack.packing.environment.targets import here
from mlpack.packing.environment.wheelstore import fetch_wheels
from mlpack.packing.notices import PackWarning
from mlpack.packing.progress import step
from mlpack.packing.replaying import Replay, replay_in_clean_room

__all__ = ["Serving", "Settled", "settle"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Settled:
    """A bundle that may be written.

    Attributes:
        bundle: Its files.
        wheels: Wheels to carry along: path in the bundle -> file.
    """

    bundle: Assembled
    wheels: Mapping[str, Path]


@dataclass(frozen=True, kw_only=True, slots=True)
class Serving:
    """The caller's arguments about where a model is served; see `mlpack.pack`."""

    platforms: Sequence[str]
    accelerators: Sequence[str]
    pythons: Sequence[str] | None
    offline: bool
    replay: bool
    vendor: bool

    def lock(self, artifact: Artifact) -> Locked:
        """Lock what an artifact needs."""
        with step(f"locking for {', '.join(self.platforms)}"):
            return lock_runtime(
                ("numpy", *artifact.runtime),
                platforms=self.platforms,
                accelerators=self.accelerators,
                pythons=self.pythons,
                offline=self.offline,
            )

    def wheels(self, locked: Locked) -> dict[str, Path]:
        """Return all wheels of a lock, if they are to be carried along."""
        if not self.vendor:
            return {}
        files = [file for package in locked.lock.packages for file in package.files]
        with step(f"fetching {len(files)} wheels"):
            return fetch_wheels(files, locked.offered, offline=self.offline)


def settle(
    serving: Serving, artifact: Artifact, put_together: Callable[[Artifact, Locked], Assembled]
) -> Settled:
    """Lock what a model needs, and replay the bundle in an environment made from that lock alone.

    A pickle names no libraries, so what it needs is guessed; the guess is corrected by this rule: libraries
    that nothing was imported of are left out, all at once, if the bundle then replays just the same.

    Args:
        serving: Where it is served.
        artifact: The model.
        put_together: Makes a bundle of an artifact and its lock.

    Raises:
        LockError: It cannot be locked, or does not replay.
    """
    locked = serving.lock(artifact)
    bundle = put_together(artifact, locked)
    if serving.replay and here() not in serving.platforms:
        warnings.warn(
            f"not replayed in an environment of its own: it is locked for {', '.join(serving.platforms)}, "
            "and this machine is none of them",
            PackWarning,
            stacklevel=3,
        )
    elif serving.replay and sys.version_info.minor not in locked.lock.minors:
        warnings.warn(
            "not replayed in an environment of its own: it is locked for other versions of Python",
            PackWarning,
            stacklevel=3,
        )
    elif serving.replay:
        found = _replayed(bundle, locked, serving)
        fewer = {name: spec for name, spec in artifact.runtime.items() if name in found.imported}
        if "pickle" in artifact.requires and fewer != artifact.runtime:
            less = replace(artifact, runtime=fewer)
            lock = serving.lock(less)
            again = put_together(less, lock)
            if _does_replay(again, lock, serving):
                bundle, locked = again, lock
    return Settled(bundle=bundle, wheels=serving.wheels(locked))


def _does_replay(bundle: Assembled, locked: Locked, serving: Serving) -> bool:
    try:
        _replayed(bundle, locked, serving)
    except LockError as error:
        if error.code != "replay":
            raise
        return False
    return True


def _replayed(assembled: Assembled, locked: Locked, serving: Serving) -> Replay:
    with (
        step("replaying the golden rows in an environment made from the lock alone"),
        tempfile.TemporaryDirectory(prefix="mlpack-replay-") as folder,
    ):
        bundle = Path(folder) / assembled.manifest.folder
        write_bundle(assembled, bundle, layout="directory", overwrite=False)
        return replay_in_clean_room(bundle, locked, offline=serving.offline)
