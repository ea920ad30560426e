"""Text models: the tokenizer that the model was trained with, exactly, before its graph.

`model/tokenizer.json` is data: the `tokenizers` library interprets it as it did when the model was fitted,
with the padding and the truncation that it names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlpack.errors import FormatError, MissingExtraError
from mlpack.format.artifact import Artifact
from mlpack.format.contract import Contract
from mlpack.format.text_models import ENCODED, TEXT_INPUTS, TOKENIZER_PATH
from mlpack.runtime.session import NodeArg, Session, open_graph

__all__ = ["open_engine"]


def open_engine(artifact: Artifact, contract: Contract, *, threads: int) -> Session:
    """Open the graph and the tokenizer before it.

    Raises:
        UsageError: `threads` is no positive integer.
        FormatError: The tokenizer is not usable, or the graph reads what no tokenizer gives.
        MissingExtraError: `tokenizers` is not installed.
        MlpackError: onnxruntime refuses the model.
    """
    try:
        import tokenizers
    except ImportError as error:
        raise MissingExtraError(
            "this text model needs tokenizers", hint="pip install 'mlpack-sdk[text]'"
        ) from error
    if TOKENIZER_PATH not in artifact.files:
        raise FormatError("the tokenizer is missing", where=TOKENIZER_PATH)
    graph = open_graph(artifact, threads=threads)
    try:
        tokenizer = tokenizers.Tokenizer.from_buffer(artifact.files[TOKENIZER_PATH])
    except Exception as error:
        raise FormatError(
            f"tokenizers {tokenizers.__version__} cannot read it: {str(error)[:200]}", where=TOKENIZER_PATH
        ) from error
    unknown = [item.name for item in graph.get_inputs() if item.name not in ENCODED]
    names = [item.name for item in contract.inputs]
    if unknown or names not in (list(TEXT_INPUTS[:1]), list(TEXT_INPUTS)):
        raise FormatError("the graph reads what no tokenizer gives", where="contract.json.inputs")
    return _TextSession(graph=graph, tokenizer=tokenizer, names=tuple(names))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Arg:
    """An input as onnxruntime describes one."""

    name: str
    type: str
    shape: list[Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class _TextSession:
    """A session that reads text, shape `(N,)`, and a second text of each pair if the model takes pairs."""

    graph: Session
    tokenizer: Any
    names: tuple[str, ...]

    @property
    def title(self) -> str:
        """What runs it, for messages."""
        import onnxruntime
        import tokenizers

        return f"tokenizers {tokenizers.__version__} with onnxruntime {onnxruntime.__version__}"

    def get_inputs(self) -> Sequence[NodeArg]:
        """Return the texts."""
        return [_Arg(name=name, type="tensor(string)", shape=["batch"]) for name in self.names]

    def get_outputs(self) -> Sequence[NodeArg]:
        """Return what the graph offers."""
        return self.graph.get_outputs()

    def run(self, output_names: Sequence[str], input_feed: Mapping[str, Any], /) -> Sequence[Any]:
        """Return the outputs asked for."""
        import numpy as np

        texts = [input_feed[name].tolist() for name in self.names]
        rows = texts[0] if len(texts) == 1 else list(zip(*texts, strict=True))
        encoded = self.tokenizer.encode_batch(rows)
        feeds = {
            item.name: np.array([getattr(row, ENCODED[item.name]) for row in encoded], dtype=np.int64)
            for item in self.graph.get_inputs()
        }
        return self.graph.run(output_names, feeds)
