"""What verification costs beside hashing the same files: at most 1.2 times the CPU of plain SHA-256.

Both are measured in one run and in turns, as process CPU time, so that a busy machine disturbs them alike.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mlpack.trust.keys import KeySigner, generate_key
from mlpack.trust.policy import Policy
from mlpack.trust.signing import sign
from mlpack.trust.verification import verify

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

LIMIT = 1.2
ROUNDS = 7


@dataclasses.dataclass(frozen=True)
class Case:
    """A shape of bundle."""

    name: str
    count: int
    size: int


def hash_plainly(folder: str) -> None:
    """Hash every file below `folder` the way the standard library offers it."""
    for root, _, names in os.walk(folder):
        for name in names:
            with open(f"{root}/{name}", "rb") as file:  # noqa: PTH123  (the lean way is the point)
                hashlib.file_digest(file, "sha256").hexdigest()


def cpu(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def signed_bundle(folder: Path, make_bundle: Callable[..., Path], case: Case) -> tuple[Path, Policy]:
    block = os.urandom(case.size)
    more = {f"model/part-{index:05}.bin": ("model", block) for index in range(case.count)}
    path = make_bundle(folder, more=more)
    key, public = generate_key(folder / "key", password=None)
    sign(path, KeySigner.from_file(key))
    return path, Policy.from_key(public)


CASES = (Case("few big files", 4, 128 * 2**20), Case("20,000 small files", 20_000, 52_000))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_verify_against_plain_sha256(
    tmp_path: Path, case: Case, make_bundle: Callable[..., Path], benchmark: BenchmarkFixture
) -> None:
    path, policy = signed_bundle(tmp_path, make_bundle, case)
    verify(path, policy)  # imports, and the page cache
    pairs = [(cpu(lambda: hash_plainly(str(path))), cpu(lambda: verify(path, policy))) for _ in range(ROUNDS)]
    ratio = statistics.median(ours / plain for plain, ours in pairs)
    benchmark.extra_info["ratio to plain SHA-256, CPU"] = round(ratio, 3)
    benchmark(verify, path, policy)
    print(f"\n{case.name}: {ratio:.2f} times the CPU of plain SHA-256")
    assert ratio <= LIMIT
