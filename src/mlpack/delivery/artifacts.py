"""Bundles as OCI artifacts: pushed to a registry or layout and pulled out, with what signs them."""

from __future__ import annotations

import os
import shutil
import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from mlpack.delivery.mirroring import take_into_layout
from mlpack.delivery.partial import Part, PartialBundle
from mlpack.delivery.pulling import pull_part, pull_whole
from mlpack.delivery.pushing import PushedBundle, push
from mlpack.delivery.transfers import Progress
from mlpack.errors import UsageError
from mlpack.format.atomic import into_place, refuse_existing, storage_errors
from mlpack.format.opening import UnverifiedBundle, inspect
from mlpack.format.places import layout_place
from mlpack.format.tree import open_tree
from mlpack.format.writer import BundleLayout, target_path, write_copy
from mlpack.oci.references import parse_reference
from mlpack.oci.stores import open_store
from mlpack.runtime.notices import UnsignedWarning
from mlpack.trust.location import bundle_path
from mlpack.trust.policy import Policy, Unsigned
from mlpack.trust.policy_choice import resolve_policy
from mlpack.trust.verification import VerifiedBundle, verify

__all__ = ["PartialBundle", "PushedBundle", "pull", "push"]


def pull(
    reference: str,
    output: str | os.PathLike[str],
    *,
    policy: Policy | Unsigned | str | os.PathLike[str] | None = None,
    layout: Literal["archive", "directory"] = "archive",
    overwrite: bool = False,
    only: Sequence[Part] = (),
    plain_http: bool | None = None,
    progress: Progress | None = None,
) -> VerifiedBundle | UnverifiedBundle | PartialBundle:
    """Take a bundle out of a registry or a local OCI layout, verify it, and only then give it its name.

    Uses the network for a registry. What no signer of the policy vouches for is refused before more than the
    bundle's lists are fetched.

    Args:
        reference: `HOST/REPO:TAG`, `HOST/REPO@sha256:...`, `oci:DIR[:TAG]` or `oci:DIR@sha256:...`; a layout
            may be a tar archive of one.
        output: Folder in which the bundle appears, as `NAME-VERSION.mlpack` or as the directory of that name;
            or `oci:DIR[:TAG]`: the artifact as it is, with everything that is attached to it and the history
            of its repository, for machines without a network. `push` takes it from there.
        policy: A policy, the path of one, None to take `MLPACK_POLICY` or the user's own, or
            `mlpack.UNSIGNED`.
        layout: Form of the copy.
        overwrite: Whether an existing bundle of that name is replaced.
        only: Parts that are wanted, of a registry: `model`, `serving`, `docs`, `code`; they become the folder
            `NAME-VERSION.partial`.
        plain_http: Speak HTTP without TLS; None does so on the loopback interface only.
        progress: Who is told how far it is.

    Returns:
        The bundle where it is now; verified, unless the policy is `mlpack.UNSIGNED`. With `only` a part.

    Raises:
        VerificationError: The bundle does not fulfil the policy; nothing is left of it.
        FormatError: Without a policy: the bundle is not intact.
        PolicyError: There is no usable policy.
        TargetExistsError: There is such a bundle, and `overwrite` is false.
        RegistryError: The registry refuses, cannot be reached, or sends other bytes than were asked for.
        StorageError: Something cannot be read or written.
        UsageError: The reference is none.
    """
    rules = resolve_policy(policy)
    folder, into = Path(output).absolute(), os.fspath(output)
    if only and into.startswith("oci:"):
        raise UsageError("a part is no artifact: name a folder", where="output")
    found: VerifiedBundle | UnverifiedBundle | PartialBundle
    if layout_place(reference) is not None and not only and not into.startswith("oci:"):
        found = _pull_local(reference, folder, rules, layout=layout, overwrite=overwrite)
    else:
        place = parse_reference(reference)
        with open_store(place, plain_http=plain_http) as store:
            artifact = store.manifest(place.wanted)
            if into.startswith("oci:"):
                found = take_into_layout(
                    store, artifact, into, rules, tag=place.tag, overwrite=overwrite, progress=progress
                )
            elif only:
                found = pull_part(
                    store, artifact, folder, rules, only, overwrite=overwrite, progress=progress
                )
            else:
                found = pull_whole(
                    store, artifact, folder, rules, layout=layout, overwrite=overwrite, progress=progress
                )
    if isinstance(rules, Unsigned):
        said = f"{found.manifest.name} {found.manifest.version} is taken unsigned: nobody vouches for it"
        warnings.warn(said, UnsignedWarning, stacklevel=2)
    return found


def _pull_local(
    reference: str, output: Path, policy: Policy | Unsigned, *, layout: BundleLayout, overwrite: bool
) -> VerifiedBundle | UnverifiedBundle:
    found = _checked(bundle_path(reference), policy)
    target = target_path(output, found.manifest, layout)
    if not overwrite:
        refuse_existing(target)
    with storage_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        draft = staging / target.name
        _copy(found, draft, layout)
        # The copy is what counts: the layout may have changed while it was read.
        copied = _checked(draft, policy)
        into_place(draft, target, overwrite=overwrite)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return replace(copied, path=target)


def _checked(path: Path, policy: Policy | Unsigned) -> VerifiedBundle | UnverifiedBundle:
    return inspect(path) if isinstance(policy, Unsigned) else verify(path, policy)


def _copy(found: VerifiedBundle | UnverifiedBundle, target: Path, layout: BundleLayout) -> None:
    with open_tree(found.path) as tree:
        write_copy(tree, found.manifest.folder, target, added={}, layout=layout, overwrite=False)
