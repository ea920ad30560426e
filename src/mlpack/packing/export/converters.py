"""The second and third rung: the public converter, run in a child process under limits.

A converter may loop for ever, crash or exhaust memory on models that it does not know, so it never runs in
the process that packs. The child gets the model by pickle, which this very process has just written.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mlpack.packing.export.graph import Unsupported

if TYPE_CHECKING:
    from mlpack.format.contract import Contract

__all__ = ["MEMORY_LIMIT", "TIME_LIMIT", "convert"]

TIME_LIMIT = 60.0
"""Seconds that one conversion may take."""

MEMORY_LIMIT = 8 << 30
"""Bytes of address space that one conversion may use."""

_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def convert(
    model: object,
    contract: Contract,
    *,
    precision: Literal["float64", "float32"],
    time_limit: float = TIME_LIMIT,
    memory_limit: int = MEMORY_LIMIT,
) -> bytes:
    """Return canonical ONNX bytes made by skl2onnx, with exactly the contract's inputs and outputs.

    Args:
        model: A fitted scikit-learn estimator or pipeline that can be pickled.
        contract: Inputs and outputs of the graph.
        precision: Type that the converted graph computes in.
        time_limit: Seconds before the child is killed.
        memory_limit: Bytes of address space of the child.

    Raises:
        Unsupported: It cannot be pickled or converted, or the child crashed or ran out of time or memory.
    """
    import cloudpickle

    name = type(model).__name__
    try:
        # By value for what __main__ defines: a notebook's classes exist in no file that a child could import.
        payload = cloudpickle.dumps((model, contract, precision), protocol=5)
    except (pickle.PicklingError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise Unsupported(name, f"cannot be pickled for the converter ({type(error).__name__})") from error
    with tempfile.TemporaryDirectory(prefix="mlpack-convert-") as folder:
        room = Path(folder)
        (room / "task").write_bytes(payload)
        code = _run_child(name, room, time_limit, memory_limit)
        result, reason = room / "result", room / "reason"
        if code == 0 and result.is_file():
            return result.read_bytes()
        if reason.is_file():
            raise Unsupported(name, reason.read_text(encoding="utf-8"))
    raise Unsupported(name, f"the converter's process ended with code {code}")


def _run_child(name: str, room: Path, time_limit: float, memory_limit: int) -> int:
    environment = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONPATH": os.pathsep.join(sys.path)}
    environment.update(dict.fromkeys(_ONE_THREAD, "1"))
    command = [sys.executable, "-m", "mlpack.packing.export.conversion", str(room), str(memory_limit)]
    try:
        done = subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=time_limit,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise Unsupported(name, f"the converter did not finish within {time_limit:g} s") from error
    except OSError as error:
        raise Unsupported(name, f"the converter's process did not start ({error.strerror})") from error
    return done.returncode
