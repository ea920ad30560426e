"""Nearest neighbours of a hundred thousand points: time and memory against scikit-learn, on one thread.

`python -m pytest benchmarks/bench_neighbors.py -s`. Memory is what the process holds at most: every
contestant has a process of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

POINTS, QUERIES = 100_000, int(os.environ.get("MLPACK_QUERIES", "1000"))
LIMIT_MB = 600
"""What may come on top of the model: scikit-learn itself takes up to 1 GB of distances at once."""

PROGRAM = """
import json, resource, sys, time
import numpy as np
from sklearn.neighbors import KNeighborsClassifier
from threadpoolctl import threadpool_limits
columns, points, queries = (int(word) for word in sys.argv[1:4])
packed = sys.argv[4] == "packed"
rng = np.random.default_rng(0)
X = rng.normal(size=(points, columns))
model = KNeighborsClassifier().fit(X, X[:, 0] > 0)
rows = rng.normal(size=(queries, columns))
if packed:
    from mlpack.packing.adapters import find_adapter
    from mlpack.packing.evidence.native import NativeModel
    from mlpack.packing.evidence.rules import learn_rules
    from mlpack.packing.example import read_example
    from mlpack.packing.export.emission import emit
    from mlpack.packing.profile import infer_contract
    from mlpack.runtime.predictor import Predictor
    from mlpack.runtime.session import open_session
    adapter, example = find_adapter(model), read_example(X[:20])
    description = adapter.describe(model)
    native = NativeModel(adapter=adapter, model=model, example=example, methods=description.methods)
    answers = native.answer({column.name: column.values for column in example.columns})
    contract = infer_contract(example, learn_rules(native), description, answers)
    session = open_session(emit(model, contract), by_row=True)
    subject = Predictor(contract, session, ranges="ignore")
else:
    subject = model
subject.predict(rows[:1])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with threadpool_limits(1):
    start = time.process_time()
    labels = subject.predict(rows)
    seconds = time.process_time() - start
held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
ones = int(np.asarray(labels).sum())
print(json.dumps({"s": seconds, "more_mb": (held - before) / 1024, "mb": held / 1024, "ones": ones}))
"""


@pytest.mark.parametrize("columns", [10, 30])  # scikit-learn takes a tree for few columns, a product for many
def test_a_hundred_thousand_points(columns: int) -> None:
    found = {}
    for kind in ("packed", "original"):
        command = [sys.executable, "-c", PROGRAM, str(columns), str(POINTS), str(QUERIES), kind]
        done = subprocess.run(
            command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[1]
        )
        found[kind] = json.loads(done.stdout)
        print(f"\n{columns} columns, {QUERIES} queries, {kind}: {found[kind]}", end="")
    assert found["packed"]["ones"] == found["original"]["ones"]
    assert found["packed"]["more_mb"] <= LIMIT_MB
