"""MurmurHash3 of 32 bits, the hash of scikit-learn's feature hashing.

Source: Austin Appleby's MurmurHash3_x86_32, which he put in the public domain; written from its description.
"""

from __future__ import annotations

import struct

__all__ = ["hash32"]

_FIRST, _SECOND = 0xCC9E2D51, 0x1B873593
_ALL = 0xFFFFFFFF


def hash32(data: bytes, seed: int = 0) -> int:
    """Return the signed hash of some bytes."""
    whole = len(data) // 4
    state = seed
    for (word,) in struct.iter_unpack("<I", data[: whole * 4]):
        state ^= _mixed(word)
        state = ((state << 13) | (state >> 19)) & _ALL
        state = (state * 5 + 0xE6546B64) & _ALL
    if tail := data[whole * 4 :]:
        state ^= _mixed(int.from_bytes(tail, "little"))
    state ^= len(data)
    state = ((state ^ (state >> 16)) * 0x85EBCA6B) & _ALL
    state = ((state ^ (state >> 13)) * 0xC2B2AE35) & _ALL
    state ^= state >> 16
    return state - 2**32 if state >= 2**31 else state


def _mixed(word: int) -> int:
    word = (word * _FIRST) & _ALL
    word = ((word << 15) | (word >> 17)) & _ALL
    return (word * _SECOND) & _ALL
