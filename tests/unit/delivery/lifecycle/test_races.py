"""Several people at once, and processes that are killed."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.lifecycles import Shop, codes, put

from mlpack.delivery.lifecycle import history
from mlpack.delivery.lifecycle.results import Act
from mlpack.oci.layout import Layout
from mlpack.trust.policy import Policy
from mlpack.trust.verification import verify

MakeBundle = Callable[..., Path]


def test_two_at_once_lose_nothing(running: tuple[Shop, Policy]) -> None:
    shop, policy = running
    log = policy.history.log if policy.history else ""
    acts: dict[str, Act] = {}
    start = threading.Barrier(4)

    def act(name: str, version: str, stage: str) -> None:
        start.wait()
        acts[name] = put(shop, version, to=stage, log=log)

    jobs = [
        ("a", "1.0.0", "production"),
        ("b", "1.2.0", "production"),
        ("c", "1.2.0", "staging"),
        ("d", "1.0.0", "staging"),
    ]
    threads = [threading.Thread(target=act, args=job) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(acts) == {"a", "b", "c", "d"}
    found = history(shop.place, policy=policy)
    assert not found.problems
    assert not any(state.forked for state in found.chain.stages.values())
    recorded = {
        (record.event.stage, record.event.version) for record in found.chain.records[2:] if record.counts
    }
    assert recorded == {(stage, version) for _, version, stage in jobs}
    for stage in ("production", "staging"):
        newest = found.chain.stages[stage].record
        assert newest is not None
        assert shop.layout.manifest(stage).data == shop.layout.manifest(newest.event.version).data


def test_two_who_begin_a_history_at_once_end_in_one(shop: Shop) -> None:
    acts: list[Act] = []
    start = threading.Barrier(2)

    def act(version: str) -> None:
        start.wait()
        acts.append(put(shop, version))

    threads = [threading.Thread(target=act, args=(version,)) for version in ("1.0.0", "1.1.0")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({act.chain.log for act in acts}) == 1
    found = history(shop.place, policy=shop.policy(log=acts[0].chain.log))
    assert not found.problems
    assert {record.event.version for record in found.chain.records} == {"1.0.0", "1.1.0"}


def _promote_and_die(shop: Shop, log: str, step: int) -> None:
    """Promote, and be killed at the n-th thing that is written."""
    left = [step]
    real = {name: getattr(Layout, name) for name in ("put_manifest", "put_blob")}

    def dying(name: str) -> Callable[..., object]:
        def put_it(self: Layout, *arguments: object, **options: object) -> object:
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            left[0] -= 1
            return real[name](self, *arguments, **options)

        return put_it

    for name in real:
        setattr(Layout, name, dying(name))
    put(shop, "1.2.0", log=log)


@pytest.mark.parametrize("step", range(7))
def test_killed_between_steps_a_second_try_completes(running: tuple[Shop, Policy], step: int) -> None:
    shop, policy = running
    log = policy.history.log if policy.history else ""
    context = multiprocessing.get_context("fork")
    process = context.Process(target=_promote_and_die, args=(shop, log, step))
    process.start()
    process.join()
    killed = process.exitcode == -signal.SIGKILL
    assert killed == (step < 6)
    before = history(shop.place, policy=policy)
    assert {problem.code for problem in before.problems} <= {"history-moved-tag"}
    act = put(shop, "1.2.0", log=log)
    assert act.in_force is not None
    assert act.in_force.event.version == "1.2.0"
    assert len(shop.events()) == 3
    assert not codes(shop, policy)
    assert verify(f"{shop.place}:production", policy).version == "1.2.0"
