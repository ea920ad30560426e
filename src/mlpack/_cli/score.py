"""mlpack score."""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING

from mlpack._cli.showing import add_json_argument, print_facts
from mlpack._cli.trusting import add_policy_arguments, chosen_policy

if TYPE_CHECKING:
    from mlpack.runtime.batch.report import Progress

__all__ = ["add_arguments", "run"]

_QUIET = 10.0
"""Seconds between lines where there is no terminal."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "bundle", metavar="BUNDLE", help="a .mlpack file, a bundle directory, or oci:DIR[:TAG]"
    )
    parser.add_argument(
        "source", metavar="IN", help="a .parquet, .arrow, .csv or .jsonl file, a folder of such, or a URL"
    )
    parser.add_argument("target", metavar="OUT", help="a file, or a folder when IN is one")
    add_policy_arguments(parser, unsigned=True)
    parser.add_argument(
        "--mode",
        choices=("refuse", "quarantine", "warn"),
        default="refuse",
        help="what happens to rows that break the contract (default: %(default)s)",
    )
    parser.add_argument(
        "--method", action="append", dest="methods", help="method to ask; may repeat (default: the first)"
    )
    parser.add_argument("--keep", action="append", metavar="COLUMN", help="keep only these input columns")
    parser.add_argument("--prefix", default="", help="stands before the names of the columns that are added")
    parser.add_argument("--strict", action="store_true", help="values outside the training data are bad too")
    parser.add_argument("--chunk-rows", type=int, default=8192, metavar="N", help="rows in one step")
    parser.add_argument("--threads", type=int, metavar="N", help="steps at a time (default: every core)")
    parser.add_argument("--restart", action="store_true", help="throw away what a killed run left")
    parser.add_argument("--overwrite", action="store_true", help="replace OUT if it exists")
    add_json_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Verify, score, report."""
    from mlpack.runtime.batch.local import score

    meter = _Meter()
    report = score(
        arguments.bundle,
        arguments.source,
        arguments.target,
        policy=chosen_policy(arguments),
        mode=arguments.mode,
        methods=arguments.methods or (),
        keep=arguments.keep,
        prefix=arguments.prefix,
        strict=arguments.strict,
        chunk_rows=arguments.chunk_rows,
        threads=arguments.threads,
        resume=not arguments.restart,
        overwrite=arguments.overwrite,
        progress=meter,
    )
    meter.end()
    print_facts(report.facts(), as_json=arguments.json)
    return 0


class _Meter:
    """A bar on a terminal, a line now and then elsewhere; always on standard error."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._last = time.monotonic()
        self._drawn = False

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        if now - self._last < (0.1 if self._terminal else _QUIET):
            return
        self._last = now
        share = min(progress.rows / progress.expected, 1.0) if progress.expected else 0.0
        text = f"part {progress.part} of {progress.parts}, {progress.rows:,} rows"
        if not self._terminal:
            print(f"mlpack: {text}", file=sys.stderr, flush=True)
            return
        full = round(30 * share)
        bar = f"[{'#' * full}{'.' * (30 - full)}] {share:4.0%}  " if progress.expected else ""
        print(f"\r\x1b[K{bar}{text}", end="", file=sys.stderr, flush=True)
        self._drawn = True

    def end(self) -> None:
        """Leave the line clean for what follows."""
        if self._drawn:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
