"""`python -m tests.zoo_tensors [--quick] [--only WORDS] [--table FILE] [--json FILE]`: pack and judge."""

from __future__ import annotations

import os

os.environ.update({"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "KERAS_BACKEND": "torch"})

import argparse
import json
import sys
from pathlib import Path

from tests.zoo_tensors.judge import BAD, examine
from tests.zoo_tensors.report import table_text
from tests.zoo_tensors.residents import residents


def main() -> int:
    """Run the cases and say what was found; 1 when a verdict is one that must never be."""
    parser = argparse.ArgumentParser(prog="python -m tests.zoo_tensors")
    parser.add_argument("--quick", action="store_true", help="the sample that every change runs")
    parser.add_argument("--only", default="", help="cases whose group and name hold these words")
    parser.add_argument("--table", type=Path, help="write the page of docs/reference here")
    parser.add_argument("--json", type=Path, help="write every verdict here")
    options = parser.parse_args()
    rows = []
    for case in residents():
        if (case.quick or not options.quick) and options.only in f"{case.group}: {case.name}":
            verdict = examine(case)
            rows.append([case.group, case.name, verdict.word, verdict.detail, verdict.narrower])
            told = f" narrower: {verdict.narrower}" if verdict.narrower else ""
            print(f"{verdict.word:30} {case.group}: {case.name} [{verdict.detail[:300]}]{told}", flush=True)  # noqa: T201
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    if options.table:
        options.table.write_text(table_text(rows), encoding="utf-8")
    return any(row[2] in BAD for row in rows)


if __name__ == "__main__":
    sys.exit(main())
