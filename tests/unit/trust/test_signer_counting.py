"""Who counts as a signer: thresholds, countersignatures, grandfathering and revocation."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.verdicts import DAY, ELSE, NOW, refusal

from mlpack.errors import (
    UntrustedSignerError,
    VerificationError,
)
from mlpack.format.opening import inspect
from mlpack.trust.attesting import countersign
from mlpack.trust.keys import KeySigner
from mlpack.trust.policy import Policy
from mlpack.trust.rules import (
    Revocation,
    Threshold,
)
from mlpack.trust.signing import sign
from mlpack.trust.verification import verify

MakeBundle = Callable[..., Path]


def test_two_signatures_of_one_principal_are_one(bundle: Path, policy: Policy, signer: KeySigner) -> None:
    countersign(bundle, signer)
    countersign(bundle, signer)
    threshold = Threshold(k=2, of=("release", "other"))
    assert "1 of 2 signed: release" in refusal(bundle, policy, threshold=threshold)


def test_two_principals_reach_a_threshold(bundle: Path, policy: Policy, other: KeySigner) -> None:
    countersign(bundle, other)
    verified = verify(bundle, dataclasses.replace(policy, threshold=Threshold(k=2, of=("release", "other"))))
    assert [item.name for item in verified.signers] == ["release", "other"]


def test_only_listed_names_count_for_a_threshold(bundle: Path, policy: Policy) -> None:
    assert "0 of 1 signed" in refusal(bundle, policy, threshold=Threshold(k=1, of=("other",)))


def test_the_verdict_does_not_depend_on_which_signature_is_primary(
    bundle: Path, policy: Policy, other: KeySigner
) -> None:
    countersign(bundle, other)
    only_other = dataclasses.replace(policy, signers=policy.signers[1:])
    signer = verify(bundle, only_other).signer
    assert signer is not None
    assert signer.name == "other"


def test_a_countersignature_alone_is_no_signature(bundle: Path, policy: Policy, other: KeySigner) -> None:
    countersign(bundle, other)
    (bundle / "model.sig").unlink()
    with pytest.raises(VerificationError, match="not signed"):
        verify(bundle, policy)


def test_a_countersignature_of_other_files_does_not_count(
    *,
    bundle: Path,
    policy: Policy,
    other: KeySigner,
    tmp_path: Path,
    make_bundle: MakeBundle,
    signer: KeySigner,
) -> None:
    another = make_bundle(tmp_path / "another", version="9.9.9")
    sign(another, signer)
    name = countersign(another, other)
    (bundle / "attestations").mkdir()
    (bundle / name).write_bytes((another / name).read_bytes())
    assert "1 of 2" in refusal(bundle, policy, threshold=Threshold(k=2, of=("release", "other")))


def test_an_attester_cannot_sign_bundles(bundle: Path, policy: Policy) -> None:
    changed = dataclasses.replace(policy, signers=policy.signers[1:], attesters=policy.signers[:1])
    with pytest.raises(UntrustedSignerError):
        verify(bundle, changed)


def test_the_countersignature_of_an_attester_does_not_count(
    bundle: Path, policy: Policy, other: KeySigner
) -> None:
    countersign(bundle, other)
    changed = dataclasses.replace(policy, signers=policy.signers[:1], attesters=policy.signers[1:])
    assert [item.name for item in verify(bundle, changed).signers] == ["release"]


def test_a_grandfathered_bundle_needs_no_signer(bundle: Path, policy: Policy) -> None:
    digest = inspect(bundle).digest
    changed = dataclasses.replace(policy, signers=policy.signers[1:], grandfathered=(digest,))
    assert verify(bundle, changed).signer is None


def test_a_grandfathered_bundle_fulfils_every_other_rule(bundle: Path, policy: Policy) -> None:
    digest = inspect(bundle).digest
    assert "called" in refusal(bundle, policy, grandfathered=(digest,), name="fraud")


def test_grandfathering_another_bundle_excuses_nothing(bundle: Path, policy: Policy) -> None:
    changed = dataclasses.replace(policy, signers=policy.signers[1:], grandfathered=(ELSE,))
    with pytest.raises(UntrustedSignerError):
        verify(bundle, changed)


def test_a_grandfathered_bundle_is_refused_when_its_files_change(bundle: Path, policy: Policy) -> None:
    digest = inspect(bundle).digest
    (bundle / "README.md").write_bytes(b"# other\n")
    with pytest.raises(VerificationError, match="README"):
        verify(bundle, dataclasses.replace(policy, grandfathered=(digest,)))


def test_a_revoked_bundle_is_refused_even_when_pinned(bundle: Path, policy: Policy) -> None:
    digest = inspect(bundle).digest
    revoked = (Revocation(kind="bundle", value=digest, reason="wrong labels"),)
    assert "wrong labels" in refusal(bundle, policy, pins=(digest,), revoked=revoked)


def test_a_bundle_with_a_revoked_file_is_refused(bundle: Path, policy: Policy) -> None:
    digest = hashlib.sha256((bundle / "model/model.onnx").read_bytes()).hexdigest()
    revoked = (Revocation(kind="file", value=f"file:sha256:{digest}", reason="poisoned"),)
    assert "model/model.onnx: revoked: poisoned" in refusal(bundle, policy, revoked=revoked)


@pytest.mark.parametrize("by", ["name", "key"])
def test_a_revoked_signer_is_refused(bundle: Path, policy: Policy, signer: KeySigner, by: str) -> None:
    value = "release" if by == "name" else f"key:{signer.public_key.fingerprint}"
    assert "stolen" in refusal(
        bundle, policy, revoked=(Revocation(kind="signer", value=value, reason="stolen"),)
    )


def test_beside_a_revoked_signer_another_one_suffices(bundle: Path, policy: Policy, other: KeySigner) -> None:
    countersign(bundle, other)
    revoked = (Revocation(kind="signer", value="release", reason="stolen"),)
    signer = verify(bundle, dataclasses.replace(policy, revoked=revoked)).signer
    assert signer is not None
    assert signer.name == "other"


def test_a_revoked_signer_does_not_count_for_a_threshold(
    bundle: Path, policy: Policy, other: KeySigner
) -> None:
    countersign(bundle, other)
    revoked = (Revocation(kind="signer", value="release", reason="stolen"),)
    threshold = Threshold(k=2, of=("release", "other"))
    assert "1 of 2" in refusal(bundle, policy, revoked=revoked, threshold=threshold)


def test_a_revocation_with_a_date_needs_trusted_time(bundle: Path, policy: Policy) -> None:
    revoked = (Revocation(kind="signer", value="release", reason="stolen", since=NOW + DAY),)
    assert "no-trusted-time" in refusal(bundle, policy, revoked=revoked)


def test_revoking_something_else_changes_nothing(bundle: Path, policy: Policy) -> None:
    revoked = (
        Revocation(kind="bundle", value=ELSE, reason="x"),
        Revocation(kind="signer", value="other", reason="x"),
        Revocation(kind="serial", value="ff", reason="x"),
    )
    verify(bundle, dataclasses.replace(policy, revoked=revoked))
