"""mlpack inspect."""

from __future__ import annotations

import argparse

from mlpack._cli.showing import add_json_argument, print_facts

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "bundle", metavar="BUNDLE", help="a .mlpack file, a bundle directory, or oci:DIR[:TAG]"
    )
    add_json_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print what the bundle says of itself."""
    from mlpack.format.opening import inspect

    print_facts(inspect(arguments.bundle).facts(), as_json=arguments.json)
    return 0
