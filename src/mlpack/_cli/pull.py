"""mlpack pull."""

from __future__ import annotations

import argparse

from mlpack._cli.registries import add_reference_arguments, plain_http
from mlpack._cli.showing import add_json_argument, print_facts
from mlpack._cli.trusting import add_policy_arguments, chosen_policy

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    from mlpack.delivery.partial import PARTS

    add_reference_arguments(parser)
    add_policy_arguments(parser, unsigned=True)
    parser.add_argument("--output", metavar="DIR", default=".", help="where the bundle goes; default: here")
    parser.add_argument(
        "--layout", choices=("archive", "directory"), default="archive", help="form of the bundle"
    )
    parser.add_argument(
        "--only",
        action="append",
        choices=PARTS,
        default=[],
        help="fetch this part only, into a folder NAME-VERSION.partial that nothing loads; may be repeated",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace a bundle that is already there")
    add_json_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Verify a bundle, put it into a folder, and print what `verify` prints."""
    from mlpack._cli.transferring import TransferMeter
    from mlpack.delivery.artifacts import pull

    with TransferMeter() as meter:
        pulled = pull(
            arguments.reference,
            arguments.output,
            policy=chosen_policy(arguments),
            layout=arguments.layout,
            overwrite=arguments.overwrite,
            only=arguments.only,
            plain_http=plain_http(arguments),
            progress=meter,
        )
    print_facts(pulled.facts(), as_json=arguments.json)
    return 0
