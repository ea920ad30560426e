"""What a bill of materials of 130 packages costs, at most a second; and the secrets gate for 100 MB.

CPU time of this process, so that a busy machine does not decide. The packages are those installed here, with
their real metadata, native libraries and SBOMs; the digests of wheels are invented.
"""

from __future__ import annotations

import hashlib
import json
import statistics
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pytest

from mlpack.format.bom.check import check_bom
from mlpack.format.lock import Lock, LockedFile, LockedPackage
from mlpack.format.secrets.known import known_here
from mlpack.format.secrets.scanning import find_secrets
from mlpack.packing.bom.build import BomSubject, build_bom
from mlpack.packing.environment.installed import installed_versions

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

PACKAGES = 130
LIMIT = 1.0
ROUNDS = 5
SUBJECT = BomSubject(
    name="churn",
    version="1.2.0",
    task="classification",
    model_path="model/model.onnx",
    model_sha256="cd" * 32,
    model_size=99,
    framework="scikit-learn",
    framework_version="0.1",
)


def locked() -> Lock:
    installed = list(installed_versions().items())
    assert len(installed) >= PACKAGES, f"only {len(installed)} packages are installed here"
    packages = tuple(
        LockedPackage(
            name=name,
            version=version,
            marker=None,
            files=(
                LockedFile(
                    name=f"{name.replace('-', '_')}-{version}-py3-none-any.whl",
                    sha256=hashlib.sha256(name.encode()).hexdigest(),
                    size=1,
                ),
            ),
        )
        for name, version in installed[:PACKAGES]
    )
    marker = "platform_machine == 'x86_64' and sys_platform == 'linux'"
    return Lock(requires_python=">=3.11,<3.15", environments=(marker,), packages=packages)


def cpu(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def test_build_and_check(benchmark: BenchmarkFixture) -> None:
    lock = locked()
    first = cpu(lambda: build_bom(SUBJECT, lock))  # with every import and every schema compiled
    seconds = statistics.median(cpu(lambda: build_bom(SUBJECT, lock)) for _ in range(ROUNDS))
    document = json.loads(build_bom(SUBJECT, lock))
    check = statistics.median(cpu(lambda: check_bom(document)) for _ in range(ROUNDS))
    count = len(document["components"])
    benchmark.extra_info |= {"components": count, "first": round(first, 3), "check": round(check, 3)}
    benchmark.pedantic(build_bom, args=(SUBJECT, lock), rounds=1)  # type: ignore[no-untyped-call]
    print(
        f"\n{PACKAGES} packages, {count} components: {first:.2f} s CPU the first time, "
        f"{seconds:.2f} s after, of which the check {check:.2f} s"
    )
    assert first <= LIMIT


RNG = np.random.default_rng(0)
FILES = {
    "100 MB of weights": lambda: RNG.normal(size=25_000_000).astype("<f4").tobytes(),
    "100 MB of numbers as text": lambda: ",".join(map(repr, RNG.normal(size=5_100_000).tolist())).encode(),
}


@pytest.mark.parametrize("kind", FILES)
def test_secrets_gate(kind: str, benchmark: BenchmarkFixture) -> None:
    data, known = FILES[kind](), known_here({"TEAM_TOKEN": "not-in-any-of-it-1"})
    seconds = statistics.median(cpu(lambda: find_secrets("model", data, known)) for _ in range(3))
    benchmark.pedantic(find_secrets, args=("model", data, known), rounds=1)  # type: ignore[no-untyped-call]
    print(f"\n{kind}: {seconds:.2f} s CPU, {len(data) / seconds / 1e6:.0f} MB/s")
    assert seconds <= 2 * LIMIT
