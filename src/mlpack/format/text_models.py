"""Names that a text model's files agree on: written by packing, read by the engine."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["ENCODED", "TEXT_INPUTS", "TOKENIZER_FEATURE", "TOKENIZER_PATH"]

TOKENIZER_FEATURE = "tokenizer"
"""Entry of `format.requires` of every bundle with a tokenizer before the graph."""

TOKENIZER_PATH = "model/tokenizer.json"

TEXT_INPUTS = ("text", "text_pair")
"""Inputs of a text model; the second one only where it takes pairs."""

ENCODED: Mapping[str, str] = MappingProxyType(
    {"input_ids": "ids", "attention_mask": "attention_mask", "token_type_ids": "type_ids"}
)
"""Graph input -> what the tokenizer calls it."""
