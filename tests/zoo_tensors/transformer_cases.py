"""Tiny random transformers, made from their configurations: no hub, no weights."""

# ruff: noqa: ANN401, E501 - a model has no type of its own; a table is read by the line
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from tests.zoo_tensors.case import Call, Case, Made, calls_like

__all__ = ["cases", "tiny_tokenizer"]

WORDS = [
    "the",
    "a",
    "film",
    "was",
    "not",
    "good",
    "bad",
    "very",
    "great",
    "boring",
    "story",
    "of",
    "acting",
    "and",
    "i",
    "liked",
    "hated",
    "it",
    "never",
    "again",
]

SMALL = {
    "vocab_size": 60, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32,
    "max_position_embeddings": 48, "pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3,
}  # fmt: skip
DIM = {
    "vocab_size": 60,
    "dim": 16,
    "n_layers": 2,
    "n_heads": 2,
    "hidden_dim": 32,
    "max_position_embeddings": 48,
}
GPT = {
    "vocab_size": 60,
    "n_embd": 16,
    "n_layer": 2,
    "n_head": 2,
    "n_positions": 48,
    "bos_token_id": 2,
    "eos_token_id": 3,
}
T5 = {
    "vocab_size": 60,
    "d_model": 16,
    "d_kv": 8,
    "d_ff": 32,
    "num_layers": 2,
    "num_heads": 2,
    "decoder_start_token_id": 0,
}
BART = {
    "vocab_size": 60, "d_model": 16, "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 2,
    "decoder_attention_heads": 2, "encoder_ffn_dim": 32, "decoder_ffn_dim": 32, "max_position_embeddings": 48,
    "pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3, "decoder_start_token_id": 2, "forced_eos_token_id": None,
}  # fmt: skip
LLAMA = {**SMALL, "num_key_value_heads": 1, "head_dim": 8}
VIT = {
    "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32, "image_size": 16,
    "patch_size": 4, "num_labels": 3,
}  # fmt: skip

# name, class of configuration, options, class of model, kind of inputs
TABLE: tuple[tuple[str, str, dict[str, Any], str, str], ...] = (
    ("bert", "BertConfig", SMALL, "BertModel", "mask"),
    ("bert, sequence classification", "BertConfig", {**SMALL, "num_labels": 3}, "BertForSequenceClassification", "mask"),
    ("bert, token classification", "BertConfig", SMALL, "BertForTokenClassification", "mask"),
    ("bert, masked words", "BertConfig", SMALL, "BertForMaskedLM", "mask"),
    ("bert, question answering", "BertConfig", SMALL, "BertForQuestionAnswering", "mask"),
    ("distilbert", "DistilBertConfig", DIM, "DistilBertForSequenceClassification", "mask"),
    ("roberta", "RobertaConfig", {**SMALL, "pad_token_id": 1}, "RobertaForSequenceClassification", "mask"),
    ("albert", "AlbertConfig", {**SMALL, "embedding_size": 8}, "AlbertForSequenceClassification", "mask"),
    ("electra", "ElectraConfig", {**SMALL, "embedding_size": 8}, "ElectraForSequenceClassification", "mask"),
    ("deberta v2", "DebertaV2Config", {**SMALL, "relative_attention": True, "pos_att_type": ["p2c", "c2p"]}, "DebertaV2ForSequenceClassification", "mask"),
    ("mpnet", "MPNetConfig", SMALL, "MPNetForSequenceClassification", "mask"),
    ("camembert", "CamembertConfig", {**SMALL, "pad_token_id": 1}, "CamembertForTokenClassification", "mask"),
    ("xlm-roberta", "XLMRobertaConfig", {**SMALL, "pad_token_id": 1}, "XLMRobertaModel", "mask"),
    ("modernbert", "ModernBertConfig", {**SMALL, "cls_token_id": 2, "sep_token_id": 3, "global_attn_every_n_layers": 2, "local_attention": 8, "reference_compile": False}, "ModernBertForSequenceClassification", "mask"),
    ("squeezebert", "SqueezeBertConfig", {**SMALL, "embedding_size": 16, "q_groups": 2, "k_groups": 2, "v_groups": 2, "intermediate_groups": 2, "output_groups": 2, "post_attention_groups": 1}, "SqueezeBertForSequenceClassification", "mask"),
    ("fnet", "FNetConfig", {**SMALL, "use_tpu_fourier_optimizations": False}, "FNetForSequenceClassification", "ids"),
    ("mobilebert", "MobileBertConfig", {**SMALL, "embedding_size": 16, "intra_bottleneck_size": 16, "true_hidden_size": 16, "num_feedforward_networks": 1}, "MobileBertForSequenceClassification", "mask"),
    ("gpt-2", "GPT2Config", GPT, "GPT2LMHeadModel", "mask"),
    ("gpt-2, model", "GPT2Config", GPT, "GPT2Model", "mask"),
    ("opt", "OPTConfig", {**SMALL, "ffn_dim": 32, "word_embed_proj_dim": 16}, "OPTForCausalLM", "mask"),
    ("gpt-neox", "GPTNeoXConfig", SMALL, "GPTNeoXForCausalLM", "mask"),
    ("llama", "LlamaConfig", LLAMA, "LlamaForCausalLM", "mask"),
    ("mistral", "MistralConfig", LLAMA, "MistralForCausalLM", "mask"),
    ("qwen 2", "Qwen2Config", LLAMA, "Qwen2ForCausalLM", "mask"),
    ("gemma", "GemmaConfig", LLAMA, "GemmaForCausalLM", "mask"),
    ("phi", "PhiConfig", SMALL, "PhiForCausalLM", "mask"),
    ("t5 encoder", "T5Config", T5, "T5EncoderModel", "mask"),
    ("t5", "T5Config", T5, "T5ForConditionalGeneration", "seq2seq"),
    ("bart", "BartConfig", BART, "BartForConditionalGeneration", "seq2seq"),
    ("vit", "ViTConfig", VIT, "ViTForImageClassification", "image"),
    ("deit", "DeiTConfig", VIT, "DeiTForImageClassification", "image"),
    ("swin", "SwinConfig", {"image_size": 16, "patch_size": 2, "embed_dim": 8, "depths": [1, 1], "num_heads": [1, 2], "window_size": 2, "num_labels": 3}, "SwinForImageClassification", "image"),
    ("convnext", "ConvNextConfig", {"hidden_sizes": [8, 16], "depths": [1, 1], "num_stages": 2, "image_size": 16, "num_labels": 3}, "ConvNextForImageClassification", "image"),
)  # fmt: skip
TEXTS = ("bert, sequence classification", "distilbert", "roberta", "gpt-2", "xlm-roberta", "t5 encoder")


def cases() -> list[Case]:
    """Return every transformer fed with numbers, then some fed with text through their tokenizer."""
    found = [
        Case(group="transformers", name=row[0], make=lambda row=row: _make(row))  # type: ignore[misc]
        for row in TABLE
    ]
    rows = [row for row in TABLE if row[0] in TEXTS]
    return found + [
        Case(group="text in", name=row[0], make=lambda row=row: _make_text(row), quick=row is rows[0])  # type: ignore[misc]
        for row in rows
    ]


def _network(row: tuple[str, str, dict[str, Any], str, str]) -> Any:
    import torch
    import transformers

    torch.manual_seed(3)
    network = getattr(transformers, row[3])(getattr(transformers, row[1])(**row[2])).eval()
    network.config.use_cache = False
    return network


def _make(row: tuple[str, str, dict[str, Any], str, str]) -> Made:
    import torch

    network, rng = _network(row), np.random.default_rng(5)
    example: dict[str, Any]
    if row[4] == "image":
        example = {"pixel_values": rng.normal(size=(4, 3, 16, 16)).astype(np.float32)}
    else:
        example = {"input_ids": rng.integers(4, 60, (4, 9))}
        if row[4] != "ids":
            example["attention_mask"] = np.ones((4, 9), dtype=np.int64)
            example["attention_mask"][1, 6:] = 0
        if row[4] == "seq2seq":
            example["decoder_input_ids"] = rng.integers(4, 60, (4, 5))

    def draw(name: str, shape: tuple[int, ...], like: Any) -> Any:
        if name == "attention_mask":
            mask = np.ones(shape, dtype=np.int64)
            mask[::2, -2:] = 0
            return mask
        return (
            rng.integers(4, 60, shape)
            if like.dtype.kind == "i"
            else rng.normal(size=shape).astype(like.dtype)
        )

    def native(call: Call) -> dict[str, np.ndarray]:
        with torch.no_grad():
            return _tensors(
                network(**{name: torch.from_numpy(np.array(value)) for name, value in call.items()})
            )

    fresh = calls_like(example, lengths=row[4] in ("mask", "ids", "seq2seq"), draw=draw)
    kept = [(what, call) for what, call in fresh if "integer" not in what or row[4] == "ids"]
    return Made(model=network, example=example, native=native, fresh=kept)


def _tensors(answer: Mapping[str, Any]) -> dict[str, np.ndarray]:
    found = {name: value.numpy() for name, value in answer.items() if hasattr(value, "numpy")}
    return {"": next(iter(found.values()))} if len(found) == 1 else found


def tiny_tokenizer(pad: str = "[PAD]", *, model_max_length: int = 40) -> Any:
    """Return a word-piece tokenizer over a handful of words, as a pretrained one would be."""
    import tokenizers
    import transformers
    from tokenizers import normalizers, pre_tokenizers, processors
    from tokenizers.models import WordPiece

    letters = [chr(code) for code in range(97, 123)]
    listed = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        *WORDS,
        *letters,
        *(f"##{letter}" for letter in "sedyi"),
    ]
    core = tokenizers.Tokenizer(
        WordPiece({word: at for at, word in enumerate(dict.fromkeys(listed))}, unk_token="[UNK]")
    )
    core.normalizer = normalizers.BertNormalizer(lowercase=True)
    core.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    core.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=core, pad_token=pad, unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]",
        mask_token="[MASK]", model_max_length=model_max_length,
    )  # fmt: skip


def _make_text(row: tuple[str, str, dict[str, Any], str, str]) -> Made:
    import torch

    network, tokenizer = _network(row), tiny_tokenizer()
    if "distil" in row[0] or row[1] in ("RobertaConfig", "XLMRobertaConfig", "GPT2Config", "T5Config"):
        tokenizer.model_input_names = ["input_ids", "attention_mask"]
    limit = min(40, 48 - 2 if "pad_token_id" in row[2] and row[2]["pad_token_id"] == 1 else 48)
    rng = np.random.default_rng(6)

    def native(call: Call) -> dict[str, np.ndarray]:
        found = tokenizer(
            list(call["text"]), padding=True, truncation=True, max_length=limit, return_tensors="pt"
        )
        with torch.no_grad():
            return _tensors(network(**found))

    def texts(count: int) -> Any:
        rows = [" ".join(rng.choice(WORDS, int(rng.integers(1, 14)))) for _ in range(count)]
        return np.array(rows, dtype=object)

    odd = [
        "",
        "Zürich!! great",
        "the film — was\tgood\n",
        "漢字 good",
        "a " * 300,
        "I LIKED it; again?",
        "[SEP] bad",
    ]
    fresh: list[tuple[str, Call]] = [("the example", {"text": texts(12)})]
    fresh += [(f"batch of {count}", {"text": texts(count)}) for count in (1, 2, 7, 64)]
    fresh += [(f"text {at}", {"text": np.array([text], dtype=object)}) for at, text in enumerate(odd)]
    fresh.append(("all of them", {"text": np.array(odd, dtype=object)}))
    return Made(model=(network, tokenizer), example=list(texts(12)), native=native, fresh=fresh)
