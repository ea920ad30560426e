"""mlpack verify."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING

from mlpack._cli.showing import add_json_argument, print_facts
from mlpack._cli.trusting import add_policy_arguments, chosen_policy
from mlpack.errors import PolicyError, UsageError, VerificationError

if TYPE_CHECKING:
    from mlpack.trust.policy import Policy, Unsigned

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("bundle", metavar="BUNDLE", help="a .mlpack file or a bundle directory")
    add_policy_arguments(parser, unsigned=False)
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
        help="the bundle was admitted before and only starts again: rules that depend on the clock rest",
    )
    parser.add_argument(
        "--explain", action="store_true", help="print every rule: pass, fail or not assessed, and why"
    )
    add_json_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print who signed the bundle and under which policy; a refusal is an error, explained when asked for."""
    from mlpack.trust.verdict import verdict_facts
    from mlpack.trust.verification import verify

    policy = _with_requirements(chosen_policy(arguments), arguments.require)
    explain = arguments.explain or arguments.json
    try:
        verified = verify(arguments.bundle, policy, moment="start" if arguments.start else "admission")
    except VerificationError as error:
        if explain:
            title = f"{arguments.bundle}: {error.code}"
            print_facts(verdict_facts(title, error.verdict, error.problems), as_json=arguments.json)
        raise
    print_facts(verified.facts(explain=explain), as_json=arguments.json)
    return 0


def _with_requirements(policy: Policy | Unsigned, asked: list[str]) -> Policy | Unsigned:
    """Return the policy with what --require adds: it can only get stricter."""
    from mlpack.trust.policy import Unsigned
    from mlpack.trust.predicate_types import full_type
    from mlpack.trust.rules import Require

    if not asked or isinstance(policy, Unsigned):
        return policy
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
