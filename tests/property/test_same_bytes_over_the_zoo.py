"""The same fitted model gives the same bytes in two processes with other hash seeds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

Digests = dict[str, tuple[str, str, str]]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Digests, Digests]:
    folder = tmp_path_factory.mktemp("digests")
    found = []
    for seed in ("1", "2"):
        file = folder / f"{seed}.json"
        subprocess.run(
            [sys.executable, "-m", "tests.zoo.digests", str(file)],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
            timeout=900,
        )
        found.append(json.loads(file.read_text(encoding="utf-8")))
    return found[0], found[1]


@pytest.mark.slow
def test_own_emitters_give_the_same_bytes_whatever_the_hash_seed(runs: tuple[Digests, Digests]) -> None:
    differ = [name for name in _alike(runs, "emitters-float64") if runs[0][name] != runs[1][name]]
    assert differ == []


@pytest.mark.slow
def test_converted_graphs_give_the_same_bytes_whatever_the_hash_seed(runs: tuple[Digests, Digests]) -> None:
    differ = [name for name in _alike(runs, "skl2onnx") if runs[0][name] != runs[1][name]]
    assert differ == []


def _alike(runs: tuple[Digests, Digests], rung: str) -> list[str]:
    """Return the cases of a rung whose fit gave the same model twice: the same answers, to the last bit."""
    names = [name for name in runs[0] if runs[0][name][0].startswith(rung) and name in runs[1]]
    assert names
    return [name for name in names if runs[0][name][1] == runs[1][name][1]]
