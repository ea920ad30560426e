"""The documents of a bundle, parsed from bytes that were hashed, and whether they tell one story.

`inspect` and `verify` share this: a bundle that contradicts itself is neither intact nor verified.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from mlpack.errors import FormatError, UnsupportedVersionError
from mlpack.format.coherence import golden_problems, manifest_problems, parity_problems, role_problems
from mlpack.format.contract import Contract
from mlpack.format.documents import Fields, parse_json
from mlpack.format.evidence import Golden, Parity
from mlpack.format.host import HOST_FEATURE, HOST_PATH, HostProgram
from mlpack.format.integrity import MAX_DOCUMENT, one_line
from mlpack.format.lock import Lock
from mlpack.format.manifest import Manifest, Role
from mlpack.format.tree import Tree

__all__ = ["Parts", "read_parts"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Parts:
    """The parsed documents of one bundle.

    Attributes:
        contract: Inputs and outputs; None when unusable, like the others.
        parity: How the packed model agrees with the original.
        lock: The locked environment.
        bom: The bill of materials, of which only the form was checked.
        problems: What is missing, unusable or contradicts something else, one line each.
        newer: Set when a document asks for a newer reader.
    """

    contract: Contract | None
    parity: Parity | None
    lock: Lock | None
    bom: Mapping[str, Any] | None
    problems: tuple[str, ...]
    newer: UnsupportedVersionError | None


def read_parts(tree: Tree, manifest: Manifest, checksums: Mapping[str, str]) -> Parts:
    """Parse the documents that a manifest names and compare them with it and with one another.

    Never raises for what is inside the bundle: all findings are collected.
    """
    documents = _Documents(tree, manifest, checksums)
    contract = documents.parse("contract", Contract.from_bytes)
    golden = documents.parse("golden", Golden.from_bytes)
    parity = documents.parse("parity", Parity.from_bytes)
    lock = documents.parse("lock", Lock.from_bytes)
    bom = documents.parse("bom", _parse_bom)
    problems = [*role_problems(manifest), *documents.problems]
    problems += documents.host_problems(contract) if contract is not None else []
    if contract is not None:
        problems += manifest_problems(manifest, contract)
        problems += golden_problems(manifest, contract, golden) if golden is not None else []
        problems += parity_problems(manifest, contract, parity) if parity is not None else []
    return Parts(
        contract=contract, parity=parity, lock=lock, bom=bom, problems=tuple(problems), newer=documents.newer
    )


def _parse_bom(data: bytes) -> Mapping[str, Any]:
    """Check the form of the BOM only: its own schema is for those who read it."""
    document = parse_json(data, where="bom.cdx.json")
    Fields(document, "bom.cdx.json").choice("bomFormat", ("CycloneDX",))
    found: Mapping[str, Any] = document
    return found


_T = TypeVar("_T")


class _Documents:
    """Parses the documents that a manifest names, and goes on after a failure to find every problem."""

    def __init__(self, tree: Tree, manifest: Manifest, checksums: Mapping[str, str]) -> None:
        self._tree = tree
        self._manifest = manifest
        self._checksums = checksums
        self.problems: list[str] = []
        self.newer: UnsupportedVersionError | None = None

    def parse(self, role: Role, parser: Callable[[bytes], _T]) -> _T | None:
        """Return the parsed file of the only such role, or None; missing parts are reported elsewhere."""
        paths = [path for path, entry in self._manifest.files.items() if entry.role == role]
        if len(paths) != 1:
            return None
        try:
            return parser(self._read(paths[0]))
        except FormatError as error:
            self.problems.append(one_line(error))
            if isinstance(error, UnsupportedVersionError):
                self.newer = self.newer or error
            return None

    def host_problems(self, contract: Contract) -> list[str]:
        """Return what is wrong with the host steps, which stand there exactly where they are required."""
        required, found = HOST_FEATURE in self._manifest.requires, HOST_PATH in self._manifest.files
        if required != found:
            wrong = "required, but missing" if required else f"there, but {HOST_FEATURE!r} is not required"
            return [f"{HOST_PATH}: {wrong}"]
        if not found:
            return []
        try:
            HostProgram.from_bytes(self._read(HOST_PATH), contract)
        except FormatError as error:
            if isinstance(error, UnsupportedVersionError):
                self.newer = self.newer or error
            return [one_line(error)]
        return []

    def _read(self, path: str) -> bytes:
        data = self._tree.read(path, MAX_DOCUMENT)
        if hashlib.sha256(data).hexdigest() != self._checksums[path]:
            raise FormatError("changed while it was read", where=path)
        return data
