"""The arguments that name something in a registry."""

from __future__ import annotations

import argparse

__all__ = ["add_plain_http_argument", "add_reference_arguments", "add_repository_arguments", "plain_http"]


def add_reference_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the reference and --plain-http."""
    parser.add_argument(
        "reference", metavar="REFERENCE", help="HOST/REPO:TAG, HOST/REPO@sha256:... or oci:DIR[:TAG]"
    )
    add_plain_http_argument(parser)


def add_repository_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the repository and --plain-http."""
    parser.add_argument("repository", metavar="REPOSITORY", help="HOST/REPO or oci:DIR")
    add_plain_http_argument(parser)


def add_plain_http_argument(parser: argparse.ArgumentParser) -> None:
    """Add --plain-http."""
    parser.add_argument(
        "--plain-http",
        action="store_true",
        help="speak HTTP without TLS; without it only to this machine itself",
    )


def plain_http(arguments: argparse.Namespace) -> bool | None:
    """Return True when asked for, else None: then only the loopback interface gets plain HTTP."""
    return True if arguments.plain_http else None
