"""mlpack sign."""

from __future__ import annotations

import argparse

from mlpack._cli.signing import add_signer_arguments, ask_before_publishing, chosen_signer

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("bundle", metavar="BUNDLE", help="a .mlpack file or a bundle directory")
    add_signer_arguments(parser)
    parser.add_argument("--output", metavar="PATH", help="write the signed bundle there instead of in place")
    parser.add_argument("--overwrite", action="store_true", help="replace a signature that is already there")


def run(arguments: argparse.Namespace) -> int:
    """Sign a bundle and say what to pin."""
    from mlpack.trust.keys import Sealer
    from mlpack.trust.signing import sign

    signer = chosen_signer(arguments)
    if arguments.keyless or arguments.identity_token:
        from mlpack.format.opening import inspect
        from mlpack.trust.sigstore_signing import SigstoreSigner

        assert isinstance(signer, SigstoreSigner)  # noqa: S101  (for the type checker)
        ask_before_publishing(signer, inspect(arguments.bundle).digest, yes=arguments.yes)
    signed = sign(arguments.bundle, signer, overwrite=arguments.overwrite, output=arguments.output)
    print(f"signed:  {signed.path}")
    print(f"digest:  {signed.digest}")
    print(f"signer:  {signer.label() if isinstance(signer, Sealer) else signer.public_key.fingerprint}")
    return 0
