"""Every authority of a trusted root counts from when to when the root says, ends included."""

from __future__ import annotations

import copy
import datetime as dt
import json
import runpy
from pathlib import Path
from typing import Any

import pytest

from mlpack.errors import VerificationError
from mlpack.trust import verify_signature

SIGNATURES = Path(__file__).parents[3] / "conformance" / "signatures"
DATA = SIGNATURES / "data"
ROOT: dict[str, Any] = json.loads((DATA / "trusted_root.json").read_bytes())
PAPER: dict[str, Any] = runpy.run_path(str(SIGNATURES / "paper_sigstore.py"))
SIGNED: dt.datetime = PAPER["SIGNED"]
SECOND = dt.timedelta(seconds=1)
WHO = {"certificate_identity": PAPER["IDENTITY"], "certificate_oidc_issuer": PAPER["ISSUER"]}

# In `keyless` the log says when; in `tiles` a time stamper does, and the log only holds the entry.
MEMBERS = [
    ("keyless", "tlogs", "log-invalid"),
    ("keyless", "ctlogs", "certificate-transparency"),
    ("keyless", "certificateAuthorities", "certificate-untrusted"),
    ("tiles", "tlogs", "log-invalid"),
    ("tiles", "ctlogs", "certificate-transparency"),
    ("tiles", "certificateAuthorities", "certificate-untrusted"),
    ("tiles", "timestampAuthorities", "no-trusted-time"),
]


def code(folder: Path, name: str, member: str, period: dict[str, str]) -> str:
    """Return why a signature is refused once `member` of the trusted root counts in `period` only."""
    root = copy.deepcopy(ROOT)
    for each in root[member]:
        holder = each.get("publicKey", each)
        holder["validFor"] = period
    (folder / "root.json").write_text(json.dumps(root), encoding="ascii")
    try:
        verify_signature(
            DATA / "file.bin", signature=DATA / f"{name}.sig", trusted_root=folder / "root.json", **WHO
        )
    except VerificationError as error:
        return error.code
    return ""


def at(time: dt.datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.parametrize(("name", "member", "refusal"), MEMBERS)
def test_a_member_that_ended_before_does_not_count(
    name: str, member: str, refusal: str, tmp_path: Path
) -> None:
    period = {"start": at(SIGNED - dt.timedelta(days=900)), "end": at(SIGNED - dt.timedelta(days=1))}
    assert code(tmp_path, name, member, period) == refusal


@pytest.mark.parametrize(("name", "member", "refusal"), MEMBERS)
def test_a_member_that_began_later_does_not_count(
    name: str, member: str, refusal: str, tmp_path: Path
) -> None:
    assert code(tmp_path, name, member, {"start": at(SIGNED + dt.timedelta(days=1))}) == refusal


@pytest.mark.parametrize(("name", "member"), [(name, member) for name, member, _ in MEMBERS])
def test_first_and_last_moment_count(name: str, member: str, tmp_path: Path) -> None:
    assert code(tmp_path, name, member, {"start": at(SIGNED), "end": at(SIGNED)}) == ""


@pytest.mark.parametrize(("name", "member"), [(name, member) for name, member, _ in MEMBERS])
@pytest.mark.parametrize(
    "period", [{}, {"end": "2030-01-01T00:00:00Z"}, {"start": "2020-01-01"}, {"start": "x"}]
)
def test_a_period_without_a_beginning_is_no_root(
    name: str, member: str, period: dict[str, str], tmp_path: Path
) -> None:
    assert code(tmp_path, name, member, period) == "trusted-root"


@pytest.mark.parametrize(("name", "member"), [(name, member) for name, member, _ in MEMBERS])
def test_an_old_and_a_new_member_with_the_same_key_may_stand_side_by_side(
    name: str, member: str, tmp_path: Path
) -> None:
    root = copy.deepcopy(ROOT)
    older = copy.deepcopy(root[member])
    for each in older:
        each.get("publicKey", each)["validFor"] = {
            "start": at(SIGNED - dt.timedelta(days=900)),
            "end": at(SIGNED - dt.timedelta(days=1)),
        }
    root[member] = older + root[member]
    (tmp_path / "root.json").write_text(json.dumps(root), encoding="ascii")
    verify_signature(
        DATA / "file.bin", signature=DATA / f"{name}.sig", trusted_root=tmp_path / "root.json", **WHO
    )
