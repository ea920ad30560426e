"""What tests of policy rules share: what became of a rule, why a bundle is refused, and what is in it."""

from __future__ import annotations

import dataclasses
import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from mlpack.errors import PolicyViolationError, VerificationError
from mlpack.trust.policy import Policy
from mlpack.trust.verification import verify

__all__ = ["DAY", "ELSE", "NOW", "NUMPY", "refusal", "status"]

NOW = dt.datetime.now(dt.UTC)
DAY = dt.timedelta(days=1)
ELSE = "bundle:sha256:" + "ab" * 32
"""A bundle that nobody has."""

NUMPY = {
    "type": "library",
    "name": "numpy",
    "version": "2.4.0",
    "purl": "pkg:pypi/numpy@2.4.0",
    "bom-ref": "numpy",
    "licenses": [{"expression": "BSD-3-Clause AND 0BSD"}],
}
"""The one package that the lock of the small bundle holds."""


def status(path: Path, policy: Policy, rule: str) -> str:
    """Return what became of a rule, whether the bundle is accepted or not."""
    try:
        rows = [result.row for result in verify(path, policy).rules]
    except VerificationError as error:
        rows = list(error.verdict)
    (found,) = [row[1] for row in rows if row[0] == rule]
    return found


def refusal(path: Path, policy: Policy, **changes: Any) -> str:  # noqa: ANN401
    with pytest.raises(PolicyViolationError) as caught:
        verify(path, dataclasses.replace(policy, **changes))
    return "\n".join(caught.value.problems)
