"""Looking for secrets in bytes, quickly: weights are passed over, and only what could be text is read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mlpack.format.secrets.containers import MAX_DEPTH, Sealed, members
from mlpack.format.secrets.known import KnownValues
from mlpack.format.secrets.rules import DETECTORS, REACH, Detector
from mlpack.show.visible import visible

__all__ = ["Finding", "find_in_chunks", "find_secrets"]

_WINDOW = 8 * 2**20
_OVERLAP = 16 * 1024
_RUN = 10
"""Shortest run of printable characters that is read, in bytes."""

_PRINTABLE = bytes(1 if code in (9, 10, 13) or 32 <= code < 127 else 0 for code in range(256))
_ZERO_OR_PRINTABLE = bytes(2 if code and not _PRINTABLE[code] else _PRINTABLE[code] for code in range(256))
_WIDE = (b"\1\0" * _RUN, b"\1\0\0\0" * _RUN)
"""Texts of two or four bytes a character, as NumPy and Windows store them."""
_ESCAPED = re.compile(rb"\\([!-/:-@\[-`{-~])")
_COMMON = b"0123456789.,+ \n"
"""What a file of numbers is made of; without it, little is left to look for anchors in."""


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Finding:
    """A place where something stands that nobody should read. What it is, is never kept.

    Attributes:
        path: File; inside of archives `FILE!MEMBER`.
        detector: What was recognised.
        place: Line, or byte in a binary file, or the name of an environment variable.
    """

    path: str
    detector: str
    place: str = ""

    @property
    def id(self) -> str:
        """`DETECTOR:PATH`, which is what an override names."""
        return f"{self.detector}:{self.path}"

    def __str__(self) -> str:
        """Return the finding as people read it."""
        return f"{self.id} ({self.place})" if self.place else self.id


def find_secrets(path: str, data: bytes, known: KnownValues) -> list[Finding]:
    """Return what a file holds, archives inside it included, once for each detector and member.

    Args:
        path: What to call the file.
        data: All of it.
        known: Exact values to look for.
    """
    return sorted(set(_walk(path, data, known, 0)))


def find_in_chunks(path: str, chunks: Iterable[bytes], known: KnownValues) -> list[Finding]:
    """Return what a file holds that is no archive, read once and never held as a whole.

    Args:
        path: What to call the file.
        chunks: Its bytes, in order.
        known: Exact values to look for.
    """
    findings: list[Finding] = []
    window, start = bytearray(), 0
    for chunk in chunks:
        window += chunk
        if len(window) >= _WINDOW:
            findings += _in_window(path, bytes(window), start, known)
            start += len(window) - _OVERLAP
            del window[:-_OVERLAP]
    findings += _in_window(path, bytes(window), start, known)
    return sorted(_first_of_each(findings))


def _walk(path: str, data: bytes, known: KnownValues, depth: int, *, seen: bool = False) -> Iterator[Finding]:
    """Look at a file, unless it was seen as a part of a larger one, and at what is packed inside it."""
    if not seen:
        yield from _first_of_each(_windows(path, data, known))
    try:
        for name, inside, plain in members(data):
            place = f"{path}!{visible(name)[:200]}"
            if depth >= MAX_DEPTH:
                raise Sealed("nested too deeply")  # noqa: TRY301  (a finding like any other)
            yield from _walk(place, inside, known, depth + 1, seen=plain)
    except Sealed as why:
        yield Finding(path=path, detector="unreadable-archive", place=str(why))


def _windows(path: str, data: bytes, known: KnownValues) -> Iterator[Finding]:
    for start in range(0, max(len(data), 1), _WINDOW - _OVERLAP):
        yield from _in_window(path, data[start : start + _WINDOW], start, known)
        if start + _WINDOW >= len(data):
            return


def _first_of_each(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Keep one finding of every detector, or of every environment variable, in one file."""
    seen: set[tuple[str, str]] = set()
    for item in findings:
        key = (item.detector, item.place if item.detector == "environment-value" else "")
        if key not in seen:
            seen.add(key)
            yield item


def _in_window(path: str, data: bytes, start: int, known: KnownValues) -> Iterator[Finding]:
    yield from _known_values(path, data, known)
    yield from _texts(path, data, start, known)
    if b"\0" not in data and (b"\\/" in data or b"\\:" in data):
        # JSON may write a slash, and Markdown any punctuation, with a backslash before it.
        yield from _texts(path, _ESCAPED.sub(rb"\1", data), -1, known)
    mask = data.translate(_ZERO_OR_PRINTABLE)
    if any(wide in mask for wide in _WIDE):
        narrow = re.sub(rb"\0{4,}", b"\n", data).translate(None, b"\0")
        yield from _known_values(path, narrow, known)
        yield from _texts(path, narrow, -1, known)


def _known_values(path: str, data: bytes, known: KnownValues) -> Iterator[Finding]:
    for value, name in known.secrets.items():
        if value in data:
            yield Finding(path=path, detector="environment-value", place=f"the value of {name}")


def _texts(path: str, data: bytes, start: int, known: KnownValues) -> Iterator[Finding]:
    """Look at the runs of printable characters, joined by zeros."""
    mask = data.translate(_PRINTABLE)
    if b"\0" not in mask:
        yield from _in_text(path, data, data, start, known)
        return
    wanted = b"\1" * _RUN
    runs, places, at = [], [], mask.find(wanted)
    while at >= 0:
        end = mask.find(b"\0", at)
        end = len(data) if end < 0 else end
        runs.append(data[at:end])
        places.append(at)
        at = mask.find(wanted, end)
    if runs:
        yield from _in_text(path, b"\0".join(runs), data, start, known)


def _in_text(path: str, text: bytes, whole: bytes, start: int, known: KnownValues) -> Iterator[Finding]:
    lower = text.lower()
    sparse = text.translate(None, _COMMON), lower.translate(None, _COMMON)
    for detector in DETECTORS:
        anchors = [
            anchor
            for anchor in detector.anchors
            if anchor.translate(None, _COMMON) in sparse[detector.folded]
        ]
        match = _search(detector, anchors, lower if detector.folded else text, text)
        if match is not None:
            yield Finding(path=path, detector=detector.name, place=_place(whole, match, start))
    for folder in known.paths:
        found = re.search(re.escape(folder) + rb"(?![A-Za-z0-9._-])", text) if folder in text else None
        if found is not None:
            yield Finding(path=path, detector="machine-path", place=_place(whole, found.group(), start))


def _search(detector: Detector, anchors: list[bytes], haystack: bytes, text: bytes) -> bytes | None:
    """Return the first match around one of the anchors, or None."""
    for anchor in anchors:
        at = haystack.find(anchor)
        while at >= 0:
            for match in detector.pattern.finditer(text, max(0, at - REACH), at + REACH):
                if detector.means(match):
                    return match.group()
            at = haystack.find(anchor, at + REACH // 2)
    return None


def _place(whole: bytes, match: bytes, start: int) -> str:
    """Return where it stands: a line of a text, a byte of anything else."""
    at = whole.find(match)
    if start < 0 or at < 0:
        return "wide or escaped characters"
    if b"\0" in whole[:4096]:
        return f"byte {start + at}"
    if start:
        return f"byte {start + at}"
    line = whole.count(b"\n", 0, at) + 1
    return f"line {line}"
