"""Promoting, rolling back, retiring, and who may."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.lifecycles import Shop, codes, put, refused

from mlpack._cli.main import main
from mlpack.delivery.artifacts import push
from mlpack.delivery.lifecycle import history, promote, retire, rollback
from mlpack.errors import (
    HistoryError,
    PolicyError,
    PolicyViolationError,
    SignatureInvalidError,
    UsageError,
    VerificationError,
)
from mlpack.trust.attesting import attest
from mlpack.trust.history.rule import StageRule
from mlpack.trust.policy import Policy
from mlpack.trust.rules import Require, Threshold
from mlpack.trust.signing import sign
from mlpack.trust.verification import verify

MakeBundle = Callable[..., Path]


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
