"""The secrets gate raises no false alarm over what the zoo's models become."""

from __future__ import annotations

import warnings

import pytest
from tests.zoo.residents import residents

from mlpack.errors import PackError
from mlpack.format.secrets.known import KnownValues
from mlpack.format.secrets.scanning import Finding, find_secrets
from mlpack.packing.proving import prove


@pytest.mark.slow
def test_no_false_alarm() -> None:
    findings: list[Finding] = []
    looked_at = 0
    for case in residents():
        if not case.quick:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                made = case.make()
                proof = prove(made.model, made.example, certificate="loose")
            except (PackError, ValueError, TypeError, AttributeError):
                continue
        looked_at += 1
        documents = {"golden": proof.golden.to_bytes(), "contract": proof.contract.to_bytes()}
        for path, data in {**proof.artifact.files, **documents}.items():
            findings += find_secrets(f"{case.name}/{path}", data, KnownValues())
    assert looked_at > 50
    assert findings == []
