"""Queue, batches and deadlines around a model that takes its time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from mlpack.errors import InputError
from mlpack.format.contract import Contract, Input, Output
from mlpack.runtime.server.http import Refusal
from mlpack.runtime.server.metrics import Metrics
from mlpack.runtime.server.scoring import Scoring
from mlpack.runtime.server.settings import ServerSettings

OUTPUT = Output(method="predict", tensor="y", dtype="float64", shape=(None,))
CONTRACT = Contract(
    layout="frame",
    inputs=(Input(name="x", tensor="x", dtype="float64", source="float64"),),
    outputs=(OUTPUT,),
)


class Gate:
    """A model that answers with its input, once the gate is open; it notes how many rows each run had."""

    layout = "frame"
    inputs = CONTRACT.inputs

    def __init__(self) -> None:
        self.open = threading.Event()
        self.runs: list[int] = []

    def feeds(self, rows: list[float]) -> dict[str, Any]:
        return {"x": np.array(rows, dtype=float).reshape(-1, 1)}

    def run(self, feeds: dict[str, Any], outputs: Sequence[Output]) -> tuple[Any, ...]:
        assert self.open.wait(10)
        values = feeds["x"][:, 0]
        self.runs.append(len(values))
        if (values < 0).any():
            raise InputError("refused", where="rows")
        return tuple(values for _ in outputs)


def scoring(model: Gate, **settings: float) -> Scoring:
    metrics = Metrics(CONTRACT, {})
    metrics.counters.share(1)
    return Scoring(model, ServerSettings(**settings), metrics, per_run=1.0, per_row=0.0)  # type: ignore[arg-type]


async def crowd(shared: Scoring, model: Gate, rows: list[list[float]]) -> list[Any]:
    tasks = [asyncio.ensure_future(shared.answers(item, (OUTPUT,), len(item))) for item in rows]
    await asyncio.sleep(0.05)
    model.open.set()
    return await asyncio.gather(*tasks, return_exceptions=True)


def test_a_crowd_shares_runs_and_each_gets_its_own() -> None:
    model = Gate()
    found = asyncio.run(crowd(scoring(model), model, [[1.0], [2.0, 3.0], [4.0]]))

    assert [answer[0].tolist() for answer in found] == [[1.0], [2.0, 3.0], [4.0]]
    assert model.runs == [1, 3]  # the first never waited for the others


def test_a_run_takes_no_more_rows_than_it_may() -> None:
    model = Gate()
    asyncio.run(crowd(scoring(model, max_rows=2), model, [[1.0], [2.0], [3.0], [4.0]]))

    assert model.runs == [1, 2, 1]


def test_a_row_that_is_refused_spoils_no_other_request() -> None:
    model = Gate()
    found = asyncio.run(crowd(scoring(model), model, [[1.0], [2.0], [-1.0], [3.0]]))

    refused = found.pop(2)
    assert isinstance(refused, Refusal)
    assert refused.status == 400
    assert [answer[0].tolist() for answer in found] == [[1.0], [2.0], [3.0]]


def test_a_full_queue_refuses_at_once_and_says_when_to_come_back() -> None:
    model = Gate()
    found = asyncio.run(crowd(scoring(model, queue=2), model, [[1.0], [2.0], [3.0], [4.0]]))

    assert [answer[0].tolist() for answer in found[:3]] == [[1.0], [2.0], [3.0]]
    assert isinstance(found[3], Refusal)
    assert (found[3].status, found[3].retry_after) == (503, 2)


def test_a_deadline_refuses_and_the_row_is_not_run() -> None:
    model = Gate()

    async def late() -> list[Any]:
        shared = scoring(model, deadline=0.05)
        tasks = [asyncio.ensure_future(shared.answers([value], (OUTPUT,), 1)) for value in (1.0, 2.0)]
        found = await asyncio.gather(*tasks, return_exceptions=True)
        model.open.set()
        await asyncio.sleep(0.1)
        return found

    found = asyncio.run(late())

    assert all(isinstance(item, Refusal) and item.status == 504 for item in found)
    assert model.runs == [1]
