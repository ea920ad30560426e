"""Real acts and real tampering on a layout, in any order: what verifies was put there, or nothing does."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from tests.lifecycles import VERSIONS, Shop, open_shop

from mlpack.delivery.lifecycle import checkpoint, history, promote, retire, rollback
from mlpack.errors import UsageError, VerificationError
from mlpack.trust.history.rule import CheckpointRule
from mlpack.trust.policy import Policy
from mlpack.trust.verification import verify

MakeBundle = Callable[..., Path]


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory, make_bundle: MakeBundle) -> tuple[Shop, str]:
    shop = open_shop(tmp_path_factory.mktemp("shop"), make_bundle)
    act = promote(
        f"{shop.place}:1.0.0", to="production", signer=shop.signers["lead"], reason="x", policy=shop.policy()
    )
    return shop, act.chain.log


REFUSALS = (VerificationError, UsageError)
"""Retired, nothing to go back to, or tampered with."""

acts = st.tuples(st.sampled_from(["promote", "promote", "rollback", "retire"]), st.integers(0, 2), st.just(0))
tampering = st.tuples(
    st.sampled_from(["move", "untag", "forge", "junk"]), st.integers(0, 2), st.integers(0, 20)
)


class World:
    """A layout that is acted on and tampered with, and what is true of it."""

    def __init__(self, shop: Shop, log: str) -> None:
        self.shop, self.tampered = shop, False
        self.in_force, self.retired = "1.0.0", set[str]()
        self.policy: Policy = shop.policy(
            log=log, in_force="production", checkpoint=CheckpointRule(by=("ci",), when="both")
        )
        self.checkpoint()

    def checkpoint(self) -> None:
        checkpoint(self.shop.place, days=7, signer=self.shop.signers["ci"], policy=self.policy)

    def act(self, what: str, version: str) -> None:
        common: dict[str, Any] = {"reason": "because", "policy": self.policy}
        place, lead = self.shop.place, self.shop.signers["lead"]
        if what == "promote":
            promote(f"{place}:{version}", to="production", signer=lead, **common)
            self.in_force = version
        elif what == "rollback":
            done = rollback(place, stage="production", signer=lead, **common)
            assert done.record is not None
            self.in_force = done.record.event.version
        else:
            retire(f"{place}:{version}", signer=self.shop.signers["security"], **common)
            self.retired.add(version)
        self.checkpoint()

    def tamper(self, how: str, version: str, number: int) -> None:
        self.tampered = True
        events = self.shop.events()
        if how == "move":
            self.shop.move("production", version)
        elif how == "untag" and events:
            self.shop.untag(events[number % len(events)][0])
        elif how == "forge" and events:
            self.shop.forge(("mallory", "ci", "release")[number % 3], events[number % len(events)][1])
        else:
            self.shop.move("mlpack.event." + "0" * 32, version)


@settings(max_examples=10, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(steps=st.lists(st.one_of(acts, tampering), min_size=1, max_size=5))
def test_only_what_was_put_in_force_and_not_retired_ever_verifies(
    begun: tuple[Shop, str], steps: list[tuple[str, int, int]]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = World(begun[0].copy(Path(folder)), begun[1])
        for what, place, number in steps:
            version = VERSIONS[place]
            if what in ("promote", "rollback", "retire"):
                with contextlib.suppress(*REFUSALS):
                    world.act(what, version)
            else:
                world.tamper(what, version, number)
            good = [name for name in VERSIONS if _verifies(world, name)]
            truth = [world.in_force] if world.in_force not in world.retired else []
            assert good in ([], truth)
            if not world.tampered:
                assert good == truth
                assert not history(world.shop.place, policy=world.policy).problems


def _verifies(world: World, version: str) -> bool:
    try:
        verify(f"{world.shop.place}:{version}", world.policy)
    except VerificationError:
        return False
    return True
