"""mlpack verify."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from mlpack._cli.showing import add_json_argument, print_facts
from mlpack._cli.trusting import (
    add_history_argument,
    add_policy_arguments,
    add_rule_arguments,
    chosen_history,
    chosen_policy,
    with_requirements,
)
from mlpack.errors import VerificationError

if TYPE_CHECKING:
    from mlpack.trust.rules import Moment

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "bundle", metavar="BUNDLE", help="a .mlpack file, a bundle directory, or oci:DIR[:TAG]"
    )
    add_policy_arguments(parser, unsigned=False)
    add_rule_arguments(parser, what="bundle")
    add_history_argument(parser)
    add_json_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print who signed the bundle and under which policy; a refusal is an error, explained when asked for."""
    from mlpack.trust.verdict import verdict_facts
    from mlpack.trust.verification import verify

    policy = with_requirements(chosen_policy(arguments), arguments.require)
    explain = arguments.explain or arguments.json
    try:
        moment: Moment = "start" if arguments.start else "admission"
        verified = verify(arguments.bundle, policy, moment=moment, history=chosen_history(arguments))
    except VerificationError as error:
        if explain:
            title = f"{arguments.bundle}: {error.code}"
            print_facts(verdict_facts(title, error.verdict, error.problems), as_json=arguments.json)
        raise
    print_facts(verified.facts(explain=explain), as_json=arguments.json)
    return 0
