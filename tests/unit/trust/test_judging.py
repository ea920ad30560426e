"""Rules about names, versions, time, code and evidence: bundles that fulfil them, and others."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.verdicts import DAY, NOW, refusal, status

from mlpack.errors import (
    PolicyViolationError,
    UsageError,
)
from mlpack.format.opening import inspect
from mlpack.trust import rules
from mlpack.trust.attesting import attest
from mlpack.trust.keys import KeySigner
from mlpack.trust.policy import Policy
from mlpack.trust.predicates import parity_result
from mlpack.trust.rules import (
    Evidence,
    MinimumAge,
)
from mlpack.trust.signing import sign
from mlpack.trust.verification import verify

MakeBundle = Callable[..., Path]


def test_the_right_name_passes(bundle: Path, policy: Policy) -> None:
    assert status(bundle, dataclasses.replace(policy, name="churn"), "name") == "pass"


def test_another_validly_signed_bundle_is_no_substitute(bundle: Path, policy: Policy) -> None:
    assert "the bundle is called 'churn'" in refusal(bundle, policy, name="fraud")


def test_the_right_format_major_passes(bundle: Path, policy: Policy) -> None:
    assert status(bundle, dataclasses.replace(policy, format_major=1), "format_major") == "pass"


def test_another_format_major_is_refused(bundle: Path, policy: Policy) -> None:
    assert "format 1, and the policy accepts 2" in refusal(bundle, policy, format_major=2)


@pytest.mark.parametrize("least", ["1.2.0", "1.1.9", "1.2.0-rc.1", "0.99.0", "1.2"])
def test_an_old_enough_minimum_version_passes(bundle: Path, policy: Policy, least: str) -> None:
    assert status(bundle, dataclasses.replace(policy, minimum_version=least), "minimum_version") == "pass"


@pytest.mark.parametrize("least", ["1.2.1", "1.10.0", "2", "1.2.0.post1"])
def test_a_rollback_is_refused(bundle: Path, policy: Policy, least: str) -> None:
    assert status(bundle, dataclasses.replace(policy, minimum_version=least), "minimum_version") == "fail"


@pytest.mark.parametrize(
    ("found", "least", "expected"),
    [
        ("1.0.0-alpha", "1.0.0-alpha.1", "fail"),
        ("1.0.0-alpha.beta", "1.0.0-alpha.1", "pass"),
        ("1.0.0-rc.11", "1.0.0-rc.2", "pass"),
        ("1.0.0", "1.0.0-rc.1", "pass"),
        ("1.0.0+b", "1.0.0+a", "pass"),
        ("1.0rc1", "1.0", "fail"),
        ("1.0.0-x.y", "1.0rc1", "not assessed"),
    ],
)
def test_versions_are_compared_by_their_own_rules(
    *,
    tmp_path: Path,
    make_bundle: MakeBundle,
    signer: KeySigner,
    policy: Policy,
    found: str,
    least: str,
    expected: str,
) -> None:
    path = make_bundle(tmp_path, version=found)
    sign(path, signer)
    assert status(path, dataclasses.replace(policy, minimum_version=least), "minimum_version") == expected


def test_versions_that_cannot_be_compared_refuse(
    tmp_path: Path, make_bundle: MakeBundle, signer: KeySigner, policy: Policy
) -> None:
    path = make_bundle(tmp_path, version="1.0.0-x.y")
    sign(path, signer)
    assert "not assessed" in refusal(path, policy, minimum_version="1.0rc1")


def test_an_expired_policy_refuses_at_admission(bundle: Path, policy: Policy) -> None:
    assert "expired at" in refusal(bundle, policy, expires=NOW - DAY)


def test_an_expired_policy_does_not_stop_a_restart(bundle: Path, policy: Policy) -> None:
    expired = dataclasses.replace(policy, expires=NOW - DAY)
    results = {result.rule: result.status for result in verify(bundle, expired, moment="start").rules}
    assert results["expires"] == "not assessed"


@pytest.mark.parametrize("when", ["start", "both"])
def test_an_expired_policy_stops_a_restart_where_it_says_so(
    bundle: Path, policy: Policy, when: rules.When
) -> None:
    expired = dataclasses.replace(policy, expires=NOW - DAY, expires_when=when)
    with pytest.raises(PolicyViolationError, match="expired"):
        verify(bundle, expired, moment="start")


def test_a_moment_is_one_of_two(bundle: Path, policy: Policy) -> None:
    with pytest.raises(UsageError, match="admission or start"):
        verify(bundle, policy, moment="both")  # type: ignore[arg-type]


def test_without_trusted_time_no_age_is_believed(bundle: Path, policy: Policy) -> None:
    assert "no-trusted-time" in refusal(bundle, policy, minimum_age=MinimumAge(days=1))


def test_an_age_is_not_asked_at_a_restart(bundle: Path, policy: Policy) -> None:
    verify(bundle, dataclasses.replace(policy, minimum_age=MinimumAge(days=2)), moment="start")


def with_code(tmp_path: Path, make_bundle: MakeBundle, signer: KeySigner) -> Path:
    path = make_bundle(tmp_path, more={"code/steps.py": ("code", b"raise SystemExit('ran')\n")})
    sign(path, signer)
    return path


def test_code_is_refused_unless_allowed(
    tmp_path: Path, make_bundle: MakeBundle, signer: KeySigner, policy: Policy
) -> None:
    assert "code/steps.py: code" in refusal(with_code(tmp_path, make_bundle, signer), policy)


def test_code_is_refused_when_only_another_signer_may(
    tmp_path: Path, make_bundle: MakeBundle, signer: KeySigner, policy: Policy
) -> None:
    assert "code" in refusal(with_code(tmp_path, make_bundle, signer), policy, allow_code=("other",))


def test_code_by_a_named_signer_passes(
    tmp_path: Path, make_bundle: MakeBundle, signer: KeySigner, policy: Policy
) -> None:
    path = with_code(tmp_path, make_bundle, signer)
    assert status(path, dataclasses.replace(policy, allow_code=("release",)), "allow_code") == "pass"


def test_a_pin_does_not_allow_code(tmp_path: Path, make_bundle: MakeBundle, signer: KeySigner) -> None:
    path = with_code(tmp_path, make_bundle, signer)
    assert "code" in refusal(path, Policy.from_digest(inspect(path).digest))


def test_strong_enough_parity_passes_on_the_packers_word(bundle: Path, policy: Policy) -> None:
    verified = verify(bundle, dataclasses.replace(policy, evidence=Evidence(parity="exact")))
    assert [r.why for r in verified.rules if r.rule == "evidence.parity"] == [
        "exact, and at least exact is accepted (claimed)"
    ]


def test_parity_that_others_saw_too_is_attested(bundle: Path, policy: Policy, other: KeySigner) -> None:
    attest(bundle, parity_result(inspect(bundle)), other, type="test-result")
    verified = verify(bundle, dataclasses.replace(policy, evidence=Evidence()))
    assert "attested_by other" in next(r.why for r in verified.rules if r.rule == "evidence.parity")


def test_the_packers_own_attestation_is_still_a_claim(
    bundle: Path, policy: Policy, signer: KeySigner
) -> None:
    attest(bundle, parity_result(inspect(bundle)), signer, type="test-result")
    verified = verify(bundle, dataclasses.replace(policy, evidence=Evidence()))
    assert "(claimed)" in next(r.why for r in verified.rules if r.rule == "evidence.parity")


def test_golden_rows_of_another_origin_are_refused(bundle: Path, policy: Policy) -> None:
    assert "synthetic rows" in refusal(bundle, policy, evidence=Evidence(golden="sample"))


def test_weaker_parity_is_refused() -> None:
    from mlpack.format.evidence import Parity
    from mlpack.format.manifest import Manifest
    from mlpack.format.parts import Parts
    from mlpack.trust.evidence import judge_evidence

    parity = Parity(rung="x", certificate="loose", threads=1, methods=(), probes=())
    parts = Parts(contract=None, parity=parity, lock=None, bom=None, problems=(), newer=None)
    manifest: Any = Manifest.__new__(Manifest)
    (result,) = judge_evidence(Evidence(parity="tight"), manifest, parts, "claimed")
    assert (result.status, result.refuses) == ("fail", True)
