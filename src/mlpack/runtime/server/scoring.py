"""From rows to answers, beside other requests: contract, queue, batches, deadline.

A model that answers a row in less than a millisecond runs where the request is read: handing it over would
cost more than it takes. A slower one runs in a thread of its own; what arrives meanwhile waits, and goes in
together, so that a lone request never waits for company and a crowd shares one run.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlpack.errors import InputError, MlpackError
from mlpack.runtime.server.http import Refusal

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlpack.format.contract import Output
    from mlpack.runtime._rows import Feeds
    from mlpack.runtime.predictor import Predictor
    from mlpack.runtime.server.metrics import Metrics
    from mlpack.runtime.server.settings import ServerSettings

__all__ = ["Answers", "Scoring"]

Answers = tuple["NDArray[Any]", ...]

INLINE = 0.001
"""Seconds up to which a run stays in the loop; meanwhile nothing else is read."""

MANY = 10_000
"""Cells above which rows are read in a thread."""


@dataclass(slots=True, eq=False)
class _Job:
    feeds: Feeds
    rows: int
    outputs: tuple[Output, ...]
    answer: asyncio.Future[Answers]


class Scoring:
    """The model, as the requests of one worker share it."""

    def __init__(
        self,
        predictor: Predictor,
        settings: ServerSettings,
        metrics: Metrics,
        *,
        per_run: float,
        per_row: float,
    ) -> None:
        """Take a warm model.

        Args:
            predictor: The model.
            settings: Limits.
            metrics: What is counted.
            per_run: Seconds that one run takes, measured.
            per_row: Seconds that each further row takes, measured.
        """
        self.predictor = predictor
        self._settings = settings
        self._metrics = metrics
        self._per_run, self._per_row = per_run, per_row
        self._width = len(predictor.inputs)
        self._joins = predictor.layout != "tensors"
        self._waiting: deque[_Job] = deque()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="model")
        self._busy = False

    async def answers(self, rows: object, outputs: Sequence[Output], count: int) -> Answers:
        """Return outputs of the model for `count` rows.

        Raises:
            Refusal: The rows break the contract, the queue is full, the deadline passed, or the model failed.
        """
        try:
            if count * self._width > MANY:
                feeds = await asyncio.to_thread(self.predictor.feeds, rows)
            else:
                feeds = self.predictor.feeds(rows)
            count = 0 if feeds is None else len(next(iter(feeds.values())))
            if self._brief(count) and not self._waiting:
                found = self.predictor.run(feeds, outputs)
            else:
                found = await self._queued(feeds, count, tuple(outputs))
        except InputError as error:
            raise Refusal(400, _worded(error), reason="contract") from error
        except MlpackError as error:
            raise Refusal(500, "the model failed on these rows", reason="engine") from error
        self._metrics.predicted(count)
        if feeds is not None:
            self._metrics.drift.see(feeds, count, outputs, found)
        return found

    def _brief(self, rows: int) -> bool:
        return self._per_run + self._per_row * rows <= INLINE

    async def _queued(self, feeds: Feeds | None, rows: int, outputs: tuple[Output, ...]) -> Answers:
        if feeds is None:
            return self.predictor.run(None, outputs)
        if len(self._waiting) >= self._settings.queue:
            wait = len(self._waiting) * self._per_run
            raise Refusal(503, "too many requests wait", reason="queue", retry_after=max(1, round(wait)))
        loop = asyncio.get_running_loop()
        job = _Job(feeds, rows, outputs, loop.create_future())
        self._waiting.append(job)
        self._metrics.waiting(len(self._waiting))
        if not self._busy:
            self._busy = True
            self._next(loop)
        try:
            async with asyncio.timeout(self._settings.deadline or None):
                return await job.answer
        except TimeoutError:
            raise Refusal(504, "not answered within the deadline", reason="deadline") from None

    def _next(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start the next run, of as many waiting requests as go together."""
        jobs = self._take()
        self._metrics.waiting(len(self._waiting))
        if not jobs:
            self._busy = False
            return
        run = loop.run_in_executor(self._thread, self._run, jobs)
        run.add_done_callback(lambda done: self._finish(loop, jobs, done))

    def _take(self) -> list[_Job]:
        jobs: list[_Job] = []
        rows = 0
        while self._waiting:
            first = self._waiting[0]
            if first.answer.done():  # its deadline passed, or its caller went
                self._waiting.popleft()
                continue
            if jobs and (
                not self._joins
                or first.outputs != jobs[0].outputs
                or rows + first.rows > self._settings.max_rows
            ):
                break
            jobs.append(self._waiting.popleft())
            rows += first.rows
        return jobs

    def _run(self, jobs: list[_Job]) -> list[Answers | MlpackError]:
        """Run the model, in its thread; where joined rows fail, each request by itself: one spoils none."""
        start = time.perf_counter()
        try:
            found: list[Answers | MlpackError] = list(self._joined(jobs))
        except MlpackError as error:
            if len(jobs) == 1:
                return [error]
            found = [self._run([job])[0] for job in jobs]
        self._metrics.ran(len(jobs), time.perf_counter() - start)
        return found

    def _joined(self, jobs: list[_Job]) -> list[Answers]:
        if len(jobs) == 1:
            return [self.predictor.run(jobs[0].feeds, jobs[0].outputs)]
        import numpy as np

        feeds = {name: np.concatenate([job.feeds[name] for job in jobs]) for name in jobs[0].feeds}
        answers = self.predictor.run(feeds, jobs[0].outputs)
        ends = np.cumsum([job.rows for job in jobs])[:-1]
        return list(zip(*(np.split(answer, ends) for answer in answers), strict=True))

    def _finish(
        self,
        loop: asyncio.AbstractEventLoop,
        jobs: list[_Job],
        done: asyncio.Future[list[Answers | MlpackError]],
    ) -> None:
        error = done.exception()
        found = [error] * len(jobs) if error is not None else done.result()
        for job, answer in zip(jobs, found, strict=True):
            if job.answer.done():
                continue
            if isinstance(answer, BaseException):
                job.answer.set_exception(answer)
            else:
                job.answer.set_result(answer)
        self._next(loop)


def _worded(error: InputError) -> str:
    """Return what is wrong with the rows; the contract's messages hold no value of a row."""
    head = f"{error.where}: {error.message}" if error.where else error.message
    return "; ".join([head, *error.problems])
