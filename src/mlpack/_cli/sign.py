"""mlpack sign."""

from __future__ import annotations

import argparse

from mlpack._cli.signing import (
    add_signer_arguments,
    ask_before_publishing,
    bundle_subject,
    chosen_signer,
    label,
)
from mlpack.errors import UsageError

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "bundle", metavar="BUNDLE", help="a .mlpack file, a bundle directory, or oci:DIR[:TAG]"
    )
    add_signer_arguments(parser)
    parser.add_argument("--output", metavar="PATH", help="write the signed bundle there instead of in place")
    parser.add_argument(
        "--add", action="store_true", help="sign besides whoever has signed already, as a countersignature"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace a signature that is already there")


def run(arguments: argparse.Namespace) -> int:
    """Sign a bundle and say what to pin."""
    from mlpack.trust.signing import sign

    if arguments.add and (arguments.output or arguments.overwrite):
        raise UsageError("excludes --output and --overwrite", where="--add")
    signer = chosen_signer(arguments)
    ask_before_publishing(signer, lambda: bundle_subject(arguments.bundle), yes=arguments.yes)
    if arguments.add:
        from mlpack.trust.attesting import countersign

        print(f"countersigned:  {arguments.bundle}")
        print(f"file:           {countersign(arguments.bundle, signer)}")
        print(f"signer:         {label(signer)}")
        return 0
    signed = sign(arguments.bundle, signer, overwrite=arguments.overwrite, output=arguments.output)
    print(f"signed:  {signed.path}")
    print(f"digest:  {signed.digest}")
    print(f"signer:  {label(signer)}")
    return 0
