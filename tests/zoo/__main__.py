"""`python -m tests.zoo [--quick] [--only WORDS] [--table] [--json FILE]`: pack every case and judge it."""

from __future__ import annotations

import os

os.environ.update({"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"})

import argparse
import json
import sys
from pathlib import Path

from tests.zoo.keeper import keep
from tests.zoo.report import BAD, table_text
from tests.zoo.residents import residents


def main() -> int:
    """Run the cases and say what was found; 1 when a verdict is one that must never be."""
    parser = argparse.ArgumentParser(prog="python -m tests.zoo")
    parser.add_argument("--quick", action="store_true", help="the sample that every change runs")
    parser.add_argument("--only", default="", help="cases whose group and name hold these words")
    parser.add_argument("--table", type=Path, help="write the table of docs/reference here")
    parser.add_argument("--json", type=Path, help="write every verdict here")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    chosen = [
        case
        for case in residents()
        if (case.quick or not options.quick) and options.only in f"{case.group}: {case.name}"
    ]
    results = []
    for result in keep(chosen, jobs=options.jobs):
        results.append(result)
        print(f"{result.verdict:30} {result.group}: {result.name} [{result.detail[:240]}]", flush=True)  # noqa: T201
    results.sort(key=lambda result: (result.group, result.name.casefold(), result.name))
    if options.json:
        rows = [[item.group, item.name, item.verdict, item.detail] for item in results]
        options.json.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    text = table_text(results)
    if options.table:
        options.table.write_text(text, encoding="utf-8")
    print(text.split("\n## ", 1)[0])  # noqa: T201
    return any(result.verdict in BAD for result in results)


if __name__ == "__main__":
    sys.exit(main())
