"""mlpack list."""

from __future__ import annotations

import argparse

from mlpack._cli.registries import add_repository_arguments, plain_http
from mlpack._cli.showing import add_json_argument, print_facts

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_repository_arguments(parser)
    parser.add_argument(
        "--policy", metavar="FILE", help="also say what is in force and what is retired, by this policy.yaml"
    )
    add_json_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the bundles of a repository."""
    from mlpack.delivery.lifecycle.listing import list_bundles

    listing = list_bundles(arguments.repository, policy=arguments.policy, plain_http=plain_http(arguments))
    print_facts(listing.facts(), as_json=arguments.json)
    return 0
