"""mlpack lock."""

from __future__ import annotations

import argparse
import sys

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "bundle", metavar="BUNDLE", help="a .mlpack file, a bundle directory, or oci:DIR[:TAG]"
    )
    parser.add_argument(
        "--requirements", action="store_true", help="print the hash-pinned form that any installer takes"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print what serving the bundle needs: pylock.toml as it stands, or plain requirements."""
    from mlpack.format.lock import Lock, to_requirements
    from mlpack.format.opening import inspect

    bundle = inspect(arguments.bundle)
    data = bundle.read(bundle.manifest.one("lock"))
    sys.stdout.write(to_requirements(Lock.from_bytes(data)) if arguments.requirements else data.decode())
    return 0
