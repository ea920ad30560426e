"""golden.json and parity.json."""

from __future__ import annotations

import json
import math

import pytest

from mlpack.errors import FormatError, UnsupportedVersionError
from mlpack.format.evidence import (
    Golden,
    MethodParity,
    Parity,
    Precision,
    ProbeResult,
    decode_number,
    encode_cell,
)


def test_golden_is_written_as_it_was_read(files: dict[str, bytes]) -> None:
    data = files["evidence/golden.json"]
    assert Golden.from_bytes(data).to_bytes() == data


def test_parity_is_written_as_it_was_read(files: dict[str, bytes]) -> None:
    data = files["evidence/parity.json"]
    assert Parity.from_bytes(data).to_bytes() == data


@pytest.mark.parametrize("value", [0.1, 5e-324, -0.0, math.inf, -math.inf, math.nan])
def test_a_double_survives_as_a_cell(value: float) -> None:
    cell = json.loads(json.dumps(encode_cell(value)))
    assert str(decode_number(cell)) == str(value)


def test_a_missing_number_is_nan() -> None:
    assert math.isnan(decode_number(None))


def test_another_word_is_no_number() -> None:
    with pytest.raises(FormatError, match="expected a number"):
        decode_number("nan")


@pytest.mark.parametrize("worst", [0.0, math.inf, math.nan])
def test_an_error_beyond_numbers_can_be_read_back(worst: float) -> None:
    parity = Parity(
        rung="r",
        certificate="loose",
        threads=1,
        methods=(
            MethodParity(
                method="predict", certificate="loose", worst=worst, spread=1.0, labels_differ=0, ties=0
            ),
        ),
        probes=(ProbeResult(name="p", rows=1, outcome="agree", worst=worst),),
    )
    again = Parity.from_bytes(parity.to_bytes())
    assert [str(again.methods[0].worst), str(again.probes[0].worst)] == [str(worst)] * 2


@pytest.mark.parametrize(("path", "parser"), [("golden", Golden.from_bytes), ("parity", Parity.from_bytes)])
def test_another_version_needs_another_reader(path: str, parser: object, files: dict[str, bytes]) -> None:
    document = {**json.loads(files[f"evidence/{path}.json"]), "version": "2.0"}
    with pytest.raises(UnsupportedVersionError):
        parser(json.dumps(document).encode())  # type: ignore[operator]


@pytest.mark.parametrize(
    ("column", "word"),
    [
        ([1, 2], "expected 5 rows"),
        ([[1], [1], [1], [1], [1, 2]], "one length"),
        ([[[1]]] * 5, "plain values"),
    ],
)
def test_an_odd_column_is_refused(column: object, word: str, files: dict[str, bytes]) -> None:
    document = json.loads(files["evidence/golden.json"])
    document["outputs"]["predict"] = column
    with pytest.raises(FormatError, match=word):
        Golden.from_bytes(json.dumps(document).encode())


def _measured(precision: Precision) -> Parity:
    method = MethodParity(
        method="predict",
        certificate="tight",
        worst=1e-7,
        spread=1.0,
        labels_differ=0,
        ties=0,
        precision=precision,
    )
    return Parity(rung="r", certificate="tight", threads=1, methods=(method,), probes=())


def test_single_precision_is_written_and_read_back() -> None:
    assert Parity.from_bytes(_measured("float32").to_bytes()) == _measured("float32")


def test_double_precision_is_not_written() -> None:
    (entry,) = json.loads(_measured("float64").to_bytes())["methods"]
    assert "precision" not in entry


@pytest.mark.parametrize("other", ["float64", "float8", "", None])
def test_another_precision_is_refused(other: str | None) -> None:
    document = json.loads(_measured("float32").to_bytes())
    document["methods"][0]["precision"] = other
    with pytest.raises(FormatError, match="precision"):
        Parity.from_bytes(json.dumps(document).encode())
