"""mlpack verify."""

from __future__ import annotations

import argparse

from mlpack._cli.showing import add_json_argument, print_facts
from mlpack._cli.trusting import add_policy_arguments, chosen_policy

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("bundle", metavar="BUNDLE", help="a .mlpack file or a bundle directory")
    add_policy_arguments(parser, unsigned=False)
    add_json_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print who signed the bundle and under which policy; a refusal is an error."""
    from mlpack.trust.verification import verify

    print_facts(verify(arguments.bundle, chosen_policy(arguments)).facts(), as_json=arguments.json)
    return 0
