"""Licence lists of a policy, over the components of a bundle."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.verdicts import NUMPY, refusal, status

from mlpack.trust.policy import Policy
from mlpack.trust.rules import (
    Licenses,
)
from mlpack.trust.verification import verify

MakeBundle = Callable[..., Path]


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
