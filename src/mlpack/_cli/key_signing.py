"""The argument that names a private key, and its password."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from mlpack._cli.signing import password_of

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

    return KeySigner.from_file(arguments.key, password=password_of(arguments.key))
