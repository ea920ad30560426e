"""mlpack sign."""

from __future__ import annotations

import argparse
import getpass
import os
import sys

__all__ = ["add_arguments", "password_of", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("bundle", metavar="BUNDLE", help="a .mlpack file or a bundle directory")
    parser.add_argument(
        "--key", metavar="FILE", required=True, help="private key (PEM), made by mlpack keygen"
    )
    parser.add_argument("--output", metavar="PATH", help="write the signed bundle there instead of in place")
    parser.add_argument("--overwrite", action="store_true", help="replace a signature that is already there")


def run(arguments: argparse.Namespace) -> int:
    """Sign a bundle and say what to pin."""
    from mlpack.trust.keys import KeySigner
    from mlpack.trust.signing import sign

    signer = KeySigner.from_file(arguments.key, password=password_of(arguments.key))
    signed = sign(arguments.bundle, signer, overwrite=arguments.overwrite, output=arguments.output)
    print(f"signed:  {signed.path}")
    print(f"digest:  {signed.digest}")
    print(f"signer:  {signer.public_key.fingerprint}")
    return 0


def password_of(path: str) -> bytes | None:
    """Return the password from the environment or a person; None when the key does not ask for one."""
    from mlpack.trust.keys import is_encrypted

    if "MLPACK_KEY_PASSWORD" in os.environ or not is_encrypted(path) or not sys.stdin.isatty():
        return None  # the key itself looks at the environment, and says what is missing
    return getpass.getpass(f"Password for {path}: ").encode()
