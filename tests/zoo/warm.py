"""Children forked from a process that has imported everything, in place of fresh interpreters.

Hundreds of models would otherwise pay for the same imports several times each. What runs in the child, and
its limits, are those of packing.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from mlpack.packing.child import ChildFailedError, run_child
from mlpack.packing.evidence import parity, worker
from mlpack.packing.export import conversion, converters
from mlpack.packing.export.graph import Unsupported

__all__ = ["keep_warm"]

_FORK = multiprocessing.get_context("fork")


def keep_warm() -> None:
    """Import what the children need, and let packing fork them from here on."""
    import onnxruntime  # noqa: F401
    import skl2onnx  # noqa: F401

    converters._run_child = _convert
    parity.run_child = _ask  # type: ignore[attr-defined]


def _convert(name: str, room: Path, time_limit: float, memory_limit: int) -> int:
    code = _run(lambda _: conversion.main([str(room), str(memory_limit)]), time_limit)[0]
    if code is None:
        raise Unsupported(name, f"the converter did not finish within {time_limit:g} s")
    return code


def _ask(module: str, task: object, *, seconds: float, memory: int | None = None) -> object:
    assert isinstance(task, worker.Task)
    # Threads of a library, such as polars, do not outlive a fork: its models get an interpreter.
    if task.artifact.format != "onnx":
        return run_child(module, task, seconds=seconds, memory=memory)
    code, answer = _run(lambda ours: ours.send(worker._work(task)), seconds)
    if code is None:
        raise ChildFailedError(f"no answer within {seconds:.0f} seconds")
    if code != 0:
        raise ChildFailedError(f"{module} ended with code {code}, memory {memory}")
    return answer


def _run(work: Callable[[Connection], object], seconds: float) -> tuple[int | None, Any]:
    ours, theirs = _FORK.Pipe(duplex=False)
    process = _FORK.Process(target=_child, args=(work, theirs))
    process.start()
    theirs.close()
    answer = None
    try:
        if ours.poll(seconds):
            answer = ours.recv()
    except EOFError:
        pass
    process.join(seconds)
    if process.exitcode is None:
        process.kill()
        process.join()
        return None, None
    return process.exitcode, answer


def _child(work: Callable[[Connection], object], theirs: Connection) -> None:
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 2)
    try:
        work(theirs)
    except BaseException:  # noqa: BLE001 - as an interpreter of its own would end
        sys.excepthook(*sys.exc_info())
        os._exit(1)
