"""The child process of a transformer with its tokenizer: both are asked as they are."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from mlpack.format.tensors import Dimension
from mlpack.format.text_models import ENCODED, TOKENIZER_PATH
from mlpack.packing.tensors.asking import Asker, sampled_rows
from mlpack.packing.tensors.flat import FlatModule, read_pickle
from mlpack.packing.tensors.study import Arrays, Call, InputFacts, Study, StudyTask
from mlpack.packing.tensors.torch_child import (
    answer_task,
    architecture,
    prepared,
)

if TYPE_CHECKING:
    import torch

__all__ = ["main"]

MOST_TEXTS = 24
TRACE_TEXTS = 3
FROM_PADDING = ("roberta", "xlm-roberta", "camembert", "xlm-roberta-xl", "longformer")
"""Models that count positions from behind the padding token."""

UNUSUAL = (
    "", " ", "a", "A", "?!", "\n\tx", "  two  spaces ", "na\u00efve caf\u00e9 \u00dcn\u00efc\u00f6d\u00e9",
    "\u0395\u03bb\u03bb\u03b7\u03bd\u03b9\u03ba\u03ac", "\u0440\u0443\u0441\u0441\u043a\u0438\u0439",
    "\u6f22\u5b57\u304b\u306a\u4ea4\u3058\u308a\u6587", "\U0001f469\u200d\U0001f467 emoji",
    "e\u0301 combining", "zero\u200bwidth", "nul\x00byte", "[SEP] <s> </s> [MASK] <pad>", "don't can't",
    "1234567890 3.14 1e-5", "supercalifragilisticexpialidocious" * 3, "http://example.org/?q=1&r=2",
    "\u202eright to left",
)  # fmt: skip


def main() -> None:
    """Read a task from standard input, write the study to the real standard output."""
    answer_task(_study)


def _study(task: StudyTask) -> Study:
    from mlpack.packing.tensors.torch_export import NoExportError, export

    module = prepared(read_pickle(task.model))
    tokenizer = pickle.loads(task.tokenizer)  # noqa: S301  (the same)
    longest = _longest(tokenizer, module)
    example = sampled_rows(task.example, MOST_TEXTS)
    encoded = _encode(tokenizer, sampled_rows(task.example, TRACE_TEXTS), longest)
    if unknown := [name for name in encoded if name not in ENCODED]:
        return Study(refusal=f"the tokenizer also gives {', '.join(unknown)}", final=True)
    base = _several(encoded)
    flat = FlatModule(module, list(base), 0)
    flat.answer(base)
    try:
        made = export(flat, base, route=task.route, folder=task.folder)
    except NoExportError as error:
        return Study(refusal=str(error), final=error.final)
    if frozen := [f"{name}, axis {axis}" for name, axis in made.frozen]:
        return Study(refusal=f"the graph takes one size only along {'; '.join(frozen)}")
    asker = Asker(model=lambda texts: flat.answer(_encode(tokenizer, texts, longest)))
    calls = [
        Call(name=name, inputs=texts, outputs=asker.answer(texts), golden=golden)
        for name, texts, golden in _calls(example)
    ]
    return Study(
        graph=made.graph,
        stored=made.stored,
        files={TOKENIZER_PATH: _tokenizer_json(tokenizer, longest)},
        inputs={name: InputFacts(shape=("batch",), tensor=name) for name in example},
        outputs=dict(zip(flat.parts, made.outputs, strict=True)),
        classes=_classes(module, flat),
        dimensions={"batch": Dimension(minimum=1)},
        calls=calls,
        architecture=architecture(module),
        framework=("transformers", _version()),
        precision="float32-network",
        runtime={"tokenizers": _tokenizers_version()},
    )


def _version() -> str:
    import transformers

    return str(transformers.__version__)


def _tokenizers_version() -> str:
    import tokenizers

    return f">={'.'.join(str(tokenizers.__version__).split('.')[:2])}"


def _longest(tokenizer: Any, module: torch.nn.Module) -> int | None:  # noqa: ANN401
    """Return the most tokens that both tokenizer and model take; None without a limit."""
    config: Any = getattr(module, "config", None)
    limits = [getattr(config, "max_position_embeddings", None), tokenizer.model_max_length]
    if getattr(config, "model_type", "") in FROM_PADDING and limits[0]:
        limits[0] -= (config.pad_token_id or 0) + 1
    known = [int(limit) for limit in limits if isinstance(limit, int) and 0 < limit < 10**6]
    return min(known, default=None)


def _encode(tokenizer: Any, texts: Arrays, longest: int | None) -> dict[str, np.ndarray]:  # noqa: ANN401
    """Return what the model's own tokenizer gives, padded to the longest and cut where the model ends."""
    columns = [values.tolist() for values in texts.values()]
    limits: dict[str, Any] = {} if longest is None else {"truncation": True, "max_length": longest}
    found = tokenizer(*columns, padding=True, return_tensors="np", **limits)
    return {name: np.asarray(value, dtype=np.int64) for name, value in found.items()}


def _several(encoded: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return at least two rows and columns: an export takes 1 for a constant."""
    rows = max(TRACE_TEXTS, len(next(iter(encoded.values()))))
    return {
        name: np.resize(
            np.repeat(value, 4, axis=1) if value.shape[1] < 4 else value, (rows, max(value.shape[1], 4))
        )
        if len(value) < rows or value.shape[1] < 4
        else value
        for name, value in encoded.items()
    }


def _tokenizer_json(tokenizer: Any, longest: int | None) -> bytes:  # noqa: ANN401
    """Return the tokenizer as data, with the padding and truncation under which it was asked."""
    import tokenizers

    copy = tokenizers.Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    copy.no_truncation()
    if longest is not None:
        copy.enable_truncation(longest, strategy="longest_first", direction=tokenizer.truncation_side)
    copy.enable_padding(
        direction=tokenizer.padding_side,
        pad_id=tokenizer.pad_token_id,
        pad_type_id=tokenizer.pad_token_type_id,
        pad_token=tokenizer.pad_token,
    )
    content: str = copy.to_str()
    return content.encode("utf-8")


def _classes(module: torch.nn.Module, flat: FlatModule) -> dict[str, tuple[str, ...]]:
    """Return the names of the columns of `logits`, where the configuration gives them."""
    config: Any = getattr(module, "config", None)
    labels = getattr(config, "id2label", None)
    if not labels or not type(module).__name__.endswith(("SequenceClassification", "TokenClassification")):
        return {}
    part = "" if flat.parts == [""] else "logits"
    names = tuple(str(labels[index]) for index in sorted(labels))
    return {part: names} if len(set(names)) == len(names) else {}


def _calls(example: Arrays) -> Iterator[tuple[str, Arrays, bool]]:
    """Yield (name, texts, whether they may be stored)."""
    yield "example", example, False
    one = {name: values[:1] for name, values in example.items()}
    yield "batch of 1", one, False
    yield "batch of 2", {name: np.resize(values, 2) for name, values in example.items()}, False
    yield "batch of 64", {name: np.resize(values, 64) for name, values in example.items()}, False
    long = {name: _objects([" ".join([*values.tolist(), "x"] * 20)]) for name, values in example.items()}
    yield "long text", long, False
    yield "long and short", {name: np.concatenate([long[name], one[name]]) for name in example}, False
    for text in UNUSUAL:
        yield (
            f"unusual text {UNUSUAL.index(text)}",
            {name: _objects([text, "word"]) for name in example},
            True,
        )
    yield "all unusual texts", {name: _objects(UNUSUAL) for name in example}, True
    for name in list(example)[1:]:
        yield f"{name} empty", {**{key: one[key] for key in example}, name: _objects([""])}, False


def _objects(texts: Any) -> np.ndarray:  # noqa: ANN401
    array = np.empty(len(texts), dtype=object)
    array[:] = list(texts)
    return array
