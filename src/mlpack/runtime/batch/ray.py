"""Scoring on Ray Data: a pool of actors, each with one model, one delivered file per node."""

from __future__ import annotations

import contextlib
import math
import os
import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mlpack.errors import MissingExtraError, MlpackError, UsageError
from mlpack.runtime.batch.merging import score_merged
from mlpack.runtime.batch.reporting import placed, rebuilt
from mlpack.runtime.batch.scorer import ScoreOptions, Scorer
from mlpack.runtime.batch.shipping import deliver, load_shipped, prepare

if TYPE_CHECKING:
    import pyarrow as pa
    import ray.data

    from mlpack.trust.location import BundleLike
    from mlpack.trust.policy import Policy, Unsigned

__all__ = ["readable_errors", "score_dataset"]


def score_dataset(
    dataset: ray.data.Dataset,
    bundle: BundleLike,
    *,
    policy: Policy | Unsigned | str | os.PathLike[str] | None = None,
    options: ScoreOptions | None = None,
    concurrency: int | None = None,
) -> ray.data.Dataset:
    """Add a model's answers to a dataset. Nothing runs before the result is consumed.

    Args:
        dataset: Rows with the model's inputs among their columns; further columns pass through.
        bundle: A bundle directory, a `.mlpack` file, or a bundle that was opened before.
        policy: As for `mlpack.load`; checked here, on the driver. `mlpack.UNSIGNED` warns.
        options: How to score. In mode `quarantine` every row comes back once: bad rows have null scores and
            say why in `mlpack_reason`, which is null for the others.
        concurrency: Number of actors; None takes one per CPU of the cluster, fewer while others keep it busy.

    Returns:
        Kept columns, one column per score, `mlpack_digest` and `mlpack_version`. Rows keep their order within
        a block; blocks keep theirs when the dataset's `execution_options.preserve_order` says so.

    Raises:
        VerificationError: The bundle does not fulfil the policy.
        PolicyError: There is no usable policy.
        UsageError: The cluster can never run that many actors, or has no CPU at all; or options contradict.
        MissingExtraError: ray or pyarrow is not installed.
    """
    _need_ray()
    options = options or ScoreOptions()
    import ray

    shipment, predictor = prepare(bundle, policy)
    Scorer(predictor, options)  # what contradicts the model is refused here, not on a worker
    share, most = _shares(_cpus_of_nodes())
    pool = _pool(concurrency, most)
    archive = ray.put(shipment.archive.read_bytes())
    return dataset.map_batches(
        _ScoringActor,
        fn_constructor_args=(archive, shipment.digest, options),
        batch_size=None,  # a block at a time: the scorer cuts its own chunks, counted from the block's start
        batch_format="pyarrow",
        zero_copy_batch=True,
        udf_modifying_row_count=False,
        num_cpus=share,
        compute=pool,
    )


@contextlib.contextmanager
def readable_errors() -> Iterator[None]:
    """Turn the failure of a run back into the error that a worker raised.

    `with readable_errors(): scored.write_parquet(...)`. Failures of Ray itself pass through unchanged.

    Raises:
        MlpackError: The worker's own error, with node, row and column.
    """
    _need_ray()
    from ray.exceptions import RayError

    try:
        yield
    except RayError as failure:
        error = rebuilt(str(failure))
        if error is None:
            raise
        raise error from failure


class _ScoringActor:
    """One process of the pool: loads once, then scores blocks."""

    def __init__(self, archive: Any, digest: str, options: ScoreOptions) -> None:  # noqa: ANN401  (an ObjectRef)
        import ray

        self._place = f"Ray node {ray.get_runtime_context().get_node_id()[:12]} ({socket.gethostname()})"
        self._options = options
        try:
            predictor = load_shipped(deliver(ray.get(archive), digest), digest)
        except MlpackError as error:
            raise placed(error, self._place) from error
        self._scorer = Scorer(predictor, options)

    def __call__(self, block: pa.Table) -> pa.Table:
        import pyarrow as pa

        batch = _one_batch(block)
        return pa.Table.from_batches([score_merged(self._scorer, self._options, batch, place=self._place)])


def _one_batch(table: pa.Table) -> pa.RecordBatch:
    import pyarrow as pa

    batches = table.to_batches() or [pa.RecordBatch.from_pylist([], schema=table.schema)]
    return pa.concat_batches(batches)


def _cpus_of_nodes() -> list[float]:
    """Return the CPUs of each living node that has any."""
    import ray

    if not ray.is_initialized():
        ray.init()
    cpus = [node.get("Resources", {}).get("CPU", 0.0) for node in ray.nodes() if node.get("Alive")]
    return [float(count) for count in cpus if count > 0]


def _shares(nodes: list[float]) -> tuple[float, int]:
    """Return how much of a CPU an actor takes, and how many actors the cluster runs at once.

    As many actors as CPUs, each a little less than one: wherever they land, one whole CPU stays free on some
    node. Reading tasks ask for a whole one, and a pool that takes all of them waits for its input for ever.

    Raises:
        UsageError: There is no CPU.
    """
    most = sum(math.floor(count) for count in nodes)
    if not most:
        raise UsageError(
            "no node of the cluster has a whole CPU, so no row would ever be read",
            where="ray",
            hint="ray.init(num_cpus=2), or add a worker node",
        )
    smallest = min(math.floor(count) for count in nodes if count >= 1)
    return math.floor((smallest - 1) / smallest * 1e4) / 1e4, most


def _pool(concurrency: int | None, most: int) -> Any:  # noqa: ANN401  (Ray's strategy, which has no public base)
    from ray.data import ActorPoolStrategy

    if concurrency is None:
        return ActorPoolStrategy(min_size=1, max_size=most)
    if type(concurrency) is not int or concurrency < 1:
        raise UsageError("expected a positive number of actors", where="concurrency")
    if concurrency > most:
        raise UsageError(
            f"the cluster can never run {concurrency} actors at once: its nodes have {most} CPUs in all",
            where="concurrency",
            hint=f"at most {most}, or leave it out",
        )
    return ActorPoolStrategy(size=concurrency)


def _need_ray() -> None:
    try:
        import ray.data  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(
            "scoring on Ray needs ray", where="ray", hint="pip install 'mlpack-sdk[ray]'"
        ) from error
