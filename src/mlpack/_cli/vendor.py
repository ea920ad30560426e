"""mlpack vendor."""

from __future__ import annotations

import argparse

from mlpack._cli.showing import add_json_argument, print_facts

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("bundle", metavar="BUNDLE", help="a .mlpack file or a bundle directory")
    parser.add_argument("--drop", action="store_true", help="take the wheels out instead")
    parser.add_argument(
        "--platform", action="append", dest="platforms", help="only wheels for os/architecture; may repeat"
    )
    parser.add_argument("--offline", action="store_true", help="take local wheels only, contact nothing")
    add_json_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Put wheels in or take them out, and show the bundle, whose digest stays as it is."""
    from mlpack.packing.vendoring import vendor

    bundle = vendor(
        arguments.bundle, drop=arguments.drop, platforms=arguments.platforms, offline=arguments.offline
    )
    print_facts(bundle.facts(), as_json=arguments.json)
    return 0
