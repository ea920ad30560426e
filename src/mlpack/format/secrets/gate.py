"""The gate itself: nothing is written or signed with a secret in it, unless somebody says so by name."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Final

from mlpack.errors import SecretError, UsageError
from mlpack.format.names import ATTESTATIONS, SIGNATURE, WHEELS
from mlpack.format.secrets.containers import MAX_INSIDE, is_archive
from mlpack.format.secrets.known import KnownValues, known_here
from mlpack.format.secrets.rules import DETECTORS
from mlpack.format.secrets.scanning import Finding, find_in_chunks, find_secrets
from mlpack.format.tree import open_tree

if TYPE_CHECKING:
    from mlpack.format.opening import UnverifiedBundle

__all__ = ["ALLOWED", "allowed_by", "check_override", "gate_bundle", "gate_files", "gate_statement"]

ALLOWED: Final = "mlpack:unsafe-allow"
"""Annotation of the manifest that records the override: findings that were let through, joined by spaces."""

_NAMES: Final = (*(item.name for item in DETECTORS), "environment-value", "unreadable-archive")


def check_override(allowed: object) -> tuple[str, ...]:
    """Return an override in order.

    Raises:
        UsageError: It is no list of `DETECTOR:PATH`.
    """
    if isinstance(allowed, str) or not isinstance(allowed, Iterable):
        raise UsageError("expected a list of DETECTOR:PATH", where="unsafe_allow")
    found = []
    for item in allowed:
        detector, colon, path = item.partition(":") if isinstance(item, str) else ("", "", "")
        if detector not in _NAMES or not colon or not path or " " in path:
            raise UsageError(
                f"expected DETECTOR:PATH as the refusal prints it, found {str(item)[:100]!r}",
                where="unsafe_allow",
                hint=f"detectors: {', '.join(_NAMES)}",
            )
        found.append(item)
    return tuple(sorted(set(found)))


def allowed_by(annotations: Mapping[str, str]) -> tuple[str, ...]:
    """Return the override that a manifest records."""
    return tuple(annotations.get(ALLOWED, "").split())


def gate_files(files: Mapping[str, bytes], allowed: Sequence[str]) -> None:
    """Refuse to write files with secrets in them.

    Args:
        files: Path -> contents.
        allowed: `DETECTOR:PATH` of findings that are let through.

    Raises:
        SecretError: Something else was found.
        UsageError: An override names something that is not there: it would be recorded, and say nothing true.
    """
    known = known_here(os.environ)
    findings = [item for path in sorted(files) for item in find_secrets(path, files[path], known)]
    _refuse(findings, allowed, "written")
    if idle := sorted(set(allowed) - {item.id for item in findings}):
        raise UsageError("nothing of that kind was found there", where=f"unsafe_allow {idle[0][:200]!r}")


def gate_bundle(bundle: UnverifiedBundle) -> None:
    """Refuse to sign a bundle with secrets in it; an override is what its manifest records.

    Raises:
        SecretError: Something else was found.
        FormatError: A file cannot be read as it was listed.
    """
    known = known_here(os.environ)
    findings: list[Finding] = []
    with open_tree(bundle.path) as tree:
        for path in sorted(tree.entries):
            # Signatures and wheels are other people's; both are public by nature.
            if path != SIGNATURE and not path.startswith((ATTESTATIONS, WHEELS)):
                findings += _in_file(path, tree.entries[path], iter(tree.chunks(path)), known)
    _refuse(findings, allowed_by(bundle.manifest.annotations), "signed")


def gate_statement(data: bytes) -> None:
    """Refuse to sign a statement with secrets in it. Paths of a machine may stand in what a machine states.

    Raises:
        SecretError: There is one.
    """
    findings = find_secrets("statement", data, KnownValues(secrets=known_here(os.environ).secrets))
    _refuse([item for item in findings if item.detector != "machine-path"], (), "signed")


def _in_file(path: str, size: int, chunks: Iterable[bytes], known: KnownValues) -> list[Finding]:
    """Look into one file; only archives are held in memory as a whole."""
    chunks = iter(chunks)
    head = next(chunks, b"")
    if not is_archive(head):
        return find_in_chunks(path, chain((head,), chunks), known)
    if size > MAX_INSIDE:
        return [Finding(path=path, detector="unreadable-archive", place="too large to be looked into")]
    return find_secrets(path, head + b"".join(chunks), known)


def _refuse(findings: Sequence[Finding], allowed: Collection[str], verb: str) -> None:
    refused = [item for item in findings if item.id not in allowed]
    if not refused:
        return
    name = refused[0].id
    how = f'pack(..., unsafe_allow=["{name}"]) or --unsafe-allow {name}'
    raise SecretError(
        f"{len(refused)} finding(s) that must not be {verb}",
        where="secrets gate",
        problems=tuple(str(item) for item in refused[:50]),
        hint=f"take it out and rotate it; if it is none, {how} lets it through and records that"
        if verb == "written"
        else "take it out and rotate it; a bundle is packed again, and records there what is let through",
    )
