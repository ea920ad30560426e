"""Profiles that show less still hold for every row of the example."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlpack.errors import UsageError
from mlpack.format.contract import CategoricalProfile, Contract, Input, NumericProfile, Output
from mlpack.packing.disclosure import ALL, check_disclose, withhold

OUTPUT = Output(method="predict", tensor="y", dtype="float64", shape=(None,), classes=None)


def shown(profile: NumericProfile | CategoricalProfile, dtype: str, disclose: tuple[str, ...]) -> object:
    item = Input(name="a", tensor="a", dtype=dtype, source=dtype, profile=profile)  # type: ignore[arg-type]
    contract = Contract(layout="frame", inputs=(item,), outputs=(OUTPUT,))
    quiet = withhold(contract, 100, disclose)  # type: ignore[arg-type]
    assert Contract.from_bytes(quiet.to_bytes()) == quiet
    return quiet.inputs[0].profile


def numbers(low: float, high: float) -> NumericProfile:
    return NumericProfile(
        minimum=low, maximum=high, edges=(low, (low + high) / 2, high), shares=(0.5, 0.5), null_share=0.0
    )


def categories(dtype: str = "string") -> CategoricalProfile:
    names = ("False", "True") if dtype == "bool" else ("Liechtenstein", "Norway")
    return CategoricalProfile(categories=names, shares=(0.04, 0.96), other_share=0.0, null_share=0.0)


def test_extremes_become_round_numbers() -> None:
    found = shown(numbers(18.37, 92.61), "float64", ("categories",))
    assert isinstance(found, NumericProfile)
    assert (found.minimum, found.maximum, found.edges[1]) == (18.0, 93.0, 55.49)
    assert (found.edges[0], found.edges[-1]) == (18.0, 93.0)


@given(st.floats(-1e300, 1e300), st.floats(0, 1e300))
def test_a_quiet_range_holds_the_whole_one_and_keeps_its_sign(low: float, width: float) -> None:
    high = low + width
    found = shown(numbers(low, high), "float64", ())
    assert isinstance(found, NumericProfile)
    assert found.minimum <= low <= high <= found.maximum
    assert (found.minimum >= 0) == (low >= 0)
    assert (found.maximum <= 0) == (high <= 0)
    assert math.isfinite(found.maximum - found.minimum) or not math.isfinite(width)


def test_rare_categories_count_among_the_others() -> None:
    found = shown(categories(), "string", ("extremes",))
    assert isinstance(found, CategoricalProfile)
    assert found.categories == ("Norway",)
    assert found.other_share == pytest.approx(0.04)


def test_true_and_false_are_nobodys_secret() -> None:
    assert shown(categories("bool"), "bool", ()) == categories("bool")


def test_everything_is_shown_where_it_may_be() -> None:
    assert shown(categories(), "string", ALL) == categories()
    assert shown(numbers(1.5, 2.5), "float64", ALL) == numbers(1.5, 2.5)


@pytest.mark.parametrize("value", ["extremes", ("names",), 3, None])
def test_other_words_are_refused(value: object) -> None:
    with pytest.raises(UsageError, match="categories, extremes"):
        check_disclose(value)
