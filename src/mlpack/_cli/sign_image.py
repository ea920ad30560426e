"""mlpack sign-image."""

from __future__ import annotations

import argparse

from mlpack._cli.registries import add_reference_arguments, plain_http
from mlpack._cli.showing import add_json_argument, print_facts
from mlpack._cli.signing import add_signer_arguments, ask_before_publishing, chosen_signer

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_reference_arguments(parser)
    add_signer_arguments(parser)
    parser.add_argument(
        "--signature-format",
        choices=("bundle", "legacy", "both"),
        help="bundle: cosign 3 and OCI 1.1 referrers; legacy: the tag of cosign 1 and 2; "
        "default: each that the signer can make",
    )
    parser.add_argument(
        "--docker-reference",
        metavar="HOST/REPO",
        default="",
        help="what a legacy signature calls the image; by default where it is",
    )
    parser.add_argument("--only-named", action="store_true", help="do not sign the manifests of an index too")
    add_json_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Sign what the reference leads to and print the digest."""
    from mlpack.delivery.images import sign_image

    signer = chosen_signer(arguments)
    ask_before_publishing(signer, lambda: ("image", arguments.reference), yes=arguments.yes)
    signed = sign_image(
        arguments.reference,
        signer,
        signature_format=arguments.signature_format,
        platforms=not arguments.only_named,
        docker_reference=arguments.docker_reference,
        plain_http=plain_http(arguments),
    )
    print_facts(signed.facts(), as_json=arguments.json)
    return 0
