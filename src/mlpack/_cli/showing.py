"""Printing facts, as text or JSON."""

from __future__ import annotations

import argparse
import shutil
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlpack.show.facts import Facts

__all__ = ["add_json_argument", "print_facts"]


def add_json_argument(parser: argparse.ArgumentParser) -> None:
    """Add --json."""
    parser.add_argument("--json", action="store_true", help="print JSON for programs instead of text")


def print_facts(facts: Facts, *, as_json: bool) -> None:
    """Print to standard output; colours and folded lines only on a terminal."""
    if as_json:
        from mlpack.show.json import render_json

        print(render_json(facts))
        return
    from mlpack.show.text import render_text

    on_terminal = sys.stdout.isatty()
    width = shutil.get_terminal_size().columns if on_terminal else None
    print(render_text(facts, width=width, color=on_terminal))
