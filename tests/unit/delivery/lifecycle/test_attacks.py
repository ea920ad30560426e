"""Every way to tamper with a history, each tried on a real layout: refused, and named."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.lifecycles import Shop, codes, layer_of, next_event, put, refused, signature_file

from mlpack.delivery.lifecycle import checkpoint, checkpointing, history, promote, rollback
from mlpack.delivery.lifecycle.journal import put_file
from mlpack.errors import HistoryError, PolicyViolationError
from mlpack.oci.descriptors import sha256
from mlpack.trust.envelope import seal
from mlpack.trust.history.events import EVENT_TYPE, event_statement
from mlpack.trust.history.evidence import CHECKPOINT_TAG, EVENT_TAG
from mlpack.trust.history.rule import CheckpointRule
from mlpack.trust.policy import Policy
from mlpack.trust.rules import Revocation
from mlpack.trust.verification import verify

MakeBundle = Callable[..., Path]


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
        other.layout.put_blob(signature_file(shop.layout, tag), layer_of(stored.data))
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


def test_a_fork_leaves_what_both_build_on_in_force_and_raises_the_alarm(running: tuple[Shop, Policy]) -> None:
    shop, policy = running
    shop.forge("lead", next_event(shop, 0, bundle="bundle:sha256:" + "5" * 64))
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
    shop.forge("ci", next_event(shop, 0, stage="staging"))
    shop.move("staging", "1.0.0")
    assert verify(f"{shop.place}:production", policy).version == "1.1.0"
    assert not codes(shop, policy)


def test_a_retirement_on_the_losing_branch_of_a_fork_still_denies(running: tuple[Shop, Policy]) -> None:
    shop, policy = running
    bundle = verify(f"{shop.place}:1.1.0", policy).digest
    event = next_event(shop, 0, action="retire", stage="", bundle=bundle)
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
    shop.forge(who, replace(next_event(shop), **changes))
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
    lie = replace(next_event(shop), bundle=first.bundle, version="1.0.0", manifests=(f"manifest:{other}",))
    shop.forge("lead", lie)
    put(shop, "1.1.0", log=policy.history.log if policy.history else "")
    with pytest.raises(PolicyViolationError, match="holds bundle"):
        rollback(
            shop.place, stage="production", to="1.0.0", signer=shop.signers["lead"], reason="x", policy=policy
        )
