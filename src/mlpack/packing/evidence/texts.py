"""Documents that try a tokeniser where tokenisers are known to differ."""

# ruff: noqa: RUF001 - these letters are here because they are mistaken for others
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

__all__ = ["awkward_texts"]

AWKWARD = (
    "",
    " ",
    "\t\n\r\x0b\x0c\u00a0\u2028\u3000",
    "a",
    "é",
    "e\u0301 vs \u00e9; na\u0308ive nai\u0308ve naïve",
    "Straße STRASSE ẞ ß",
    "İstanbul ISTANBUL ıi İ",
    "ΟΔΥΣΣΕΥΣ Σίσυφος ΣΑΣ ς σ",
    "Привет, мир! Ёлка ёлка",
    "京都は日本の都市です。東京 特許許可局",
    "한국어 텍스트 الْعَرَبِيَّةُ עִבְרִית हिन्दी ไทย",
    "😀 👍🏽 family \U0001f468\u200d\U0001f469\u200d\U0001f467 flag 🇳🇴 x️⃣",
    "don't can’t it`s l'été rock'n'roll",
    "1 22 333 4.5 1,000 1_000 0x1F ½ Ⅷ ² ٣٤",
    "snake_case kebab-case dotted.name a@b.co https://x.yz/?q=1#f",
    "ﬁne ﬀ Ǆ ǅ ﬆ ſ K Å",
    "\ufeffbom zero\u200bwidth soft\u00adhyphen \x00nul",
    "(((())))[[{{<>}}]] \\ \\\\ // || .*+?^$",
    "ALL UPPER all lower Mixed CaSe",
    "word " * 300,
    "x" * 5000,
    "a b  c   d    e",
)


def awkward_texts(words: Sequence[str]) -> np.ndarray:
    """Return documents, shape (n,), object: those above, and ones made of words that a model knows."""
    import numpy as np

    known = list(words)[:40]
    made = [
        " ".join(known),
        " ".join(known).upper(),
        " ".join(known).title(),
        "-".join(known),
        "".join(known[:5]),
        ", ".join(word + "\u0301" for word in known),
        ". ".join(known[::-1]),
        *(f"{first} {text}" for first, text in zip(known, AWKWARD[3:20], strict=False)),
        *(" ".join(known[at : at + 3]) for at in range(0, len(known), 3)),
    ]
    texts = [*AWKWARD, *made]
    result = np.empty(len(texts), dtype=object)
    result[:] = texts
    return result
