"""mlpack explain: what `mlpack pack --dry-run` says, without a name and a version."""

from __future__ import annotations

import argparse

from mlpack._cli.pack import add_model_arguments, explain
from mlpack._cli.showing import add_json_argument

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.epilog = (
        "Exit status 0 when the model would pack, 1 when not. Example: "
        "mlpack explain train.py:pipeline --example train.py:X_train"
    )
    add_model_arguments(parser)
    add_json_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Say what becomes of each step."""
    return explain(arguments)
