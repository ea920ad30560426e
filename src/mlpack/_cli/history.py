"""mlpack history."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from mlpack._cli.registries import add_repository_arguments, plain_http
from mlpack._cli.showing import add_json_argument, print_facts
from mlpack._cli.signing import add_signer_arguments, chosen_signer, publish_event
from mlpack._cli.trusting import add_history_policy_argument, history_policy
from mlpack.errors import UsageError

__all__ = ["add_arguments", "run"]

NOT_VERIFIED = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_repository_arguments(parser)
    add_history_policy_argument(parser)
    parser.add_argument("--stage", metavar="STAGE", default="", help="print the events of this stage only")
    parser.add_argument(
        "--export",
        metavar="FILE",
        help="write events and checkpoint, with their signatures, into a file for verify --history",
    )
    parser.add_argument(
        "--copy-to",
        metavar="REPOSITORY",
        help="copy events and checkpoint into another repository, with their signatures",
    )
    parser.add_argument(
        "--checkpoint",
        metavar="DAYS",
        type=int,
        help="first sign, for so many days, how far the history has come; needs a signer",
    )
    add_signer_arguments(parser, required=False)
    add_json_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the audit trail; one that cannot be relied on exits with 3."""
    from mlpack.delivery.lifecycle.auditing import history
    from mlpack.delivery.lifecycle.copying import copy_history
    from mlpack.format.atomic import atomic_file

    if arguments.checkpoint is not None:
        _sign_checkpoint(arguments)
    elif arguments.key or arguments.key_uri or arguments.keyless or arguments.identity_token:
        raise UsageError("a history is read without one", where="signer", hint="--checkpoint DAYS signs one")
    found = history(arguments.repository, policy=history_policy(arguments), plain_http=plain_http(arguments))
    if arguments.export:
        with atomic_file(Path(arguments.export).absolute(), overwrite=True) as file:
            file.write(found.evidence.to_bytes())
    if arguments.copy_to:
        copy_history(arguments.repository, arguments.copy_to, plain_http=plain_http(arguments))
    if arguments.json:
        print(json.dumps(found.document(), indent=2))
    else:
        print_facts(found.facts(stage=arguments.stage), as_json=False)
    if found.problems:
        codes = ", ".join(sorted({problem.code for problem in found.problems}))
        print(f"mlpack: {found.repository}: not to be relied on: {codes}", file=sys.stderr)
        return NOT_VERIFIED
    return 0


def _sign_checkpoint(arguments: argparse.Namespace) -> None:
    from mlpack.delivery.lifecycle.checkpointing import checkpoint

    if not (arguments.key or arguments.key_uri or arguments.keyless or arguments.identity_token):
        raise UsageError("needs a signer", where="--checkpoint", hint="--key, --key-uri or --keyless")
    signer = chosen_signer(arguments)
    publish_event(signer, arguments.repository, yes=arguments.yes)
    checkpoint(
        arguments.repository,
        days=arguments.checkpoint,
        signer=signer,
        policy=history_policy(arguments),
        plain_http=plain_http(arguments),
    )
