"""Licence lists of a policy, over the components of a bundle."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlpack.errors import (
    PolicyViolationError,
    VerificationError,
)
from mlpack.trust.policy import Policy
from mlpack.trust.rules import (
    Licenses,
)
from mlpack.trust.verification import verify

MakeBundle = Callable[..., Path]
NOW = dt.datetime.now(dt.UTC)
DAY = dt.timedelta(days=1)
ELSE = "bundle:sha256:" + "ab" * 32

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


@pytest.mark.parametrize(
    ("rule", "expression", "expected"),
    [
        (Licenses(allow=("BSD-3-Clause", "0BSD")), "BSD-3-Clause AND 0BSD", "pass"),
        (Licenses(allow=("BSD-3-Clause",)), "BSD-3-Clause AND 0BSD", "fail"),
        (Licenses(allow=("MIT",)), "MIT OR GPL-3.0-only", "pass"),
        (Licenses(allow=("MIT",)), "MIT OR LicenseRef-house", "pass"),
        (Licenses(deny=("GPL-3.0-only",)), "MIT OR GPL-3.0-only", "pass"),
        (Licenses(deny=("GPL-3.0-only",)), "MIT AND GPL-3.0-only", "fail"),
        (Licenses(deny=("GPL-3.0",)), "GPL-3.0-only", "fail"),
        (Licenses(deny=("GPL-2.0-only",)), "GPL-2.0-only WITH Classpath-exception-2.0", "fail"),
        (
            Licenses(allow=("GPL-2.0-only WITH Classpath-exception-2.0",), deny=("GPL-2.0-only",)),
            "GPL-2.0-only WITH Classpath-exception-2.0",
            "pass",
        ),
        (Licenses(allow=("GPL-2.0-only",)), "GPL-2.0-only WITH Classpath-exception-2.0", "pass"),
        (Licenses(deny=("MIT",)), "gibberish licence", "not assessed"),
        (Licenses(deny=("MIT",)), "MIT AND", "not assessed"),
        (Licenses(deny=("MIT",)), "(" * 60 + "ISC" + ")" * 60, "not assessed"),
        (Licenses(deny=("MIT",)), "", "not assessed"),
        (Licenses(deny=("GPL-3.0-onlyy",)), "MIT", "not assessed"),
        (Licenses(deny=("MIT",), unknown="accept"), "gibberish licence", "pass"),
        (Licenses(allow=("LicenseRef-house",)), "LicenseRef-house", "pass"),
        (Licenses(deny=("LicenseRef-house",)), "LicenseRef-house", "fail"),
    ],
)
def test_license_lists(
    with_bom: Callable[..., Path], policy: Policy, rule: Licenses, expression: str, expected: str
) -> None:
    path = with_bom({**NUMPY, "licenses": [{"expression": expression}]})
    assert status(path, dataclasses.replace(policy, licenses=rule), "licenses") == expected


def test_a_locked_package_that_the_bom_forgot_has_an_unknown_licence(bundle: Path, policy: Policy) -> None:
    assert "numpy" in refusal(bundle, policy, licenses=Licenses(deny=("GPL-3.0-only",)))


def test_several_licences_bind_together(with_bom: Callable[..., Path], policy: Policy) -> None:
    both = [{"license": {"id": "MIT"}}, {"license": {"id": "GPL-3.0-only"}}]
    path = with_bom({**NUMPY, "licenses": both})
    assert "GPL" in refusal(path, policy, licenses=Licenses(deny=("GPL-3.0-only",)))


def test_files_of_a_distribution_need_no_licence_of_their_own(
    with_bom: Callable[..., Path], policy: Policy
) -> None:
    path = with_bom(NUMPY, {"type": "file", "name": "libgfortran.so"})
    verify(path, dataclasses.replace(policy, licenses=Licenses(deny=("MIT",))))


def test_nested_components_are_looked_at(with_bom: Callable[..., Path], policy: Policy) -> None:
    inner = {"type": "library", "name": "inner", "licenses": [{"license": {"id": "MIT"}}]}
    path = with_bom({**NUMPY, "components": [inner]})
    assert "inner" in refusal(path, policy, licenses=Licenses(deny=("MIT",)))
