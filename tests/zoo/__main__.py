"""`python -m tests.zoo`: pack every case and judge it; a run that was stopped goes on where it was.

`--quick`, `--group NAME`, `--only WORDS` choose; `--jobs`, `--seconds` limit; `--table`, `--json` write.
"""

from __future__ import annotations

import os

os.environ.update({"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"})

import argparse
import json
import sys
from pathlib import Path

from tests.zoo.journal import ROOT, Journal
from tests.zoo.keeper import SECONDS, Result, keep
from tests.zoo.report import BAD, summary, table_text
from tests.zoo.residents import ROOMS, residents


def main() -> int:
    """Run the cases and say what was found; 1 when a verdict is one that must never be."""
    options = _options()
    chosen = [
        case
        for case in residents(options.room or ROOMS)
        if (case.quick or not options.quick)
        and options.group in ("", case.group)
        and options.only in f"{case.group}: {case.name}"
    ]
    journal = Journal(options.journal, afresh=options.fresh)
    results = [
        journal.known[case.group, case.name] for case in chosen if (case.group, case.name) in journal.known
    ]
    if results:
        print(f"{len(results)} verdicts are in {options.journal} already", flush=True)  # noqa: T201
    waiting = [case for case in chosen if (case.group, case.name) not in journal.known]
    for result in journal.adding(keep(waiting, jobs=options.jobs, seconds=options.seconds)):
        results.append(result)
        said = f"{result.verdict:30} {result.seconds:5.1f} s  {result.group}: {result.name}"
        print(f"{said} [{result.detail[:240]}]", flush=True)  # noqa: T201
    results.sort(key=lambda result: (result.group, result.name.casefold(), result.name))
    _write(results, options)
    return any(result.verdict in BAD for result in results)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.zoo", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the sample that every change runs")
    parser.add_argument("--room", action="append", choices=ROOMS, help="only this module's; may repeat")
    parser.add_argument("--group", default="", help="cases of this group")
    parser.add_argument("--only", default="", help="cases whose group and name hold these words")
    parser.add_argument("--jobs", type=int, default=2, help="cases at a time (default: 2)")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="limit of one case")
    parser.add_argument("--journal", type=Path, default=ROOT / "build" / "zoo.jsonl", help="where to go on")
    parser.add_argument("--fresh", action="store_true", help="judge again what the journal has")
    parser.add_argument("--table", type=Path, help="write the table of docs/reference here")
    parser.add_argument("--json", type=Path, help="write every verdict here")
    return parser.parse_args()


def _write(results: list[Result], options: argparse.Namespace) -> None:
    if options.json:
        rows = [[item.group, item.name, item.verdict, item.detail] for item in results]
        options.json.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    if options.table:
        options.table.write_text(table_text(results), encoding="utf-8")
    print("\n".join(["", *summary(results)]))  # noqa: T201
    slow = sorted(results, key=lambda result: -result.seconds)[:5]
    total = sum(result.seconds for result in results)
    print(  # noqa: T201
        f"\n{len(results)} cases, {total:.0f} s in all; slowest: "
        + ", ".join(f"{item.group}: {item.name} {item.seconds:.1f} s" for item in slow)
    )


if __name__ == "__main__":
    sys.exit(main())
