"""mlpack push."""

from __future__ import annotations

import argparse

from mlpack._cli.showing import add_json_argument, print_facts

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "bundle", metavar="BUNDLE", help="a .mlpack file, a bundle directory, or oci:DIR[:TAG]"
    )
    parser.add_argument("reference", metavar="REFERENCE", help="oci:DIR:TAG, an OCI layout on this machine")
    parser.add_argument("--overwrite", action="store_true", help="move a tag that names something else")
    add_json_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Store a bundle as an artifact and print both digests."""
    from mlpack.delivery.artifacts import push

    pushed = push(arguments.bundle, arguments.reference, overwrite=arguments.overwrite)
    print_facts(pushed.facts(), as_json=arguments.json)
    return 0
