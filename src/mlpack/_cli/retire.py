"""mlpack retire."""

from __future__ import annotations

import argparse

from mlpack._cli.registries import add_reference_arguments, plain_http
from mlpack._cli.showing import add_json_argument, print_facts
from mlpack._cli.signing import add_signer_arguments, chosen_signer, publish_event
from mlpack._cli.trusting import add_history_policy_argument, history_policy

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_reference_arguments(parser)
    parser.add_argument(
        "--bundle",
        metavar="DIGEST",
        default="",
        help="bundle:sha256:..., when its bytes are broken or gone; REFERENCE is then its repository",
    )
    parser.add_argument("--reason", metavar="TEXT", required=True, help="why, for the history")
    parser.add_argument(
        "--again", action="store_true", help="sign it although it is so already: to take over from somebody"
    )
    add_history_policy_argument(parser)
    add_signer_arguments(parser)
    add_json_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Retire a bundle and print what was done."""
    from mlpack.delivery.lifecycle.acts import retire

    signer = chosen_signer(arguments)
    publish_event(signer, arguments.reference, yes=arguments.yes)
    act = retire(
        arguments.reference,
        bundle=arguments.bundle,
        signer=signer,
        reason=arguments.reason,
        again=arguments.again,
        policy=history_policy(arguments),
        plain_http=plain_http(arguments),
    )
    print_facts(act.facts(), as_json=arguments.json)
    return 0
