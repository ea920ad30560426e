"""Parsing, dispatch, and what an error looks like on a command line."""

from __future__ import annotations

import argparse
import errno
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
    "explain": "say what packing makes of each step of a fitted model, and write nothing",
    "inspect": "say what is in a bundle, without trusting it",
    "diff": "say what changed between two bundles; exit with 4 when callers would break",
    "verify": "check a bundle against a policy",
    "sign": "sign a bundle",
    "sign-image": "sign an image or artifact in a registry",
    "verify-image": "check an image or artifact in a registry against a policy",
    "attest-image": "attach a signed statement, such as a bill of materials, to an image",
    "attest": "sign a statement about a bundle and put it inside",
    "verify-signature": "check anybody's signature over a folder or a file",
    "sign-files": "sign any folder or file as others can verify it",
    "push": "store a bundle, with what signs it, in a registry or an OCI layout",
    "pull": "verify a bundle in a registry or an OCI layout and take it out",
    "list": "list the bundles of a repository",
    "promote": "put a bundle into a stage, if the gates let it in, and sign that in the history",
    "rollback": "put back into a stage what was there before",
    "retire": "refuse a bundle for good, wherever the history is consulted",
    "history": "print who put what where and why, and whether that can be relied on",
    "keygen": "make a key pair for signing",
    "scan": "compare what is inside a bundle with an offline export of known vulnerabilities",
    "lock": "print what serving a bundle needs, without trusting it",
    "vendor": "put the locked wheels into a bundle, or take them out; its digest stays",
    "predict": "verify a bundle and predict rows with it",
    "serve": "verify a bundle and answer requests with it, in every platform's protocol",
    "score": "verify a bundle and score a table of any size with it",
}
"""Command -> one line of help. Each lives in the module of its name, with `_` for `-`."""

DONE, FAILED, WRONG_USAGE, NOT_VERIFIED, OUT_OF_TOLERANCE = range(5)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status, one of the five above."""
    if sys.stdout is None:  # closed by whoever started us; what is printed goes nowhere
        sys.stdout = io.StringIO()
    words = sys.argv[1:] if argv is None else list(argv)
    arguments = parser(words[0] if words and words[0] in COMMANDS else None).parse_args(words)
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
    except OSError as error:
        if error.filename is not None or error.errno not in (errno.ENOSPC, errno.EIO, errno.EDQUOT):
            raise
        # Every file is written by format.atomic, which has its own error; what is left is standard output.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        _complain(f"standard output: cannot be written: {error.strerror}")
        return FAILED
    except KeyboardInterrupt:
        print("mlpack: interrupted", file=sys.stderr)
        return 128 + signal.SIGINT
    return status


def parser(only: str | None = None) -> argparse.ArgumentParser:
    """Return the parser of the whole command, or of one of `COMMANDS`: the others take time to load."""
    from mlpack import __version__

    top = argparse.ArgumentParser(
        prog="mlpack",
        description="From a fitted model to something that an operator can trust and run anywhere.",
    )
    top.add_argument("--version", action="version", version=f"mlpack {__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True, prog=top.prog)
    for name, summary in COMMANDS.items():
        if only not in (None, name):
            continue
        command = commands.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".")
        module = importlib.import_module(f"mlpack._cli.{name.replace('-', '_')}")
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    if only is None:
        commands.add_parser("doctor", help="check the installation")  # mlpack_sdk answers it itself
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
