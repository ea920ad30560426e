"""The arguments that say whom to trust."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mlpack.errors import UsageError

if TYPE_CHECKING:
    from mlpack.trust.history.bringing import HistoryLike
    from mlpack.trust.policy import Policy, Unsigned
    from mlpack.trust.trusted_root import TrustedRoot

__all__ = [
    "add_history_argument",
    "add_history_policy_argument",
    "add_policy_arguments",
    "add_rule_arguments",
    "chosen_history",
    "chosen_policy",
    "history_policy",
    "with_requirements",
]

HINT = (
    "pass --key NAME.pub, --certificate-identity with --certificate-oidc-issuer, --policy FILE or "
    "--digest bundle:sha256:..., or set MLPACK_POLICY to a policy file"
)


def add_policy_arguments(parser: argparse.ArgumentParser, *, unsigned: bool) -> None:
    """Add --key, --policy, --digest and, where it makes sense, --unsigned; they exclude one another.

    A signer with a certificate is named by two options; each pair counts as one of these.
    """
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--key", metavar="FILE", help="trust bundles signed by this public key (PEM)")
    group.add_argument("--policy", metavar="FILE", help="trust what this policy.yaml says")
    group.add_argument("--digest", metavar="DIGEST", help="trust exactly this bundle (bundle:sha256:...)")
    group.add_argument(
        "--certificate-identity",
        metavar="IDENTITY",
        help="trust bundles signed by this Sigstore identity; * stands for anything but /",
    )
    group.add_argument(
        "--certificate-roots", metavar="FILE", help="trust bundles signed under these authorities (PEM)"
    )
    parser.add_argument(
        "--certificate-oidc-issuer", metavar="URL", help="who vouches for --certificate-identity, exactly"
    )
    parser.add_argument(
        "--certificate-subject",
        metavar="NAME",
        help="whose certificate of --certificate-roots it is: CN=release,O=Acme, or its common name",
    )
    parser.add_argument(
        "--trusted-root",
        metavar="FILE",
        help="Sigstore's authorities and logs: trusted_root.json, public-good (default) or staging",
    )
    if unsigned:
        group.add_argument("--unsigned", action="store_true", help="trust nobody and go on all the same")


def add_history_policy_argument(parser: argparse.ArgumentParser) -> None:
    """Add --policy, for commands that ask whose events count."""
    parser.add_argument(
        "--policy",
        metavar="FILE",
        help="policy.yaml with a history rule: who may do what in which stage; default: MLPACK_POLICY",
    )


def add_history_argument(parser: argparse.ArgumentParser) -> None:
    """Add --history and --plain-http."""
    parser.add_argument(
        "--history",
        metavar="PLACE",
        help="for a policy that asks for it: an exported history, oci:DIR or HOST/REPO",
    )
    parser.add_argument(
        "--plain-http",
        action="store_true",
        help="speak HTTP without TLS with the registry of --history; without it only to this machine itself",
    )


def chosen_history(arguments: argparse.Namespace) -> HistoryLike | None:
    """Return the history that the arguments name; one in a registry is fetched."""
    place: str | None = arguments.history
    if place is None or place.startswith("oci:") or Path(place).is_file():
        return place
    from mlpack.delivery.lifecycle.auditing import fetch_history

    return fetch_history(place, plain_http=True if arguments.plain_http else None)


def history_policy(arguments: argparse.Namespace) -> Policy:
    """Return the policy that says whose events count.

    Raises:
        PolicyError: There is none, or it is malformed.
    """
    from mlpack.errors import PolicyError
    from mlpack.trust.policy import Policy
    from mlpack.trust.policy_choice import resolve_policy

    try:
        found = resolve_policy(arguments.policy)
    except PolicyError as error:
        if arguments.policy:
            raise
        hint = "pass --policy FILE, or set MLPACK_POLICY to a policy file"
        raise PolicyError(error.message, where=error.where, hint=hint) from error
    if not isinstance(found, Policy):
        raise TypeError("no name of a file stands for UNSIGNED")
    return found


def add_rule_arguments(parser: argparse.ArgumentParser, *, what: str) -> None:
    """Add --require, --start and --explain.

    Args:
        parser: The command.
        what: What is verified, for the help.
    """
    parser.add_argument(
        "--require",
        metavar="TYPE[=SIGNER]",
        action="append",
        default=[],
        help="ask for an attestation of this type, by this signer of the policy; may be repeated",
    )
    parser.add_argument(
        "--start",
        action="store_true",
        help=f"the {what} was admitted before and only starts again: rules that depend on the clock rest",
    )
    parser.add_argument(
        "--explain", action="store_true", help="print every rule: pass, fail or not assessed, and why"
    )


def chosen_policy(arguments: argparse.Namespace) -> Policy | Unsigned:
    """Return the policy that the arguments name, or else the one from the environment.

    Raises:
        PolicyError: There is none, or it is malformed.
        UsageError: A digest is not one.
    """
    from mlpack.errors import PolicyError
    from mlpack.trust.policy import UNSIGNED, Policy
    from mlpack.trust.policy_choice import resolve_policy

    if named := _by_certificate(arguments):
        return named
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


def _by_certificate(arguments: argparse.Namespace) -> Policy | None:
    """Return the policy for a signer with a certificate, or None when none is named.

    Raises:
        UsageError: One half of a pair is missing, or an option belongs to nothing.
    """
    from mlpack.trust.policy import Policy

    identity, roots = arguments.certificate_identity, arguments.certificate_roots
    issuer, subject = arguments.certificate_oidc_issuer, arguments.certificate_subject
    for first, second, options in (
        (identity, issuer, ("--certificate-identity", "--certificate-oidc-issuer")),
        (roots, subject, ("--certificate-roots", "--certificate-subject")),
    ):
        if bool(first) != bool(second):
            raise UsageError("one means nothing without the other", where=" and ".join(options))
    if identity:
        return Policy.from_identity(identity, issuer, trusted_root=_root(arguments) or "public-good")
    if roots:
        return Policy.from_certificate(roots, subject, trusted_root=_root(arguments))
    if arguments.trusted_root:
        raise UsageError("means nothing without a certificate's identity or roots", where="--trusted-root")
    return None


def _root(arguments: argparse.Namespace) -> TrustedRoot | Literal["public-good", "staging"] | None:
    from mlpack.trust.trusted_root import TrustedRoot

    given: str | None = arguments.trusted_root
    if given is None:
        return None
    match given:
        case "public-good":
            return "public-good"
        case "staging":
            return "staging"
        case _:
            return TrustedRoot.from_file(given)


def with_requirements(policy: Policy | Unsigned, asked: list[str]) -> Policy | Unsigned:
    """Return the policy with what --require adds: it can only get stricter."""
    from dataclasses import replace

    from mlpack.errors import PolicyError
    from mlpack.trust.policy import Unsigned

    if not asked or isinstance(policy, Unsigned):
        return policy
    from mlpack.trust.predicate_types import full_type
    from mlpack.trust.rules import Require

    needs = []
    for text in asked:
        kind, equals, signer = text.rpartition("=")
        if not equals:
            kind, signer = text, ""
        needs.append((full_type(kind), (signer,) if signer else ()))
    try:
        added = tuple(Require(type=kind, signers=signers) for kind, signers in needs)
        return replace(policy, require=policy.require + added)
    except PolicyError as error:
        raise UsageError(error.message, where="--require", hint=error.hint) from error
