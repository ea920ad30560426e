"""Histories under hypothesis: honest ones say what was done; no hand in the store can make them say more."""

from __future__ import annotations

import datetime as dt
import functools
from dataclasses import dataclass, field, replace

from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from mlpack.trust.envelope import seal
from mlpack.trust.history.chain import read_chain
from mlpack.trust.history.checkpoints import Checkpoint, checkpoint_statement, retired_digest
from mlpack.trust.history.events import Action, Event, event_id, event_statement
from mlpack.trust.history.evidence import HistoryEvidence
from mlpack.trust.history.judging import standing
from mlpack.trust.history.records import Chain
from mlpack.trust.history.rule import CheckpointRule, HistoryRule, StageRule
from mlpack.trust.keys import KeySigner
from mlpack.trust.policy import Policy
from mlpack.trust.signer_rules import SignerRule

NOW = dt.datetime(2026, 5, 1, tzinfo=dt.UTC)
LOG, OTHER = "a" * 32, "b" * 32
BUNDLES = [f"bundle:sha256:{digit * 64}" for digit in "1234"]
STAGES = ("production", "staging")


@functools.cache
def signer(name: str) -> KeySigner:
    del name
    return KeySigner(ec.generate_private_key(ec.SECP256R1()))


@functools.cache
def policy() -> Policy:
    rules = tuple(SignerRule(name=name, key=signer(name).public_key) for name in ("lead", "ci", "security"))
    stages = (
        StageRule(name="production", promote=("lead",), rollback=("lead",)),
        StageRule(name="staging", promote=("ci", "lead"), rollback=("ci", "lead")),
    )
    rule = HistoryRule(
        stages=stages, retire=("security",), log=LOG, checkpoint=CheckpointRule(by=("ci",), when="both")
    )
    return Policy(id="p", name="churn", signers=rules, history=rule)


def rule() -> HistoryRule:
    found = policy().history
    assert found is not None
    return found


@dataclass
class World:
    """An honest history as it is written, and what is true of it."""

    log: str = LOG
    files: list[bytes] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    truth: list[tuple[dict[str, str], frozenset[str]]] = field(default_factory=lambda: [({}, frozenset())])

    def act(self, who: str, action: Action, stage: str, bundle: str, reason: str = "because") -> None:
        in_force, retired = self.truth[-1]
        event = Event(
            log=self.log,
            sequence=len(self.ids) + 1,
            previous=tuple(self.ids[-1:]),
            action=action,
            stage=stage,
            bundle=bundle,
            name="churn",
            version="1",
            reason=reason,
            time=NOW,
        )
        self.files.append(seal(event_statement(event), signer(who)))
        self.ids.append(event_id(self.files[-1]))
        if action == "retire":
            self.truth.append((in_force, retired | {bundle}))
        else:
            self.truth.append(({**in_force, stage: bundle}, retired))

    def checkpoint(self) -> bytes:
        made = Checkpoint(
            log=self.log,
            sequence=len(self.ids),
            heads=(self.ids[-1],),
            retired=retired_digest(self.truth[-1][1]),
            time=NOW,
            expires=NOW + dt.timedelta(days=7),
        )
        return seal(checkpoint_statement(made), signer("ci"))


def said(chain: Chain) -> tuple[dict[str, str], frozenset[str]]:
    stages = {name: state.record.event.bundle for name, state in chain.stages.items() if state.record}
    return stages, frozenset(chain.retired)


Acts = list[tuple[str, str, int]]
acts = st.lists(
    st.tuples(st.sampled_from(["promote", "rollback", "retire"]), st.sampled_from(STAGES), st.integers(0, 3)),
    min_size=1,
    max_size=10,
)


def write(moves: Acts, log: str = LOG) -> World:
    world, seen = World(log=log), set()
    for action, stage, number in moves:
        bundle = BUNDLES[number]
        who = "lead" if stage == "production" else "ci"
        if action == "retire":
            world.act("security", "retire", "", bundle)
        elif action == "rollback" and (stage, bundle) in seen:
            world.act(who, "rollback", stage, bundle)
        else:
            seen.add((stage, bundle))
            world.act(who, "promote", stage, bundle)
    return world


def evidence(files: list[bytes], *checkpoints: bytes) -> HistoryEvidence:
    return HistoryEvidence(source="here", events=tuple(files), checkpoints=checkpoints)


@settings(max_examples=40, deadline=None)
@given(moves=acts, order=st.randoms(use_true_random=False), copies=st.integers(0, 3))
def test_an_honest_history_says_what_was_done_in_whatever_order_it_is_read(
    moves: Acts, order: object, copies: int
) -> None:
    world = write(moves)
    files = world.files + world.files[:copies]
    order.shuffle(files)  # type: ignore[attr-defined]
    chain, problems = standing(
        evidence(files, world.checkpoint()), policy(), rule(), moment="admission", now=NOW
    )
    assert not problems
    assert said(chain) == world.truth[-1]
    assert [record.id for record in chain.records] == world.ids


forgeries = st.lists(
    st.tuples(
        st.sampled_from(["mallory", "ci", "lead", "security"]),
        st.sampled_from(["promote", "rollback", "retire"]),
        st.sampled_from(["production", "canary"]),
        st.integers(0, 3),
        st.integers(0, 10),
        st.sampled_from([LOG, OTHER]),
    ),
    max_size=6,
)


@settings(max_examples=60, deadline=None)
@given(moves=acts, junk=forgeries, other=acts, noise=st.binary(max_size=40))
def test_what_strangers_add_changes_nothing(
    moves: Acts, junk: list[tuple[str, Action, str, int, int, str]], other: Acts, noise: bytes
) -> None:
    world = write(moves)
    files = [*world.files, *write(other, OTHER).files, noise]
    for who, action, stage, number, after, log in junk:
        place = min(after, len(world.ids)) if log == LOG else 0
        event = Event(
            log=log,
            sequence=place + 1,
            previous=tuple(world.ids[place - 1 : place]) if place else (),
            action=action,
            stage="" if action == "retire" else stage,
            bundle=BUNDLES[number],
            name="churn",
            version="2",
            reason="",
            time=NOW,
        )
        may = {("lead", "promote", "production"), ("lead", "rollback", "production")}
        honest = (who, action, stage) in may or (who, action) == ("security", "retire")
        if not (honest and log == LOG):  # whoever may do it is no stranger
            files.append(seal(event_statement(event), signer(who)))
    chain, problems = standing(
        evidence(files, world.checkpoint()), policy(), rule(), moment="admission", now=NOW
    )
    assert not problems
    assert said(chain) == world.truth[-1]


@settings(max_examples=60, deadline=None)
@given(moves=acts, gone=st.sets(st.integers(0, 9), min_size=1))
def test_what_is_taken_away_is_seen_or_leaves_an_older_truth(moves: Acts, gone: set[int]) -> None:
    world = write(moves)
    kept = [data for place, data in enumerate(world.files) if place not in gone]
    if len(kept) == len(world.files):
        return
    _, problems = standing(evidence(kept, world.checkpoint()), policy(), rule(), moment="start", now=NOW)
    assert {problem.code for problem in problems} & {"history-truncated", "history-empty"}
    without = replace(rule(), checkpoint=None)
    chain = read_chain(evidence(kept), policy(), without)
    if not chain.problems:  # only the end was cut off: what is said was true once
        assert said(chain) == world.truth[len(kept)]
        counted = replace(without, minimum_sequence=len(world.files))
        _, problems = standing(evidence(kept), policy(), counted, moment="start", now=NOW)
        assert [problem.code for problem in problems] == ["history-rolled-back"]


@settings(max_examples=60, deadline=None)
@given(moves=acts, after=st.integers(0, 9), number=st.integers(0, 3))
def test_a_fork_by_somebody_who_may_never_puts_in_force_what_only_one_branch_says(
    moves: Acts, after: int, number: int
) -> None:
    world = write(moves)
    place = min(after, len(world.ids))
    fork = World(log=LOG, files=[], ids=world.ids[:place], truth=world.truth[: place + 1])
    fork.act("lead", "promote", "production", BUNDLES[number], "another reason")
    chain, _ = standing(
        evidence(world.files + fork.files, world.checkpoint()), policy(), rule(), moment="start", now=NOW
    )
    stages, retired = said(chain)
    assert retired == world.truth[-1][1]
    assert stages.get("staging") == world.truth[-1][0].get("staging")
    later = [truth[0].get("production") for truth in world.truth[place:]]
    state = chain.stages["production"]
    if state.forked:
        assert stages.get("production") == world.truth[place][0].get("production")
    else:  # nothing else was done to the stage after the place where the branch begins
        assert len(set(later)) == 1


@settings(max_examples=60, deadline=None)
@given(moves=acts, place=st.integers(0, 9), byte=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_one_flipped_bit_is_as_good_as_a_deletion(moves: Acts, place: int, byte: int, bit: int) -> None:
    world = write(moves)
    place %= len(world.files)
    data = bytearray(world.files[place])
    data[byte % len(data)] ^= 1 << bit
    files = [*world.files[:place], bytes(data), *world.files[place + 1 :]]
    chain, problems = standing(evidence(files, world.checkpoint()), policy(), rule(), moment="start", now=NOW)
    assert problems or said(chain) == world.truth[-1]
