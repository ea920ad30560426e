"""Opening a graph with onnxruntime: from bytes, on the CPU, quiet, with a fixed number of threads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from mlpack.errors import MlpackError, UsageError

if TYPE_CHECKING:
    from mlpack.format.artifact import Artifact

__all__ = [
    "NodeArg",
    "RowSession",
    "Session",
    "engine_errors",
    "engine_title",
    "open_graph",
    "open_session",
]


_FOLDER = "session.model_external_initializers_file_folder_path"
"""Where onnxruntime looks for the weights of a model that it gets as bytes."""


class NodeArg(Protocol):
    """A graph input or output."""

    @property
    def name(self) -> str:
        """Its name."""
        ...

    @property
    def type(self) -> str:
        """Its type, as onnxruntime words it: `tensor(double)`."""
        ...

    @property
    def shape(self) -> list[Any]:
        """Its shape, None or a word for what varies."""
        ...


class Session(Protocol):
    """The part of `onnxruntime.InferenceSession` that a prediction needs; every engine has it.

    Other engines than onnxruntime raise InputError for rows that the original refuses, and MlpackError.
    """

    def run(self, output_names: Sequence[str], input_feed: Mapping[str, Any], /) -> Sequence[Any]:
        """Return the outputs asked for."""
        ...

    def get_inputs(self) -> Sequence[NodeArg]:
        """Return what the graph reads."""
        ...

    def get_outputs(self) -> Sequence[NodeArg]:
        """Return what the graph offers."""
        ...


class RowSession:
    """A session of a graph that treats every row by itself, given a bounded number of them at once.

    What a graph keeps of many rows grows with their number: distances to a hundred thousand stored points
    take 800 kB a row. A part that fits the processor's cache is also done sooner.
    """

    __slots__ = ("_rows", "_run", "_session", "get_inputs", "get_outputs")

    def __init__(self, session: Session, rows: int) -> None:
        """Wrap a session; `rows` is the most that it gets at once."""
        self._session = session
        self._run = session.run
        self._rows = rows
        self.get_inputs = session.get_inputs
        self.get_outputs = session.get_outputs

    def run(self, output_names: Sequence[str], input_feed: Mapping[str, Any], /) -> Sequence[Any]:
        """Return the outputs asked for, of all rows."""
        rows = len(next(iter(input_feed.values()))) if input_feed else 0
        if rows <= self._rows:
            return self._run(output_names, input_feed)
        import numpy as np

        parts = [
            self._run(
                output_names,
                {name: values[start : start + self._rows] for name, values in input_feed.items()},
            )
            for start in range(0, rows, self._rows)
        ]
        return [np.concatenate(found) for found in zip(*parts, strict=True)]


_AT_ONCE = 4 << 20
"""Bytes of one intermediate result: about what the cache of one processor core holds."""


def open_graph(artifact: Artifact, *, threads: int, by_row: bool = False) -> Session:
    """Open the graph of an artifact with the weights beside it; see `open_session`."""
    data = {item.path.name: item.path for item in artifact.stored.values()}
    return open_session(artifact.entry, threads=threads, by_row=by_row, data=data)


def open_session(
    model: bytes, *, threads: int = 1, by_row: bool = False, data: Mapping[str, Path] | None = None
) -> Session:
    """Open an ONNX model for predictions on the CPU.

    Args:
        model: The serialised model; no other file is ever read than those in `data`.
        threads: Threads of one operator. With 1, sums keep their order and results repeat to the last bit.
        by_row: Whether every row is answered by itself, so that many may be given to the graph in parts.
        data: Name that the model uses -> file of that name with its weights, all in one folder. They are
            mapped into memory here, and may be removed afterwards.

    Returns:
        An `onnxruntime.InferenceSession`, or a `RowSession` around it. It may be used from several Python
        threads at once.

    Raises:
        UsageError: `threads` is no positive integer.
        FormatError: The model reaches beyond its own bytes.
        MlpackError: onnxruntime refuses the model.
    """
    import onnxruntime

    from mlpack.runtime._graph import check_graph

    if type(threads) is not int or threads < 1:
        raise UsageError("expected a positive number of threads", where="threads")
    longest = check_graph(model, {name: path.stat().st_size for name, path in (data or {}).items()})
    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # only fatal: everything else arrives as an exception
    for path in list((data or {}).values())[:1]:
        options.add_session_config_entry(_FOLDER, str(path.parent))
    try:
        session: Session = onnxruntime.InferenceSession(
            model, sess_options=options, providers=["CPUExecutionProvider"]
        )
    except _onnxruntime_errors() as error:
        raise MlpackError(
            f"onnxruntime {onnxruntime.__version__} refuses the model: {_first_line(error)}",
            code="engine",
            where="model",
            hint="the manifest names the oldest onnxruntime that will do; `pip install -U onnxruntime`",
        ) from error
    return RowSession(session, max(16, _AT_ONCE // (8 * longest))) if by_row else session


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]


def _is_onnxruntime(session: Session) -> bool:
    return isinstance(session, RowSession) or type(session).__module__.partition(".")[0] == "onnxruntime"


def engine_title(session: Session) -> str:
    """Return what runs a session, with its version, for messages."""
    if _is_onnxruntime(session):
        import onnxruntime

        return f"onnxruntime {onnxruntime.__version__}"
    return str(getattr(session, "title", type(session).__name__))


def engine_errors(session: Session) -> tuple[type[Exception], ...]:
    """Return what running a session may raise beside our own errors: nothing, but for onnxruntime."""
    return _onnxruntime_errors() if _is_onnxruntime(session) else ()


def _onnxruntime_errors() -> tuple[type[Exception], ...]:
    """Return every exception class of onnxruntime, which share no base but Exception."""
    from onnxruntime.capi import onnxruntime_pybind11_state as engine

    own = [item for item in vars(engine).values() if isinstance(item, type) and issubclass(item, Exception)]
    return (*own, RuntimeError, ValueError)
