"""A bundle that was signed once, by a key that no longer exists, stays verifiable."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mlpack.errors import VerificationError
from mlpack.trust.verification import verify

SIGNED = Path(__file__).parent / "signed" / "1.0"
GOLDEN = Path(__file__).parent / "golden" / "1.0"


def test_the_signed_golden_bundle_verifies_under_its_policy() -> None:
    verified = verify(SIGNED / "tiny-1.0.0.mlpack", SIGNED / "policy.yaml")
    assert verified.signer is not None
    assert verified.signer.name == "golden"


def test_signing_did_not_change_its_identity() -> None:
    pinned = verify(GOLDEN / "tiny-1.0.0.mlpack", GOLDEN / "policy.yaml")
    assert verify(SIGNED / "tiny-1.0.0.mlpack", SIGNED / "policy.yaml").digest == pinned.digest


def test_the_same_bytes_without_their_signature_are_refused(tmp_path: Path) -> None:
    shutil.copytree(GOLDEN / "tiny-1.0.0", tmp_path / "tiny-1.0.0")
    with pytest.raises(VerificationError, match=r"model\.sig"):
        verify(tmp_path / "tiny-1.0.0", SIGNED / "policy.yaml")
