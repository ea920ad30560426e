"""mlpack sign-files."""

from __future__ import annotations

import argparse

from mlpack._cli.signing import add_signer_arguments, ask_before_publishing, chosen_signer, label

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("path", metavar="PATH", help="a folder or a file")
    parser.add_argument("--signature", metavar="OUT", required=True, help="where the signature goes")
    add_signer_arguments(parser)
    parser.add_argument(
        "--certificate",
        metavar="PEM",
        action="append",
        default=[],
        help="certificate of --key, then those that lead to its root; may be repeated",
    )
    parser.add_argument(
        "--ignore",
        metavar="PATH",
        action="append",
        default=[],
        help="leave this path out, absolute or relative to the folder; may be repeated",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace a signature that is already there")


def run(arguments: argparse.Namespace) -> int:
    """Sign and say what was signed."""
    from mlpack.trust.foreign.signing import sign_files

    signer = chosen_signer(arguments)
    ask_before_publishing(signer, lambda: ("name", arguments.path), yes=arguments.yes)
    count = sign_files(
        arguments.path,
        signer,
        signature=arguments.signature,
        ignore=arguments.ignore,
        certificates=arguments.certificate,
        overwrite=arguments.overwrite,
    )
    print(f"signed:  {count} file(s)")
    print(f"signer:  {label(signer)}")
    return 0
