"""Words for values: the same in every process."""

from __future__ import annotations

import enum
import functools
import math
from pathlib import Path

import numpy as np
import pytest

from mlpack.packing.environment.wording import plain_reason, wording


class Colour(enum.Enum):
    RED = 1


class Opaque:
    pass


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "None"),
        (True, "True"),
        (3, "3"),
        (0.1, "0.1"),
        (float("nan"), "nan"),
        (np.float64(0.5), "0.5"),
        (np.int64(3), "3"),
        ("l2", "'l2'"),
        (r"(?u)\b\w\w+\b", r"'(?u)\\b\\w\\w+\\b'"),
        ("n/a", "'n/a'"),
        ("/home/someone/cache", "<path>"),
        ("/tmp", "<path>"),  # noqa: S108
        ("~/cache", "<path>"),
        ("dir=/home/someone/cache", "<path>"),
        (r"C:\Users\someone", "<path>"),
        ("https://user:secret@host/x", "<url>"),
        (Path("cache"), "<path>"),
        ([1, (2.0, "a")], "[1, (2.0, 'a')]"),
        ({"b", "a"}, "{'a', 'b'}"),
        ({"b": 1, "a": None}, "{'a': None, 'b': 1}"),
        (math.sqrt, "math.sqrt"),
        (np.float32, "numpy.float32"),
        (int, "int"),
        (functools.partial(math.pow, 2), "partial(math.pow, 2, {})"),
        (np.array([1.0, 2.0]), "array([1.0, 2.0], dtype=float64)"),
        (b"abc", "bytes(3, sha256 ba7816bf8f01cfea)"),
    ],
)
def test_wording(value: object, expected: str) -> None:
    assert wording(value) == expected


def test_enums_by_name() -> None:
    assert wording(Colour.RED).endswith("Colour.RED")


def test_unknown_things_by_class() -> None:
    assert wording(Opaque()).endswith("Opaque")


def test_lambdas_have_no_address() -> None:
    assert "0x" not in wording(lambda x: x)


def test_big_arrays_by_digest() -> None:
    assert wording(np.zeros(1000)).startswith("array((1000,), dtype=float64, sha256 ")


def test_long_texts_are_cut() -> None:
    assert wording("x" * 5000).endswith("... (5002 characters)")


def test_deep_nesting_ends() -> None:
    value: list[object] = []
    value.append(value)
    assert wording(value).count("[") < 10


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("<object at 0x7f3a2b10>: no converter", "<object at 0x...>: no converter"),
        ("could not convert string to float: 'Jane Doe'", "could not convert string to float: '...'"),
        ('File "/home/jane/model.py", line 3', "File '...', line 3"),
        ("no such file: /home/jane/data.csv", "no such file: data.csv"),
        ("GaussianNB: no emitter for sklearn.naive_bayes.GaussianNB", None),
        ("off by 1e-3/2 of the spread", None),
    ],
)
def test_a_reason_keeps_its_words_and_loses_addresses_folders_and_data(said: str, kept: str | None) -> None:
    assert plain_reason(said) == (said if kept is None else kept)
