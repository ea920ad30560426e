from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ELSEWHERE = {"05_pack_with_a_plugin"}
"""Run by tests/integration/test_emitter_plugins.py, which installs what it needs."""

EXAMPLES = sorted(
    path for path in (Path(__file__).parents[2] / "examples").glob("[0-9]*.py") if path.stem not in ELSEWHERE
)


CASES = [
    pytest.param(path, id=path.stem, marks=[pytest.mark.engines] if "_score_on_" in path.stem else [])
    for path in EXAMPLES
]


@pytest.mark.parametrize("example", CASES)
def test_example_runs(example: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning:__main__", str(example)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
