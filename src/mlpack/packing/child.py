"""Running a function of ours in a process of its own, with a limit on time and memory."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys

from mlpack.errors import PackError

__all__ = ["ChildFailedError", "run_child"]


class ChildFailedError(PackError):
    """The process crashed, ran out of time or memory, or could not read its task."""

    default_code = "child"


def run_child(module: str, task: object, *, seconds: float, memory: int | None = None) -> object:
    """Run `main` of a module in a fresh interpreter and return what it pickled to standard output.

    Args:
        module: Module whose `main()` reads a pickle from standard input and writes one to standard output.
        task: What to send; must be picklable.
        seconds: Limit on wall time.
        memory: Limit on the address space in bytes, or None.

    Raises:
        ChildFailedError: It crashed, timed out, or the task cannot be pickled; the reason is one line.
    """
    try:
        payload = pickle.dumps(task)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise ChildFailedError(f"cannot be sent to another process: {error}") from error
    limit = (
        f"import resource; resource.setrlimit(resource.RLIMIT_AS, ({memory}, {memory})); " if memory else ""
    )
    program = f"{limit}from {module} import main; main()"
    # The child sees what this process can import, and nothing of the working directory besides.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-c", program],
            input=payload,
            capture_output=True,
            timeout=seconds,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ChildFailedError(f"no answer within {seconds:.0f} seconds") from error
    if done.returncode != 0:
        raise ChildFailedError(_last_line(done.returncode, done.stderr))
    try:
        return pickle.loads(done.stdout)  # noqa: S301  (written by our own child process)
    except (pickle.UnpicklingError, EOFError) as error:
        raise ChildFailedError("the answer was cut off") from error


def _last_line(code: int, stderr: bytes) -> str:
    lines = stderr.decode("utf-8", "replace").strip().splitlines()
    said = f": {lines[-1][:300]}" if lines else ""
    return f"killed by signal {-code}{said}" if code < 0 else f"ended with code {code}{said}"
