from __future__ import annotations

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from mlpack.runtime.batch.merging import rechunked


@settings(deadline=None)  # the first call imports pyarrow
@given(sizes=st.lists(st.integers(0, 7), max_size=8), rows=st.integers(1, 9))
def test_rechunked_keeps_the_rows_and_makes_whole_chunks(sizes: list[int], rows: int) -> None:
    counter = iter(range(100))
    batches = [
        pa.record_batch({"a": pa.array([next(counter) for _ in range(size)], pa.int64())}) for size in sizes
    ]
    found = list(rechunked(batches, rows))
    assert [value for batch in found for value in batch["a"].to_pylist()] == list(range(sum(sizes)))
    assert all(batch.num_rows == rows for batch in found[:-1])
    assert all(0 < batch.num_rows <= rows for batch in found[-1:])
