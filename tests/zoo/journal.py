"""Verdicts written down as they come, so that a run which was stopped goes on where it was."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from tests.zoo.keeper import Result

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Journal", "stamp"]

ROOT = Path(__file__).parents[2]
SOURCES = ("src/mlpack/packing", "src/mlpack/runtime", "src/mlpack/format", "tests/zoo")
LIBRARIES = ("scikit-learn", "onnxruntime", "onnx", "skl2onnx", "numpy", "pandas", "polars", "protobuf")


def stamp() -> str:
    """Return a digest of everything that a verdict depends on: our sources and the libraries' versions."""
    digest = hashlib.sha256()
    for folder in SOURCES:
        for path in sorted((ROOT / folder).rglob("*.py")):
            digest.update(f"{path.relative_to(ROOT)}\n".encode() + path.read_bytes())
    for name in LIBRARIES:
        digest.update(f"{name}=={metadata.version(name)}\n".encode())
    return digest.hexdigest()[:16]


class Journal:
    """One line of JSON per verdict; lines of other sources or other libraries do not count."""

    def __init__(self, path: Path, *, afresh: bool = False) -> None:
        """Read what is there.

        Args:
            path: File to read and to add to; created when missing.
            afresh: Judge everything again.
        """
        self._path = path
        self._stamp = stamp()
        self.known = {} if afresh else {(item.group, item.name): item for item in self._read()}

    def _read(self) -> Iterator[Result]:
        if not self._path.is_file():
            return
        for line in self._path.read_text(encoding="utf-8").splitlines():
            try:
                entry = json.loads(line)
            except json.JSONDecodeError:
                continue  # the line that was being written when the run was stopped
            if entry.pop("stamp") == self._stamp:
                yield Result(**entry)

    def adding(self, results: Iterable[Result]) -> Iterator[Result]:
        """Yield results, each after it has been written down."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        for result in results:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"stamp": self._stamp, **asdict(result)}, ensure_ascii=False) + "\n")
            yield result
