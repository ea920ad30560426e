"""mlpack scan."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import get_args

from mlpack._cli.showing import add_json_argument, print_facts
from mlpack.errors import PolicyError, UsageError
from mlpack.trust.rules import Severity, Vulnerabilities

__all__ = ["add_arguments", "run"]

_STATUS = {"not affected": 0, "not assessed": 3, "affected": 4}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.epilog = (
        "Exit status: 0 nothing known, and every component was assessed; 4 affected; 3 nobody can tell. The "
        "bundle is not trusted, and nothing is contacted: the database is a file of your own, such as the "
        "all.zip that OSV publishes for PyPI."
    )
    parser.add_argument(
        "bundle",
        metavar="BUNDLE",
        help="a .mlpack file, a bundle directory, oci:DIR[:TAG], or a CycloneDX file called *.json",
    )
    parser.add_argument(
        "--database", type=Path, required=True, metavar="PATH", help="OSV export: a zip file or a folder"
    )
    parser.add_argument(
        "--maximum-age",
        type=int,
        default=7,
        metavar="DAYS",
        help="older databases assess nothing (default: 7 days)",
    )
    parser.add_argument(
        "--severity", choices=get_args(Severity), default="low", help="mildest that counts (default: low)"
    )
    parser.add_argument(
        "--vex",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="CycloneDX file whose statements you believe; may repeat",
    )
    parser.add_argument(
        "--accept-unassessed",
        action="append",
        default=[],
        metavar="NAME",
        help="component, with *, that need not be assessed, such as 'libopenblas*'; may repeat",
    )
    add_json_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Scan, print, and say by the exit status what was found."""
    from mlpack.trust.scanning import scan

    try:
        rule = Vulnerabilities(
            database=arguments.database,
            maximum_age=arguments.maximum_age,
            severity=arguments.severity,
            unassessed=tuple(arguments.accept_unassessed),
        )
    except PolicyError as error:
        raise UsageError(error.message, where="--maximum-age") from error
    report = scan(arguments.bundle, rule, vex=arguments.vex)
    print_facts(report.facts(), as_json=arguments.json)
    return _STATUS[report.answer]
