"""What runs: the files of a model, and what a reader must know and have to run them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mlpack.format.manifest import FormatClass, Role
from mlpack.format.stored import StoredFile

__all__ = ["Artifact"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Artifact:
    """One form of a model, complete: from the ladder through measuring and assembly to the loader.

    Attributes:
        format: What loading it can do.
        path: File to load first.
        files: Bundle path -> bytes of every file of the model, below `model/` or `code/`.
        requires: Features that a reader must understand, sorted; they also say which engine runs it.
        runtime: Distributions that serving needs beside NumPy: name -> version specifier.
        plugins: Distributions besides mlpack whose emitters took part in making it, with their versions.
        stored: Bundle path -> file of the graph's weights that is too large for memory; all in one folder.
    """

    format: FormatClass
    path: str
    files: Mapping[str, bytes]
    requires: tuple[str, ...]
    runtime: Mapping[str, str] = field(default_factory=dict)
    plugins: tuple[str, ...] = ()
    stored: Mapping[str, StoredFile] = field(default_factory=dict)

    @property
    def entry(self) -> bytes:
        """Bytes of the file to load first."""
        return self.files[self.path]

    @property
    def size(self) -> int:
        """Size of all files in bytes."""
        return sum(map(len, self.files.values())) + sum(item.size for item in self.stored.values())

    @staticmethod
    def role(path: str) -> Role:
        """Return the part that one of its files plays in a bundle."""
        return "code" if path.startswith("code/") else "model"
