"""Adding signed statements to a bundle. Its digest and its signature stay as they are."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mlpack.errors import SigningError, UsageError
from mlpack.format.atomic import atomic_file
from mlpack.format.names import ATTESTATIONS, CHECKSUMS
from mlpack.format.opening import UnverifiedBundle, inspect
from mlpack.format.places import layout_place
from mlpack.format.secrets.gate import gate_bundle, gate_statement
from mlpack.format.tree import open_tree
from mlpack.format.writer import write_copy
from mlpack.trust.attaching import add_to_layout
from mlpack.trust.attestation import MAX_ATTESTATION, build_attestation
from mlpack.trust.envelope import seal
from mlpack.trust.location import BundleLike, bundle_path
from mlpack.trust.oms import PREDICATE_TYPE, build_statement
from mlpack.trust.predicate_types import PREDICATE_TYPES, full_type

if TYPE_CHECKING:
    from mlpack.trust.keys import Sealer, Signer

__all__ = ["MAX_ATTESTATIONS", "attest", "countersign"]

MAX_ATTESTATIONS = 100
"""Most attestations that a bundle may carry."""


def attest(bundle: BundleLike, predicate: Mapping[str, Any], signer: Signer | Sealer, *, type: str) -> str:  # noqa: A002
    """Sign a statement about a bundle and put it beside. Nothing that is there is changed or replaced.

    Args:
        bundle: A bundle directory, a `.mlpack` file, or a bundle that was opened before.
        predicate: What is said, as JSON values; `mlpack.trust.predicates` makes the common ones.
        signer: Who says it.
        type: Predicate type: a URI, or a short word such as `test-result`.

    Returns:
        The path of the attestation inside the bundle.

    Raises:
        UsageError: The type is neither a known word nor a URI.
        FormatError: The bundle is not intact, or the predicate is no JSON.
        SigningError: The statement is too large, or the bundle carries too many already.
        SecretError: The statement holds what looks like a secret.
        StorageError: Something cannot be read or written; the bundle is as it was.
    """
    kind = full_type(type)
    if ":" not in kind or any(character.isspace() for character in kind):
        known = ", ".join(PREDICATE_TYPES)
        raise UsageError(f"expected a URI or one of {known}; found {type[:80]!r}", where="type")
    if kind == PREDICATE_TYPE:
        raise UsageError("a signature, not an attestation", where="type", hint="use countersign")
    opened = inspect(bundle_path(bundle))
    statement = build_attestation(opened.digest, kind, predicate)
    gate_statement(statement)
    return _add(opened, seal(statement, signer))


def countersign(bundle: BundleLike, signer: Signer | Sealer) -> str:
    """Sign a bundle that somebody has signed already: a policy with a threshold counts both.

    Args:
        bundle: A bundle directory, a `.mlpack` file, or a bundle that was opened before.
        signer: Who signs too.

    Returns:
        The path of the countersignature inside the bundle.

    Raises:
        SigningError: The bundle has no signature yet, too many attestations, or too many files.
        FormatError: The bundle is not intact.
        SecretError: A file holds what looks like a secret, and the bundle does not record that it may.
        StorageError: Something cannot be read or written; the bundle is as it was.
    """
    opened = inspect(bundle_path(bundle))
    if not opened.signed:
        raise SigningError("is not signed yet", where=str(opened.path), hint="sign it without --add")
    gate_bundle(opened)
    listed = {**opened.checksums, CHECKSUMS: opened.digest.removeprefix("bundle:sha256:")}
    return _add(opened, seal(build_statement(opened.manifest.folder, listed), signer))


def _add(opened: UnverifiedBundle, data: bytes) -> str:
    place = str(opened.path)
    if len(data) > MAX_ATTESTATION:
        raise SigningError(
            f"{len(data)} bytes, and an attestation has at most {MAX_ATTESTATION}", where=place
        )
    if opened.attestations >= MAX_ATTESTATIONS:
        raise SigningError(
            f"carries {opened.attestations} attestations, and no more are allowed", where=place
        )
    name = f"{ATTESTATIONS}{hashlib.sha256(data).hexdigest()}.sigstore.json"
    if layout_place(opened.path) is not None:
        add_to_layout(opened.path, name, data)
        return name
    if opened.path.is_dir():
        with atomic_file(opened.path / name, overwrite=False) as file:
            file.write(data)
        return name
    with open_tree(opened.path) as tree:
        write_copy(
            tree,
            opened.manifest.folder,
            opened.path.resolve(),  # a link keeps pointing to the archive
            added={name: data},
            layout="archive",
            overwrite=True,
        )
    return name
