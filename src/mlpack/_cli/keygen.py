"""mlpack keygen."""

from __future__ import annotations

import argparse
import getpass
import os
import sys

from mlpack.errors import UsageError
from mlpack.show.visible import visible

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("name", metavar="NAME", help="writes NAME.key and NAME.pub")
    parser.add_argument(
        "--curve", choices=("P-256", "P-384", "P-521"), default="P-256", help="default: P-256"
    )
    parser.add_argument("--no-password", action="store_true", help="leave the private key unprotected")


def run(arguments: argparse.Namespace) -> int:
    """Write a key pair and say where."""
    from mlpack.trust.keys import generate_key

    key, public = generate_key(arguments.name, curve=arguments.curve, password=_password(arguments))
    print(f"private key: {visible(str(key))}  (keep it secret)")
    print(f"public key:  {visible(str(public))}  (hand it to whoever verifies)")
    return 0


def _password(arguments: argparse.Namespace) -> bytes | None:
    if arguments.no_password:
        return None
    if "MLPACK_KEY_PASSWORD" in os.environ:
        return os.environ["MLPACK_KEY_PASSWORD"].encode()
    if not sys.stdin.isatty():
        raise UsageError(
            "no terminal to ask for a password",
            where="keygen",
            hint="set MLPACK_KEY_PASSWORD, or pass --no-password",
        )
    first = getpass.getpass("Password for the private key: ")
    if first != getpass.getpass("Once more: "):
        raise UsageError("the two passwords differ", where="keygen")
    if not first:
        raise UsageError(
            "an empty password protects nothing", where="keygen", hint="pass --no-password to do without"
        )
    return first.encode()
