"""mlpack verify-image."""

from __future__ import annotations

import argparse

from mlpack._cli.registries import add_reference_arguments, plain_http
from mlpack._cli.showing import add_json_argument, print_facts
from mlpack._cli.trusting import add_policy_arguments, chosen_policy

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_reference_arguments(parser)
    add_policy_arguments(parser, unsigned=False)
    parser.add_argument(
        "--attestation",
        metavar="TYPE",
        default="",
        help="check an attestation of this type, not the signature: slsa-provenance, cyclonedx, or a URI",
    )
    add_json_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print who signed the image; a refusal is an error."""
    from mlpack.delivery.images import SIGNATURE_TYPE, predicate_type, verify_image

    wanted = predicate_type(arguments.attestation) if arguments.attestation else SIGNATURE_TYPE
    verified = verify_image(
        arguments.reference,
        chosen_policy(arguments),
        predicate_type=wanted,
        plain_http=plain_http(arguments),
    )
    print_facts(verified.facts(), as_json=arguments.json)
    return 0
