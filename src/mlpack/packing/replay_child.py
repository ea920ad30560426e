"""Replaying a bundle's golden rows inside the clean room. Nothing but what the lock names is importable here.

Started by `mlpack.packing.replaying` with the room's interpreter; reads a task from standard input and writes
one line of JSON to standard output. Only the standard library is imported before the bundle is opened.
"""

from __future__ import annotations

import ctypes
import json
import platform
import sys
from importlib import metadata
from typing import Any

__all__ = ["main"]

_NEW_USER, _NEW_NET = 0x10000000, 0x40000000
"""Flags of unshare(2). Source: linux/sched.h."""


def main() -> None:
    """Cut the network off, load the bundle, replay, and say what happened."""
    task = json.load(sys.stdin)
    answer: dict[str, Any] = {"python": platform.python_version(), "network": _cut_network()}
    said = sys.stdout
    sys.stdout = sys.stderr  # what the model's code prints is no answer
    answer |= _replay(task["bundle"])
    answer["imported"] = _imported()
    said.write(json.dumps(answer) + "\n")


def _cut_network() -> str:
    """Leave this process without any network interface, where its user may do that; say whether it worked."""
    if sys.platform != "linux":
        return "open"
    unshare = getattr(ctypes.CDLL(None), "unshare", None)
    if unshare is not None and (unshare(_NEW_NET) == 0 or unshare(_NEW_USER | _NEW_NET) == 0):
        return "cut off"
    return "open"


def _replay(path: str) -> dict[str, Any]:
    from mlpack.errors import MlpackError

    try:
        return {"agreed": _agreed(path)}
    except (ModuleNotFoundError, MlpackError) as error:
        if missing := _missing(error):
            return {"missing": missing}
        if not isinstance(error, MlpackError):
            raise
        return {"refused": error.message, "problems": list(error.problems)}


def _missing(error: BaseException | None) -> str:
    """Return the module that could not be found, if that is what an error goes back to."""
    while error is not None:
        if isinstance(error, ModuleNotFoundError):
            return error.name or str(error)
        error = error.__cause__ or error.__context__
    return ""


def _agreed(path: str) -> dict[str, str]:
    """Return method -> certificate under which its golden rows came out as recorded."""
    from mlpack.format.evidence import Golden
    from mlpack.format.opening import inspect
    from mlpack.runtime.engines import open_engine
    from mlpack.runtime.loading import opened_artifact
    from mlpack.runtime.predictor import Predictor
    from mlpack.runtime.replay import replay_golden

    bundle = inspect(path)
    manifest = bundle.manifest
    with opened_artifact(bundle) as artifact:
        session = open_engine(artifact, bundle.contract, threads=manifest.model.threads)
    predictor = Predictor(bundle.contract, session, ranges="ignore")
    golden = Golden.from_bytes(bundle.read(manifest.one("golden")))
    replay_golden(predictor, golden, bundle.parity, exact=True)
    return {item.method: item.certificate for item in bundle.parity.methods}


def _imported() -> list[str]:
    """Return the distributions that anything was imported of, sorted."""
    owners = metadata.packages_distributions()
    tops = {name.partition(".")[0] for name in sys.modules}
    return sorted({owner for top in tops for owner in owners.get(top, ())})
