"""Attestations that travel with a bundle: signed statements about it, which anybody may add or remove.

A statement counts only when a signer whom the policy names made it, over exactly this bundle. One that is
broken, or by somebody else, is as good as absent: it never helps, and it never harms.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlpack.errors import FormatError, VerificationError
from mlpack.format.documents import Fields, compact_json, parse_json
from mlpack.format.names import ATTESTATIONS, CHECKSUMS
from mlpack.show.visible import visible
from mlpack.trust.oms import PREDICATE_TYPE, Statement, parse_statement

if TYPE_CHECKING:
    from mlpack.format.tree import Tree
    from mlpack.trust.verified import VerifiedSigner

__all__ = ["MAX_ATTESTATION", "Attestation", "Identify", "build_attestation", "read_attestations"]

MAX_ATTESTATION = 4 * 1024 * 1024
"""Largest attestation that is read, in bytes. A bundle carries at most 100, and one is read at a time."""

_STATEMENT = "https://in-toto.io/Statement/v1"

Identify = Callable[[bytes], "tuple[VerifiedSigner, bytes]"]
"""From the bytes of a signature file to who made it and what was signed; VerificationError otherwise."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Attestation:
    """One attestation file, and what it is worth.

    Attributes:
        path: Path in the bundle.
        type: Predicate type; empty when it does not count.
        signer: Who made it; None when nobody whom the policy names did, or it is broken.
        predicate: What it says; empty when it does not count.
        resources: For a countersignature, what was signed.
        problem: Why it does not count; empty when it does.
    """

    path: str
    type: str = ""
    signer: VerifiedSigner | None = None
    predicate: Mapping[str, Any] = field(default_factory=dict)
    resources: Statement | None = None
    problem: str = ""

    @property
    def counts(self) -> bool:
        """Whether a named signer said this of this bundle."""
        return not self.problem

    @property
    def sha256(self) -> str:
        """Hex SHA-256 of the file, which is its name."""
        return self.path.removeprefix(ATTESTATIONS).partition(".")[0]


def build_attestation(digest: str, predicate_type: str, predicate: Mapping[str, Any]) -> bytes:
    """Return the in-toto statement that says `predicate` of one bundle.

    Args:
        digest: `bundle:sha256:<hex>`. The subject is SHA256SUMS, a real file, so that stock tools
            can check it.
        predicate_type: URI.
        predicate: What is said.

    Raises:
        FormatError: The predicate cannot be written as JSON.

    Source: in-toto Attestation Framework, Statement v1.
    """
    return compact_json(
        {
            "_type": _STATEMENT,
            "subject": [{"name": CHECKSUMS, "digest": {"sha256": digest.removeprefix("bundle:sha256:")}}],
            "predicateType": predicate_type,
            "predicate": dict(predicate),
        }
    )


def read_attestations(tree: Tree, digest: str, identify: Identify) -> tuple[Attestation, ...]:
    """Return every attestation of a bundle, in the order of their names. Never raises for what is in one.

    Args:
        tree: The bundle's files.
        digest: Digest of the bundle that was checked; statements about another do not count.
        identify: Says who signed. Nothing of a statement is parsed before it has returned.
    """
    paths = sorted(path for path in tree.entries if path.startswith(ATTESTATIONS))
    return tuple(_read(tree, path, digest, identify) for path in paths[:100])


def _read(tree: Tree, path: str, digest: str, identify: Identify) -> Attestation:
    try:
        signer, payload = identify(tree.read(path, MAX_ATTESTATION))
        kind, predicate = _parse(payload, digest)
        resources = parse_statement(payload) if kind == PREDICATE_TYPE else None
    except (FormatError, VerificationError) as error:
        problem = visible(f"{error.where}: {error.message}" if error.where else error.message)
        return Attestation(path=path, problem=problem)
    return Attestation(path=path, type=kind, signer=signer, predicate=predicate, resources=resources)


def _parse(payload: bytes, digest: str) -> tuple[str, Mapping[str, Any]]:
    top = Fields(parse_json(payload, where="statement"), "statement")
    top.choice("_type", (_STATEMENT,))
    kind, predicate, subjects = top.text("predicateType"), top.mapping("predicate"), top.items("subject")
    top.done()
    if kind == PREDICATE_TYPE:
        return kind, {}  # a countersignature: its subject is another, and the OMS parser checks all of it
    if not any(_names(subject, digest) for subject in subjects):
        raise FormatError("not about this bundle", where="statement.subject")
    return kind, predicate


def _names(subject: object, digest: str) -> bool:
    if not isinstance(subject, dict) or subject.get("name") != CHECKSUMS:
        return False
    found = subject.get("digest")
    return isinstance(found, dict) and f"bundle:sha256:{found.get('sha256')}" == digest
