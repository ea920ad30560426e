"""Signing a bundle: read it strictly, state what is in it, put `model.sig` beside."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mlpack.errors import TargetExistsError, UsageError
from mlpack.format.atomic import atomic_file, refuse_existing
from mlpack.format.names import CHECKSUMS, SIGNATURE
from mlpack.format.opening import UnverifiedBundle, inspect
from mlpack.format.places import layout_place
from mlpack.format.secrets.gate import gate_bundle
from mlpack.format.tree import open_tree
from mlpack.format.writer import write_copy
from mlpack.trust.attaching import add_to_layout
from mlpack.trust.envelope import seal
from mlpack.trust.location import BundleLike, bundle_path
from mlpack.trust.oms import build_statement

if TYPE_CHECKING:
    from mlpack.trust.keys import Sealer, Signer

__all__ = ["sign"]


def sign(
    bundle: BundleLike,
    signer: Signer | Sealer,
    *,
    overwrite: bool = False,
    output: str | os.PathLike[str] | None = None,
) -> UnverifiedBundle:
    """Sign a bundle and return it. The result still has to be verified by whoever relies on it.

    The bundle is read strictly first: what breaks the format, or differs from its own lists, is not signed.
    In a directory `model.sig` appears in one step; an archive is replaced in one step; in a layout the
    signature is attached to the artifact.

    Args:
        bundle: A bundle directory, a `.mlpack` file, `oci:DIR[:TAG]`, or a bundle that was opened before.
        signer: Whoever signs, for example `KeySigner.from_file("release.key")` or `SigstoreSigner()`.
        overwrite: Whether an existing signature, or an existing `output`, is replaced.
        output: Writes the signed bundle here, in the same form, and leaves the original alone.

    Raises:
        FormatError: The bundle is not intact.
        TargetExistsError: It is signed, or `output` exists, and `overwrite` is false.
        StorageError: Something cannot be read or written; the bundle is as it was.
        SigningError: The signer refuses.
        SecretError: A file holds what looks like a secret, and the bundle does not record that it may.
    """
    path = bundle_path(bundle)
    if output is not None and layout_place(path) is not None:
        raise UsageError("a bundle in a layout is signed where it is", where="output", hint="pull it first")
    target = path if output is None else Path(output).absolute()
    if output is not None and not overwrite:
        refuse_existing(target)
    opened = inspect(path)
    if opened.signed and not overwrite:
        raise TargetExistsError("is signed already", where=f"{path}/{SIGNATURE}", hint="pass overwrite")
    gate_bundle(opened)
    listed = {**opened.checksums, CHECKSUMS: opened.digest.removeprefix("bundle:sha256:")}
    signature = seal(build_statement(opened.manifest.folder, listed), signer)
    if layout_place(path) is not None:
        add_to_layout(path, SIGNATURE, signature, replace=overwrite)
        return inspect(path)
    if path.is_dir() and target == path:
        previous = (path / SIGNATURE).stat().st_size if opened.signed else 0
        with atomic_file(path / SIGNATURE, overwrite=overwrite) as file:
            file.write(signature)
        return replace(opened, path=path, signed=True, size=opened.size - previous + len(signature))
    with open_tree(path) as tree:
        write_copy(
            tree,
            opened.manifest.folder,
            target.resolve() if target == path else target,  # a link keeps pointing to the archive
            added={SIGNATURE: signature},
            layout="directory" if path.is_dir() else "archive",
            overwrite=overwrite or target == path,
        )
    return inspect(target)
