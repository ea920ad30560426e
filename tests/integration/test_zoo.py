"""A sample of the zoo: nothing packed may disagree with its original, answer for it, or refuse for it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.zoo.report import BAD
from tests.zoo.residents import residents

SAMPLE = [case for case in residents() if case.quick]
ROOT = Path(__file__).parents[2]

Verdicts = dict[tuple[str, str], tuple[str, str]]


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> Verdicts:
    """Judge the sample in a process of its own: it forks, which one that has used OpenMP must not."""
    found = tmp_path_factory.mktemp("zoo") / "verdicts.json"
    journal = str(found.with_name("journal"))
    subprocess.run(
        [sys.executable, "-m", "tests.zoo", "--quick", "--journal", journal, "--json", str(found)],
        cwd=ROOT,
        capture_output=True,
        timeout=900,
        check=False,
    )
    rows = json.loads(found.read_text(encoding="utf-8"))
    return {(group, name): (verdict, detail) for group, name, verdict, detail in rows}


@pytest.mark.parametrize("case", SAMPLE, ids=[f"{case.group}: {case.name}" for case in SAMPLE])
def test_a_resident_agrees_or_is_refused_with_a_reason(case: object, verdicts: Verdicts) -> None:
    verdict, detail = verdicts[case.group, case.name]  # type: ignore[attr-defined]
    assert verdict not in (*BAD, "unfit"), detail
