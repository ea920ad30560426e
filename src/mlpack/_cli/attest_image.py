"""mlpack attest-image."""

from __future__ import annotations

import argparse
from pathlib import Path

from mlpack._cli.key_signing import add_key_argument, chosen_signer
from mlpack._cli.registries import add_reference_arguments, plain_http
from mlpack._cli.showing import add_json_argument, print_facts

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_reference_arguments(parser)
    add_key_argument(parser)
    parser.add_argument("--type", metavar="TYPE", required=True, help="slsa-provenance, cyclonedx, or a URI")
    parser.add_argument("--predicate", metavar="FILE", required=True, help="what is stated, as JSON")
    add_json_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Attach the statement and print what it is about."""
    from mlpack.delivery.images import attest_image, predicate_type, read_predicate

    attested = attest_image(
        arguments.reference,
        predicate_type(arguments.type),
        read_predicate(Path(arguments.predicate)),
        chosen_signer(arguments),
        plain_http=plain_http(arguments),
    )
    print_facts(attested.facts(), as_json=arguments.json)
    return 0
