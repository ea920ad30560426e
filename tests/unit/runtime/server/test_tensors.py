"""Tensors of the Open Inference Protocol, in both directions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mlpack.runtime.server.http import Refusal
from mlpack.runtime.server.tensors import DATATYPES, check_shape, from_list, from_raw, to_raw

NUMBERS = [name for name in DATATYPES if name not in ("BYTES", "BOOL")]


@settings(deadline=None)
@given(
    st.sampled_from(NUMBERS).flatmap(
        lambda name: st.tuples(
            st.just(name), hnp.arrays(DATATYPES[name], hnp.array_shapes(min_side=0, max_side=4))
        )
    )
)
def test_numbers_come_back_bit_for_bit(case: tuple[str, np.ndarray]) -> None:
    datatype, array = case
    found = from_raw(to_raw(array), datatype, array.shape, "x")

    assert found.dtype == array.dtype
    assert found.tobytes() == array.tobytes()


@settings(deadline=None)
@given(st.lists(st.text(), max_size=6))
def test_texts_come_back(texts: list[str]) -> None:
    array = np.array(texts, dtype=object)

    assert from_raw(to_raw(array), "BYTES", (len(texts),), "x").tolist() == texts


@settings(deadline=None)
@given(st.binary(max_size=64), st.sampled_from(list(DATATYPES)), st.integers(0, 5))
def test_any_bytes_are_read_or_refused(raw: bytes, datatype: str, count: int) -> None:
    try:
        found = from_raw(raw, datatype, (count,), "x")
    except Refusal:
        return
    assert found.shape == (count,)


@pytest.mark.parametrize(
    ("data", "datatype"),
    [
        ([1.5], "INT64"),
        ([True], "INT64"),
        (["1"], "FP64"),
        ([1], "BOOL"),
        ([1], "BYTES"),
        ([2**63], "INT64"),
        ([-1], "UINT8"),
        ([None], "INT64"),
        ([{}], "FP64"),
        ([[1], 2], "INT64"),
    ],
)
def test_elements_of_another_type_are_refused(data: list[object], datatype: str) -> None:
    with pytest.raises(Refusal):
        from_list(data, datatype, (1,), "x")


def test_null_and_words_are_the_numbers_that_json_lacks() -> None:
    found = from_list([None, "NaN", "Infinity", "-Infinity"], "FP64", (4,), "x")

    np.testing.assert_array_equal(found, [np.nan, np.nan, np.inf, -np.inf])


@pytest.mark.parametrize("shape", [None, 3, [1.0], [-1], [True], [1 << 20, 1 << 20]])
def test_no_shape_is_refused(shape: object) -> None:
    with pytest.raises(Refusal):
        check_shape(shape, "x")
