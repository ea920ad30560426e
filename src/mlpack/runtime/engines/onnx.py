"""ONNX graphs, run by onnxruntime."""

from __future__ import annotations

from mlpack.format.artifact import Artifact
from mlpack.format.contract import Contract
from mlpack.runtime.session import Session, open_graph

__all__ = ["open_engine"]


def open_engine(artifact: Artifact, contract: Contract, *, threads: int) -> Session:
    """Open the graph: its own bytes, and the weights that belong to it.

    Raises:
        UsageError: `threads` is no positive integer.
        FormatError: The model reaches beyond its own bytes.
        MlpackError: onnxruntime refuses the model.
    """
    return open_graph(artifact, threads=threads, by_row=contract.layout != "tensors")
