"""What `import mlpack` costs over the bare interpreter."""

from __future__ import annotations

import statistics
import subprocess
import sys

LIMIT_MS = 5.0
RUNS = 25

PROGRAM = """
import sys, time
start = time.perf_counter()
import mlpack
print((time.perf_counter() - start) * 1e3)
"""


def test_import_costs_at_most_five_milliseconds() -> None:
    """Take the median over fresh interpreters; each starts cold but for the disk cache."""
    command = [sys.executable, "-c", PROGRAM]
    times = [float(subprocess.run(command, capture_output=True, check=True).stdout) for _ in range(RUNS)]
    median = statistics.median(times)
    print(f"\nimport mlpack: median {median:.2f} ms, best {min(times):.2f} ms, limit {LIMIT_MS:.0f} ms")
    assert median <= LIMIT_MS
