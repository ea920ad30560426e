"""What each rule of a policy means for an image; keys sign here, identities in the integration tests."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mlpack.errors import PolicyViolationError, UntrustedSignerError, VerificationError
from mlpack.oci.descriptors import IMAGE_MANIFEST, Descriptor, manifest_bytes, sha256
from mlpack.trust.image_statements import BUNDLE_TYPE, SIGNATURE_TYPE, seal_statement, statement
from mlpack.trust.images import AttachedBundle, ImageEvidence, VerifiedImage, check_image
from mlpack.trust.keys import KeySigner
from mlpack.trust.policy import Policy
from mlpack.trust.rules import (
    Evidence,
    Licenses,
    MinimumAge,
    Moment,
    Require,
    Revocation,
    Threshold,
    Vulnerabilities,
)
from mlpack.trust.signer_rules import SignerRule

IMAGE = manifest_bytes(layers=())
DIGEST = sha256(IMAGE)
SLSA = "https://slsa.dev/provenance/v1"
PAST = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
FUTURE = dt.datetime(2090, 1, 1, tzinfo=dt.UTC)
ANY = "bundle:sha256:" + "0" * 64


def said(
    signer: KeySigner,
    kind: str = SIGNATURE_TYPE,
    predicate: Mapping[str, Any] | None = None,
    *,
    digest: str = DIGEST,
) -> AttachedBundle:
    bundle = seal_statement(statement(digest, kind, predicate or {}), signer)
    manifest = manifest_bytes(
        artifact_type=BUNDLE_TYPE,
        layers=(Descriptor.of(bundle, BUNDLE_TYPE),),
        subject=Descriptor.of(IMAGE, IMAGE_MANIFEST),
    )
    return AttachedBundle(manifest=manifest, bundle=bundle)


def check(policy: Policy, *bundles: AttachedBundle, moment: Moment = "admission") -> VerifiedImage:
    return check_image(
        ImageEvidence(source="x", digest=DIGEST, manifest=IMAGE, bundles=bundles), policy, moment=moment
    )


def rule(signer: KeySigner, name: str = "release", **more: Any) -> SignerRule:  # noqa: ANN401
    return SignerRule(name=name, key=signer.public_key, **more)


def policy(signer: KeySigner, **rules: Any) -> Policy:  # noqa: ANN401  (arguments of Policy)
    return Policy(id="test", signers=(rule(signer),), **rules)


@pytest.mark.parametrize(
    "given",
    [
        {"name": "churn"},
        {"pins": (ANY,)},
        {"grandfathered": (ANY,)},
        {"format_major": 1},
        {"minimum_version": "1.0.0"},
        {"evidence": Evidence()},
        {"licenses": Licenses(allow=("MIT",))},
        {"vulnerabilities": Vulnerabilities(database=Path("/nowhere"), maximum_age=1)},
        {"revoked": (Revocation(kind="bundle", value=ANY, reason="bad"),)},
        {"revoked": (Revocation(kind="file", value="file:sha256:" + "0" * 64, reason="bad"),)},
    ],
    ids=lambda given: next(iter(given)),
)
def test_a_rule_that_an_image_cannot_show_refuses_and_says_why(
    signer: KeySigner, given: dict[str, Any]
) -> None:
    with pytest.raises(PolicyViolationError, match=r"cannot be held against an image: .{15}") as caught:
        check(policy(signer, **given), said(signer))
    assert any(status == "not assessed" for _, status, _ in caught.value.verdict)


@pytest.mark.parametrize("given", [{"allow_code": ("release",)}, {"formats": ("onnx",)}])
def test_what_is_about_loading_rests(signer: KeySigner, given: dict[str, Any]) -> None:
    verified = check(policy(signer, **given), said(signer))
    assert (next(iter(given)), "not assessed") in [(result.rule, result.status) for result in verified.rules]


def test_a_policy_without_signers_accepts_no_image(signer: KeySigner) -> None:
    with pytest.raises(PolicyViolationError, match="names no signer"):
        check(Policy.from_digest(ANY), said(signer))


def test_a_threshold_counts_keys(signer: KeySigner, other: KeySigner) -> None:
    rules = Policy(
        id="two",
        signers=(rule(signer, "a"), rule(other, "b")),
        threshold=Threshold(k=2, of=("a", "b")),
    )
    check(rules, said(signer), said(other))
    with pytest.raises(PolicyViolationError, match="1 of 2 signed"):
        check(rules, said(signer), said(signer))


def test_a_time_bound_needs_trusted_time(signer: KeySigner) -> None:
    bound = Policy(id="x", signers=(rule(signer, accept_signed_before=FUTURE),))
    with pytest.raises(PolicyViolationError) as caught:
        check(bound, said(signer))
    assert caught.value.code == "no-trusted-time"


def test_a_minimum_age_needs_trusted_time_and_rests_at_start(signer: KeySigner) -> None:
    old = policy(signer, minimum_age=MinimumAge(days=1))
    with pytest.raises(PolicyViolationError, match="no-trusted-time"):
        check(old, said(signer))
    check(old, said(signer), moment="start")


def test_an_expired_policy_is_asked_when_it_says(signer: KeySigner) -> None:
    with pytest.raises(PolicyViolationError, match="expired"):
        check(policy(signer, expires=PAST), said(signer))
    check(policy(signer, expires=PAST), said(signer), moment="start")
    with pytest.raises(PolicyViolationError, match="expired"):
        check(policy(signer, expires=PAST, expires_when="both"), said(signer), moment="start")


@pytest.mark.parametrize("value", ["release", "key"])
def test_a_revoked_signer_does_not_count(signer: KeySigner, other: KeySigner, value: str) -> None:
    named = value if value == "release" else f"key:{signer.public_key.fingerprint}"
    rules = Policy(
        id="x",
        signers=(rule(signer), rule(other, "other")),
        revoked=(Revocation(kind="signer", value=named, reason="stolen"),),
    )
    with pytest.raises(UntrustedSignerError, match="stolen") as caught:
        check(rules, said(signer))
    assert caught.value.code == "signer-revoked"
    assert [item.signer.name for item in check(rules, said(signer), said(other)).signatures] == ["other"]


def test_a_revoked_manifest_is_refused_whoever_signed_it(signer: KeySigner) -> None:
    gone = Revocation(kind="manifest", value=f"manifest:{DIGEST}", reason="leaks")
    with pytest.raises(PolicyViolationError, match="leaks"):
        check(policy(signer, revoked=(gone,)), said(signer))
    since = Revocation(kind="manifest", value=f"manifest:{DIGEST}", reason="leaks", since=FUTURE)
    with pytest.raises(PolicyViolationError, match="no-trusted-time"):
        check(policy(signer, revoked=(since,)), said(signer))
    another = Revocation(kind="manifest", value="manifest:sha256:" + "0" * 64, reason="leaks")
    check(policy(signer, revoked=(another,)), said(signer))


def test_a_required_attestation_has_type_signer_subject_and_fields(
    signer: KeySigner, other: KeySigner
) -> None:
    need = Require(type=SLSA, signers=("builder",), fields=(("/runDetails/builder/id", ("ci",)),))
    rules = policy(signer, require=(need,), attesters=(rule(other, "builder"),))
    right = {"runDetails": {"builder": {"id": "ci"}}}
    check(rules, said(signer), said(other, SLSA, right))
    for wrong in (
        said(signer, SLSA, right),
        said(other, "https://slsa.dev/provenance/v0.2", right),
        said(other, SLSA, right, digest="sha256:" + "0" * 64),
        said(other, SLSA, {"runDetails": {"builder": {"id": "laptop"}}}),
    ):
        with pytest.raises(PolicyViolationError, match="require"):
            check(rules, said(signer), wrong)


def test_a_required_attestation_by_a_signer_is_no_signature(signer: KeySigner, other: KeySigner) -> None:
    rules = policy(signer, require=(Require(type=SLSA),))
    with pytest.raises(VerificationError, match="carries no signature"):
        check(rules, said(signer, SLSA))
    found = check(rules, said(signer), said(signer, SLSA), said(signer, "https://example.org/other"))
    assert [item.type for item in found.attestations] == [SLSA]
    with pytest.raises(VerificationError):
        check(rules, said(other), said(signer, SLSA))


def test_a_revoked_attester_attests_nothing(signer: KeySigner, other: KeySigner) -> None:
    rules = policy(
        signer,
        require=(Require(type=SLSA),),
        attesters=(rule(other, "builder"),),
        revoked=(Revocation(kind="signer", value="builder", reason="left"),),
    )
    with pytest.raises(PolicyViolationError, match="no such attestation"):
        check(rules, said(signer), said(other, SLSA))


def test_an_attester_does_not_sign(signer: KeySigner, other: KeySigner) -> None:
    rules = policy(signer, attesters=(rule(other, "builder"),))
    with pytest.raises(UntrustedSignerError, match="and not sign"):
        check(rules, said(other))


def test_an_attester_may_make_the_attestation_that_is_asked_for(signer: KeySigner, other: KeySigner) -> None:
    rules = policy(signer, attesters=(rule(other, "builder"),))
    found = ImageEvidence(source="x", digest=DIGEST, manifest=IMAGE, bundles=(said(other, SLSA),))
    assert check_image(found, rules, predicate_type=SLSA).signatures[0].signer.name == "builder"


def test_every_refusal_explains_itself(signer: KeySigner, other: KeySigner) -> None:
    with pytest.raises(VerificationError) as caught:
        check(policy(signer, expires=FUTURE), said(other))
    verdict = {name: status for name, status, _ in caught.value.verdict}
    assert verdict == {"expires": "pass", "manifest": "pass", "signer": "fail"}


def test_bundles_are_not_judged_by_manifests() -> None:
    from mlpack.trust.revocation import judge_revocations

    gone = Revocation(kind="manifest", value=f"manifest:{DIGEST}", reason="leaks")
    (result,) = judge_revocations((gone,), ANY, {}, None)
    assert result.refuses
    assert result.status == "not assessed"
