"""The argument that names a private key, and its password."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlpack.trust.keys import KeySigner

__all__ = ["add_key_argument", "chosen_signer"]


def add_key_argument(parser: argparse.ArgumentParser) -> None:
    """Add --key."""
    parser.add_argument(
        "--key", metavar="FILE", required=True, help="private key (PEM), made by mlpack keygen"
    )


def chosen_signer(arguments: argparse.Namespace) -> KeySigner:
    """Return the signer that the arguments name."""
    from mlpack.trust.keys import KeySigner

    return KeySigner.from_file(arguments.key, password=_password(arguments.key))


def _password(path: str) -> bytes | None:
    """Return the password from the environment or a person; None when the key does not ask for one."""
    from mlpack.trust.keys import is_encrypted

    if "MLPACK_KEY_PASSWORD" in os.environ or not is_encrypted(path) or not sys.stdin.isatty():
        return None  # the key itself looks at the environment, and says what is missing
    return getpass.getpass(f"Password for {path}: ").encode()
