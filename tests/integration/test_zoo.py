"""A sample of the zoo: nothing packed may disagree with its original, answer for it, or refuse for it."""

from __future__ import annotations

import pytest
from tests.zoo.keeper import keep
from tests.zoo.report import BAD
from tests.zoo.residents import residents

SAMPLE = [case for case in residents() if case.quick]


@pytest.mark.parametrize("case", SAMPLE, ids=[f"{case.group}: {case.name}" for case in SAMPLE])
def test_a_resident_agrees_or_is_refused_with_a_reason(case: object) -> None:
    (result,) = keep([case], jobs=1)  # type: ignore[list-item]
    assert result.verdict not in (*BAD, "unfit"), result.detail
