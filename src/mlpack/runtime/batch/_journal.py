"""Where a run keeps what it has finished, so that a killed one goes on where it was."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlpack.errors import FormatError, StorageError, UsageError
from mlpack.format.atomic import atomic_file
from mlpack.format.documents import canonical_json, parse_json
from mlpack.runtime.batch._checkpoint import MARK, Checkpoint

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Journal", "open_journal"]


class Journal:
    """A folder beside the target: finished parts, a record of each, and what they are bound to."""

    def __init__(self, folder: Path) -> None:
        """Take a folder that this process has locked."""
        self.folder = folder
        self.rows = folder / "rows"
        self.aside = folder / "aside"

    def record(self, index: int) -> dict[str, Any] | None:
        """Return what was noted of a finished part."""
        place = self._record(index)
        if not place.exists():
            return None
        document: dict[str, Any] = json.loads(place.read_bytes())
        return document

    def finish(self, index: int, record: Mapping[str, Any]) -> None:
        """Note that a part is finished; its files are on disk by now."""
        with atomic_file(self._record(index), overwrite=True) as file:
            file.write(canonical_json(dict(record)))

    @contextlib.contextmanager
    def checkpoint(self, index: int) -> Iterator[Checkpoint]:
        """Yield what is known of an unfinished part; it is thrown away when the block ends well.

        It is when the run itself finds that it cannot go on, too: rows or disk will differ next time. What a
        killed process leaves stays.
        """
        folder = self.folder / "begun" / str(index)
        checkpoint = Checkpoint(folder)
        try:
            yield checkpoint
        except Exception:
            checkpoint.close()
            shutil.rmtree(folder, ignore_errors=True)
            raise
        except BaseException:
            checkpoint.close()  # interrupted from outside
            raise
        checkpoint.close()
        shutil.rmtree(folder, ignore_errors=True)

    def _record(self, index: int) -> Path:
        return self.folder / "done" / f"{index}.json"

    @contextlib.contextmanager
    def table(self, place: Path) -> Iterator[pa.NativeFile]:
        """Yield a file for a part's rows; it is on disk when the block ends well."""
        import pyarrow as pa

        place.parent.mkdir(parents=True, exist_ok=True)
        with pa.OSFile(str(place), "wb") as file:
            yield file
        handle = os.open(place, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextlib.contextmanager
def open_journal(target: Path, bound: Mapping[str, Any], *, resume: bool) -> Iterator[Journal]:
    """Open the journal of a target for this process alone, and remove it when the block ends well.

    Args:
        target: What is being written.
        bound: Everything that decides the output; a journal of a run with other values is not continued.
        resume: Whether to go on with what an unfinished run left; otherwise it is thrown away.

    Raises:
        StorageError: Another run is writing this target, or the disk refuses.
        UsageError: The unfinished run is another one.
    """
    name = hashlib.sha256(os.fsencode(target.name)).hexdigest()[:16]
    folder = target.parent / f".mlpack-score-{name}"
    with _locked(folder, target):
        if not resume:
            for child in folder.iterdir():
                if child.name != "lock":
                    shutil.rmtree(child) if child.is_dir() else child.unlink()
        _bind(folder, bound, target)
        try:
            yield Journal(folder)
        except BaseException:
            if not _begun(folder):
                shutil.rmtree(folder, ignore_errors=True)  # nothing to go on with
            raise
        shutil.rmtree(folder)


def _begun(folder: Path) -> bool:
    """Return whether a part is finished, or scored as far as a mark says."""
    finished = any((folder / "done").glob("*.json"))
    return finished or any((folder / "begun").glob(f"*/{MARK}"))


@contextlib.contextmanager
def _locked(folder: Path, target: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            gone = not os.path.samestat((folder / "lock").stat(), os.fstat(lock))
        except (BlockingIOError, FileNotFoundError):
            gone = True
        if gone:
            raise StorageError(
                "another run is writing this", code="busy", where=str(target), hint="wait for it, or end it"
            )
        yield
    finally:
        os.close(lock)


def _bind(folder: Path, bound: Mapping[str, Any], target: Path) -> None:
    place = folder / "bound.json"
    if not (place.exists() and _begun(folder)):
        with atomic_file(place, overwrite=True) as file:
            file.write(canonical_json(dict(bound)))
        return
    try:
        found = parse_json(place.read_bytes(), where=str(place))
    except FormatError:
        found = {}
    there = found if isinstance(found, dict) else {}
    if changed := sorted(key for key in {*bound, *there} if bound.get(key) != there.get(key)):
        raise UsageError(
            f"an unfinished run is there that differs in: {', '.join(changed)}",
            code="other-run",
            where=str(target),
            hint="start over with --restart (resume=False), or repeat that run as it was",
        )
