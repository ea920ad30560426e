"""mlpack rollback."""

from __future__ import annotations

import argparse

from mlpack._cli.registries import add_repository_arguments, plain_http
from mlpack._cli.showing import add_json_argument, print_facts
from mlpack._cli.signing import add_signer_arguments, chosen_signer, publish_event
from mlpack._cli.trusting import add_history_policy_argument, history_policy

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_repository_arguments(parser)
    parser.add_argument("--stage", metavar="STAGE", required=True, help="the stage, such as production")
    parser.add_argument(
        "--to",
        metavar="VERSION",
        default="",
        help="a version or bundle:sha256:... that was there before; default: the one before the present one",
    )
    parser.add_argument("--reason", metavar="TEXT", required=True, help="why, for the history")
    add_history_policy_argument(parser)
    add_signer_arguments(parser)
    add_json_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Put back what was in a stage before and print what was done."""
    from mlpack.delivery.lifecycle.acts import rollback

    signer = chosen_signer(arguments)
    publish_event(signer, arguments.repository, yes=arguments.yes)
    act = rollback(
        arguments.repository,
        stage=arguments.stage,
        to=arguments.to,
        signer=signer,
        reason=arguments.reason,
        policy=history_policy(arguments),
        plain_http=plain_http(arguments),
    )
    print_facts(act.facts(), as_json=arguments.json)
    return 0
