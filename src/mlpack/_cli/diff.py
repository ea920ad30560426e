"""mlpack diff."""

from __future__ import annotations

import argparse
import json

from mlpack._cli.registries import add_plain_http_argument, plain_http
from mlpack._cli.showing import add_json_argument, print_facts

__all__ = ["add_arguments", "run"]

NOT_VERIFIED, OUT_OF_TOLERANCE = 3, 4


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    for name in ("before", "after"):
        parser.add_argument(
            name,
            metavar=name.upper(),
            help="a .mlpack file, a bundle directory, oci:DIR[:TAG] or HOST/REPO:TAG",
        )
    parser.add_argument("--policy", metavar="FILE", help="say who signed, by this policy.yaml")
    parser.add_argument("--markdown", action="store_true", help="print Markdown for a pull request")
    parser.add_argument(
        "--accept-breaking", action="store_true", help="exit with 0 although something breaks"
    )
    add_plain_http_argument(parser)
    add_json_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print what changed; exit with 4 when something breaks, with 3 when AFTER is refused by the policy."""
    from mlpack.release.difference.comparing import diff

    found = diff(arguments.before, arguments.after, policy=arguments.policy, plain_http=plain_http(arguments))
    if arguments.markdown:
        print(found.markdown(), end="")
    elif arguments.json:
        print(json.dumps(found.document(), indent=2))
    else:
        print_facts(found.facts(), as_json=False)
    if found.after.verified is False:
        return NOT_VERIFIED
    return OUT_OF_TOLERANCE if found.breaking and not arguments.accept_breaking else 0
