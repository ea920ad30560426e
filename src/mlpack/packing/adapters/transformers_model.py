"""Transformers with their tokenizer: text in, what the model returns out. Objects or a folder, no hub."""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mlpack.errors import ExampleError, MissingExtraError, ModelError
from mlpack.format.text_models import TEXT_INPUTS
from mlpack.packing.tensors.study import Arrays, StudyTask
from mlpack.packing.tensors.torch_export import ROUTES

__all__ = ["tensor_model"]


@dataclass(frozen=True, kw_only=True, slots=True)
class _TextModel:
    original: str
    subject: object
    model: bytes
    tokenizer: bytes
    texts: Arrays
    child: str = "mlpack.packing.tensors.text_child"
    routes: Sequence[str] = ROUTES

    def task(self, route: str, folder: Path) -> StudyTask:
        return StudyTask(
            model=self.model,
            tokenizer=self.tokenizer,
            example=self.texts,
            positional=0,
            route=route,
            folder=folder,
        )


def tensor_model(model: Any, example: object) -> _TextModel:  # noqa: ANN401  (a pair, a pipeline or a folder)
    """Return a model with its tokenizer and texts, ready for a child process.

    Raises:
        MissingExtraError: A library is not installed.
        ModelError: The folder or the tokenizer cannot be used, or a part cannot be sent to another process.
        ExampleError: The example holds no texts.
    """
    try:
        import cloudpickle
        import onnxscript  # noqa: F401  (torch.onnx needs it, in the child)
        import tokenizers  # noqa: F401  (runs before the graph)
        import transformers  # noqa: F401  (the child reads the model with it)
    except ImportError as error:
        raise MissingExtraError(
            f"packing a transformer needs {error.name}", hint="pip install 'mlpack-sdk[transformers]'"
        ) from error
    network, tokenizer = _parts(model)
    if getattr(tokenizer, "backend_tokenizer", None) is None:
        raise ModelError(
            f"{type(tokenizer).__name__} is written in Python",
            where="tokenizer",
            hint="load the fast tokenizer: AutoTokenizer.from_pretrained(..., use_fast=True)",
        )
    if tokenizer.pad_token is None:
        raise ModelError(
            "it has no padding token, so texts of different lengths make no batch",
            where="tokenizer",
            hint="tokenizer.pad_token = tokenizer.eos_token",
        )
    try:
        content = cloudpickle.dumps(network), cloudpickle.dumps(tokenizer)
    except (pickle.PicklingError, TypeError, AttributeError, RuntimeError, RecursionError) as error:
        raise ModelError(f"cannot be sent to another process: {error}", where="model") from error
    return _TextModel(
        original=f"{type(network).__module__}.{type(network).__qualname__}",
        subject=network,
        model=content[0],
        tokenizer=content[1],
        texts=_texts(example),
    )


def _parts(model: Any) -> tuple[Any, Any]:  # noqa: ANN401
    """Return network and tokenizer of a pair, a pipeline, or a folder that holds both."""
    if isinstance(model, (str, Path)):
        return _from_folder(Path(model))
    if isinstance(model, (tuple, list)):
        first, second = model
        return (first, second) if hasattr(first, "named_parameters") else (second, first)
    return model.model, model.tokenizer


def _from_folder(folder: Path) -> tuple[Any, Any]:
    """Return what a folder holds: its own files, no code of its own, and nothing from anywhere else."""
    import transformers

    try:
        config = transformers.AutoConfig.from_pretrained(folder, local_files_only=True)
        names = config.architectures or ["AutoModel"]
        kind = getattr(transformers, names[0], transformers.AutoModel)
        network = kind.from_pretrained(folder, local_files_only=True, use_safetensors=True)
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, KeyError, ImportError) as error:
        said = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ModelError(f"transformers cannot load it: {said}", where=str(folder)) from error
    return network, tokenizer


def _texts(example: object) -> Arrays:
    """Return the example's texts by name."""
    if isinstance(example, str):
        example = [example]
    if isinstance(example, Mapping):
        columns = dict(example)
    elif isinstance(example, (list, tuple)) and example and isinstance(example[0], (tuple, list)):
        columns = dict(zip(TEXT_INPUTS, zip(*example, strict=True), strict=False))
    else:
        columns = {TEXT_INPUTS[0]: example}
    if list(columns) not in (list(TEXT_INPUTS[:1]), list(TEXT_INPUTS)):
        raise ExampleError(
            f"expected {' and '.join(TEXT_INPUTS)}, found {', '.join(map(str, columns))}", where="example"
        )
    found = {}
    for name, values in columns.items():
        cells = list(values) if hasattr(values, "__iter__") else []
        if not cells or not all(isinstance(cell, str) for cell in cells):
            raise ExampleError(
                "expected strings",
                where=f"example {name!r}",
                hint="pass a list of texts, as the model reads them",
            )
        array = np.empty(len(cells), dtype=object)
        array[:] = [str(cell) for cell in cells]
        found[name] = array
    return found
