"""What `mlpack predict` takes for a number in CSV, and what it writes for NaN."""

from __future__ import annotations

import json
import math

import pytest

from mlpack._cli.predict import _line
from mlpack.errors import InputError
from mlpack.format.contract import Input
from mlpack.runtime.delimited import _cell

NUMBER = Input(name="x", tensor="x", dtype="float64", source="float64")
INTEGER = Input(name="x", tensor="x", dtype="int64", source="int64")


@pytest.mark.parametrize("text", ["1", "-1.5", "+.5", "1.", "1e300", "inf", "-Infinity"])
def test_plain_numbers_are_read(text: str) -> None:
    assert _cell(NUMBER, text, 0) == float(text)


@pytest.mark.parametrize("text", ["1_000", " 1", "1 ", "\u0661", "0x1F", "1,5", "1e", "nano", "--1"])
def test_only_plain_numbers_are(text: str) -> None:
    with pytest.raises(InputError, match="expected a number"):
        _cell(NUMBER, text, 0)


@pytest.mark.parametrize("text", ["1_000", "1.0", " 1", "\u0661", "9" * 5000])
def test_only_plain_integers_are(text: str) -> None:
    with pytest.raises(InputError, match="expected an integer"):
        _cell(INTEGER, text, 0)


def test_json_lines_hold_words_for_what_json_has_no_number_for() -> None:
    line = _line({"a": math.nan, "b": -math.inf, "c": 1.5, "d": "x"})
    assert json.loads(line, parse_constant=pytest.fail) == {"a": "NaN", "b": "-Infinity", "c": 1.5, "d": "x"}
