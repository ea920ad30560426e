"""Promote, roll back, retire; and every way to tamper with the history, each tried on a real layout."""

from __future__ import annotations

import datetime as dt
import json
import multiprocessing
import os
import shutil
import signal
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.lifecycles import Shop, open_shop, signature_file

from mlpack._cli.main import main
from mlpack.delivery.artifacts import push
from mlpack.delivery.lifecycle import (
    checkpoint,
    checkpointing,
    history,
    list_bundles,
    promote,
    retire,
    rollback,
)
from mlpack.delivery.lifecycle.auditing import fetch_history
from mlpack.delivery.lifecycle.journal import put_file
from mlpack.delivery.lifecycle.results import Act
from mlpack.errors import (
    HistoryError,
    PolicyError,
    PolicyViolationError,
    SignatureInvalidError,
    UsageError,
    VerificationError,
)
from mlpack.oci.descriptors import Descriptor, parse_manifest, sha256
from mlpack.oci.layout import Layout
from mlpack.trust.attesting import attest
from mlpack.trust.envelope import seal
from mlpack.trust.history.events import EVENT_TYPE, Event, event_id, event_statement
from mlpack.trust.history.evidence import CHECKPOINT_TAG, EVENT_TAG, history_from_bytes
from mlpack.trust.history.rule import CheckpointRule, StageRule
from mlpack.trust.policy import Policy
from mlpack.trust.rules import Require, Revocation, Threshold
from mlpack.trust.signing import sign
from mlpack.trust.verification import verify

MakeBundle = Callable[..., Path]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory, make_bundle: MakeBundle) -> Shop:
    return open_shop(tmp_path_factory.mktemp("shop"), make_bundle)


@pytest.fixture
def shop(original: Shop, tmp_path: Path) -> Shop:
    return original.copy(tmp_path)


@pytest.fixture(scope="module")
def begun(original: Shop, tmp_path_factory: pytest.TempPathFactory) -> tuple[Shop, str]:
    """Return a shop where 1.0.0 was followed by 1.1.0 in production, and its log."""
    shop = original.copy(tmp_path_factory.mktemp("begun"))
    put(shop, "1.0.0")
    return shop, put(shop, "1.1.0").chain.log


@pytest.fixture
def running(begun: tuple[Shop, str], tmp_path: Path) -> tuple[Shop, Policy]:
    shop, log = begun
    return shop.copy(tmp_path), shop.policy(log=log, in_force="production")


def put(shop: Shop, version: str, to: str = "production", who: str = "lead", **rule: object) -> Act:
    return promote(
        f"{shop.place}:{version}",
        to=to,
        signer=shop.signers[who],
        reason="because",
        policy=shop.policy(**rule),
    )


def codes(shop: Shop, policy: Policy) -> set[str]:
    return {problem.code for problem in history(shop.place, policy=policy).problems}


def refused(shop: Shop, policy: Policy, version: str = "1.1.0") -> str:
    """Return why a bundle is refused."""
    with pytest.raises(VerificationError) as caught:
        verify(f"{shop.place}:{version}", policy)
    return str(caught.value)


# ---------------------------------------------------------------------------------------------------- acts


def test_a_promotion_is_an_event_and_a_tag(shop: Shop) -> None:
    act = put(shop, "1.0.0")
    assert act.record is not None
    assert (act.record.event.sequence, act.record.event.previous, act.record.event.replaces) == (1, (), "")
    assert shop.layout.manifest("production").data == shop.layout.manifest("1.0.0").data
    policy = shop.policy(log=act.chain.log, in_force="production")
    verified = verify(f"{shop.place}:production", policy)
    assert verified.digest == act.record.event.bundle
    assert not history(shop.place, policy=policy).problems


def test_what_was_promoted_is_written_down_with_its_evidence(shop: Shop) -> None:
    put(shop, "1.0.0")
    event = put(shop, "1.1.0").record
    assert event is not None
    assert [
        (item.type.rpartition("/")[0].rpartition("/")[2], item.signer) for item in event.event.evidence
    ] == [("test-result", "ci")]
    assert event.event.policy == f"policy:sha256:{shop.policy().sha256}"
    assert event.event.replaces == shop.events()[0][1].bundle


def test_promoting_what_is_in_force_already_writes_nothing(shop: Shop) -> None:
    put(shop, "1.0.0")
    again = put(shop, "1.0.0")
    assert again.record is None
    assert len(shop.events()) == 1


def test_who_may_not_promote_writes_nothing(shop: Shop) -> None:
    before = shop.layout.tags()
    for who in ("ci", "oncall", "mallory", "release"):
        with pytest.raises(PolicyViolationError) as caught:
            put(shop, "1.0.0", who=who)
        assert caught.value.code == "not-entitled"
    assert shop.layout.tags() == before


def test_an_unsigned_bundle_is_not_promoted(shop: Shop, make_bundle: MakeBundle) -> None:
    push(make_bundle(shop.folder, version="9.9.9"), f"{shop.place}:9.9.9")
    with pytest.raises(SignatureInvalidError):
        put(shop, "9.9.9")


def test_a_stage_can_ask_for_the_stage_before(shop: Shop) -> None:
    stages = (
        StageRule(name="staging", promote=("ci",)),
        StageRule(name="production", promote=("lead",), after="staging"),
    )
    with pytest.raises(PolicyViolationError, match="never in staging"):
        put(shop, "1.0.0", stages=stages)
    put(shop, "1.0.0", to="staging", who="ci", stages=stages)
    assert put(shop, "1.0.0", stages=stages).record is not None


def test_a_stage_can_ask_for_attestations(shop: Shop) -> None:
    need = Require(
        type="https://in-toto.io/attestation/test-result/v0.1",
        signers=("ci",),
        fields=(("/result", ("PASSED",)),),
    )
    stages = (StageRule(name="production", promote=("lead",), require=(need,)),)
    with pytest.raises(PolicyViolationError, match="no such attestation"):
        put(shop, "1.0.0", stages=stages)
    assert put(shop, "1.1.0", stages=stages).record is not None


def test_nobody_approves_of_what_they_promote_themselves(shop: Shop, original: Shop) -> None:
    rule = Threshold(k=1, of=("lead", "security"))
    stages = (StageRule(name="production", promote=("lead",), approvals=rule),)
    place = f"{shop.place}:1.0.0"
    for who, stage in (("lead", "production"), ("security", "staging"), ("mallory", "production")):
        attest(place, {"stage": stage}, shop.signers[who], type="approval")
        with pytest.raises(PolicyViolationError, match="0 of 1 approved"):
            put(shop, "1.0.0", stages=stages)
    key = str(original.folder / "security.key")
    assert main(["attest", place, "--type", "approval", "--stage", "production", "--key", key]) == 0
    act = put(shop, "1.0.0", stages=stages)
    assert [gate.status for gate in act.gates] == ["pass", "pass"]


def test_rolling_back_is_an_event_and_restores_the_tag(running: tuple[Shop, Policy]) -> None:
    shop, policy = running
    act = rollback(
        shop.place, stage="production", signer=shop.signers["oncall"], reason="alarms", policy=policy
    )
    assert act.record is not None
    assert (act.record.event.action, act.record.event.version, act.record.event.sequence) == (
        "rollback",
        "1.0.0",
        3,
    )
    assert verify(f"{shop.place}:production", policy).version == "1.0.0"
    assert "in force is 1.0.0" in refused(shop, policy)


def test_rolling_back_twice_goes_further_back_and_then_no_further(running: tuple[Shop, Policy]) -> None:
    shop, policy = running
    put(shop, "1.2.0", log=policy.history.log if policy.history else "")
    versions = []
    for _ in range(2):
        act = rollback(
            shop.place, stage="production", signer=shop.signers["lead"], reason="alarms", policy=policy
        )
        assert act.record is not None
        versions.append(act.record.event.version)
    assert versions == ["1.1.0", "1.0.0"]
    with pytest.raises(HistoryError, match="nothing was in production before"):
        rollback(shop.place, stage="production", signer=shop.signers["lead"], reason="alarms", policy=policy)


@pytest.mark.parametrize(("to", "why"), [("1.2.0", "was never in"), ("1.1.0", "is in force already")])
def test_one_cannot_roll_back_to_anything(running: tuple[Shop, Policy], to: str, why: str) -> None:
    shop, policy = running
    with pytest.raises(UsageError, match=why):
        rollback(
            shop.place, stage="production", to=to, signer=shop.signers["lead"], reason="x", policy=policy
        )


def test_a_retired_bundle_is_refused_wherever_the_history_is_asked(running: tuple[Shop, Policy]) -> None:
    shop, policy = running
    act = retire(
        f"{shop.place}:1.1.0", signer=shop.signers["security"], reason="leaked labels", policy=policy
    )
    assert act.warnings == ("it is still in force in production: roll back, or promote another one",)
    assert "retired by security, event 3: leaked labels" in refused(shop, policy)
    with pytest.raises(PolicyViolationError, match="not retired: retired by security"):
        put(shop, "1.1.0", to="staging", log=act.chain.log)
    rollback(shop.place, stage="production", signer=shop.signers["lead"], reason="retired", policy=policy)
    with pytest.raises(PolicyViolationError, match=r"1\.1\.0 is retired"):
        rollback(
            shop.place, stage="production", to="1.1.0", signer=shop.signers["lead"], reason="x", policy=policy
        )
    other = verify(f"{shop.place}:1.0.0", policy)
    assert other.signer is not None
    assert other.signer.name == "release"  # the same key: nothing was burnt


def test_a_bundle_is_retired_by_its_digest_when_its_bytes_are_gone(running: tuple[Shop, Policy]) -> None:
    shop, policy = running
    bundle = verify(f"{shop.place}:1.1.0", policy).digest
    unknown = "bundle:sha256:" + "7" * 64
    for digest, version in ((bundle, "1.1.0"), (unknown, "")):
        act = retire(shop.place, bundle=digest, signer=shop.signers["security"], reason="gone", policy=policy)
        assert act.record is not None
        assert act.record.event.version == version
    assert set(history(shop.place, policy=policy).chain.retired) == {bundle, unknown}


def test_a_history_is_about_one_model(shop: Shop, make_bundle: MakeBundle) -> None:
    other = make_bundle(shop.folder, name="fraud", version="1.0.0")
    sign(other, shop.signers["release"])
    push(other, f"{shop.place}:fraud")
    put(shop, "1.0.0")
    for name in ("fraud", "churn"):
        policy = replace(shop.policy(), name=name)
        with pytest.raises(VerificationError, match="fraud"):
            promote(f"{shop.place}:fraud", to="staging", signer=shop.signers["ci"], reason="x", policy=policy)
    with pytest.raises(PolicyError, match="about one model"):
        replace(shop.policy(), name=None)


def test_whoever_leaves_is_relieved_by_signing_again(running: tuple[Shop, Policy]) -> None:
    shop, policy = running
    assert policy.history is not None
    stages = tuple(replace(stage, promote=("lead", "oncall")) for stage in policy.history.stages)
    both = replace(policy, history=replace(policy.history, stages=stages))
    after = tuple(replace(stage, promote=("oncall",)) for stage in stages)
    without = replace(policy, history=replace(policy.history, stages=after))
    assert "nothing was ever promoted" in refused(shop, without)
    act = promote(
        f"{shop.place}:1.1.0",
        to="production",
        signer=shop.signers["oncall"],
        reason="x",
        policy=both,
        again=True,
    )
    assert act.record is not None
    assert verify(f"{shop.place}:production", without).version == "1.1.0"
    assert not codes(shop, without)


def test_a_second_beginning_by_somebody_who_may_act_elsewhere_changes_nothing(
    running: tuple[Shop, Policy],
) -> None:
    shop, policy = running
    first = shop.events()[0][1]
    for name in ("churn", "fraud", "aaa"):
        shop.forge("ci", replace(first, stage="staging", name=name, reason=name))
    assert verify(f"{shop.place}:production", policy).version == "1.1.0"
    assert history(shop.place, policy=policy).chain.stages["production"].record is not None


# ------------------------------------------------------------------------------------------------- attacks


def test_a_tag_moved_to_a_bundle_that_was_never_promoted(running: tuple[Shop, Policy]) -> None:
    shop, policy = running
    shop.move("production", "1.2.0")
    assert codes(shop, policy) == {"history-moved-tag"}
    assert "in force is 1.1.0" in refused(shop, policy, "production")


def test_a_tag_moved_back_to_an_older_promoted_bundle(running: tuple[Shop, Policy]) -> None:
    shop, policy = running
    shop.move("production", "1.0.0")
    assert codes(shop, policy) == {"history-moved-tag"}
    assert "in force is 1.1.0" in refused(shop, policy, "production")


def test_a_tag_that_was_moved_is_put_right_by_the_next_act(running: tuple[Shop, Policy]) -> None:
    shop, policy = running
    shop.move("production", "1.2.0")
    act = promote(
        f"{shop.place}:1.1.0", to="production", signer=shop.signers["lead"], reason="x", policy=policy
    )
    assert act.record is None
    assert "now put right" in act.warnings[0]
    assert not codes(shop, policy)


def test_an_event_in_the_middle_deleted(running: tuple[Shop, Policy]) -> None:
    shop, policy = running
    shop.untag(shop.events()[0][0])
    assert codes(shop, policy) == {"history-truncated"}
    assert "history-truncated" in refused(shop, policy)
    with pytest.raises(HistoryError, match="history-truncated"):
        put(shop, "1.2.0", log=policy.history.log if policy.history else "")


def test_the_newest_event_deleted_and_the_tag_left(running: tuple[Shop, Policy]) -> None:
    shop, policy = running
    shop.untag(shop.events()[1][0])
    assert codes(shop, policy) == {"history-moved-tag"}
    assert "in force is 1.0.0" in refused(shop, policy, "production")


def test_the_newest_event_deleted_and_the_tag_restored_is_seen_by_a_checkpoint(
    running: tuple[Shop, Policy],
) -> None:
    shop, policy = running
    assert policy.history is not None
    strict = replace(policy, history=replace(policy.history, checkpoint=CheckpointRule(by=("ci",))))
    assert "history-checkpoint" in refused(shop, strict)
    checkpoint(shop.place, days=7, signer=shop.signers["ci"], policy=strict)
    assert verify(f"{shop.place}:production", strict).version == "1.1.0"
    shop.untag(shop.events()[1][0])
    shop.move("production", "1.0.0")
    assert verify(f"{shop.place}:production", policy).version == "1.0.0"  # nobody can tell without one
    assert "history-truncated" in refused(shop, strict, "production")
    with pytest.raises(HistoryError, match="history-truncated"):
        checkpoint(shop.place, days=7, signer=shop.signers["ci"], policy=strict)


def test_the_whole_history_deleted(running: tuple[Shop, Policy]) -> None:
    shop, policy = running
    for tag, _ in shop.events():
        shop.untag(tag)
    assert codes(shop, policy) == {"history-empty"}
    assert "history-empty" in refused(shop, policy)
    with pytest.raises(HistoryError, match="history-empty"):
        put(shop, "1.2.0", log=policy.history.log if policy.history else "")


def test_a_checkpoint_rolled_back_with_the_history(running: tuple[Shop, Policy]) -> None:
    shop, policy = running
    assert policy.history is not None
    rule = replace(policy.history, checkpoint=CheckpointRule(by=("ci",)))
    strict = replace(policy, history=rule)
    checkpoint(shop.place, days=7, signer=shop.signers["ci"], policy=strict)
    old = shop.copy(shop.folder / "old")
    put(shop, "1.2.0", log=rule.log)
    checkpoint(shop.place, days=7, signer=shop.signers["ci"], policy=strict)
    seen = replace(strict, history=replace(rule, minimum_sequence=3))
    assert verify(f"{shop.place}:production", seen).version == "1.2.0"
    # All of it is put back to how it was: every signature holds, only whoever has seen more can tell.
    shutil.rmtree(shop.folder / "store")
    shutil.copytree(old.folder / "store", shop.folder / "store")
    assert "history-rolled-back" in refused(shop, seen)


def test_an_old_checkpoint_beside_a_newer_history_only_says_less(running: tuple[Shop, Policy]) -> None:
    shop, policy = running
    assert policy.history is not None
    strict = replace(policy, history=replace(policy.history, checkpoint=CheckpointRule(by=("ci",))))
    checkpoint(shop.place, days=7, signer=shop.signers["ci"], policy=strict)
    old = shop.layout.manifest(CHECKPOINT_TAG)
    put(shop, "1.2.0", log=policy.history.log)
    checkpoint(shop.place, days=7, signer=shop.signers["ci"], policy=strict)
    shop.layout.put_manifest(old.data, old.descriptor.media_type, CHECKPOINT_TAG)
    assert verify(f"{shop.place}:production", strict).version == "1.2.0"


def test_an_expired_checkpoint(running: tuple[Shop, Policy], monkeypatch: pytest.MonkeyPatch) -> None:
    shop, policy = running
    assert policy.history is not None
    strict = replace(policy, history=replace(policy.history, checkpoint=CheckpointRule(by=("ci",))))

    class Earlier(dt.datetime):
        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> dt.datetime:  # type: ignore[override]
            return dt.datetime.now(tz) - dt.timedelta(days=10)

    class Clock:
        datetime, UTC, timedelta = Earlier, dt.UTC, dt.timedelta

    monkeypatch.setattr(checkpointing, "dt", Clock)
    checkpoint(shop.place, days=7, signer=shop.signers["ci"], policy=strict)
    assert "history-expired" in refused(shop, strict)
    assert verify(f"{shop.place}:1.1.0", strict, moment="start").version == "1.1.0"


def test_a_checkpoint_by_somebody_else(running: tuple[Shop, Policy]) -> None:
    shop, policy = running
    assert policy.history is not None
    strict = replace(policy, history=replace(policy.history, checkpoint=CheckpointRule(by=("ci",))))
    for who in ("lead", "mallory"):
        with pytest.raises(PolicyViolationError, match="would not count"):
            checkpoint(shop.place, days=7, signer=shop.signers[who], policy=strict)
    theirs = replace(policy, history=replace(policy.history, checkpoint=CheckpointRule(by=("lead",))))
    checkpoint(shop.place, days=7, signer=shop.signers["lead"], policy=theirs)
    assert "history-checkpoint" in refused(shop, strict)


def test_events_replayed_into_another_repository(
    running: tuple[Shop, Policy], original: Shop, tmp_path: Path
) -> None:
    shop, policy = running
    other = original.copy(tmp_path / "other")
    log = put(other, "1.2.0").chain.log
    for tag, _ in shop.events():
        stored = shop.layout.manifest(tag)
        other.layout.put_blob(signature_file(shop.layout, tag), _layer(stored.data))
        other.layout.put_manifest(stored.data, stored.descriptor.media_type, tag)
    pinned = other.policy(log=log, in_force="production")
    found = history(other.place, policy=pinned)
    assert found.chain.notes == ("2 event(s) of another history, which do not count here",)
    assert verify(f"{other.place}:1.2.0", pinned).version == "1.2.0"
    assert "in force is 1.2.0" in refused(other, pinned)
    assert codes(other, other.policy()) == {"history-ambiguous"}
    # The other history alone, under a policy that pins this one; and one that pins none.
    other.untag(next(tag for tag, event in other.events() if event.log == log))
    assert "history-empty" in refused(other, pinned)
    assert "pins no history" in refused(other, other.policy(in_force="production"))
    assert policy.history is not None


def _layer(manifest: bytes) -> Descriptor:
    return parse_manifest(manifest, where="x").layers[0]


def _next(shop: Shop, number: int = -1, **changes: Any) -> Event:  # noqa: ANN401
    """Return an event after event `number`, about another bundle."""
    events = shop.events()
    last, first = events[number][1], events[0][1]
    return replace(
        first,
        sequence=last.sequence + 1,
        previous=(event_id(signature_file(shop.layout, events[number][0])),),
        replaces=last.bundle,
        **changes,
    )


def test_a_fork_leaves_what_both_build_on_in_force_and_raises_the_alarm(running: tuple[Shop, Policy]) -> None:
    shop, policy = running
    shop.forge("lead", _next(shop, 0, bundle="bundle:sha256:" + "5" * 64))
    found = history(shop.place, policy=policy)
    assert found.chain.stages["production"].forked
    assert any("history-fork" in warning for warning in found.facts().warnings)
    assert "history-fork" in refused(shop, policy, "1.1.0")
    assert verify(f"{shop.place}:1.0.0", policy).version == "1.0.0"
    log = policy.history.log if policy.history else ""
    act = put(shop, "1.1.0", log=log)
    assert act.record is not None
    assert len(act.record.event.previous) == 2
    assert not codes(shop, policy)
    assert verify(f"{shop.place}:production", policy).version == "1.1.0"


def test_a_fork_of_one_stage_by_its_people_leaves_the_others_alone(running: tuple[Shop, Policy]) -> None:
    shop, policy = running
    shop.forge("ci", _next(shop, 0, stage="staging"))
    shop.move("staging", "1.0.0")
    assert verify(f"{shop.place}:production", policy).version == "1.1.0"
    assert not codes(shop, policy)


def test_a_retirement_on_the_losing_branch_of_a_fork_still_denies(running: tuple[Shop, Policy]) -> None:
    shop, policy = running
    bundle = verify(f"{shop.place}:1.1.0", policy).digest
    event = _next(shop, 0, action="retire", stage="", bundle=bundle)
    shop.forge("security", replace(event, replaces=""))
    assert "retired by security" in refused(shop, policy)


@pytest.mark.parametrize(
    ("who", "changes", "why"),
    [
        ("mallory", {}, "signed by a key that the policy does not name"),
        ("ci", {}, "ci may not promote to production"),
        ("release", {}, "release may not promote to production"),
        ("lead", {"action": "retire", "stage": "", "replaces": ""}, "lead may not retire"),
        ("oncall", {}, "oncall may not promote to production"),
        ("lead", {"stage": "canary"}, "canary is no stage of the policy"),
        ("lead", {"name": "fraud"}, "about 'fraud'"),
        ("lead", {"sequence": 9}, "numbered 9, where 3 comes next"),
        ("oncall", {"action": "rollback", "bundle": "bundle:sha256:" + "6" * 64}, "never in production"),
    ],
)
def test_events_by_people_who_may_not_are_dropped_and_named(
    running: tuple[Shop, Policy], who: str, changes: dict[str, Any], why: str
) -> None:
    shop, policy = running
    shop.forge(who, replace(_next(shop), **changes))
    assert verify(f"{shop.place}:production", policy).version == "1.1.0"
    found = history(shop.place, policy=policy)
    assert not found.problems
    assert why in str(found.chain.notes) + "".join(record.problem for record in found.chain.records)


def test_an_event_of_a_revoked_key_does_not_count(running: tuple[Shop, Policy]) -> None:
    shop, policy = running
    item = Revocation(kind="signer", value="lead", reason="left the company")
    strict = replace(policy, revoked=(item,))
    assert "history-empty" in refused(shop, strict)


def test_one_flipped_bit_of_an_event_deletes_it(running: tuple[Shop, Policy]) -> None:
    shop, policy = running
    data = signature_file(shop.layout, shop.events()[0][0])
    blob = shop.folder / "store/blobs/sha256" / sha256(data).removeprefix("sha256:")
    blob.write_bytes(data.replace(b'"sig":"M', b'"sig":"N'))
    assert codes(shop, policy) == {"history-truncated"}


@pytest.mark.parametrize("who", ["mallory", "ci"])
def test_the_signature_of_an_event_in_the_middle_exchanged(running: tuple[Shop, Policy], who: str) -> None:
    shop, policy = running
    put(shop, "1.2.0", to="staging", who="ci", log=policy.history.log if policy.history else "")
    tag, event = shop.events()[1]
    shop.untag(tag)
    shop.forge(who, event)  # every word of it as before, but by somebody who may not promote
    assert codes(shop, policy) == {"history-truncated", "history-moved-tag"}
    assert "history-truncated" in refused(shop, policy, "1.0.0")


def test_a_copy_of_an_event_with_another_signature_is_no_fork(running: tuple[Shop, Policy]) -> None:
    shop, policy = running
    _, event = shop.events()[1]
    data = signature_file(shop.layout, shop.events()[1][0])
    again = seal(event_statement(event), shop.signers["lead"])
    assert again != data
    put_file(shop.layout, again, EVENT_TYPE, EVENT_TAG + "0" * 32)
    assert not codes(shop, policy)
    assert verify(f"{shop.place}:production", policy).version == "1.1.0"


def test_junk_under_the_tags_of_events_is_passed_over(running: tuple[Shop, Policy]) -> None:
    shop, policy = running
    shop.move(EVENT_TAG + "1" * 32, "1.0.0")
    put_file(shop.layout, b'{"mediaType": "junk"}', "junk", EVENT_TAG + "2" * 32)
    found = history(shop.place, policy=policy)
    assert not found.problems
    assert found.chain.notes == (f"{EVENT_TAG}{'1' * 32}: something else", "1 file(s) that are no events")


def test_an_artifact_that_holds_another_bundle_is_not_rolled_back_to(running: tuple[Shop, Policy]) -> None:
    shop, policy = running
    other = shop.layout.manifest("1.2.0").descriptor.digest
    first = shop.events()[0][1]
    lie = replace(_next(shop), bundle=first.bundle, version="1.0.0", manifests=(f"manifest:{other}",))
    shop.forge("lead", lie)
    put(shop, "1.1.0", log=policy.history.log if policy.history else "")
    with pytest.raises(PolicyViolationError, match="holds bundle"):
        rollback(
            shop.place, stage="production", to="1.0.0", signer=shop.signers["lead"], reason="x", policy=policy
        )


# --------------------------------------------------------------------------------------- races and crashes


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


# ------------------------------------------------------------------------------------------------- reading


def test_a_history_that_was_exported_says_the_same(running: tuple[Shop, Policy], tmp_path: Path) -> None:
    shop, policy = running
    evidence = fetch_history(shop.place)
    path = tmp_path / "history.json"
    path.write_bytes(evidence.to_bytes())
    for given in (evidence, path, str(path), shop.place):
        assert verify(f"{shop.place}:1.1.0", policy, history=given).version == "1.1.0"
    again = history_from_bytes(path.read_bytes(), source="x")
    assert again.to_bytes() == evidence.to_bytes()
    assert policy.history is not None
    named = replace(policy, history=replace(policy.history, source=path))
    copy = shop.copy(tmp_path / "bare")
    for tag, _ in copy.events():
        copy.untag(tag)
    assert verify(f"{copy.place}:1.1.0", named).version == "1.1.0"


def test_without_a_history_a_policy_that_asks_for_one_refuses(
    running: tuple[Shop, Policy], original: Shop
) -> None:
    _, policy = running
    with pytest.raises(PolicyViolationError, match="nobody has brought the history"):
        verify(original.folder / "churn-1.1.0", policy)


def test_a_history_that_no_policy_asks_for_is_a_mistake(running: tuple[Shop, Policy]) -> None:
    shop, policy = running
    with pytest.raises(UsageError, match="asks nothing of a history"):
        verify(f"{shop.place}:1.1.0", replace(policy, history=None), history=shop.place)


def test_a_list_says_what_is_in_force_and_what_is_retired(running: tuple[Shop, Policy]) -> None:
    shop, policy = running
    retire(f"{shop.place}:1.0.0", signer=shop.signers["security"], reason="old", policy=policy)
    rows = list_bundles(shop.place, policy=policy).facts().sections[0].table
    assert rows is not None
    assert [(row[0], row[-1]) for row in rows.rows] == [
        ("1.0.0", "retired: old"),
        ("1.1.0, production", "in force in production"),
        ("1.2.0", "never promoted"),
    ]
    assert len(list_bundles(shop.place).bundles) == 3


def test_the_document_holds_everything(running: tuple[Shop, Policy]) -> None:
    shop, policy = running
    document = json.loads(json.dumps(history(shop.place, policy=policy).document()))
    assert document["reliable"] is True
    assert [event["sequence"] for event in document["events"]] == [1, 2]
    assert document["events"][1]["previous"] == [document["events"][0]["id"]]
    assert document["stages"]["production"]["version"] == "1.1.0"


def test_a_policy_without_a_history_rule_lets_nobody_act(shop: Shop) -> None:
    with pytest.raises(PolicyError, match="says nothing of a history"):
        promote(
            f"{shop.place}:1.0.0",
            to="production",
            signer=shop.signers["lead"],
            reason="x",
            policy=replace(shop.policy(), history=None),
        )


@pytest.mark.parametrize("reason", ["", "  ", "a\nb", "x" * 2001, "\x1b[2J"])
def test_a_reason_is_one_line(shop: Shop, reason: str) -> None:
    with pytest.raises(UsageError, match="one line"):
        promote(
            f"{shop.place}:1.0.0",
            to="production",
            signer=shop.signers["lead"],
            reason=reason,
            policy=shop.policy(),
        )


def test_the_command_line_end_to_end(
    original: Shop, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = original.copy(tmp_path)
    monkeypatch.chdir(original.folder)
    policy = tmp_path / "policy.yaml"
    names = "".join(
        f"  - {{name: {who}, key: {original.folder}/{who}.pub}}\n" for who in ("ci", "lead", "security")
    )
    text = (
        "schema: mlpack-policy/1\nid: churn\nversion: '1'\nname: churn\n"
        f"signers:\n  - {{name: release, key: {original.folder}/release.pub}}\nattesters:\n{names}"
        "history:\n  stages:\n    production: {promote: [lead], rollback: [lead]}\n  retire: [security]\n"
        "  checkpoint: {by: [ci]}\n"
    )
    policy.write_text(text)
    common = ["--reason", "better", "--policy", str(policy), "--key"]
    for version in ("1.0.0", "1.1.0"):
        assert main(["promote", f"{shop.place}:{version}", "--to", "production", *common, "lead.key"]) == 0
    assert main(["promote", f"{shop.place}:1.2.0", "--to", "production", *common, "ci.key"]) == 3
    assert main(["rollback", shop.place, "--stage", "production", *common, "lead.key"]) == 0
    assert main(["retire", f"{shop.place}:1.1.0", *common, "security.key"]) == 0
    capsys.readouterr()
    assert main(["history", shop.place, "--policy", str(policy)]) == 3
    said = capsys.readouterr()
    assert "history-checkpoint" in said.err
    assert "the policy pins no history: add log: " in said.out
    log = shop.events()[0][1].log
    policy.write_text(f"{text}  log: {log}\n  in_force: production\n")
    checkpointed = ["--checkpoint", "7", "--key", "ci.key", "--export", str(tmp_path / "history.json")]
    assert main(["history", shop.place, "--policy", str(policy), *checkpointed]) == 0
    assert main(["history", shop.place, "--policy", str(policy), "--json"]) == 0
    assert main(["list", shop.place, "--policy", str(policy)]) == 0
    for version, status in (("1.0.0", 0), ("1.1.0", 3), ("1.2.0", 3)):
        assert main(["verify", f"{shop.place}:{version}", "--policy", str(policy)]) == status
    bundle, exported = str(original.folder / "churn-1.0.0"), str(tmp_path / "history.json")
    assert main(["verify", bundle, "--policy", str(policy)]) == 3
    for place in (exported, shop.place):
        assert main(["verify", bundle, "--policy", str(policy), "--history", place]) == 0
