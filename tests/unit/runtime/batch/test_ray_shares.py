from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlpack.errors import UsageError
from mlpack.runtime.batch.ray import _shares


def test_two_cpus_hold_two_actors_and_a_reader() -> None:
    assert _shares([2.0]) == (0.5, 2)


def test_one_cpu_holds_an_actor_that_reserves_nothing() -> None:
    assert _shares([1.0]) == (0.0, 1)


def test_a_cluster_without_a_whole_cpu_is_refused() -> None:
    with pytest.raises(UsageError, match="whole CPU"):
        _shares([0.5])


@given(nodes=st.lists(st.integers(1, 64).map(float), min_size=1, max_size=6), data=st.data())
def test_wherever_actors_land_some_node_keeps_a_whole_cpu(nodes: list[float], data: st.DataObject) -> None:
    share, most = _shares(nodes)
    left = most
    free = []
    for cpus in nodes:
        room = left if share == 0 else min(left, math.floor(cpus / share + 1e-9))
        here = data.draw(st.integers(0, room))
        left -= here
        free.append(cpus - here * share)
    assert max(free) >= 1 - 1e-9
