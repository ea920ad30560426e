"""How a bundle reaches the processes of a cluster: one archive, under the digest that the driver verified."""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import os
import shutil
import stat
import tempfile
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlpack.errors import StorageError
from mlpack.runtime.notices import UnsignedWarning

if TYPE_CHECKING:
    from mlpack.runtime.predictor import Predictor
    from mlpack.trust.location import BundleLike
    from mlpack.trust.policy import Policy, Unsigned

__all__ = ["Shipment", "archive_name", "deliver", "load_shipped", "prepare"]

_lock = threading.Lock()
_prepared: dict[str, Path] = {}


@dataclass(frozen=True, kw_only=True, slots=True)
class Shipment:
    """A bundle that the driver has accepted, ready to travel.

    Attributes:
        archive: The `.mlpack` file on the driver; it lives as long as the driver's process.
        digest: `bundle:sha256:<hex>`, all that a worker is told about whom to trust.
    """

    archive: Path
    digest: str


def archive_name(digest: str) -> str:
    """Return the file name under which a bundle travels: its contents decide it, so two never collide."""
    return f"{digest.rpartition(':')[2]}.mlpack"


def prepare(
    bundle: BundleLike, policy: Policy | Unsigned | str | os.PathLike[str] | None
) -> tuple[Shipment, Predictor]:
    """Accept a bundle on the driver, and load it there from the very bytes that will travel.

    Args:
        bundle: A bundle directory, a `.mlpack` file, or a bundle that was opened before.
        policy: As for `mlpack.load`. `mlpack.UNSIGNED` warns, here and now; workers never see it, they get
            the digest of what the driver saw, and accept nothing else.

    Returns:
        What travels, and the model, for its schema.

    Raises:
        VerificationError: The bundle does not fulfil the policy, or changed after it was looked at.
        PolicyError: There is no usable policy.
        MlpackError: As `mlpack.load` raises it.
    """
    from mlpack.trust.location import bundle_path

    path = bundle_path(bundle)
    digest = _accepted(path, policy)
    with _lock:
        archive = _prepared.get(digest)
        if archive is None:
            archive = _prepared[digest] = _archive(path, digest)
    return Shipment(archive=archive, digest=digest), load_shipped(archive, digest)


def _accepted(path: Path, policy: Policy | Unsigned | str | os.PathLike[str] | None) -> str:
    """Return the digest of the bundle that the policy accepts."""
    from mlpack.format.opening import inspect
    from mlpack.trust.policy import Unsigned
    from mlpack.trust.policy_choice import resolve_policy
    from mlpack.trust.verification import verify

    rules = resolve_policy(policy)
    if not isinstance(rules, Unsigned):
        return verify(path, rules).digest
    opened = inspect(path)
    warnings.warn(
        f"{opened.name} {opened.version} is scored with unsigned: nobody vouches for it. "
        f"Workers accept only {opened.digest}",
        UnsignedWarning,
        stacklevel=4,
    )
    return opened.digest


def _archive(path: Path, digest: str) -> Path:
    """Put a copy of the bundle, as an archive, where it stays until this process ends."""
    from mlpack.format.manifest import Manifest
    from mlpack.format.names import MANIFEST
    from mlpack.format.tree import open_tree
    from mlpack.format.writer import write_copy

    folder = Path(tempfile.mkdtemp(prefix="mlpack-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    target = folder / archive_name(digest)
    # What is copied need not be trusted here: load_shipped verifies the copy.
    with open_tree(path) as tree:
        name = Manifest.from_bytes(tree.read(MANIFEST, 1 << 24)).folder
        write_copy(tree, name, target, added={}, layout="archive", overwrite=False)
    return target


def load_shipped(archive: Path, digest: str) -> Predictor:
    """Load a bundle that was shipped: it is verified in full, under its digest and nothing else.

    Args:
        archive: The `.mlpack` file on this machine.
        digest: What the driver verified.

    Raises:
        VerificationError: The file is not that bundle.
        ParityError: This machine does not reproduce the golden rows.
        MlpackError: As `mlpack.load` raises it.
    """
    from mlpack.runtime.loading import load
    from mlpack.trust.policy import Policy

    return load(archive, policy=Policy.from_digest(digest))


def deliver(data: bytes, digest: str) -> Path:
    """Put a bundle that arrived as bytes where every process of this user on this node finds it.

    Only the first process writes, and verifies what it wrote before others see it.

    Args:
        data: The archive.
        digest: What the driver verified.

    Returns:
        The file. Whoever loads it verifies it again: others may have touched it since.

    Raises:
        VerificationError: The bytes are not that bundle.
        StorageError: The folder for temporary files is not usable.
    """
    from mlpack.format.atomic import atomic_file
    from mlpack.trust.policy import Policy
    from mlpack.trust.verification import verify

    folder = _private_folder()
    target = folder / archive_name(digest)
    with _alone(folder / f"{target.name}.lock"):
        if not target.exists():
            arriving = folder / f"arriving-{target.name}"
            with atomic_file(arriving, overwrite=True) as file:
                file.write(data)
            verify(arriving, Policy.from_digest(digest))
            arriving.rename(target)
    return target


def _private_folder() -> Path:
    """Return a folder that only this user can write to, whatever others put under its name before."""
    folder = Path(tempfile.gettempdir()) / f"mlpack-node-{os.getuid()}"
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise StorageError(
            "expected a folder that belongs to this user alone", where=str(folder), hint="remove it"
        )
    return folder


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # gone with the file, and with a process that dies
        yield
