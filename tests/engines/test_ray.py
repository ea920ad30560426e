"""A real local Ray cluster of two CPUs: the same answers, whatever becomes of an actor, a file or a row."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import mlpack
from mlpack.errors import ContentMismatchError, InputError, UntrustedSignerError, UsageError
from mlpack.runtime.batch import ray as engine
from mlpack.runtime.batch import shipping
from mlpack.runtime.batch.scorer import ScoreOptions
from mlpack.runtime.notices import UnsignedWarning

pytestmark = [pytest.mark.engines, pytest.mark.filterwarnings("default")]

METHODS = ("predict", "predict_proba")
ROWS = 20_000


@pytest.fixture(scope="module", autouse=True)
def cluster(ended_after: Any) -> Iterator[None]:
    import ray
    import ray.data

    with pytest.MonkeyPatch.context() as patch, ended_after():
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        ray.init(num_cpus=2, include_dashboard=False, object_store_memory=300_000_000, log_to_driver=False)
        ray.data.DataContext.get_current().enable_progress_bars = False
        ray.data.DataContext.get_current().execution_options.preserve_order = True
        yield
        ray.shutdown()


def blocks(table: pa.Table, size: int = 8192) -> Any:
    import ray.data

    return ray.data.from_arrow([table.slice(start, size) for start in range(0, table.num_rows, size)])


def collected(dataset: Any) -> pa.Table:
    import ray

    return pa.concat_tables(ray.get(dataset.to_arrow_refs()), promote_options="permissive")


@pytest.mark.slice
def test_blocks_of_the_chunk_size_give_the_very_bytes(churn: Any, local: Any, rows: Any) -> None:
    table = rows(ROWS)
    options = ScoreOptions(methods=METHODS)
    scored = collected(engine.score_dataset(blocks(table), churn.path, policy=churn.policy, options=options))
    expected = local(churn, table, options)
    assert scored.schema.equals(expected.schema)
    assert scored.to_pylist() == expected.to_pylist()


def test_reading_from_disk_leaves_a_cpu_for_the_readers(
    churn: Any, local: Any, rows: Any, helpers: Any, tmp_path: Path
) -> None:
    import ray.data

    table = rows(4000)
    for part in range(4):
        pq.write_table(table.slice(part * 1000, 1000), tmp_path / f"{part}.parquet")
    read = ray.data.read_parquet(str(tmp_path))
    start = time.monotonic()
    engine.score_dataset(read, churn.path, policy=churn.policy).write_parquet(str(tmp_path / "out"))
    assert time.monotonic() - start < 240  # starting processes takes its time on a busy machine
    assert helpers.same_scores(pq.read_table(tmp_path / "out"), local(churn, table, ScoreOptions()))


def test_more_actors_than_cpus_are_refused_at_once(churn: Any, rows: Any) -> None:
    with pytest.raises(UsageError, match="2 CPUs"):
        engine.score_dataset(blocks(rows(8)), churn.path, policy=churn.policy, concurrency=3)


def test_wrong_signer_is_refused_on_the_driver(churn: Any, line: Any, rows: Any) -> None:
    with pytest.raises(UntrustedSignerError):
        engine.score_dataset(blocks(rows(8)), churn.path, policy=line.policy)


@pytest.mark.slice
def test_poison_batch_comes_back_in_place_with_its_reason(
    churn: Any, local: Any, rows: Any, poisoned: Any
) -> None:
    table = poisoned(rows(5000))
    options = ScoreOptions(mode="quarantine")
    scored = collected(
        engine.score_dataset(blocks(table, 1000), churn.path, policy=churn.policy, options=options)
    )
    bad = [row for row, reason in enumerate(scored["mlpack_reason"].to_pylist()) if reason is not None]
    assert bad == [*range(1000, 2000), 4321]
    assert scored.to_pylist() == local(churn, table, options).to_pylist()


def test_bad_row_is_one_readable_error(churn: Any, rows: Any, poisoned: Any) -> None:
    scored = engine.score_dataset(blocks(poisoned(rows(5000)), 5000), churn.path, policy=churn.policy)
    with pytest.raises(InputError) as caught, engine.readable_errors():
        scored.materialize()
    assert "row 1000" in caught.value.where
    assert "'tenure'" in caught.value.message


@pytest.mark.slice
def test_killed_actor_changes_nothing(churn: Any, local: Any, rows: Any, helpers: Any) -> None:
    table = rows(ROWS)

    def slow(block: pa.Table) -> pa.Table:
        time.sleep(1)
        return block

    slowed = blocks(table, 1000).map_batches(slow, batch_format="pyarrow")
    scored = engine.score_dataset(slowed, churn.path, policy=churn.policy)
    result, killed = helpers.kill_while(lambda: collected(scored))
    assert killed
    assert helpers.same_scores(result, local(churn, table, ScoreOptions()))


@pytest.mark.slice
def test_corrupted_file_on_a_node_is_refused_and_named(line: Any, rows: Any) -> None:
    arrived = shipping.deliver(line.path.read_bytes(), line.digest)
    data = bytearray(arrived.read_bytes())
    data[len(data) // 2] ^= 1
    arrived.write_bytes(data)
    table = rows(100).select(["tenure"]).drop_null()
    try:
        with pytest.raises(ContentMismatchError) as caught, engine.readable_errors():
            engine.score_dataset(blocks(table), line.path, policy=line.policy).materialize()
    finally:
        arrived.unlink()
    assert "Ray node" in caught.value.where
    assert arrived.name in caught.value.where


def test_unsigned_is_said_aloud_and_pins_what_was_seen(churn: Any, rows: Any) -> None:
    with pytest.warns(UnsignedWarning, match=churn.digest):
        scored = engine.score_dataset(blocks(rows(50)), churn.path, policy=mlpack.UNSIGNED)
    assert set(collected(scored)["mlpack_digest"].to_pylist()) == {churn.digest}


@pytest.mark.slow
def test_a_million_rows(churn: Any, local: Any, rows: Any, helpers: Any, tmp_path: Path) -> None:
    import ray.data

    table = rows(1_000_000)
    pq.write_table(table, tmp_path / "in.parquet", row_group_size=100_000)
    options = ScoreOptions(methods=METHODS, keep=("row",))
    read = ray.data.read_parquet(str(tmp_path / "in.parquet"))
    engine.score_dataset(read, churn.path, policy=churn.policy, options=options).write_parquet(
        str(tmp_path / "out")
    )
    assert helpers.same_scores(pq.read_table(tmp_path / "out"), local(churn, table, options))
