"""Attestations that a policy asks for, and rules that mean nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.verdicts import ELSE, refusal

from mlpack.errors import (
    PolicyError,
    PolicyViolationError,
)
from mlpack.format.opening import inspect
from mlpack.trust.attesting import attest
from mlpack.trust.keys import KeySigner
from mlpack.trust.policy import Policy
from mlpack.trust.predicates import cyclonedx
from mlpack.trust.rules import (
    Evidence,
    Licenses,
    MinimumAge,
    Require,
    Revocation,
    Threshold,
    Vulnerabilities,
)
from mlpack.trust.verification import verify

MakeBundle = Callable[..., Path]


def test_a_missing_attestation_refuses(bundle: Path, policy: Policy) -> None:
    need = Require(type="https://cyclonedx.org/bom")
    assert "no such attestation" in refusal(bundle, policy, require=(need,))


@pytest.mark.parametrize(
    ("need", "accepted"),
    [
        (Require(type="https://x.org/t", signers=("other",)), True),
        (Require(type="https://x.org/t"), True),
        (Require(type="https://x.org/t", signers=("release",)), False),
        (Require(type="https://x.org/T"), False),
        (Require(type="https://x.org/t/"), False),
        (Require(type="https://x.org/t", fields=(("/a/0/b~1c", ("7", "8")),)), True),
        (Require(type="https://x.org/t", fields=(("/a/0/b~1c", ("8",)),)), False),
        (Require(type="https://x.org/t", fields=(("/a/00/b~1c", ("7",)),)), False),
        (Require(type="https://x.org/t", fields=(("/a/1/b~1c", ("7",)),)), False),
        (Require(type="https://x.org/t", fields=(("/yes", ("true",)),)), True),
        (Require(type="https://x.org/t", fields=(("/a", ("7",)),)), False),
        (Require(type="https://x.org/t", fields=(("/none", ("None",)),)), False),
    ],
)
def test_what_an_attestation_must_say(
    bundle: Path, policy: Policy, other: KeySigner, need: Require, *, accepted: bool
) -> None:
    attest(bundle, {"a": [{"b/c": 7}], "yes": True, "none": None}, other, type="https://x.org/t")
    changed = dataclasses.replace(policy, require=(need,))
    if accepted:
        verify(bundle, changed)
    else:
        with pytest.raises(PolicyViolationError):
            verify(bundle, changed)


def test_a_revoked_signers_attestation_does_not_count(bundle: Path, policy: Policy, other: KeySigner) -> None:
    attest(bundle, cyclonedx(inspect(bundle)), other, type="cyclonedx")
    revoked = (Revocation(kind="signer", value="other", reason="stolen"),)
    need = Require(type="https://cyclonedx.org/bom")
    assert "no such attestation" in refusal(bundle, policy, require=(need,), revoked=revoked)


@pytest.mark.parametrize(
    "changes",
    [
        {"threshold": Threshold(k=1, of=("nobody",))},
        {"allow_code": ("nobody",)},
        {"require": (Require(type="a:b", signers=("nobody",)),)},
        {"revoked": (Revocation(kind="signer", value="nobody", reason="x"),)},
        {"vulnerabilities": Vulnerabilities(database=Path("x"), maximum_age=1, vex=("nobody",))},
        {"grandfathered": ("ab" * 32,)},
        {"minimum_version": "latest"},
        {"format_major": 0},
        {"expires_when": "never"},
    ],
)
def test_a_policy_refuses_rules_that_mean_nothing(policy: Policy, changes: dict[str, Any]) -> None:
    with pytest.raises(PolicyError):
        dataclasses.replace(policy, **changes)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Threshold(k=0, of=("a",)),
        lambda: Threshold(k=2, of=("a",)),
        lambda: Threshold(k=2, of=("a", "a")),
        lambda: MinimumAge(days=0),
        lambda: Evidence(parity="perfect"),  # type: ignore[arg-type]
        lambda: Evidence(golden="invented"),  # type: ignore[arg-type]
        Licenses,
        lambda: Licenses(allow=("MIT",), deny=("MIT",)),
        lambda: Licenses(allow=("MIT",), unknown="maybe"),  # type: ignore[arg-type]
        lambda: Vulnerabilities(database=Path("x"), maximum_age=0),
        lambda: Vulnerabilities(database=Path("x"), maximum_age=1, severity="mild"),  # type: ignore[arg-type]
        lambda: Revocation(kind="bundle", value="ab" * 32, reason="x"),
        lambda: Revocation(kind="file", value=ELSE, reason="x"),
        lambda: Revocation(kind="serial", value="0xAB", reason="x"),
        lambda: Revocation(kind="signer", value="key:md5:1", reason="x"),
        lambda: Revocation(kind="signer", value="a", reason=" "),
        lambda: Require(type=""),
        lambda: Require(type="a b"),
        lambda: Require(type="a:b", fields=(("result", ("x",)),)),
        lambda: Require(type="a:b", fields=(("/a~2", ("x",)),)),
        lambda: Require(type="a:b", fields=(("/a", ()),)),
    ],
)
def test_a_rule_refuses_values_that_mean_nothing(make: Callable[[], object]) -> None:
    with pytest.raises(PolicyError):
        make()
