"""The arguments that say whom to trust."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from mlpack.errors import UsageError

if TYPE_CHECKING:
    from mlpack.trust.policy import Policy, Unsigned

__all__ = ["add_policy_arguments", "chosen_policy"]

HINT = (
    "pass --key NAME.pub, --policy FILE or --digest bundle:sha256:..., or set MLPACK_POLICY to a policy file"
)


def add_policy_arguments(parser: argparse.ArgumentParser, *, unsigned: bool) -> None:
    """Add --key, --policy, --digest and, where it makes sense, --unsigned; they exclude one another."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--key", metavar="FILE", help="trust bundles signed by this public key (PEM)")
    group.add_argument("--policy", metavar="FILE", help="trust what this policy.yaml says")
    group.add_argument("--digest", metavar="DIGEST", help="trust exactly this bundle (bundle:sha256:...)")
    if unsigned:
        group.add_argument("--unsigned", action="store_true", help="trust nobody and go on all the same")


def chosen_policy(arguments: argparse.Namespace) -> Policy | Unsigned:
    """Return the policy that the arguments name, or else the one from the environment.

    Raises:
        PolicyError: There is none, or it is malformed.
        UsageError: A digest is not one.
    """
    from mlpack.errors import PolicyError
    from mlpack.trust.policy import UNSIGNED, Policy, resolve_policy

    if arguments.key:
        return Policy.from_key(arguments.key)
    if arguments.digest:
        try:
            return Policy.from_digest(arguments.digest)
        except PolicyError as error:
            raise UsageError(error.message, where="--digest", hint=error.hint) from error
    if getattr(arguments, "unsigned", False):
        return UNSIGNED
    try:
        return resolve_policy(arguments.policy)
    except PolicyError as error:
        if arguments.policy:
            raise
        raise PolicyError(error.message, where=error.where, hint=HINT) from error
