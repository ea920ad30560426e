"""mlpack push."""

from __future__ import annotations

import argparse

from mlpack._cli.registries import add_plain_http_argument, plain_http
from mlpack._cli.showing import add_json_argument, print_facts

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "bundle", metavar="BUNDLE", help="a .mlpack file, a bundle directory, or oci:DIR[:TAG]"
    )
    parser.add_argument(
        "reference",
        metavar="REFERENCE",
        help="HOST/REPO[:TAG], or oci:DIR[:TAG] for an OCI layout on this machine; the tag is the version "
        "unless one is named",
    )
    parser.add_argument("--overwrite", action="store_true", help="move a tag that names something else")
    parser.add_argument(
        "--image",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="also store an image that clusters mount, as TAG-image; default: in registries",
    )
    parser.add_argument(
        "--mount-from",
        metavar="REPO",
        default="",
        help="another repository of the registry, from which layers may be taken over",
    )
    add_plain_http_argument(parser)
    add_json_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Store a bundle as an artifact and print both digests."""
    from mlpack._cli.transferring import TransferMeter
    from mlpack.delivery.artifacts import push

    with TransferMeter() as meter:
        pushed = push(
            arguments.bundle,
            arguments.reference,
            overwrite=arguments.overwrite,
            image=arguments.image,
            mount_from=arguments.mount_from,
            plain_http=plain_http(arguments),
            progress=meter,
        )
    print_facts(pushed.facts(), as_json=arguments.json)
    return 0
