"""What the reference of the format shows is what a reader gets who types it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/reference/bundle-format.md").read_text(encoding="utf-8")
EXAMPLE = PAGE.partition("## Worked example")[2].partition("## Conformance")[0]
BLOCKS = re.findall(r"```console\n(.*?)```", EXAMPLE, re.DOTALL)


def test_the_worked_example_is_true() -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("bash is not installed")
    commands = [line[2:] for block in BLOCKS for line in block.splitlines() if line.startswith("$ ")]
    shown = [line for block in BLOCKS for line in block.splitlines() if not line.startswith("$ ")]
    done = subprocess.run(
        [bash, "-c", "\n".join(commands)],
        cwd=ROOT,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.splitlines() == shown
    assert done.returncode == 0


@pytest.mark.parametrize(
    "word", ["100,000 files", "240 bytes", "32 MiB", "64 MiB", "8 MiB", "4 MiB", "at most 100."]
)
def test_the_limits_are_stated(word: str) -> None:
    assert word in " ".join(PAGE.split())
