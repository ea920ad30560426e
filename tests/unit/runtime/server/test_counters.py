"""Counters in shared memory, across processes."""

from __future__ import annotations

import os

import pytest

from mlpack.runtime.server.counters import Counter, Counters, Histogram, Vector


def test_workers_add_up() -> None:
    counters = Counters()
    requests = Counter.of(counters)
    counters.share(workers=3)
    for worker in range(3):
        if (pid := os.fork()) == 0:
            counters.claim(worker)
            requests.add(worker + 1)
            os._exit(0)
        os.waitpid(pid, 0)

    assert requests.total == 6


def test_a_worker_that_takes_anothers_place_goes_on_counting() -> None:
    counters = Counters()
    requests = Counter.of(counters)
    counters.share(workers=2)
    counters.claim(1)
    requests.add()
    counters.claim(1)
    requests.add()

    assert requests.total == 2


def test_a_histogram_counts_a_bound_within_its_bucket() -> None:
    counters = Counters()
    histogram = Histogram.of(counters, (1.0, 2.0))
    counters.share(workers=1)
    for value in (0.5, 1.0, 1.5, 9.0):
        histogram.observe(value)

    assert histogram.totals == ([2.0, 1.0, 1.0], 12.0)


def test_vectors_do_not_touch_their_neighbours() -> None:
    counters = Counters()
    first, second = Vector.of(counters, 2), Vector.of(counters, 2)
    counters.share(workers=1)
    first.add([1, 2])

    assert (first.totals, second.totals) == ([1.0, 2.0], [0.0, 0.0])


def test_nothing_is_declared_after_sharing() -> None:
    counters = Counters()
    counters.share(workers=1)

    with pytest.raises(RuntimeError, match="shared"):
        counters.reserve(1)
