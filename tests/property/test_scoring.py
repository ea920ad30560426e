"""However rows are cut or poisoned: order, keys and columns that no model reads come out as they were."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from mlpack.format.contract import Contract, Input, Output
from mlpack.runtime.batch._formats import rechunked
from mlpack.runtime.batch.drift import jensen_shannon, population_stability
from mlpack.runtime.batch.scorer import ScoreOptions, Scorer
from mlpack.runtime.predictor import Predictor
from mlpack.runtime.session import open_session

NUMBERS = st.one_of(st.none(), st.floats(-1e6, 1e6), st.sampled_from([float("inf"), float("nan")]))


@pytest.fixture(scope="module")
def doubling() -> Predictor:
    """One column that may not be missing or infinite, times two."""
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "x"], ["y"])],
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.DOUBLE, [None, 1])],
        [helper.make_tensor_value_info("y", TensorProto.DOUBLE, [None, 1])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    contract = Contract(
        layout="frame",
        inputs=(Input(name="c", tensor="x", dtype="float64", source="float64"),),
        outputs=(Output(method="transform", tensor="y", dtype="float64", shape=(None, 1)),),
    )
    return Predictor(contract, open_session(model.SerializeToString()))


@settings(deadline=None)
@given(cells=st.lists(NUMBERS, max_size=60), size=st.integers(1, 70))
def test_every_row_comes_out_once_in_order(doubling: Predictor, cells: list[Any], size: int) -> None:
    nested = [{"a": [row]} if row % 2 else None for row in range(len(cells))]
    batch = pa.RecordBatch.from_pydict(
        {
            "key": pa.array(range(len(cells)), pa.int64()),
            "c": pa.array(cells, pa.float64()),
            "nested": pa.array(nested, pa.struct([("a", pa.list_(pa.int64()))])),
        }
    )
    scored = Scorer(doubling, ScoreOptions(mode="quarantine", chunk_rows=size)).score(batch)
    good = [row for row, cell in enumerate(cells) if cell is not None and np.isfinite(cell)]
    assert scored.rows["key"].to_pylist() == good
    assert scored.rows["transform[0]"].to_pylist() == [cells[row] * 2 for row in good]
    assert scored.rows["nested"].to_pylist() == [nested[row] for row in good]
    bad = scored.quarantined["key"].to_pylist()
    assert sorted([*good, *bad]) == list(range(len(cells)))
    assert bad == sorted(bad)


@given(sizes=st.lists(st.integers(0, 30), max_size=12), rows=st.integers(1, 40))
def test_chunks_depend_on_rows_alone(sizes: list[int], rows: int) -> None:
    whole = pa.RecordBatch.from_pydict({"n": pa.array(range(sum(sizes)), pa.int64())})
    starts = np.cumsum([0, *sizes]).tolist()
    batches = [whole.slice(start, size) for start, size in zip(starts, sizes, strict=False)]
    chunks = list(rechunked(batches, rows))
    assert [row for chunk in chunks for row in chunk["n"].to_pylist()] == list(range(sum(sizes)))
    assert all(chunk.num_rows == rows for chunk in chunks[:-1])


@given(st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99)), min_size=1, max_size=12))
def test_divergences_are_symmetric_and_bounded(counts: list[tuple[int, int]]) -> None:
    first, second = (np.array(side) + (sum(side) == 0) for side in zip(*counts, strict=True))
    p, q = (first / first.sum()).tolist(), (second / second.sum()).tolist()
    assert 0 <= jensen_shannon(p, q) <= 1
    assert jensen_shannon(p, q) == pytest.approx(jensen_shannon(q, p), abs=1e-12)
    assert population_stability(p, q) == pytest.approx(population_stability(q, p), abs=1e-12)
    assert population_stability(p, p) == jensen_shannon(p, p) == 0
