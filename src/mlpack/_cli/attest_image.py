"""mlpack attest-image."""

from __future__ import annotations

import argparse
from pathlib import Path

from mlpack._cli.registries import add_reference_arguments, plain_http
from mlpack._cli.showing import add_json_argument, print_facts
from mlpack._cli.signing import add_signer_arguments, ask_before_publishing, chosen_signer

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_reference_arguments(parser)
    add_signer_arguments(parser)
    parser.add_argument(
        "--type", metavar="TYPE", required=True, help="slsa-provenance, cyclonedx, test-result, vsa, or a URI"
    )
    parser.add_argument("--predicate", metavar="FILE", required=True, help="what is stated, as JSON")
    add_json_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Attach the statement and print what it is about."""
    from mlpack.delivery.images import attest_image, predicate_type, read_predicate

    signer = chosen_signer(arguments)
    ask_before_publishing(signer, lambda: ("image", arguments.reference), yes=arguments.yes)
    attested = attest_image(
        arguments.reference,
        predicate_type(arguments.type),
        read_predicate(Path(arguments.predicate)),
        signer,
        plain_http=plain_http(arguments),
    )
    print_facts(attested.facts(), as_json=arguments.json)
    return 0
