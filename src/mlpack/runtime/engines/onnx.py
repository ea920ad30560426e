"""ONNX graphs, run by onnxruntime."""

from __future__ import annotations

from mlpack.format.artifact import Artifact
from mlpack.format.contract import Contract
from mlpack.runtime.session import Session, open_session

__all__ = ["open_engine"]


def open_engine(artifact: Artifact, contract: Contract, *, threads: int) -> Session:
    """Open the graph: its own bytes, and nothing beside it.

    Raises:
        UsageError: `threads` is no positive integer.
        FormatError: The model reaches beyond its own bytes.
        MlpackError: onnxruntime refuses the model.
    """
    return open_session(artifact.entry, threads=threads, by_row=contract.layout != "tensors")
