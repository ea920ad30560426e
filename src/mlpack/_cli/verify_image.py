"""mlpack verify-image."""

from __future__ import annotations

import argparse

from mlpack._cli.registries import add_reference_arguments, plain_http
from mlpack._cli.showing import add_json_argument, print_facts
from mlpack._cli.trusting import add_policy_arguments, add_rule_arguments, chosen_policy, with_requirements
from mlpack.errors import VerificationError

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
    add_rule_arguments(parser, what="image")
    add_json_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print who signed the image; a refusal is an error."""
    from mlpack.delivery.images import SIGNATURE_TYPE, predicate_type, verify_image
    from mlpack.trust.verdict import verdict_facts

    wanted = predicate_type(arguments.attestation) if arguments.attestation else SIGNATURE_TYPE
    policy = with_requirements(chosen_policy(arguments), arguments.require)
    explain = arguments.explain or arguments.json
    try:
        verified = verify_image(
            arguments.reference,
            policy,
            predicate_type=wanted,
            moment="start" if arguments.start else "admission",
            plain_http=plain_http(arguments),
        )
    except VerificationError as error:
        if explain:
            title = f"{arguments.reference}: {error.code}"
            print_facts(verdict_facts(title, error.verdict, error.problems), as_json=arguments.json)
        raise
    print_facts(verified.facts(explain=explain), as_json=arguments.json)
    return 0
