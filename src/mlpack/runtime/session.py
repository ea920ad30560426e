"""Opening a graph with onnxruntime: from bytes, on the CPU, quiet, with a fixed number of threads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from mlpack.errors import MlpackError, UsageError

__all__ = ["NodeArg", "Session", "engine_errors", "engine_title", "open_session"]


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


def open_session(model: bytes, *, threads: int = 1) -> Session:
    """Open an ONNX model for predictions on the CPU.

    Args:
        model: The serialised model; nothing is ever read from a file beside it.
        threads: Threads of one operator. With 1, sums keep their order and results repeat to the last bit.

    Returns:
        An `onnxruntime.InferenceSession`. It may be used from several Python threads at once.

    Raises:
        UsageError: `threads` is no positive integer.
        FormatError: The model reaches beyond its own bytes.
        MlpackError: onnxruntime refuses the model.
    """
    import onnxruntime

    from mlpack.runtime._graph import check_graph

    if type(threads) is not int or threads < 1:
        raise UsageError("expected a positive number of threads", where="threads")
    check_graph(model)
    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # only fatal: everything else arrives as an exception
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
    return session


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]


def _is_onnxruntime(session: Session) -> bool:
    return type(session).__module__.partition(".")[0] == "onnxruntime"


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
