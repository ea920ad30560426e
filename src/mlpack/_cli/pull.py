"""mlpack pull."""

from __future__ import annotations

import argparse

from mlpack._cli.showing import add_json_argument, print_facts
from mlpack._cli.trusting import add_policy_arguments, chosen_policy

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "reference", metavar="REFERENCE", help="oci:DIR[:TAG]; the layout may be a tar archive of one"
    )
    add_policy_arguments(parser, unsigned=True)
    parser.add_argument("--output", metavar="DIR", default=".", help="where the bundle goes; default: here")
    parser.add_argument(
        "--layout", choices=("archive", "directory"), default="archive", help="form of the bundle"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace a bundle that is already there")
    add_json_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Verify a bundle, put it into a folder, and print what `verify` prints."""
    from mlpack.delivery.artifacts import pull

    pulled = pull(
        arguments.reference,
        arguments.output,
        policy=chosen_policy(arguments),
        layout=arguments.layout,
        overwrite=arguments.overwrite,
    )
    print_facts(pulled.facts(), as_json=arguments.json)
    return 0
