"""Predicate types of attestations, and the short words for them."""

from __future__ import annotations

__all__ = ["PREDICATE_TYPES", "full_type"]

PREDICATE_TYPES = {
    "slsa-provenance": "https://slsa.dev/provenance/v1",
    "cyclonedx": "https://cyclonedx.org/bom",
    "test-result": "https://in-toto.io/attestation/test-result/v0.1",
    "svr": "https://in-toto.io/attestation/svr/v0.2",
    "replay": "urn:mlpack:clean-room-replay:1",
    "vsa": "https://slsa.dev/verification_summary/v1",
    "approval": "urn:mlpack:approval:1",
}
"""Short word -> predicate type."""


def full_type(word: str) -> str:
    """Return the predicate type that a short word means; anything else stands for itself."""
    return PREDICATE_TYPES.get(word, word)
