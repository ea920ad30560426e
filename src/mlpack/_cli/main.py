"""Parsing, dispatch, and what an error looks like on a command line."""

from __future__ import annotations

import argparse
import importlib
import io
import os
import signal
import sys
import warnings
from collections.abc import Sequence

from mlpack.errors import MlpackError, ParityError, UsageError, VerificationError

__all__ = ["COMMANDS", "main", "parser"]

COMMANDS = {
    "pack": "make a bundle of a fitted model",
    "inspect": "say what is in a bundle, without trusting it",
    "verify": "check a bundle against a policy",
    "sign": "sign a bundle",
    "keygen": "make a key pair for signing",
    "predict": "verify a bundle and predict rows with it",
    "score": "verify a bundle and score a table of any size with it",
}
"""Command -> one line of help. Each lives in the module of its name."""

DONE, FAILED, WRONG_USAGE, NOT_VERIFIED, OUT_OF_TOLERANCE = range(5)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status, one of the five above."""
    arguments = parser().parse_args(argv)
    warnings.showwarning = _show_warning
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # marks and names must not fail in a plain locale
    try:
        status: int = arguments.run(arguments)
        sys.stdout.flush()
    except MlpackError as error:
        _complain(str(error))
        return _status(error)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except KeyboardInterrupt:
        print("mlpack: interrupted", file=sys.stderr)
        return 128 + signal.SIGINT
    return status


def parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command."""
    from mlpack import __version__

    top = argparse.ArgumentParser(
        prog="mlpack",
        description="From a fitted model to something that an operator can trust and run anywhere.",
    )
    top.add_argument("--version", action="version", version=f"mlpack {__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, summary in COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".")
        module = importlib.import_module(f"mlpack._cli.{name}")
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    commands.add_parser(
        "doctor", help="check the installation"
    )  # answered by mlpack_sdk before we are reached
    return top


def _status(error: MlpackError) -> int:
    if isinstance(error, VerificationError):
        return NOT_VERIFIED
    if isinstance(error, ParityError):
        return OUT_OF_TOLERANCE
    return WRONG_USAGE if isinstance(error, UsageError) else FAILED


def _show_warning(message: Warning | str, *_: object, **__: object) -> None:
    _complain(f"warning: {message}")


def _complain(message: str) -> None:
    """Print to standard error, with nothing in it that could move a cursor or change a colour."""
    from mlpack.show.visible import visible

    print("mlpack: " + "\n".join(visible(line) for line in message.splitlines()), file=sys.stderr)
