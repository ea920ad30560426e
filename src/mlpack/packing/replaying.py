"""Clean-room replay: an environment from the lock alone must give the golden rows again."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlpack.errors import LockError
from mlpack.packing.environment.cache import room_folder
from mlpack.packing.environment.installed import normal_name
from mlpack.packing.environment.locking import Locked
from mlpack.packing.environment.room import furnish
from mlpack.packing.environment.wording import plain_reason

__all__ = ["Replay", "replay_in_clean_room"]

SECONDS = 600
"""Longest that loading and predicting the golden rows may take."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Replay:
    """How a bundle did in an environment made from its own lock.

    Attributes:
        methods: Method -> certificate under which its golden rows came out as recorded.
        python: Version of the interpreter.
        network: `cut off`, or `open` where this user may not take the network away.
        imported: Distributions that loading and predicting imported, normalised names, sorted.
        seconds: Time it took, the environment included.
    """

    methods: Mapping[str, str]
    python: str
    network: str
    imported: tuple[str, ...]
    seconds: float


def replay_in_clean_room(bundle: Path, locked: Locked, *, offline: bool = False) -> Replay:
    """Install what a bundle's lock names, nothing else, and replay its golden rows there.

    The network is needed for wheels that uv's cache lacks, and is cut off before the model is loaded where
    the user may do that (on Linux). Code in the bundle runs.

    Args:
        bundle: A bundle directory.
        locked: The lock that it holds, with where the wheels are.
        offline: Install from uv's cache and local wheels only.

    Raises:
        LockError: A wheel cannot be installed, something is missing from the lock, or an answer differs.
    """
    import mlpack

    start = time.perf_counter()
    with room_folder() as (room, bytecode):
        python = furnish(room, locked, offline=offline)
        # Only this package, not what is installed beside it.
        (room / "own").mkdir()
        (room / "own" / "mlpack").symlink_to(Path(str(mlpack.__file__)).resolve().parent)
        answer = _ask(python, room / "own", bundle.resolve(), bytecode)
    if missing := answer.get("missing"):
        raise LockError(
            f"the model needs the module {missing}, which is not in its lock",
            where=str(missing).partition(".")[0],
            hint="import it at the top of the code that uses it, so that it is found and locked",
            code="replay",
        )
    if refused := answer.get("refused"):
        raise LockError(
            f"an environment made from the lock alone does not do as this one does: {refused}",
            where="replay",
            problems=tuple(map(str, answer.get("problems", ()))),
            hint="what is installed here differs from what its index offers under the same version",
            code="replay",
        )
    return Replay(
        methods=answer["agreed"],
        python=answer["python"],
        network=answer["network"],
        imported=tuple(sorted(map(normal_name, answer["imported"]))),
        seconds=time.perf_counter() - start,
    )


def _ask(python: Path, own: Path, bundle: Path, bytecode: Path) -> dict[str, Any]:
    program = (
        f"import sys; sys.path.insert(0, {str(own)!r}); from mlpack.packing.replay_child import main; main()"
    )
    # No variable of Python's reaches it (-I), and none that could carry a secret to the model's code.
    kept = ("PATH", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH")
    environment = {name: os.environ[name] for name in kept if name in os.environ}
    try:
        done = subprocess.run(
            [str(python), "-I", "-X", f"pycache_prefix={bytecode}", "-c", program],
            input=json.dumps({"bundle": str(bundle)}),
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=SECONDS,
            env={**environment, "HOME": str(own)},
            cwd=own,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise LockError(f"no answer within {SECONDS} seconds", where="replay", code="replay") from error
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"ended with code {done.returncode}"])[-1]
        raise LockError(f"the model fails: {plain_reason(last)}", where="replay", code="replay")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer
