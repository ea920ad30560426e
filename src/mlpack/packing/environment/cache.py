"""Folders that outlive a process: fetched wheels, and where rooms are furnished. Losing them costs time."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

__all__ = ["cache_folder", "room_folder"]

_ROOMS = 8
"""Most rooms at the same time that share compiled bytecode; more of them get a folder of their own."""


def cache_folder() -> Path:
    """Return this user's cache folder for mlpack, which may not exist yet.

    Source: XDG Base Directory Specification; Apple's File System Programming Guide.
    """
    if named := os.environ.get("MLPACK_CACHE_DIR"):
        return Path(named).absolute()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "mlpack"
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if Path(base).is_absolute() else Path.home() / ".cache") / "mlpack"


@contextlib.contextmanager
def room_folder() -> Iterator[tuple[Path, Path]]:
    """Yield an empty folder, and one for bytecode, until the room is left.

    Compiling a library takes ten times as long as importing it. Python finds compiled files by the path of
    their source and checks its time and size, so rooms stand in the same few places every time.
    """
    with contextlib.ExitStack() as stack:
        yield _taken(stack)


def _taken(stack: contextlib.ExitStack) -> tuple[Path, Path]:
    rooms = cache_folder() / "rooms"
    try:
        rooms.mkdir(mode=0o700, parents=True, exist_ok=True)
        for number in range(_ROOMS):
            if _take(rooms / f"{number}.lock", stack):
                room = rooms / str(number)
                shutil.rmtree(room, ignore_errors=True)
                room.mkdir(mode=0o700)
                stack.callback(shutil.rmtree, room, ignore_errors=True)
                return room, rooms / "bytecode"
    except OSError:  # no home, or nothing can be written there
        pass
    room = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mlpack-room-")))
    return room, room / "bytecode"


def _take(path: Path, stack: contextlib.ExitStack) -> bool:
    """Hold a file until the stack unwinds; whether nobody else does."""
    import fcntl

    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return False
    stack.callback(os.close, descriptor)
    return True
